"""On every platform: an operator is told what is wrong, a database may be ill, and secrets stay where they are."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from gateway import plugins
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.database.sqlite import SqliteDriver
from gateway.observe import QUIET
from gateway.status import to_json
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import CALLED, FIRST, TOLD
from tests.contract.rigs.town import Hurry, Opener, echo

ANNA = Who.ANNA


async def _findings(rig: Rig) -> list[tuple[str, str]]:
    """What `tocsin check` asks the platform."""
    config = Config.layered(environment={}, file={"channels": {rig.name: rig.settings}})
    module: Any = plugins.find("channels", rig.name)
    return list(await module.examine(rig.name, config, SystemClock()))


@pytest.mark.parametrize("rig", TOLD, indirect=True)
async def test_a_bot_that_is_set_up_is_found_in_order(rig: Rig) -> None:
    found = await _findings(rig)

    assert found
    assert [words for kind, words in found if kind == "error"] == []


@pytest.mark.parametrize("rig", FIRST, indirect=True)
async def test_a_token_that_is_refused_is_an_error_of_the_check(rig: Rig) -> None:
    rig.trouble.refuse_token()

    found = await _findings(rig)

    assert [kind for kind, _ in found] == ["error"]
    assert not any(secret in words for secret in _secrets(rig) for _, words in found)  # P-87


@pytest.mark.parametrize("rig", FIRST, indirect=True)
async def test_a_platform_that_cannot_be_reached_is_a_warning_of_the_check(rig: Rig) -> None:
    await rig.trouble.vanish(30)

    found = await _findings(rig)

    assert [kind for kind, _ in found] == ["warning"]


# -- a database that is ill --------------------------------------------------------------------------------------


class Ill(SqliteDriver):
    """A database that takes so many commits and refuses as many as it is told to."""

    def __init__(self, path: Path, refusals: list[bool]) -> None:
        self._refusals = refusals
        super().__init__(path)

    def commit(self) -> None:
        if self._refusals and self._refusals.pop():
            raise sqlite3.OperationalError("disk I/O error")
        super().commit()


@pytest.mark.parametrize("rig", ["telegram", "slack", *CALLED], indirect=True)
async def test_what_could_not_be_kept_is_brought_again_and_answered_once(open_town: Opener, rig: Rig) -> None:
    refusals: list[bool] = []
    async with open_town(echo, driver=lambda path: Ill(path, refusals), clock=Hurry()) as town:  # P-36, P-42
        await town.becomes("running")
        refusals += [True] * 2
        rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]
        assert len(town.prompts) == 1


# -- secrets -----------------------------------------------------------------------------------------------------


def _secrets(rig: Rig) -> list[str]:
    """What must be nowhere but in requests."""
    keys = ("token", "secret", "key")
    found = [str(value) for name, value in rig.settings.items() if any(key in name for key in keys)]
    return [part for one in found for part in (one, one.partition(":")[2]) if part]


@pytest.mark.parametrize("rig", FIRST, indirect=True)
async def test_secrets_are_in_no_log_no_file_and_no_status(
    open_town: Opener, rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.format_exc_info, capture])
    caplog.set_level(logging.DEBUG)
    for name in QUIET:  # as the program keeps them
        caplog.set_level(logging.WARNING, logger=name)
    try:
        async with open_town(echo, clock=Hurry()) as town:  # P-87
            for trouble in (rig.trouble.lose, rig.trouble.fail, rig.trouble.drop):
                trouble()
                rig.people.say("hello", ANNA)
                await town.calm()
            await rig.trouble.vanish(0.1)
            rig.people.say("hello", ANNA)
            await town.calm()
            rig.trouble.refuse_token()
            await town.tell("hello", rig.people.private(ANNA))
            await town.becomes("stopped")
            told = repr(to_json(town.gateway.status())) + repr(town.gateway.status())
    finally:
        structlog.reset_defaults()

    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    written = "\n".join([told, repr(capture.entries), caplog.text])
    assert files
    assert capture.entries
    for secret in _secrets(rig):
        assert secret not in written
        assert not any(secret.encode() in content for content in files)
