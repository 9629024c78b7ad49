"""On every platform that calls: whoever cannot be verified learns nothing, costs nothing and breaks nothing."""

import io
import random

import aiohttp
import pytest

from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import CALLED
from tests.contract.rigs.town import Opener, Town, echo

ANNA = Who.ANNA
pytestmark = pytest.mark.parametrize("rig", CALLED, indirect=True)

HEADERS = (
    "X-Telegram-Bot-Api-Secret-Token",
    "X-Slack-Request-Timestamp",
    "X-Slack-Signature",
    "X-Lark-Request-Timestamp",
    "X-Lark-Request-Nonce",
    "X-Lark-Signature",
)
VALUES = ("", "0", "-1", "1e9", "9" * 400, "v0=", "v0=" + "g" * 64, "v0=" + "a" * 64, "\xe9\xff", "a b", "None")
BODIES = (
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"type": "url_verification", "challenge": "x"}',
    b"payload=%7B",
)


async def _post(
    town: Town, http: aiohttp.ClientSession, body: bytes | io.BytesIO, headers: dict[str, str]
) -> tuple[int, bytes]:
    assert town.gateway.listener is not None
    url = f"{town.gateway.listener.address}/webhooks/{town.rig.name}"
    async with http.post(url, data=body, headers={"Content-Type": "application/json", **headers}) as answer:
        return answer.status, await answer.read()


async def _is_unmoved(open_town: Opener, rig: Rig, *, calls: int) -> None:
    chance = random.Random(5)
    async with open_town(echo) as town, aiohttp.ClientSession() as http:
        answers = set()
        for _ in range(calls):
            names = chance.sample(HEADERS, chance.randrange(len(HEADERS) + 1))
            headers = {name: chance.choice(VALUES) for name in names}
            body = chance.choice(BODIES) + chance.randbytes(chance.randrange(20))
            answers.add(await _post(town, http, body, headers))
        rig.people.say("hello", ANNA)
        heard = await town.hears(rig.people.private(ANNA), 1)

        assert {status for status, _ in answers} <= {400, 401, 403}
        assert all(len(body) < 40 for _, body in answers)  # no detail
        assert heard == ["heard hello"]
        assert len(town.prompts) == 1


async def test_calls_that_cannot_be_verified_are_refused_without_a_word(open_town: Opener, rig: Rig) -> None:
    await _is_unmoved(open_town, rig, calls=60)  # P-53, P-82


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_ten_thousand_calls_that_cannot_be_verified_are_refused(open_town: Opener, rig: Rig) -> None:
    await _is_unmoved(open_town, rig, calls=10_000)  # P-53, P-82


async def test_a_body_that_is_too_long_is_not_read(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town, aiohttp.ClientSession() as http:
        status, _ = await _post(town, http, io.BytesIO(b"x" * 3_000_000), {})

        assert status in {401, 413}  # P-82
        assert town.prompts == []
