"""Reception: what chats can ask without a model, each command handed the parts that it asks."""

from collections.abc import Callable
from functools import partial

from cron.commands.answers import DoneCommand, SnoozeCommand
from cron.commands.cron import CronCommand, RemindCommand, ScheduleCommand
from cron.commands.usage import UsageCommand
from gateway.agent.lanes import Lanes
from gateway.chats import Chats
from gateway.commands.base import Command
from gateway.commands.conversation import NewCommand, StopCommand, Turns
from gateway.commands.help import MODEL, OFFLINE, HelpCommand, StartCommand
from gateway.commands.here import TimezoneCommand, WhoAmICommand
from gateway.commands.model import ModelCommand
from gateway.commands.outbox import OutboxCommand
from gateway.commands.status import StatusCommand
from gateway.config import Config
from gateway.database.writer import Database
from gateway.parts import zone_of
from gateway.people import People
from gateway.scheduling import Scheduling
from gateway.status import Status


def commands_of(
    config: Config,
    *,
    database: Database,
    chats: Chats,
    lanes: Lanes,
    scheduling: Scheduling,
    people: People,
    cancel: Callable[[str], bool],
    status: Callable[[], Status],
    look: Callable[[], None],
) -> list[Command]:
    """In the order of menus. `look`: something was put into the outbox."""
    turns = Turns(running_in=lanes.running_in, waiting_in=lanes.waiting_in, cancel=cancel)
    clerk, reminders = scheduling.clerk, scheduling.reminders
    cron = CronCommand(clerk)
    others: list[Command] = [
        RemindCommand(clerk),
        DoneCommand(reminders),
        SnoozeCommand(reminders),
        cron,
        ScheduleCommand(clerk),
        NewCommand(chats, turns),
        StopCommand(turns),
        StatusCommand(status, turns=turns, jobs=cron.here, database=database),
        TimezoneCommand(chats, partial(zone_of, config)),
        ModelCommand(chats, name=config.model.name, choices=config.model.choices),
        UsageCommand(clerk, scheduling.spend, database, zone=config.zone),
        WhoAmICommand(),
        OutboxCommand(database, look),
        people.pair_command(look),
        StartCommand(),
    ]
    words = OFFLINE if config.model.provider == "offline" else MODEL
    return [HelpCommand([command.info for command in others], words=words), *others]
