"""tocsin sessions: the conversations that the agent remembers."""

from typing import Any

import click

from gateway.cli.kept import Kept
from gateway.cli.main import Call, Commands
from gateway.cli.words import minute, table, utc
from gateway.clock import from_text
from gateway.database import statements as sql

HEADINGS = ("SESSION", "TURNS", "LAST TURN", "")


@click.group("sessions", cls=Commands)
def command() -> None:
    """List the conversations that the agent remembers."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@click.pass_obj
def listed(call: Call, *, limit: int) -> None:
    """List the sessions, the one that was used last first.

    A session of a single run is called cron:JOB:RUN; it is forgotten after `sessions_isolated` in [retention].
    """
    kept = Kept(call.home, call.warn)
    rows = kept.read(lambda t: t.execute(sql.SESSIONS, (limit,)).fetchall(), empty=list[Any])
    if call.json:
        call.document(
            {
                "sessions": [
                    {"session": name, "turns": turns, "last_turn": utc(from_text(last)), "running": bool(running)}
                    for name, turns, last, running in rows
                ]
            }
        )
        return
    if not rows:
        call.say("Nobody has spoken yet.")
        return
    cells = [
        (name, str(turns), minute(from_text(last), kept.zone), "running" if running else "")
        for name, turns, last, running in rows
    ]
    for text in table(HEADINGS, cells):
        call.say(text)
