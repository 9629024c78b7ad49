"""What may be done with jobs, and by whom."""

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from cron.book import OPERATOR, JobBook, Viewer
from cron.job import Job, JobStatus, Say
from cron.making.draft import Draft, Maker, uid_of
from cron.reference import resolve
from cron.schedule import At
from cron.stores.memory import MemoryStore
from gateway.errors import JobChangedError, NotFoundError, UserError
from gateway.messages import ChatAddress
from tests.fakes import NOON
from tests.jobs import new_job

ANNA, BEN = Viewer(owner="test:1", user="anna"), Viewer(owner="test:1", user="ben")
FOREIGN = Viewer(owner="test:2", user="anna")
MAKER = Maker(
    now=NOON,
    zone="UTC",
    owner="test:1",
    created_by="anna",
    address=ChatAddress(channel="test", chat="1"),
    stamp="t.1.0",
)
TEA = Draft(say="tea", every="1h")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def book(store: MemoryStore) -> JobBook:
    return JobBook(store, jobs_per_owner=3)


def maker(stamp: str, **changes: object) -> Maker:
    return replace(MAKER, stamp=stamp, **changes)  # type: ignore[arg-type]


def test_a_job_that_was_added_is_found_by_id_uid_name_and_beginning(book: JobBook) -> None:
    job = book.add(TEA, MAKER)  # HP-60, HP-61

    found = [
        book.find(wanted, ANNA) for wanted in (job.id, job.uid, "tea", "TEA", job.uid[:4], f" {job.id.upper()} ")
    ]

    assert found == [job] * 6


def test_a_job_whose_uid_begins_like_that_of_another_is_made_all_the_same_and_once(
    store: MemoryStore, book: JobBook
) -> None:
    like = uid_of(MAKER.stamp)
    other = store.put(new_job(uid=like[:8] + str(uuid.uuid4())[8:], id=like[:8]))

    made, again = book.add(TEA, MAKER), book.add(TEA, MAKER)

    assert made == again
    assert made.id != other.id
    assert set(store.load()) == {other.uid, made.uid}


@pytest.mark.parametrize("wanted", ["", "nothing", "0f0f0f0f", "te", "abc"])
def test_what_is_not_there_is_not_found(book: JobBook, wanted: str) -> None:
    book.add(TEA, MAKER)

    with pytest.raises(NotFoundError, match="list shows those that there are"):
        book.find(wanted, ANNA)


def test_a_foreign_job_is_answered_like_one_that_does_not_exist(book: JobBook) -> None:
    job = book.add(TEA, MAKER)  # P-72

    with pytest.raises(NotFoundError) as foreign:
        book.find(job.id, FOREIGN)
    with pytest.raises(NotFoundError) as unknown:
        book.find("0f0f0f0f", FOREIGN)

    assert str(foreign.value).replace(job.id, "0f0f0f0f") == str(unknown.value)


def test_a_list_is_the_owners_and_the_operators_is_everybodys(book: JobBook, store: MemoryStore) -> None:
    own = book.add(TEA, MAKER)
    theirs = book.add(TEA, maker("t.2.0", owner="test:2"))
    nobodys = store.put(new_job(owner=None, name="cli", created_at=NOON))

    assert book.list(ANNA) == [own]
    assert book.list(FOREIGN) == [theirs]
    assert set(book.list(OPERATOR)) == {own, theirs, nobodys}


def test_a_list_is_a_snapshot(book: JobBook) -> None:
    book.add(TEA, MAKER)  # HP-62

    book.list(ANNA).clear()

    assert len(book.list(ANNA)) == 1


def test_the_same_call_again_makes_no_second_job(book: JobBook) -> None:
    job = book.add(TEA, MAKER)

    again = book.add(TEA, MAKER)

    assert again == job
    assert book.list(ANNA) == [job]


def test_what_cannot_be_made_leaves_nothing_behind(book: JobBook) -> None:
    with pytest.raises(UserError):
        book.add(Draft(say="x", cron="not cron"), MAKER)  # HP-60

    assert book.list(OPERATOR) == []


def test_names_of_one_owner_differ_and_those_of_two_may_be_the_same(book: JobBook) -> None:
    names = [book.add(TEA, maker(f"t.{n}.0")).name for n in (1, 2)]
    other = book.add(TEA, maker("t.3.0", owner="test:2")).name

    assert (names, other) == (["tea", "tea 2"], "tea")


def test_an_owner_has_no_more_jobs_than_they_may_and_the_operator_has(book: JobBook) -> None:
    for n in range(3):
        book.add(TEA, maker(f"t.{n}.0"))

    with pytest.raises(UserError, match="this chat has 3 jobs, and may have 3"):
        book.add(TEA, maker("t.9.0"))
    for n in range(10, 15):
        book.add(TEA, maker(f"t.{n}.0", owner=None))

    assert len(book.list(OPERATOR)) == 8


def test_stopping_and_starting_twice_is_no_error(book: JobBook) -> None:
    job = book.add(TEA, MAKER)  # HP-64, HP-65

    stopped = [book.disable(job.id, ANNA).status for _ in range(2)]
    started = [book.enable(job.id, ANNA, NOON).status for _ in range(2)]

    assert (set(stopped), set(started)) == ({JobStatus.DISABLED}, {JobStatus.ENABLED})


def test_a_stopped_job_can_be_removed(book: JobBook) -> None:
    job = book.add(TEA, MAKER)  # HP-66
    book.disable(job.id, ANNA)

    removed = book.remove(job.id, ANNA)

    assert removed.id == job.id
    assert book.list(ANNA) == []


def test_a_broken_job_cannot_be_started_until_it_can_be_read(book: JobBook, store: MemoryStore) -> None:
    job = book.add(TEA, MAKER)
    store._jobs = {job.uid: replace(job, schedule=None, status=JobStatus.BROKEN, status_reason="odd")}

    with pytest.raises(UserError, match="cannot be read: odd"):
        book.enable(job.id, ANNA, NOON)


def test_who_made_a_job_changes_it_and_other_members_do_not(book: JobBook) -> None:
    job = book.add(TEA, MAKER)  # C-17

    for change in (book.remove, book.disable, partial(book.enable, now=NOON)):
        with pytest.raises(UserError, match="made by somebody else"):
            change(job.id, BEN)
    with pytest.raises(UserError, match="made by somebody else"):
        book.update(job.id, Draft(say="x"), MAKER, BEN)

    assert book.list(ANNA) == [job]


def test_who_may_change_a_job_may_run_it_and_other_members_may_not(book: JobBook, store: MemoryStore) -> None:
    job = book.add(TEA, MAKER)  # P-72

    with pytest.raises(
        UserError,
        match="made by somebody else here; they, an admin of this group or an owner of this bot may run it",
    ):
        book.runnable(job.id, BEN)
    with pytest.raises(NotFoundError):
        book.runnable(job.id, FOREIGN)

    assert [book.runnable("tea", viewer) for viewer in (ANNA, replace(BEN, admin=True), OPERATOR)] == [job] * 3
    assert JobBook(store, members_edit=True).runnable("tea", BEN) == job


@pytest.mark.parametrize("viewer", [replace(BEN, admin=True), OPERATOR])
def test_an_admin_and_the_operator_change_what_others_have_made(book: JobBook, viewer: Viewer) -> None:
    job = book.add(TEA, MAKER)

    assert book.disable(job.id, viewer).status is JobStatus.DISABLED


def test_every_member_changes_jobs_where_that_was_decided(store: MemoryStore) -> None:
    book = JobBook(store, members_edit=True)
    job = book.add(TEA, MAKER)

    assert book.disable(job.id, BEN).status is JobStatus.DISABLED


class Crossed(MemoryStore):
    """Somebody else renames the job before each of the first two writes of a change."""

    def __init__(self) -> None:
        super().__init__()
        self.crossings = 2

    def put(self, job: Job, **options: object) -> Job:
        if job.revision and self.crossings:
            self.crossings -= 1
            super().put(replace(self.load()[job.uid], description=f"{self.crossings}"))
        return super().put(job, **options)  # type: ignore[arg-type]


def test_a_change_that_crosses_with_another_loses_neither() -> None:
    book = JobBook(Crossed())
    job = book.add(TEA, MAKER)

    changed = book.update(job.id, Draft(say="coffee"), maker("t.2.0"), ANNA)

    assert (changed.payload, changed.description) == (Say(text="coffee"), "0")


def test_a_change_that_is_replayed_later_keeps_the_time_that_was_meant(book: JobBook) -> None:
    job = book.add(TEA, MAKER)
    soon = Draft(when="in 20 minutes")
    changed = book.update(job.id, soon, maker("t.2.0"), ANNA)

    again = book.update(job.id, soon, maker("t.2.0", now=NOON + timedelta(minutes=5)), ANNA)
    anew = book.update(job.id, soon, maker("t.3.0", now=NOON + timedelta(minutes=5)), ANNA)

    assert again == changed
    assert anew.schedule == At(NOON + timedelta(minutes=25))


def test_a_job_that_was_changed_since_is_still_the_one_that_its_call_has_made(book: JobBook) -> None:
    job = book.add(TEA, MAKER)
    changed = book.update(job.id, Draft(say="coffee"), maker("t.2.0"), ANNA)

    assert book.add(TEA, MAKER) == changed


def test_a_job_that_everybody_changes_at_once_is_given_up_in_words() -> None:
    store = Crossed()
    store.crossings = 1_000
    book = JobBook(store)
    job = book.add(TEA, MAKER)

    with pytest.raises(UserError, match="is being changed by others"):
        book.disable(job.id, ANNA)


def test_a_name_that_was_taken_meanwhile_is_not_taken_twice() -> None:
    class Late(MemoryStore):
        """Shows an empty list once, as it was a moment ago."""

        def load(self) -> "dict[str, Job]":  # type: ignore[override]
            jobs, self.stale = ({} if self.stale else dict(super().load())), False
            return jobs

        stale = False

    store = Late()
    book = JobBook(store)
    book.add(TEA, MAKER)
    store.stale = True

    second = book.add(TEA, maker("t.2.0"))

    assert second.name == "tea 2"


def test_a_word_that_names_several_jobs_lists_them() -> None:
    jobs = [new_job(uid=f"aaaa{n}", id=f"aaaa{n}", name="tea") for n in range(2)]

    for wanted in ("tea", "aaaa"):
        with pytest.raises(UserError, match=r'could be any of "tea" \(aaaa0\), "tea" \(aaaa1\); give the id'):
            resolve(wanted, jobs)


def test_an_exact_id_comes_before_a_name() -> None:
    by_id = new_job(uid="u1", id="aaaabbbb", name="x")
    by_name = new_job(uid="u2", id="ccccdddd", name="aaaabbbb")

    assert resolve("aaaabbbb", [by_name, by_id]) == by_id


def test_changing_a_job_that_is_gone_is_an_error(book: JobBook, store: MemoryStore) -> None:
    job = book.add(TEA, MAKER)
    store.remove(job.uid)

    with pytest.raises(NotFoundError):
        book.remove(job.id, ANNA)
    with pytest.raises(JobChangedError):
        store.put(replace(job, name="other"))
