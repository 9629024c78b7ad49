"""What journeys do and look at: travel in time, read the tables, count who spoke."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from cron import runs
from cron.job import Job
from cron.making.draft import Draft, Maker, new_job
from cron.making.rules import Bounds
from cron.run import Run
from gateway.messages import ChatAddress
from tests.fakes import until
from tests.journeys.conftest import World

SECOND = timedelta(seconds=1)
HERE = ChatAddress(channel="test", chat="1")


async def go_to(world: World, moment: datetime) -> None:
    """Let it become `moment`, as a scheduler sees it that was awake until a second before."""
    world.clock.set(moment - SECOND)
    world.gateway.cron.changed()
    await world.clock.advance(SECOND)


async def jump_to(world: World, moment: datetime) -> None:
    """Set the clock to `moment`, as after a machine's sleep, and let the scheduler notice."""
    world.clock.set(moment)
    world.gateway.cron.changed()
    await world.clock.advance(timedelta())


async def rows(world: World, statement: str, *parameters: Any) -> list[Any]:
    """What is in the database."""
    return await world.gateway.database.read(lambda t: t.execute(statement, parameters).fetchall())


async def callers(world: World) -> Counter[str]:
    """How many messages each caller has put into the outbox."""
    return Counter([caller for (caller,) in await rows(world, "SELECT caller FROM outbox")])


async def history(world: World, job: Job | None = None) -> list[Run]:
    """Runs, newest first."""
    uid = job.uid if job else None
    return await world.gateway.database.read(lambda t: runs.recent(t, job=uid, limit=100))


async def runs_that_ended(world: World, count: int) -> list[Run]:
    """Wait for so many runs to be over, and what follows from that to be done; newest first."""
    ended = "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL"
    idle = 0
    while idle < 3:
        over = (await rows(world, ended))[0][0]
        idle = idle + 1 if over >= count and not world.gateway.lanes.running else 0
        await world.clock.advance(timedelta())
    assert over == count
    return await history(world)


def jobs(world: World) -> list[Job]:
    """All jobs, oldest first."""
    return sorted(world.gateway.store.load().values(), key=lambda job: (job.created_at, job.id))


async def add_job(world: World, *, owner: ChatAddress = HERE, **wanted: Any) -> Job:
    """A job as a chat makes it, without a turn. Fields of a draft; others are the maker's."""
    changes = {
        name: wanted.pop(name) for name in ("created_by", "created_in", "address", "bounds") if name in wanted
    }
    maker = Maker(
        now=world.clock.now(),
        zone="UTC",
        owner=owner.owner,
        created_in=changes.get("created_in", owner.session),
        created_by=changes.get("created_by", "anna"),
        address=changes.get("address", owner),
        bounds=changes.get("bounds", Bounds()),
    )
    job = world.gateway.store.put(new_job(Draft(**wanted), maker, ()))
    await world.gateway.cron.reload()
    return job


async def hears(world: World, count: int) -> list[str]:
    """Wait until so many messages have arrived, and no more follow at once."""
    await until(lambda: len(world.channel.sent) >= count)
    await world.clock.advance(timedelta())
    assert len(world.channel.sent) == count
    return world.channel.texts()
