"""Who manages a group: asked seldom, and never for long."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.admins import KNOWN_FOR, MOST, Admins
from gateway.errors import PermanentDeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress
from tests.fakes import FakeClock

GROUP = ChatAddress(channel="test", chat="-5", thread="9")


class Platform:
    """Says who manages its groups, if it is not out of order."""

    def __init__(self, *admins: str, error: Exception | None = None) -> None:
        self.admins = set(admins)
        self.error = error
        self.hangs = False
        self.asked: list[tuple[str, str]] = []

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        self.asked.append((address.chat, user))
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return user in self.admins


async def test_an_answer_is_remembered_for_a_minute() -> None:
    clock, platform = FakeClock(), Platform("anna")
    admins = Admins(platform.is_admin, clock)

    first = [await admins.manages(GROUP, user) for user in ("anna", "ben", "anna", "ben")]
    platform.admins = {"ben"}
    await clock.advance(KNOWN_FOR)
    later = [await admins.manages(GROUP, user) for user in ("anna", "ben")]

    assert first == [True, False, True, False]
    assert later == [False, True]
    assert len(platform.asked) == 4


@pytest.mark.parametrize("error", [TransientDeliveryError("429"), PermanentDeliveryError("no such group")])
async def test_who_cannot_be_asked_about_is_no_admin_and_is_asked_about_again(error: Exception) -> None:
    structlog.reset_defaults()
    platform = Platform("anna", error=error)
    admins = Admins(platform.is_admin, FakeClock())

    with capture_logs() as lines:
        unknown = await admins.manages(GROUP, "anna")
    platform.error = None

    assert (unknown, await admins.manages(GROUP, "anna")) == (False, True)
    assert len(lines) == 1


async def test_a_platform_that_does_not_answer_is_waited_for_two_seconds() -> None:
    clock, platform = FakeClock(), Platform("anna")
    platform.hangs = True
    admins = Admins(platform.is_admin, clock)

    asking = asyncio.create_task(admins.manages(GROUP, "anna"))
    await clock.advance(timedelta(seconds=1.9))
    early = asking.done()
    await clock.advance(timedelta(seconds=0.2))

    assert not early
    assert await asyncio.wait_for(asking, 5) is False


async def test_not_more_is_remembered_than_a_thousand_answers() -> None:
    platform = Platform()
    admins = Admins(platform.is_admin, FakeClock())

    for n in range(MOST + 1):
        await admins.manages(GROUP, f"u{n}")
    await admins.manages(GROUP, "u0")
    await admins.manages(GROUP, f"u{MOST}")

    assert len(platform.asked) == MOST + 2
