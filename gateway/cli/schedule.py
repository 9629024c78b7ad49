"""tocsin schedule."""

import click

from gateway.cli.cron_add import Desk
from gateway.cli.cron_flags import Flags
from gateway.cli.main import Call


@click.command("schedule")
@click.argument("phrase", metavar="PHRASE")
@click.option("--prompt", "--message", "message", metavar="TEXT", help="A prompt: a full turn of the agent.")
@click.option("--say", metavar="TEXT", help="Exact words, without a model.")
@click.option("--command", "shell", metavar="TEXT", help="A shell command.")
@click.option("--name", metavar="NAME", help="What to call it.")
@click.option("--tz", metavar="ZONE", help="The job's zone, such as Europe/Berlin.")
@click.option("--channel", metavar="NAME", help="The channel it speaks to, with --to.")
@click.option("--to", metavar="CHAT", help="The chat it speaks to.")
@click.option("--thread", metavar="THREAD", help="The thread in that chat.")
@click.pass_obj
def command(call: Call, /, *, phrase: str, shell: str | None, **flags: str | None) -> None:
    """Make a job from words for its time: tocsin schedule "every weekday at 9" --say "Stand-up!" """
    desk = Desk.open(call)
    desk.tell(desk.from_flags(Flags(when=phrase, command=shell, **flags)), "Scheduled")
