"""The root of the command line: what it imports, how errors look, what every command takes."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import click
import pytest

from gateway.cli import main
from gateway.cli.main import COMMANDS, Call, Commands, run
from gateway.errors import ConfigError, NotFoundError, ScheduleError, StoreBusyError, StoreError, UserError

HEAVY = (
    "pydantic",
    "structlog",
    "httpx",
    "rich",
    "asyncio",
    "telegram",
    "slack_bolt",
    "croniter",
)

Raise = Callable[[BaseException], None]


def offer(monkeypatch: pytest.MonkeyPatch, name: str, command: click.Command) -> None:
    """Put a command into the table, in a module of its own, until the test ends."""
    module = ModuleType(f"a_module_with_{name}")
    module.__spec__ = ModuleSpec(module.__name__, None)
    vars(module)["command"] = command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, name, (f"{module.__name__}:command", "Made by a test."))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """A command `fail`, found in the table like any other, that raises what it is told to."""

    def make(error: BaseException) -> None:
        @click.command()
        def fail() -> None:
            raise error

        offer(monkeypatch, "fail", fail)

    return make


@pytest.fixture
def showing(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """A group `show` with a command `it`, which notes what it was given."""
    calls: list[Call] = []

    @click.group()
    def show() -> None:
        """Show."""

    @show.command()
    @click.pass_obj
    def it(call: Call) -> int:
        calls.append(call)
        return 1

    offer(monkeypatch, "show", show)
    return calls


@pytest.fixture
def in_python() -> Callable[[str], str]:
    """Run a line of code in a fresh interpreter, where nothing is imported yet."""

    def go(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30
        ).stdout

    return go


def test_help_imports_nothing_heavy(in_python: Callable[[str], str]) -> None:
    printed = in_python(
        "import sys; from gateway.cli.main import run; run(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    assert printed.splitlines()[-1] == "[]"
    assert "  init   " in printed
    assert "  check  " in printed


def test_the_quick_reading_of_the_configuration_imports_nothing_heavy(
    in_python: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('timezone = "Europe/Berlin"')

    printed = in_python(
        "import sys; from gateway import home; from gateway.configfile import essentials;"
        f"print(essentials(home.find({str(tmp_path)!r}).path).timezone, [m for m in {HEAVY} if m in sys.modules])"
    )

    assert printed == "Europe/Berlin []\n"


def test_every_file_with_a_command_is_in_the_table() -> None:
    files = Path(main.__file__).parent.glob("*.py")
    commands = {f"gateway.cli.{file.stem}" for file in files if "\ndef command(" in file.read_text()}

    assert commands <= {place.partition(":")[0] for place, _ in COMMANDS.values()}


def test_a_command_whose_file_is_not_there_is_no_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "later", ("gateway.cli.no_such_file:command", "Come later."))

    assert run(["later"]) == 2
    assert run(["--help"]) == 0

    printed = capsys.readouterr()
    assert 'there is no command "later"' in printed.err
    assert "Come later." not in printed.out


def test_every_group_helps_with_a_word_that_is_no_command() -> None:
    groups = [
        name for name in COMMANDS if isinstance(main.root.get_command(click.Context(main.root), name), click.Group)
    ]

    helpful = [
        name for name in groups if isinstance(main.root.get_command(click.Context(main.root), name), Commands)
    ]

    assert len(groups) >= 3
    assert helpful == groups


def test_what_is_planned_is_no_command_yet() -> None:
    known = {name for group in main.PLANNED.values() for name in group}

    assert known.isdisjoint(main.root.list_commands(click.Context(main.root)))


def test_the_shared_flags_are_taken_before_and_after_a_command(showing: list[Call], tmp_path: Path) -> None:
    before = run(["--home", str(tmp_path), "--json", "show", "it"])
    after = run(["show", "it", "--json", "--home", str(tmp_path)])

    assert (before, after) == (1, 1)
    assert [(call.home.path, call.json) for call in showing] == [(tmp_path, True)] * 2


def test_without_flags_the_home_is_the_environments(
    showing: list[Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))

    run(["show", "it"])

    assert (showing[0].home.path, showing[0].json) == (tmp_path, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek"], 'there is no command "chek"; did you mean check?'),
        (["xyzzy"], 'there is no command "xyzzy"; there are init, '),
        (["frob"], 'there is no command "frob"; did you mean cron?'),
        (["sessions", "lst"], 'there is no command "sessions lst"; did you mean list?'),
        (["aproval"], 'there is no command "aproval"; did you mean approvals, which is not built yet?'),
        (["cron", "lst"], 'there is no command "cron lst"; did you mean list?'),
        (["xin"], 'there is no command "xin": it is not built yet'),
        (["cron", "exprot"], 'there is no command "cron exprot"; did you mean export?'),
        (["cron", "xyzzy"], 'there is no command "cron xyzzy"; there are add, list, '),
        (["outbox", "lst"], 'there is no command "outbox lst"; did you mean list?'),
        (["message", "sned"], 'there is no command "message sned"; did you mean send?'),
        (["init", "--yess"], "No such option"),
        (["init", "more"], "unexpected extra argument"),
    ],
)
def test_wrong_use_is_one_sentence_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(arguments)

    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_no_command_at_all_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    status = run([])

    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert "Commands:" in printed.err


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ConfigError("cron.enabled: must be true or false"), 2, "cron.enabled: must be true or false"),
        (ScheduleError("30 February never comes"), 2, "30 February never comes"),
        (UserError("too long"), 2, "too long"),
        (NotFoundError("no such job"), 1, "no such job"),
        (StoreBusyError("held by process 7"), 1, "held by process 7"),
        (FileNotFoundError(2, "No such file or directory", "/x"), 1, "/x: No such file or directory"),
        (RuntimeError("at ://u:hunter22@h"), 1, "unexpected RuntimeError: at ://[hidden]@h; TOCSIN_DEBUG=1"),
        (KeyboardInterrupt(), 1, "stopped"),
        (click.BadParameter("no such zone"), 2, "no such zone"),
    ],
)
def test_an_error_is_one_sentence_and_a_status_without_a_traceback(
    failing: Raise, error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)

    assert run(["fail"]) == status

    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    sentence = printed.err.lstrip("\n")  # click leaves the line of a ^C
    assert sentence.startswith("tocsin: ")
    assert sentence.count("\n") == 1


REFUSED = "cron.json.lock cannot be locked: Read-only file system"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_home_that_takes_no_change_is_an_error_that_names_the_check(
    number: int, failing: Raise, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = StoreError(REFUSED)
    refused.__cause__ = OSError(number, "no")

    for error in (refused, OSError(number, "no", "/home/gateway.db")):
        failing(error)
        status = run(["fail"])
        said = capsys.readouterr().err
        assert (status, said.endswith("; `tocsin check` tells more and what to do\n")) == (1, True)


def test_other_errors_do_not_send_anybody_to_the_check(failing: Raise, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = UserError("--output-schema: x cannot be read: Permission denied")
    wrong.__cause__ = PermissionError(errno.EACCES, "Permission denied")

    for error in (wrong, StoreError("the disk is full"), OSError(errno.ENOSPC, "full")):
        failing(error)
        run(["fail"])
        assert "tocsin check" not in capsys.readouterr().err


def test_with_json_an_error_is_a_document_too(failing: Raise, capsys: pytest.CaptureFixture[str]) -> None:
    failing(NotFoundError("no such job"))

    run(["fail", "--json"])

    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": "no such job"}
    assert printed.err == "tocsin: no such job\n"


def test_the_traceback_is_there_for_who_asks(
    failing: Raise, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(RuntimeError("x"))
    monkeypatch.setenv("TOCSIN_DEBUG", "1")

    run(["fail"])

    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error_with_words() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read()

    assert words == b""


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == main.DONE

    assert capsys.readouterr().out.startswith("tocsin 0.")
