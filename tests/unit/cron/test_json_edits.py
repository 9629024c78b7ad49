"""cron.json in the hands of a person, or of another version."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron.job import AgentPrompt, JobStatus, Say
from gateway.errors import JobChangedError, StateChangedError, StoreCorruptError, StoreError
from tests.jobs import new_job
from tests.stores import edit, names, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cron.json"


def test_a_job_that_was_edited_by_hand_gets_the_next_revision(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    other = store.put(new_job())
    edit(path, '"name":"news"', '"name":"olds"')

    jobs = store.load()

    assert (jobs[job.uid].name, jobs[job.uid].revision) == ("olds", 2)
    assert jobs[other.uid] is store.load()[other.uid]
    with pytest.raises(JobChangedError):
        store.put(replace(job, name="mine"))


def test_a_state_that_was_edited_by_hand_gets_the_next_revision(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(state={"n": 1}))
    edit(path, '{"n":1}', '{"n":2}')

    found = store.load()[job.uid]

    assert (found.revision, found.state_revision, found.state) == (1, 1, {"n": 2})
    with pytest.raises(StateChangedError):
        store.set_state(job.uid, {"n": 3}, expected=0, stamp="a")


def test_an_older_file_that_was_put_back_counts_as_a_change(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    old = path.read_bytes()
    store.put(replace(store.put(replace(job, name="weather")), name="traffic"))
    path.write_bytes(old)

    found = store.load()[job.uid]

    assert (found.name, found.revision) == ("news", 4)


def test_an_edited_file_is_kept_and_written_anew_by_the_gateway(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    store.load()
    edit(path, '"name":"news"', '"Name": "olds"')
    edited = path.read_bytes()

    recovery = store.recover()

    [copy] = path.parent.glob("cron.json.edited-*")
    assert copy.read_bytes() == edited
    assert not recovery.degraded
    assert "edited by hand" in recovery.notes[0]
    assert copy.name in recovery.notes[0]
    assert '"name":"olds"' in path.read_text()
    assert open_store(path).load()[job.uid].revision == 2
    assert open_store(path).recover().notes == ()


def test_the_next_writer_keeps_an_edited_file_and_says_so(path: Path) -> None:
    notes: list[str] = []
    store = open_store(path, warn=notes.append)
    job = store.put(new_job(name="news"))
    edit(path, '"name":"news"', '"name":"olds"')
    edited = path.read_bytes()

    store.set_state(job.uid, 1, expected=0, stamp="a")

    [copy] = path.parent.glob("cron.json.edited-*")
    assert copy.read_bytes() == edited
    assert copy.name in notes[0]
    assert open_store(path).load()[job.uid].name == "olds"


def test_only_the_last_five_edited_files_are_kept(path: Path) -> None:
    clock = SteppedClock()
    store = open_store(path, clock=clock)
    store.put(new_job(name="n0"))

    for n in range(8):
        edit(path, f'"name":"n{n}"', f'"name":"n{n + 1}"')
        store.recover()

    copies = sorted(path.parent.glob("cron.json.edited-*"))
    assert [json.loads(copy.read_text())["jobs"][0]["name"] for copy in copies] == ["n4", "n5", "n6", "n7", "n8"]


class SteppedClock:
    """A minute passes between two looks at it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep(self, duration: timedelta) -> None:
        self._now += duration

    def timeout(self, duration: timedelta) -> Any:
        raise NotImplementedError


def test_a_job_written_by_hand_is_the_same_one_for_every_reader(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text('{"jobs": [\n  {"name": "water", "schedule": {"every": "2h"}, "say": "Drink."}\n]}\n')

    [one] = open_store(path, tz="Asia/Tokyo").load().values()
    [two] = open_store(path, tz="Asia/Tokyo").load().values()

    assert one == two
    assert (one.name, one.payload, one.revision, one.tz) == ("water", Say(text="Drink."), 1, "Asia/Tokyo")
    assert one.id == one.uid[:8]
    assert one.created_at == datetime.fromtimestamp(int(path.stat().st_mtime), UTC)


def test_what_was_made_up_for_a_job_written_by_hand_is_written_down(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text('{"jobs": [{"name": "water", "schedule": {"every": "2h"}, "say": "Drink."}]}')
    [made_up] = open_store(path).load().values()
    path.chmod(0o600)

    open_store(path).recover()

    [stored] = json.loads(path.read_text())["jobs"]
    assert stored["uid"] == made_up.uid
    assert stored["schedule"]["anchor"] == stored["created_at"]
    assert dict(open_store(path).load()) == {made_up.uid: made_up}


def test_a_file_that_was_laid_out_anew_is_read_without_a_change(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job()), store.put(new_job(name="other"))
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4))

    jobs = store.load()

    assert dict(jobs) == {job.uid: job, other.uid: other}


def test_a_line_that_was_broken_up_by_hand_is_read(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job(name="one")), store.put(new_job(name="two"))
    edit(path, '"name":"two",', '\n"name":"three",\n')

    jobs = store.load()

    assert (jobs[job.uid].name, jobs[other.uid].name) == ("one", "three")


def test_a_line_that_was_copied_by_hand_is_broken_until_it_has_a_name_of_its_own(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    line = path.read_text().splitlines()[1]
    edit(path, line, f"{line},\n{line.replace('news', 'olds')}")

    original, copy = store.load().values()

    assert original == job
    assert (copy.name, copy.status) == ("olds", JobStatus.BROKEN)
    assert "leave uid and id out" in copy.status_reason
    assert copy.uid != job.uid
    assert open_store(path).load()[copy.uid] == copy


def test_a_line_that_stands_there_twice_is_one_job_and_a_broken_one_at_every_reading(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job(name="news"))
    store.load()
    line = path.read_text().splitlines()[1]
    edit(path, line, f"{line},\n{line}")

    original, copy = store.load().values()
    edit(path, '"version"', ' "version"')
    again = list(store.load().values())

    assert original is job
    assert copy.status is JobStatus.BROKEN
    assert again[0] is original
    assert again[1] is copy


def test_a_broken_job_is_kept_as_it_was_while_others_change(path: Path) -> None:
    store = open_store(path)
    job, other = store.put(new_job(name="news")), store.put(new_job())
    fields = '"n": 123456789012345678901234567890, "Schedule": "whenever", "price": 1.10'
    broken = f'{{"uid": "{job.uid}", {fields}}}'
    edit(path, path.read_text().splitlines()[1], f"{broken},")
    store = open_store(path)
    store.recover()

    store.set_state(other.uid, 1, expected=0, stamp="a")

    found = store.load()[job.uid]
    assert (found.status, found.schedule) == (JobStatus.BROKEN, None)
    assert path.read_text().splitlines()[1] == f"{broken},"


def test_a_broken_job_can_be_repaired_or_removed(path: Path) -> None:
    store = open_store(path)
    one, two = store.put(new_job(name="one")), store.put(new_job(name="two"))
    edit(path, "0 9 * * *", "0 9 * *")
    store.recover()
    broken = store.load()[one.uid]

    store.put(replace(broken, schedule=one.schedule, status=JobStatus.ENABLED, payload=AgentPrompt(prompt="x")))
    store.remove(two.uid)

    [repaired] = open_store(path).load().values()
    assert (repaired.name, repaired.schedule, repaired.status) == ("one", one.schedule, JobStatus.ENABLED)
    assert repaired.broken is None


def test_comments_are_no_json(path: Path) -> None:
    store = open_store(path)
    store.put(new_job())
    edit(path, '{"version"', '// mine\n{"version"')

    with pytest.raises(StoreCorruptError):
        store.load()


def test_fields_of_a_newer_file_are_kept(path: Path) -> None:
    store = open_store(path)
    job = store.put(new_job())
    edit(path, '"version": 1, ', '"version": "1.4", "mood": {"a": [1]}, ')
    store.recover()

    store.set_state(job.uid, 1, expected=0, stamp="a")

    whole = json.loads(path.read_text())
    assert (whole["version"], whole["mood"]) == ("1.4", {"a": [1]})


@pytest.mark.parametrize("version", ["2", '"2.0"', "17"])
def test_a_file_of_a_later_version_is_refused_and_left_alone(path: Path, version: str) -> None:
    store = open_store(path)
    store.put(new_job())
    edit(path, '"version": 1,', f'"version": {version},')
    before = path.read_bytes()

    for use in (store.load, store.recover, lambda: store.put(new_job())):
        with pytest.raises(StoreError, match="newer program") as refusal:
            use()
        assert not isinstance(refusal.value, StoreCorruptError)

    assert path.read_bytes() == before
    assert names(path) == ["cron.json", "cron.json.lock"]  # P-41
