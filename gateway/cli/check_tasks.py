"""What `tocsin check` finds in [[cron.tasks]]: tasks that the gateway would refuse to start with."""

from collections.abc import Iterator

from gateway.cli.finding import Finding, Level
from gateway.cli.kept import Kept
from gateway.clock import Clock
from gateway.config import Config
from gateway.errors import StoreError, UserError


def look(config: Config, kept: Kept | None, clock: Clock) -> Iterator[Finding]:
    """Without `kept`, the home folder, every task is taken for a new one."""
    if not config.cron.tasks:
        return
    from cron.making.configured import (
        tasks_of,
    )  # with it come phrases and rules, which a file without tasks does not need
    from cron.making.declared import following
    from gateway.parts import maker_of

    try:
        stored = {} if kept is None else {job.name: job for job in kept.jobs.load().values() if job.declared}
        following(stored, tasks_of(config), maker_of(config, clock))
    except UserError as error:
        yield Finding(part="cron.tasks", level=Level.WRONG, text=str(error))
    except StoreError:
        return  # the store itself is reported
