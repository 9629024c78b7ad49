"""What the listener answers, over real sockets."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.unit.web.visitor import TOKEN, House, open_house

WRONG = "wrong-token"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


async def test_everybody_may_ask_whether_it_is_alive(house: House) -> None:
    answer = await house.web.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "alive\n")


async def test_who_has_the_token_is_told_how_every_part_is(house: House) -> None:
    answer = await house.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "channels": {}})


async def test_a_gateway_that_is_not_ready_says_why(tmp_path: Path) -> None:
    health = {"ready": False, "channels": {"telegram": {"state": "silent", "reason": "nothing was heard"}}}
    async with open_house(tmp_path, health=lambda: health) as house:
        answer = await house.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, health)


async def test_metrics_are_told_in_the_format_of_prometheus(house: House) -> None:
    answer = await house.get("/metrics")

    assert (answer.status_code, answer.text) == (200, "tocsin_jobs 3\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
@pytest.mark.parametrize("authorization", ["", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer x", f"Bearer {TOKEN}x"])
async def test_without_the_token_nothing_is_told(house: House, path: str, authorization: str) -> None:
    answer = await house.web.get(path, headers={"Authorization": authorization} if authorization else {})

    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_in_the_address_is_none(house: House) -> None:
    answers = [await house.web.get(f"/readyz?{key}={TOKEN}") for key in ("token", "access_token", "key")]

    assert [answer.status_code for answer in answers] == [401, 401, 401]  # P-80


async def test_being_on_this_machine_opens_nothing(house: House) -> None:
    answer = await house.web.get("/readyz", headers={"X-Forwarded-For": "127.0.0.1", "Host": "localhost"})

    assert answer.status_code == 401  # P-80


async def test_guessing_ends_after_ten_wrong_tokens_in_a_minute_even_if_the_next_is_right(house: House) -> None:
    guesses = [(await house.get("/metrics", token=WRONG)).status_code for _ in range(10)]

    refused = await house.get("/metrics")
    assert isinstance(house.clock, FakeClock)
    await house.clock.advance(timedelta(seconds=61))
    later = await house.get("/metrics")

    assert guesses == [401] * 10  # P-81
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert later.status_code == 200


async def test_guesses_beside_each_other_are_no_more_than_one_after_the_other(house: House) -> None:
    answers = await asyncio.gather(*(house.get("/metrics", token=f"{WRONG}{n}") for n in range(60)))

    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 50}  # P-81


async def test_who_presents_no_token_does_not_use_up_the_guesses_of_others(house: House) -> None:
    for _ in range(20):
        await house.web.get("/metrics")

    assert (await house.get("/metrics")).status_code == 200


async def test_the_caller_is_the_machine_and_not_what_it_says_of_itself(house: House) -> None:
    for number in range(10):
        await house.get("/metrics", token=WRONG, **{"X-Forwarded-For": f"192.0.2.{number}"})

    assert (await house.get("/metrics")).status_code == 429  # P-81


async def test_one_machine_is_one_caller_in_both_kinds_of_addresses(tmp_path: Path) -> None:
    async with open_house(tmp_path, host="::ffff:127.0.0.1") as house:  # P-81
        request = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {WRONG}\r\n".encode()
        answers = [await house.raw(request + b"Connection: close\r\n\r\n") for _ in range(11)]

    assert [answer.split(b" ", 2)[1] for answer in answers] == [b"401"] * 10 + [b"429"]


async def test_a_token_that_was_exchanged_is_refused_with_the_next_request(tmp_path: Path) -> None:
    async with open_house(tmp_path, token="") as house:  # P-81
        old = house.file.read_text().strip()
        before = await house.get("/metrics", token=old)
        house.file.write_text("another-token-of-this-gateway\n")
        after = await house.get("/metrics", token=old)
        new = await house.get("/metrics", token="another-token-of-this-gateway")

    assert [before.status_code, after.status_code, new.status_code] == [200, 401, 200]


async def test_under_load_no_request_after_the_exchange_gets_in_with_the_old_token(tmp_path: Path) -> None:
    begun_after: list[int] = []
    exchanged = asyncio.Event()

    async def asking(house: House, token: str) -> None:
        while len(begun_after) < 50:
            late = exchanged.is_set()
            status = (await house.get("/readyz", token=token)).status_code
            if late:
                begun_after.append(status)

    async with open_house(tmp_path, token="") as house:  # P-81
        old = house.file.read_text().strip()
        workers = [asyncio.create_task(asking(house, old)) for _ in range(10)]
        await asyncio.sleep(0.1)
        house.file.write_text("another-token-of-this-gateway\n")
        exchanged.set()
        await asyncio.gather(*workers)

    assert set(begun_after) == {401, 429}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/nothing"])
async def test_an_unknown_name_is_refused_before_anything_else(house: House, path: str) -> None:
    answer = await house.get(path, Host="evil.example")

    assert (answer.status_code, answer.text) == (403, "Forbidden")  # P-80


async def test_a_page_of_somebody_else_is_refused_and_cannot_open_a_socket(house: House) -> None:
    page = {"Origin": "https://evil.example"}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}

    answers = [await house.get("/readyz", **page), await house.get("/readyz", **page, **upgrade)]

    assert [answer.status_code for answer in answers] == [403, 403]  # P-80


async def test_what_a_page_can_post_without_asking_is_refused(house: House) -> None:
    answers = [
        await house.web.post("/healthz", content=b"{}", headers={"Content-Type": kind})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json")
    ]

    assert [answer.status_code for answer in answers] == [415, 415, 415, 405]  # P-80


async def test_a_name_that_the_operator_adds_is_known(tmp_path: Path) -> None:
    async with open_house(tmp_path, hosts=("bot.example.org",)) as house:
        answer = await house.get("/readyz", Host="bot.example.org", Origin="https://bot.example.org")

    assert answer.status_code == 200


async def test_what_is_not_there_is_not_found(house: House) -> None:
    answers = [await house.get(path) for path in ("/", "/x", "/webhooks", "/webhooks/", "/webhooks/a/b")]

    assert {(answer.status_code, answer.text) for answer in answers} == {(404, "Not Found")}


async def test_every_answer_is_counted_and_tells_nothing_of_what_answers(house: House) -> None:
    answers = [await house.web.get("/healthz"), await house.get("/x"), await house.get("/x", Host="evil")]

    assert house.counted == [200, 404, 403]
    for answer in answers:
        assert "server" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["date"] == "Mon, 02 Mar 2026 12:00:00 GMT"


async def test_a_fault_of_ours_is_logged_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> dict[str, object]:
        raise RuntimeError("SENTINEL")

    async with open_house(tmp_path, health=fails) as house:
        answer = await house.get("/readyz")
        after = await house.web.get("/healthz")

    assert (answer.status_code, answer.text, after.status_code) == (500, "Internal Server Error", 200)
    assert "SENTINEL" in caplog.text


async def test_requests_are_answered_beside_each_other(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        answers = await asyncio.gather(*(house.get("/readyz") for _ in range(50)))

    assert {json.loads(answer.content)["ready"] for answer in answers} == {True}
