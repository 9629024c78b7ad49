"""A disk that is full or fails: new work is refused, what was begun ends, nothing is damaged."""

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cron.job import Say
from cron.stores.files import Files
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Script, ScriptedModel, calls, says
from gateway.app import running
from gateway.config import Config
from gateway.database.reserve import SIZE
from gateway.errors import StoreError, StoreFullError
from gateway.home import Home, prepare
from gateway.setup import Setup
from gateway.status import to_json
from tests.fakes import FakeClock, RecordingChannel, until
from tests.journeys.conftest import World
from tests.journeys.steps import add_job, hears, jump_to, rows, runs_that_ended

BACK_WITHIN = timedelta(seconds=10)  # P-35


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@asynccontextmanager
async def _gateway(folder: Path, script: Script = (), *, files: Files | None = None) -> AsyncIterator[World]:
    home = Home(folder / "home")
    prepare(home)
    clock, channel, model = FakeClock(), RecordingChannel(), ScriptedModel(script)
    config = Config.layered(environment={}, file={"channels": {"test": {"owners": ["1"]}}})
    store = JsonFileStore(home.file("cron.json"), files=files)
    setup = Setup(home=home, config=config, clock=clock, model=model, channels={"test": channel}, store=store)
    async with running(setup) as gateway:
        yield World(gateway, channel, clock, model, home)


class Ballast:
    """A file that takes all the space that is left."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def load(self) -> None:
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            for size in (65_536, 4_096, 512, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def drop(self) -> None:
        self._path.unlink()


async def _fill(world: World, ballast: Ballast) -> None:
    """Until the gateway has noticed that nothing more fits."""
    ballast.load()
    for n in range(200):
        try:
            await world.channel.say("filler " + "x" * 4_000, chat="filler", key=f"filler{n}")
        except StoreFullError:
            return
        await world.clock.advance(timedelta())
    raise AssertionError("the disk does not fill up")


async def _come_back(world: World) -> None:
    for _ in range(int(BACK_WITHIN.total_seconds())):
        await asyncio.sleep(0.06)
        await world.clock.advance(timedelta(seconds=1))


async def test_a_full_disk_refuses_new_messages_and_finishes_what_was_begun(small_disk: Path) -> None:
    go_on = asyncio.Event()

    async def script(prompt: Prompt) -> object:
        if "filler" in str(prompt.items[-1]):
            return ""
        await go_on.wait()
        return "the answer"

    ballast = Ballast(small_disk)
    async with _gateway(small_disk, script) as world:  # type: ignore[arg-type]
        job = await add_job(world, say="later", every="1h")
        before = world.home.file("cron.json").read_bytes()
        await world.channel.say("begun before", chat="1")
        await world.model.asked(1)

        ballast.load()
        with pytest.raises(StoreFullError, match="nothing was changed"):
            world.gateway.store.put(replace(job, payload=Say(text="x" * 10_000)))
        await _fill(world, ballast)
        with pytest.raises(StoreFullError, match="the disk is full; free some space"):
            await world.channel.say("refused", key="again")
        go_on.set()
        await until(lambda: "the answer" in world.channel.texts("1"))

        assert to_json(world.gateway.status())["ready"] is False
        assert "disk is full" in world.gateway.database.trouble
        assert world.home.file("cron.json").read_bytes() == before

        ballast.drop()
        await _come_back(world)
        await world.channel.say("refused", key="again")
        await until(lambda: world.channel.texts("1").count("the answer") == 2)

        assert world.gateway.database.trouble == ""
        assert world.home.file("gateway.reserve").stat().st_size == SIZE
        assert await rows(world, "PRAGMA integrity_check") == [("ok",)]
        assert await rows(world, "SELECT count(*) FROM turns WHERE state = 'running'") == [(0,)]


async def test_a_run_that_is_due_on_a_full_disk_takes_place_once_there_is_space(small_disk: Path) -> None:
    ballast = Ballast(small_disk)
    async with _gateway(small_disk, lambda _: "") as world:
        job = await add_job(world, say="stretch", when="in 10 minutes")
        await _fill(world, ballast)
        await jump_to(world, world.clock.now() + timedelta(minutes=10))
        await world.clock.advance(timedelta(seconds=5))
        assert world.channel.texts("1") == []
        assert "disk is full" in world.gateway.cron.trouble

        ballast.drop()
        await _come_back(world)
        await until(lambda: world.channel.texts("1"))

        (run,) = await runs_that_ended(world, 1)
        assert (run.job_uid, run.status) == (job.uid, "succeeded")
        assert world.channel.texts("1") == ["stretch"]
        assert world.gateway.cron.trouble == ""


async def test_a_gateway_that_starts_on_a_full_disk_says_so_and_leaves_everything_as_it_is(
    small_disk: Path,
) -> None:
    ballast = Ballast(small_disk)
    async with _gateway(small_disk, ["hello"]) as world:
        await add_job(world, say="later", every="1h")
        await world.channel.say("hello")
        await hears(world, 1)
    before = {path: path.read_bytes() for path in (small_disk / "home").glob("cron.json")}
    ballast.load()

    with suppress(StoreError):
        async with _gateway(small_disk, ["hello again"]) as world:
            assert to_json(world.gateway.status())["ready"] is False
    ballast.drop()

    assert {path: path.read_bytes() for path in before} == before
    async with _gateway(small_disk, ["hello again"]) as world:
        await world.channel.say("hello", key="new")
        assert await hears(world, 1) == ["hello again"]


# -- cron.json that cannot be written ---------------------------------------------------------------------------


class FaultyFiles(Files):
    """A file system that fails at one kind of step while it is told to."""

    def __init__(self) -> None:
        self.fault: tuple[str, int] | None = None

    def step(self, operation: str, path: Path) -> None:
        if self.fault is not None and operation == self.fault[0]:
            raise OSError(self.fault[1], os.strerror(self.fault[1]), str(path))


@pytest.mark.parametrize("operation", ["create", "write", "fsync", "replace", "link"])
@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ENOSPC])
async def test_a_job_that_cannot_be_kept_is_never_called_scheduled(
    tmp_path: Path, operation: str, code: int
) -> None:
    files = FaultyFiles()
    wanted = calls(("cron", {"action": "add", "say": "tea", "when": "in 5 minutes"}))

    def script(prompt: Prompt) -> object:
        return wanted if len(world.model.prompts) == 1 else says(str(prompt.items[-1]))

    async with _gateway(tmp_path, script, files=files) as world:  # type: ignore[arg-type]
        kept = await add_job(world, say="kept", every="1h")
        await add_job(world, say="kept too", every="2h")
        before = world.home.file("cron.json").read_bytes()
        files.fault = (operation, code)
        await world.channel.say("remind me in 5 minutes to drink tea")

        (heard,) = await hears(world, 1)

        files.fault = None
        assert "Scheduled" not in heard
        assert os.strerror(code) in heard
        after = JsonFileStore(world.home.file("cron.json")).load()
        assert kept.uid in after
        assert operation == "fsync" or world.home.file("cron.json").read_bytes() == before
        assert [path.name for path in world.home.path.glob("*.tmp*")] == []


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
async def test_a_one_shot_whose_end_cannot_be_written_does_not_run_again(tmp_path: Path, code: int) -> None:
    files = FaultyFiles()
    async with _gateway(tmp_path, files=files) as world:
        await add_job(world, say="stretch", when="in 10 minutes")
        files.fault = ("create", code)
        await jump_to(world, world.clock.now() + timedelta(minutes=10))
        await runs_that_ended(world, 1)
        await world.clock.advance(timedelta(seconds=31))
        assert world.channel.texts() == ["stretch"]
        files.fault = None

    async with _gateway(tmp_path) as world:
        await jump_to(world, world.clock.now() + timedelta(hours=1))
        await until(lambda: not world.gateway.store.load())

        assert world.channel.texts() == []
        assert world.gateway.store.load() == {}


def _unreadable(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_unreadable, _empty])
async def test_a_corrupt_store_is_put_aside_at_the_start_and_the_gateway_is_degraded(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    async with _gateway(tmp_path) as world:
        await add_job(world, say="one", every="1h", name="one")
        await add_job(world, say="two", every="2h", name="two")
    damage(world.home.file("cron.json"))
    damaged = world.home.file("cron.json").read_bytes()

    async with _gateway(tmp_path) as world:
        await world.clock.advance(timedelta(seconds=31))

        status = to_json(world.gateway.status())
        assert status["ready"] is False
        assert "cron.json.bak" in " ".join(status["trouble"])
        assert {job.name for job in world.gateway.store.load().values()} >= {"one"}
        (aside,) = world.home.path.glob("cron.json.corrupt-*")
        assert aside.read_bytes() == damaged


async def test_a_store_that_is_damaged_under_a_running_gateway_is_recovered_and_jobs_go_on(tmp_path: Path) -> None:
    async with _gateway(tmp_path) as world:
        await add_job(world, say="one", every="1h", name="one")
        await add_job(world, say="two", every="2h", name="two")
        _unreadable(world.home.file("cron.json"))
        await world.clock.advance(timedelta(seconds=1))

        await until(lambda: world.gateway.cron.degraded, seconds=15)
        await jump_to(world, world.clock.now() + timedelta(hours=1))
        await until(lambda: "one" in world.channel.texts())

        assert to_json(world.gateway.status())["ready"] is False
        assert len(list(world.home.path.glob("cron.json.corrupt-*"))) == 1


async def test_a_hand_edit_is_taken_up_within_a_second(tmp_path: Path) -> None:
    async with _gateway(tmp_path) as world:
        job = await add_job(world, say="one", every="1h", name="one")
        path = world.home.file("cron.json")
        path.write_text(path.read_text().replace('"every":"1h"', '"every":"1m"'))

        await world.clock.advance(timedelta(seconds=1))
        await until(lambda: world.gateway.cron.jobs[job.uid].schedule != job.schedule)
        edited = world.gateway.cron.jobs[job.uid]
        await world.clock.advance(timedelta(seconds=60))
        await until(world.channel.texts)

        assert edited.revision == job.revision + 1
        assert len(list(world.home.path.glob("cron.json.edited-*"))) == 1
