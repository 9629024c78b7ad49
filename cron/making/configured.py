"""What the configuration says about jobs, as values."""

from typing import Any

from cron.making.declared import Task
from cron.making.draft import Draft
from cron.making.rules import Bounds
from gateway import plugins
from gateway.config import CHANNELS_TO_COME, Config
from gateway.messages import ChatAddress
from gateway.tasks import TASK_SETTINGS, DeclaredTask


def bounds_of(config: Config) -> Bounds:
    """What a job may be here."""
    return Bounds(
        min_interval_shell=config.cron.min_interval_shell,
        shell=config.cron.shell,
        channels=tuple(name for name, section in config.channels.items() if section.enabled),
        kinds=lambda: {*CHANNELS_TO_COME, *plugins.offered("channels"), *config.channels},
        allowed_targets=config.cron.allowed_targets,
        private=config.http.allowed,
    )


def tasks_of(config: Config) -> list[Task]:
    """The jobs that the configuration declares."""
    return [_task(task) for task in config.cron.tasks]


def _task(task: DeclaredTask) -> Task:
    settings: dict[str, Any] = {name: getattr(task, name) for name in TASK_SETTINGS}
    draft = Draft(
        name=task.name,
        prompt=task.prompt or None,
        say=task.text or None,
        command=task.command or None,
        tz=task.tz or None,
        description=task.description or None,
        **settings,
    )
    chat = ChatAddress(channel=task.channel, chat=task.to, thread=task.thread) if task.channel else None
    return Task(draft=draft, enabled=task.enabled, address=chat)
