"""The root of the command line: finds a command by its name, and turns errors into one sentence and a status.

Each command lives in a file of its own, which is imported when the command is used: `--help` costs only click.
A command is made with click as usual; it takes what all of them share from `click.pass_obj`, a `Call`, and
may return its exit status.
"""

import contextlib
import difflib
import errno
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from gateway.errors import ConfigError, NotFoundError, TocsinError, UserError

if TYPE_CHECKING:
    from gateway.home import Home
    from gateway.observe import Redactor

DONE, FAILED, WRONG_USE = 0, 1, 2

_REFUSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

COMMANDS = {
    "init": ("gateway.cli.init:command", "Write a first configuration file."),
    "run": ("gateway.cli.run:command", "Start the gateway and stay."),
    "check": ("gateway.cli.check:command", "Say what is wrong with the configuration and the home folder."),
    "status": ("gateway.cli.status:command", "Show what the gateway is doing."),
    "chat": ("gateway.cli.chat:command", "Talk to the agent: one turn, or a conversation."),
    "cron": ("gateway.cli.cron:command", "Make, list, change and run scheduled jobs."),
    "schedule": ("gateway.cli.schedule:command", "Make a job from words such as 'tomorrow at 9am'."),
    "message": ("gateway.cli.message:command", "Say something in a chat."),
    "pair": ("gateway.cli.pair:command", "Let people in who are not in the configuration."),
    "audit": ("gateway.cli.audit:command", "Show who did what to jobs, and how runs ended."),
    "sessions": ("gateway.cli.sessions:command", "List the conversations that the agent remembers."),
    "tools": ("gateway.cli.tools:command", "List what the agent can use."),
    "outbox": ("gateway.cli.outbox:command", "List, repeat or drop what could not be delivered."),
}
"""Where each command is, and its line in `tocsin --help`. One whose file is not there is no command yet."""

PLANNED = {
    "tocsin": ("approvals", "event", "xin"),
}
"""Commands that the guides name and that are not built yet, by the group that they belong to."""


@dataclass
class Call:
    """What every command is given: which home, and whether to answer in JSON."""

    home_option: str | None = None
    json: bool = False

    @property
    def home(self) -> "Home":
        from gateway import home  # not for --help

        return home.find(self.home_option)

    def document(self, value: object) -> None:
        """Print the one JSON document of the command."""
        from json import dumps

        click.echo(dumps(value, ensure_ascii=False, indent=2, default=str))

    def documents(self, name: str, values: Iterable[object]) -> None:
        """Print the one JSON document of the command, an object with a list, entry by entry: there may be many."""
        from json import dumps

        before = f'{{\n  "{name}": ['
        for value in values:
            lines = dumps(value, ensure_ascii=False, indent=2, default=str).split("\n")
            click.echo("\n    ".join((before, *lines)), nl=False)
            before = ","
        click.echo(f"{before}]\n}}" if before != "," else "\n  ]\n}")

    def say(self, text: str) -> None:
        """Print for a person; with --json, nothing."""
        if not self.json:
            click.echo(text)

    def warn(self, text: str) -> None:
        """Print on stderr, where it is in no program's way."""
        click.echo(text, err=True)

    def log_warnings(self) -> "Redactor":
        """Let warnings of the parts that this command uses go to stderr; stdout stays clean.

        Without secrets: those that the redactor is told of, and whatever looks like a token.
        """
        from gateway import observe
        from gateway.clock import SystemClock

        return observe.start(level="warning", clock=SystemClock(), stream=sys.stderr)


class Commands(click.Group):
    """A group that answers a word which is no command of its own with the nearest that is."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known:
            raise click.UsageError(_no_command(ctx.command_path, args[0], known), ctx)
        return super().resolve_command(ctx, args)


def _no_command(group: str, word: str, known: Sequence[str]) -> str:
    name = f"{group} {word}".removeprefix("tocsin ")
    planned = PLANNED.get(group, ())
    if word in planned:
        return f'there is no command "{name}": it is not built yet'
    near = difflib.get_close_matches(word, [*known, *planned], n=1, cutoff=0.5)
    if not near:
        return f'there is no command "{name}"; there are {", ".join(known)}'
    later = "" if near[0] in known else ", which is not built yet"
    return f'there is no command "{name}"; did you mean {near[0]}{later}?'


class LazyGroup(Commands):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (place, _) in COMMANDS.items() if find_spec(place.partition(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return _with_shared_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _with_shared_options(command: click.Command) -> click.Command:
    """Give a command, and those below it, --home and --json."""
    taken = {name for parameter in command.params for name in parameter.opts}
    command.params.extend(option for option in _shared_options() if option.opts[0] not in taken)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _with_shared_options(below)
    return command


def _shared_options() -> list[click.Option]:
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            callback=_take_home,
            expose_value=False,
            help="The home folder (else TOCSIN_HOME, else ~/.tocsin).",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            callback=_take_json,
            expose_value=False,
            help="Answer with one JSON document.",
        ),
    ]


def _take_home(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).home_option = value


def _take_json(ctx: click.Context, _parameter: click.Parameter, value: bool | None) -> None:
    if value:
        ctx.ensure_object(Call).json = True


@click.group(cls=LazyGroup, params=list[click.Parameter](_shared_options()))
@click.version_option(package_name="tocsin", message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context) -> None:
    """A self-hosted chat-bot gateway with durable scheduling."""
    ctx.ensure_object(Call)


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit status: 0 done, 1 it failed, 2 wrong use or invalid input.

    An error is one sentence on stderr; with --json also `{"error": …}` on stdout. With TOCSIN_DEBUG=1 in the
    environment the traceback follows.
    """
    call = Call()
    # What is not UTF-8 can be kept by no database and shown by no chat: it is replaced where it comes in.
    arguments = [word.encode("utf-8", "replace").decode() for word in arguments]
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    try:
        status: Any = root.main(args=arguments, prog_name="tocsin", standalone_mode=False, obj=call)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        return _fail("stopped", FAILED, json=call.json)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USE
    except click.ClickException as error:
        return _fail(_sentence(error), WRONG_USE, json=call.json or "--json" in arguments)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence and no traceback
        if os.environ.get("TOCSIN_DEBUG") == "1":
            _show_traceback()
        return _fail(f"{_words(error)}{_advice(error)}", _status(error), json=call.json)
    return status if isinstance(status, int) else DONE


def _sentence(error: click.ClickException) -> str:
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{text}; see {context.command_path} --help" if context else text


def _words(error: Exception) -> str:
    if isinstance(error, TocsinError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    from gateway.observe import Redactor  # a library's error may hold an address with a token

    return Redactor()(f"unexpected {type(error).__name__}: {error}; TOCSIN_DEBUG=1 in the environment shows where")


def _advice(error: Exception) -> str:
    """What to do about a home folder that takes no change; empty for anything else."""
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(error, UserError) or not isinstance(cause, OSError) or cause.errno not in _REFUSED:
        return ""
    return "; `tocsin check` tells more and what to do"


def _status(error: Exception) -> int:
    if isinstance(error, NotFoundError):
        return FAILED
    return WRONG_USE if isinstance(error, ConfigError | UserError) else FAILED


def _fail(sentence: str, status: int, *, json: bool) -> int:
    with contextlib.suppress(OSError):  # where words cannot be written, the status has to do
        click.echo(f"tocsin: {sentence}", err=True)
        if json:
            Call().document({"error": sentence})
    return status


def _show_traceback() -> None:
    from traceback import format_exc

    click.echo(format_exc(), err=True)
