"""tocsin cron: the group of the commands for jobs; each is in a file of its own and imported when it is used."""

from importlib import import_module

import click

from gateway.cli.main import Commands

COMMANDS = {
    "add": "gateway.cli.cron_add:add",
    "list": "gateway.cli.cron_list:list_jobs",
    "show": "gateway.cli.cron_show:show",
    "update": "gateway.cli.cron_add:update",
    "remove": "gateway.cli.cron_switch:remove",
    "enable": "gateway.cli.cron_switch:enable",
    "disable": "gateway.cli.cron_switch:disable",
    "run": "gateway.cli.cron_run:run",
    "cancel": "gateway.cli.cron_cancel:cancel",
    "runs": "gateway.cli.cron_runs:runs_of",
    "next": "gateway.cli.cron_next:following",
}


class CronGroup(Commands):
    """Finds a command by its name, and gives it the options that it has itself: --home and --json."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        taken = {parameter.name for parameter in found.params}
        found.params.extend(option for option in self.params if option.name not in taken)
        return found


@click.group("cron", cls=CronGroup)
def command() -> None:
    """Make, list, change and run scheduled jobs.

    A job is meant by its id, its name, or the beginning of its id.
    """
