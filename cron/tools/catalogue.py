"""The tools that do things with jobs, by their names."""

from collections.abc import Sequence

from cron.tool import CronTool
from cron.tools.base import Alias
from cron.tools.manage import ManageCronJob
from cron.tools.prx import CronAdd, CronList, CronRemove, CronRun, CronRuns, CronUpdate
from cron.tools.reminder import ReminderTool
from cron.tools.schedule import ScheduleTool
from gateway.agent.toolbox import Toolbox
from gateway.tools.base import Tool

ALIASES: tuple[type[Alias], ...] = (
    CronAdd,
    CronList,
    CronRemove,
    CronUpdate,
    CronRun,
    CronRuns,
    ManageCronJob,
)
"""Other names of what the cron tool does: they answer when they are called, and are shown only on demand."""

HIDDEN = frozenset(alias.name for alias in ALIASES)
FOR_PEOPLE = frozenset({ScheduleTool.name, ReminderTool.name})
"""What a scheduled turn is not shown: it may not make jobs, and nobody is there to answer a reminder."""

NAMES = HIDDEN | {ScheduleTool.name, CronTool.name}


def toolbox(cron: CronTool, others: Sequence[Tool], *, aliases: bool) -> Toolbox:
    """All tools: the others, and those that do things with jobs. `aliases`: a model is shown them too."""
    ours: list[Tool] = [cron, ScheduleTool(cron.actions), *(alias(cron.actions) for alias in ALIASES)]
    hidden = frozenset() if aliases else HIDDEN
    return Toolbox([*ours, *others], hidden=hidden, for_people=FOR_PEOPLE, always=NAMES)
