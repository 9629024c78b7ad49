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
    "test": "gateway.cli.cron_test:test",
    "export": "gateway.cli.cron_export:export",
    "import": "gateway.cli.cron_import:import_jobs",
    "prune": "gateway.cli.cron_prune:prune",
    "doctor": "gateway.cli.cron_doctor:doctor",
}

HIDDEN = {
    "add_cron": "gateway.cli.cron_add:add",
    "list_crons": "gateway.cli.cron_aliases:list_crons",
    "list_runs": "gateway.cli.cron_aliases:list_runs",
}
"""Names that another scheduler had for them: understood, and not shown by --help."""


class CronGroup(Commands):
    """Finds a command by its name, and gives it the options that it has itself: --home and --json."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in HIDDEN:
            return args[0], self.get_command(ctx, args[0]), args[1:]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name) or HIDDEN.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        taken = {parameter.name for parameter in found.params}
        found.params.extend(option for option in self.params if option.name not in taken)
        return found


@click.group("cron", cls=CronGroup)
def command() -> None:
    """Make, list, change and run scheduled jobs.

    A job is meant by its id, its name, or the beginning of its id.
    """
