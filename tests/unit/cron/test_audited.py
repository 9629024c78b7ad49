"""A store that says who changes its jobs: the same store, whatever becomes of the rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cron.job import Job
from cron.store import JobStore
from cron.stores.audited import AuditedStore
from cron.stores.json_file import JsonFileStore
from cron.stores.memory import MemoryStore
from cron.stores.sql import SqlStore
from gateway import audit
from gateway.database.driver import Work, transact
from gateway.database.sqlite import SqliteDriver
from gateway.errors import JobChangedError, StoreFullError
from tests.fakes import FakeClock
from tests.jobs import new_job
from tests.parts import prepared

KINDS: dict[str, Callable[[Path], JobStore]] = {
    "memory": lambda path: MemoryStore(),
    "json": lambda path: JsonFileStore(path / "cron.json"),
    "sql": lambda path: SqlStore(path / "gateway.db"),
}


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


@pytest.fixture(params=list(KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path, driver: SqliteDriver) -> AuditedStore:
    def write(work: Work[None]) -> None:
        transact(driver, work)

    return audited(KINDS[request.param](tmp_path), write)


def audited(store: JobStore, write: Callable[[Work[None]], None], warned: list[str] | None = None) -> AuditedStore:
    said = warned if warned is not None else []
    return AuditedStore(
        store, who="anna", clock=FakeClock(), write=write, hide=lambda text: text, warn=said.append
    )


def rows(driver: SqliteDriver) -> list[tuple[str, str | None, str | None]]:
    """What was done, oldest first."""
    found = transact(driver, lambda t: audit.newest(t, limit=100))
    assert transact(driver, audit.verify).breaks == ()
    return [(row.entry.what, row.entry.before, row.entry.after) for row in found[::-1]]


def test_every_change_of_a_definition_is_a_row_and_a_state_is_none(
    store: AuditedStore, driver: SqliteDriver
) -> None:
    job = store.put(new_job())
    job = store.put(replace(job, name="weather"))
    store.put(job)  # with nothing changed
    store.set_state(job.uid, {"n": 1}, expected=0, stamp="t.1.0")
    store.remove(job.uid)

    found = rows(driver)

    assert [what for what, _, _ in found] == ["cron.add", "cron.update", "cron.remove"]
    assert found[1][1:] == ('{"name":"news"}', '{"name":"weather"}')


def test_many_jobs_at_once_are_as_many_rows(store: AuditedStore, driver: SqliteDriver) -> None:
    store.put_all([new_job(name=f"job {n}") for n in range(3)])

    assert [what for what, _, _ in rows(driver)] == ["cron.add"] * 3


def test_what_is_refused_or_replayed_leaves_no_row(store: AuditedStore, driver: SqliteDriver) -> None:
    job = store.put(new_job(stamp="t.1.0"))

    store.put(new_job(stamp="t.1.0"))
    with pytest.raises(JobChangedError):
        store.put(replace(job, name="late", revision=7))

    assert [what for what, _, _ in rows(driver)] == ["cron.add"]


def test_a_row_that_cannot_be_written_undoes_no_change_and_is_said() -> None:
    def refuse(work: Work[None]) -> None:
        raise StoreFullError("the disk is full")

    warned: list[str] = []
    store = audited(MemoryStore(), refuse, warned)

    job = store.put(new_job())

    assert store.load().keys() == {job.uid}
    assert warned == ["what was changed is not in the audit: the disk is full"]


def test_in_the_database_a_change_without_its_row_is_not_made(tmp_path: Path, driver: SqliteDriver) -> None:
    transact(driver, lambda t: t.execute("DROP TABLE audit"))
    store = audited(SqlStore(tmp_path / "gateway.db"), lambda work: None)

    with pytest.raises(Exception, match="audit"):
        store.put(new_job())

    assert store.load() == {}


class Overtaken(MemoryStore):
    """Another process does the same call right before this one."""

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        super().put(job)
        return super().put(job, check=check)


class Busy(MemoryStore):
    """Somebody else changes the job after a look at it."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], Job]] = []

    def load(self) -> Mapping[str, Job]:
        seen = super().load()
        if self.others:
            self.others.pop()()
        return seen


def test_a_row_says_what_was_removed_even_if_others_changed_it_meanwhile(driver: SqliteDriver) -> None:
    busy = Busy()
    job = busy.put(new_job())
    busy.others = [
        lambda: busy.put(replace(job, name="third", revision=2)),
        lambda: busy.put(replace(job, name="second")),
    ]

    audited(busy, lambda work: transact(driver, work)).remove(job.uid)

    ((what, before, after),) = rows(driver)
    assert (what, after) == ("cron.remove", None)
    assert '"name":"third"' in (before or "")


def test_a_call_that_another_process_has_done_just_now_leaves_no_row(driver: SqliteDriver) -> None:
    store = audited(Overtaken(), lambda work: transact(driver, work))

    job = store.put(new_job(stamp="t.1.0"))

    assert job.revision == 1
    assert rows(driver) == []
