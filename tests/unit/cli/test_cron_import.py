"""`tocsin cron import` and `export`: what is said, what is written, and how it ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cron import runs
from cron.codec import encode_job
from cron.forms.plan import Result, Step, plan, to_write
from cron.forms.reading import Circumstances, read
from cron.job import Job, JobStatus
from cron.planner import Cursor
from cron.store import JobStore
from gateway.agent.due import EndStatus
from gateway.cli import progress
from gateway.cli.cron_import import Desk
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.config import load
from gateway.home import Home
from tests.command_line import CommandLine
from tests.jobs import new_job

FILES = Path(__file__).parents[1] / "cron" / "forms" / "files"
OTHERS = ["openclaw", "nanobot", "hermes", "hotplex", "autobot"]
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z"


def written(folder: Path, jobs: list[dict[str, Any]]) -> str:
    path = folder / "jobs.json"
    path.write_text(json.dumps({"version": 1, "jobs": jobs}))
    return str(path)


def openclaw_job(**more: Any) -> dict[str, Any]:
    job = {
        "id": "a",
        "name": "news",
        "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin"},
        "sessionTarget": "isolated",
        "payload": {"kind": "agentTurn", "message": "What is new?"},
    }
    return job | more


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("store", ["json", "sql"])
def test_the_file_of_another_program_becomes_jobs_and_again_changes_nothing(
    tocsin: CommandLine, name: str, store: str
) -> None:
    tocsin.configure(f'[cron]\nstore = "{store}"\n')
    stored = json.loads((FILES / f"{name}.json").read_text())
    count = len(stored if isinstance(stored, list) else stored["jobs"])

    first = tocsin("cron", "import", str(FILES / f"{name}.json"), "--json")
    before = tocsin("cron", "export").out
    again = tocsin("cron", "import", str(FILES / f"{name}.json"), "--json")

    assert (first.status, again.status) == (0, 0)
    assert first.document["form"] == name
    assert sum(first.document["counts"].values()) == count
    assert set(again.document["counts"]) <= {"unchanged", "over"}
    assert tocsin("cron", "export").out == before


def test_the_report_says_what_was_mapped_how_and_what_was_not_taken(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "import", str(FILES / "openclaw.json"))

    assert printed.status == 0
    assert "    schedule 0 0 7 * * 1-5 → 0 7 * * 1-5" in printed.lines
    assert any(line.startswith("    not taken: wake_mode") for line in printed.lines)
    assert any(line.startswith("+ 0d9c8a7e-1111") and line.endswith(": new") for line in printed.lines)


def test_one_job_that_cannot_be_taken_keeps_all_of_them_out(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(), openclaw_job(id="b", schedule={"kind": "moon"})])

    printed = tocsin("cron", "import", file)

    assert printed.status == 2
    assert "1 of 2 jobs cannot be taken, so none was" in printed.err
    assert "moon" in printed.err
    assert not (tocsin.path / "cron.json").exists()
    assert not (tocsin.path / "gateway.db").exists()


def test_the_others_are_taken_when_that_is_asked_for(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(), openclaw_job(id="b", schedule={"kind": "moon"})])

    printed = tocsin("cron", "import", file, "--skip-refused")

    assert printed.status == 0
    assert list(tocsin.jobs) == ["news"]


def test_a_dry_run_writes_nothing(tocsin: CommandLine, tmp_path: Path) -> None:
    printed = tocsin("cron", "import", written(tmp_path, [openclaw_job()]), "--dry-run")

    assert printed.status == 0
    assert printed.lines[-1] == "OpenClaw: 1 new. Nothing was written."
    assert not tocsin.path.exists()


@pytest.mark.parametrize(
    ("text", "flags", "why"),
    [
        ("", [], "no JSON"),
        ("{}", [], "no file of jobs"),
        ('{"jobs": [{"colour": 1}]}', [], "--from"),
        ("{", [], "standard input: this is no JSON"),
        ('{"jobs": []}', ["--tz", "Mars/Olympus"], "--tz"),
        ('{"jobs": []}', ["--from", "cronie"], "--from"),
        ('{"jobs": []}', ["--seconds", "third"], "--seconds"),
    ],
)
def test_a_wrong_file_or_flag_is_a_sentence_and_status_2(
    tocsin: CommandLine, text: str, flags: list[str], why: str
) -> None:
    printed = tocsin("cron", "import", "-", *flags, stdin=text)

    assert printed.status == 2
    assert why in printed.err
    assert "Traceback" not in printed.err
    assert not tocsin.path.exists()


@pytest.mark.parametrize("command", [["import"], ["add", "--job"]])
def test_a_file_that_cannot_be_read_is_a_sentence_and_status_1(
    tocsin: CommandLine, tmp_path: Path, command: list[str]
) -> None:
    missing = tocsin("cron", *command, str(tmp_path / "nowhere.json"))
    folder = tocsin("cron", *command, str(tmp_path))

    assert (missing.status, folder.status) == (1, 1)
    assert missing.err == f"tocsin: {tmp_path}/nowhere.json: No such file or directory\n"
    assert folder.err == f"tocsin: {tmp_path}: Is a directory\n"


def test_what_is_wrong_with_a_file_begins_with_its_name(tocsin: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text('{"jobs": [')

    printed = tocsin("cron", "import", str(tmp_path / "jobs.json"))

    assert printed.status == 2
    assert printed.err.startswith(f"tocsin: {tmp_path}/jobs.json: this is no JSON: ")


def test_a_refused_job_is_named_once(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(id="cron_1", schedule={"kind": "moon"})])

    printed = tocsin("cron", "import", file)

    assert printed.lines[0].startswith("! cron_1: schedule: ")
    assert "The first: cron_1: schedule: " in printed.err


def test_where_the_seconds_are_can_be_said(tocsin: CommandLine) -> None:
    job = {"id": "a", "cron_expr": "0 30 9 * * *", "message": "x"}

    refused = tocsin("cron", "import", "-", stdin=json.dumps([job]))
    taken = tocsin("cron", "import", "-", "--seconds", "first", "--tz", "Asia/Tokyo", stdin=json.dumps([job]))

    assert (refused.status, taken.status) == (2, 0)  # C-13
    assert "--seconds first" in refused.err
    stored = json.loads(tocsin("cron", "export").out)["jobs"][0]
    assert (stored["schedule"]["expr"], stored["tz"]) == ("30 9 * * *", "Asia/Tokyo")


def test_a_job_that_runs_too_often_for_this_gateway_is_refused(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(schedule={"kind": "every", "everyMs": 5000})])

    printed = tocsin("cron", "import", file)

    assert printed.status == 2
    assert "cron.min_interval" in printed.err


def test_a_channel_that_is_not_there_is_told_and_the_job_is_taken(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(delivery={"mode": "announce", "channel": "whatsapp", "to": "7"})])

    printed = tocsin("cron", "import", file)

    assert printed.status == 0
    assert "    note: no channel is called whatsapp; its words wait until there is one" in printed.lines
    assert "not taken" not in printed.out


def test_a_channel_that_is_not_configured_yet_is_a_note(tocsin: CommandLine, tmp_path: Path) -> None:
    file = written(tmp_path, [openclaw_job(delivery={"mode": "announce", "channel": "telegram", "to": "7"})])

    printed = tocsin("cron", "import", file, "--json")

    job = printed.document["jobs"][0]
    assert job["not_taken"] == []
    assert job["notes"] == ["the channel telegram is not configured yet; what is said there waits until it is"]


def test_what_a_schedule_named_before_it_came_here_is_not_made_up_for(tocsin: CommandLine, tmp_path: Path) -> None:
    long_ago = round((datetime.now(UTC) - timedelta(days=100)).timestamp() * 1000)

    tocsin("cron", "import", written(tmp_path, [openclaw_job(createdAtMs=long_ago)]))

    job = tocsin.jobs["news"]
    cursor = tocsin.kept.read(runs.cursors, empty=dict[str, Cursor])[job.uid]
    assert datetime.now(UTC) - job.created_at > timedelta(days=99)
    assert datetime.now(UTC) - cursor.handled_until < timedelta(minutes=1)
    assert cursor.next_at is not None
    assert cursor.next_at > datetime.now(UTC)


class RacedHome(Kept):
    """A home in which somebody else makes a job at the moment when the first import writes."""

    theirs: Job | None = None

    def audited(self, role: str = "operator") -> JobStore:
        if self.theirs is not None:
            self.jobs.put(self.theirs)
            self.theirs = None
        return super().audited(role)


def raced(home: RacedHome, stored: list[Any], *, skip_refused: bool) -> tuple[list[Step], bool]:
    """Import the jobs while somebody else makes one that has the id of the first of them."""
    given = Circumstances(tz="UTC", now=datetime.now(UTC))
    document = read(json.dumps(stored).encode(), given)
    steps = plan(document, home.jobs.load(), given.now)
    taken = to_write(steps)[0].id
    home.theirs = new_job(name="theirs", uid=f"{taken}-0000-4000-8000-000000000000", id=taken)
    desk = Desk(Call(), home, load(home.home.path).config)
    return desk.written(document, steps, given, skip_refused=skip_refused)


@pytest.fixture
def home(tmp_path: Path) -> RacedHome:
    return RacedHome(Home(tmp_path / "home"), lambda note: None)


def test_an_id_that_somebody_takes_at_that_moment_is_another_one_then(home: RacedHome) -> None:
    steps, wrote = raced(home, [openclaw_job(), openclaw_job(id="b")], skip_refused=False)

    names = sorted(job.name for job in home.jobs.load().values())
    assert (wrote, [step.result for step in steps]) == (True, [Result.NEW, Result.NEW])
    assert names == ["news", "news 2", "theirs"]


@pytest.mark.parametrize(("skip_refused", "names"), [(False, ["theirs"]), (True, ["theirs", "up"])])
def test_a_job_of_ours_that_loses_its_id_at_that_moment_is_refused_with_the_others_or_alone(
    home: RacedHome, *, skip_refused: bool, names: list[str]
) -> None:
    uids = ["0d9c8a7e-1111-4222-8333-444455556666", "1d9c8a7e-1111-4222-8333-444455556666"]
    ours = [
        encode_job(new_job(uid=uid, id=uid[:8], name=name)) for uid, name in zip(uids, ["down", "up"], strict=True)
    ]

    steps, wrote = raced(home, ours, skip_refused=skip_refused)

    assert (wrote, [step.result for step in steps]) == (skip_refused, [Result.REFUSED, Result.NEW])
    assert sorted(job.name for job in home.jobs.load().values()) == names


def test_an_edited_file_updates_what_it_made(tocsin: CommandLine, tmp_path: Path) -> None:
    tocsin("cron", "import", written(tmp_path, [openclaw_job()]))
    before = tocsin.jobs["news"]

    printed = tocsin("cron", "import", written(tmp_path, [openclaw_job(enabled=False)]))

    after = tocsin.jobs["news"]
    assert printed.lines[0].startswith("~ a")
    assert (after.uid, after.status, after.revision) == (before.uid, JobStatus.DISABLED, 2)


def test_a_bar_is_drawn_on_a_terminal_alone_and_for_long_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    items = range(progress.LONG)

    assert progress.shown(items, len(items), "Reading") is items  # standard error is no terminal here
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert progress.shown([1], 1, "Reading") == [1]
    assert list(progress.shown(items, len(items), "Reading")) == list(items)


def test_a_home_that_changes_its_store_keeps_its_jobs_by_export_and_import(tocsin: CommandLine) -> None:
    tocsin.add("--name", "news", "--message", "What is new?", "--cron", "0 9 * * *")
    tocsin.add("--name", "up", "--say", "Stand up!", "--every", "1h")
    for n, job in enumerate(tocsin.jobs.values()):
        tocsin.kept.jobs.set_state(job.uid, {"n": n}, expected=0, stamp="a")
    before = tocsin("cron", "export").out
    tocsin.configure('[cron]\nstore = "sql"\n')
    empty = tocsin("cron", "export").document["jobs"]

    tocsin("cron", "import", "-", stdin=before)
    into_the_database = tocsin("cron", "export").out
    again = tocsin("cron", "import", "-", "--json", stdin=before)
    for file in tocsin.path.glob("cron.json*"):
        file.unlink()
    tocsin.configure("")
    tocsin("cron", "import", "-", stdin=into_the_database)

    assert empty == []
    assert into_the_database == before
    assert again.document["counts"] == {"unchanged": 2}
    assert tocsin("cron", "export").out == before


# -- export ---------------------------------------------------------------------------------------------------


def test_what_is_exported_is_a_cron_json_with_a_job_a_line(tocsin: CommandLine) -> None:
    one = tocsin.add("--name", "news", "--message", "What is new?", "--cron", "0 9 * * *")
    two = tocsin.add("--name", "up", "--say", "Stand up!", "--every", "1h")

    printed = tocsin("cron", "export")

    assert [job["id"] for job in printed.document["jobs"]] == [one["id"], two["id"]]
    assert printed.document["version"] == 1
    assert len(printed.lines) == 4
    assert (printed.status, printed.err) == (0, "")


def test_an_export_of_nothing_is_an_empty_document_and_makes_nothing(tocsin: CommandLine) -> None:
    assert tocsin("cron", "export").document == {"version": 1, "jobs": []}
    assert tocsin("cron", "export", "--runs").document == []
    assert tocsin("cron", "export", "--as", "hotplex").document == []
    assert not tocsin.path.exists()


@pytest.mark.parametrize("form", OTHERS)
def test_an_export_in_the_form_of_another_program_is_recognised_as_its(tocsin: CommandLine, form: str) -> None:
    tocsin.add("--name", "news", "--message", "What is new?", "--cron", "0 9 * * *", "--tz", "UTC")

    exported = tocsin("cron", "export", "--as", form)  # C-08
    again = tocsin("cron", "import", "-", "--json", "--dry-run", stdin=exported.out)

    assert again.document["form"] == form
    assert again.document["counts"] == {"new": 1}


def test_a_job_that_the_other_program_has_no_words_for_is_left_out_and_said(tocsin: CommandLine) -> None:
    tocsin.add("--name", "once", "--say", "Now!", "--at", NEXT_YEAR)
    tocsin.add("--name", "news", "--message", "What is new?", "--cron", "0 9 * * *")

    printed = tocsin("cron", "export", "--as", "hotplex")

    assert [job["name"] for job in printed.document] == ["news"]
    assert 'left out: "once"' in printed.err


def test_a_job_that_would_fire_at_other_times_there_is_left_out_and_said(tocsin: CommandLine) -> None:
    tocsin.add("--name", "night", "--message", "Look.", "--cron", "30 2 * * *", "--tz", "Europe/Berlin")
    tocsin.add("--name", "ten", "--message", "Look.", "--cron", "0 9 * * *", "--tz", "UTC", "--max-runs", "10")

    hermes = tocsin("cron", "export", "--as", "hermes")
    openclaw = tocsin("cron", "export", "--as", "openclaw")

    assert [job["name"] for job in hermes.document["jobs"]] == ["ten"]
    assert hermes.document["jobs"][0]["repeat"]["times"] == 10
    assert hermes.err.startswith('left out: "night" ')
    assert [job["name"] for job in openclaw.document["jobs"]] == ["night"]
    assert openclaw.err.startswith('left out: "ten" ')


def test_settings_that_the_other_program_does_not_have_are_named(tocsin: CommandLine) -> None:
    tocsin.add("--name", "up", "--say", "Stand up!", "--every", "1h", "--nag", "5m", "--description", "Health.")

    printed = tocsin("cron", "export", "--as", "nanobot")

    assert [job["name"] for job in printed.document["jobs"]] == ["up"]
    assert 'note: nanobot cannot keep the description and nag of "up"' in printed.err


def test_the_history_is_exported_in_the_shape_of_a_runs_json(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "news", "--message", "What is new?", "--cron", "0 9 * * *")
    first = tocsin.past_run("news")
    second = tocsin.past_run("news", EndStatus.FAILED, "no network")

    printed = tocsin("cron", "export", "--runs")  # HP-79

    newest, oldest = printed.document
    assert [newest["id"], oldest["id"]] == [second, first]  # HP-80
    assert newest["job_id"] == job["id"]
    assert (newest["status"], newest["error"]) == ("failed", "no network")
    assert "error" not in oldest  # HP-57
    assert "response" not in oldest
    assert oldest["retry_count"] == 0
    assert oldest["duration"] >= 0
    assert datetime.fromisoformat(oldest["started_at"]) <= datetime.fromisoformat(oldest["finished_at"])


def test_a_job_that_cannot_be_read_is_exported_as_it_is_and_said(tocsin: CommandLine) -> None:
    tocsin.path.mkdir(mode=0o700)
    (tocsin.path / "cron.json").write_text('{"jobs": [{"name": "odd", "schedule": 7}]}')

    printed = tocsin("cron", "export")

    assert printed.document["jobs"] == [{"name": "odd", "schedule": 7}]
    assert "import will refuse it" in printed.err
