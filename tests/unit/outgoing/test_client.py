"""Calls to machines outside: where they connect, how they end, and what they never do."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from gateway.clock import SystemClock
from gateway.errors import ErrorClass, OutgoingError
from gateway.outgoing.addresses import Allowed
from gateway.outgoing.calls import LARGEST, Call, Reply
from gateway.outgoing.client import WebClient
from tests.fakes import FakeClock, until
from tests.servers.machine import Answer, Received, in_turn, machine
from tests.servers.self_signed import self_signed
from tests.unit.outgoing.inner import INNER


class Names:
    """A resolver: each name leads to what stands here, in turn, the last answer again and again."""

    def __init__(self, **answers: list[Sequence[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@asynccontextmanager
async def client_of(
    *places: str, resolve: Names | None = None, clock: FakeClock | None = None
) -> AsyncIterator[WebClient]:
    client = WebClient(Allowed.parse(places), clock or SystemClock(), resolve=resolve)
    try:
        yield client
    finally:
        await client.close()


async def refusal(client: WebClient, url: str, **call: object) -> OutgoingError:
    with pytest.raises(OutgoingError) as caught:
        await client.call(Call(url=url, **call))  # type: ignore[arg-type]
    return caught.value


async def test_a_call_brings_the_answer_of_a_listed_place() -> None:
    answer = Answer(headers={"Content-Type": "text/plain"}, body="grüß".encode())
    async with machine(in_turn(answer)) as there, client_of(there.place) as client:
        reply = await client.call(Call(url=there.url("/a?b=c"), headers={"X-One": "1"}))

        assert (reply.status, reply.body.decode()) == (200, "grüß")
        assert reply.headers["content-type"] == "text/plain"
        assert (there.received[0].path, there.received[0].headers["x-one"]) == ("/a?b=c", "1")


async def test_an_inner_place_that_is_not_listed_is_not_connected_to() -> None:  # P-84
    async with machine() as there, client_of() as client:
        for host in ("127.0.0.1", "0x7f.1", "2130706433", "017700000001", "localhost", "[::ffff:127.0.0.1]", "0"):
            error = await refusal(client, f"http://{host}:{there.port}/")

            assert error.kind is ErrorClass.PERMISSION
        assert there.connections == 0


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:  # P-84
    names = Names(inner=[["127.0.0.1"]], mapped=[["::ffff:127.0.0.1"]], cloud=[["169.254.169.254"]])
    async with machine() as there, client_of(resolve=names) as client:
        errors = [
            await refusal(client, f"http://{name}.example:{there.port}/") for name in ("inner", "mapped", "cloud")
        ]

        assert {error.kind for error in errors} == {ErrorClass.PERMISSION}
        assert "inner.example leads to 127.0.0.1, which is this machine" in str(errors[0])
        assert "metadata" in str(errors[2])
        assert there.connections == 0


async def test_no_inner_address_is_connected_to_when_a_name_leads_there() -> None:  # P-84
    """A connection that was tried would be refused by the test's own guard, as a fault of the network."""
    names = Names(inner=[[address] for address in INNER])
    async with client_of(resolve=names) as client:
        errors = [await refusal(client, "http://inner.example/") for _ in INNER]

        assert {error.kind for error in errors} == {ErrorClass.PERMISSION}


async def test_of_the_addresses_of_a_name_only_those_that_passed_are_tried() -> None:  # P-84
    names = Names(mixed=[["10.0.0.1", "127.0.0.1", "169.254.169.254"]])
    async with machine() as there, client_of(there.place, resolve=names) as client:
        reply = await client.call(Call(url=f"http://mixed.example:{there.port}/"))

        assert reply.status == 200
        assert there.received[0].headers["host"] == f"mixed.example:{there.port}"


async def test_a_name_is_looked_up_once_and_the_checked_address_is_connected_to() -> None:  # P-84
    """A resolver that answers with an address of ours first and with an inner one when it is asked again."""
    async with machine() as decoy, machine() as inner:
        names = Names(rebinding=[["127.0.0.1"], ["127.0.0.2"]])
        async with client_of(f"127.0.0.1:{decoy.port}", resolve=names) as client:
            first = await client.call(Call(url=f"http://rebinding.example:{decoy.port}/"))
            second = await refusal(client, f"http://rebinding.example:{decoy.port}/")

            assert first.status == 200
            assert names.asked == ["rebinding.example"] * 2  # once for each call, and never between check and use
            assert second.kind is ErrorClass.PERMISSION
            assert (decoy.connections, inner.connections) == (1, 0)


async def test_an_address_that_a_name_leads_to_later_is_never_connected_to() -> None:  # P-84
    """The first answer is public, and the test's own guard refuses it; the second one is this machine."""
    names = Names(rebinding=[["93.184.216.34"], ["127.0.0.1"]])
    async with machine() as inner, client_of(resolve=names) as client:
        error = await refusal(client, f"http://rebinding.example:{inner.port}/")

        assert (error.kind, names.asked) == (ErrorClass.NETWORK_ERROR, ["rebinding.example"])
        assert inner.connections == 0


async def test_each_hop_of_a_redirect_is_checked() -> None:  # P-84
    async with machine() as inner:
        targets = {
            "/plain": inner.url("/secret"),
            "/number": f"http://2130706433:{inner.port}/",
            "/name": f"http://inner.example:{inner.port}/",
            "/file": "file:///etc/passwd",
            "/login": f"http://user:pass@127.0.0.1:{inner.port}/",
            "/scheme": f"//127.0.0.1:{inner.port}/",
            "/nonsense": "http://[",
        }

        def move(request: Received) -> Answer:
            return Answer(status=302, headers={"Location": targets[request.path]})

        names = Names(inner=[["127.0.0.1"]])
        async with machine(move) as there, client_of(there.place, resolve=names) as client:
            for path in targets:
                error = await refusal(client, there.url(path))

                assert error.kind in {ErrorClass.PERMISSION, ErrorClass.PERMANENT}
            assert inner.connections == 0


async def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:  # P-84
    def move(request: Received) -> Answer:
        left = int(request.path.strip("/"))
        return Answer(status=302, headers={"Location": f"/{left - 1}"}) if left else Answer(body=b"there")

    async with machine(move) as there, client_of(there.place) as client:
        reply = await client.call(Call(url=there.url("/3")))
        error = await refusal(client, there.url("/4"))

        assert (reply.body, reply.url) == (b"there", there.url("/0"))
        assert "more than 3 times" in str(error)
        assert there.connections == 8


async def test_a_token_goes_to_the_origin_that_it_was_meant_for_only() -> None:
    async with machine() as other:

        def move(request: Received) -> Answer:
            target = {"/here": "/end", "/there": other.url("/end")}.get(request.path)
            return Answer(status=307, headers={"Location": target}) if target else Answer()

        async with machine(move) as there, client_of(there.place, other.place) as client:
            for path in ("/here", "/there"):
                headers = {"Authorization": "Bearer t", "Cookie": "c=1", "X-Kept": "1"}
                await client.call(Call(url=there.url(path), method="POST", headers=headers, body=b"{}"))

            assert [request.headers.get("authorization") for request in there.received] == ["Bearer t"] * 3
            (moved,) = other.received
            assert (moved.method, moved.body, moved.headers["x-kept"]) == ("POST", b"{}", "1")
            assert not {"authorization", "cookie"} & set(moved.headers)


async def test_a_post_is_never_turned_into_a_get() -> None:
    answer = Answer(status=302, headers={"Location": "/other"})
    async with machine(in_turn(answer)) as there, client_of(there.place) as client:
        reply = await client.call(Call(url=there.url(), method="POST", body=b"{}"))

        assert reply.status == 302
        assert there.connections == 1


async def test_cookies_and_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # P-84
    async with machine() as proxy, machine(in_turn(Answer(headers={"Set-Cookie": "a=b; Path=/"}))) as there:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        async with client_of(there.place) as client:
            await client.call(Call(url=there.url()))
            await client.call(Call(url=there.url()))

        assert proxy.connections == 0
        assert [request.headers.get("cookie") for request in there.received] == [None, None]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_beyond_the_limit_is_given_up(packed: bool) -> None:  # P-84
    large = bytes(LARGEST + 1)
    answer = (
        Answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(large, 1))
        if packed
        else Answer(body=large)
    )
    async with machine(in_turn(answer)) as there, client_of(there.place) as client:
        error = await refusal(client, there.url())

        assert "more than 5,242,880 bytes" in str(error)


async def test_a_body_that_nobody_wants_is_not_read() -> None:
    async with machine(in_turn(Answer(body=bytes(10_000_000)))) as there, client_of(there.place) as client:
        reply = await client.call(Call(url=there.url(), method="POST", body=b"{}", largest=0))

        assert (reply.status, reply.body) == (200, b"")


async def test_an_answer_that_does_not_come_ends_the_call_in_time() -> None:
    clock = FakeClock()
    async with machine(in_turn(Answer(fault="hang"))) as there, client_of(there.place, clock=clock) as client:
        calling = asyncio.create_task(refusal(client, there.url(), within=timedelta(seconds=20)))
        await until(lambda: there.received)

        await clock.advance(timedelta(seconds=19))
        assert not calling.done()
        await clock.advance(timedelta(seconds=1))

        error = await calling
        assert (error.kind, str(error)) == (ErrorClass.TIMEOUT, "there was no whole answer within 20s")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(fault="reset"), "broke"),
        (Answer(fault="half", body=b"x" * 1_000), "broke"),
        (Answer(fault="garbage"), "not HTTP"),
        (Answer(headers={"Content-Encoding": "gzip"}, body=b"not gzip"), "broke"),
    ],
)
async def test_a_broken_answer_is_a_fault_of_the_network(answer: Answer, words: str) -> None:
    async with machine(in_turn(answer)) as there, client_of(there.place) as client:
        error = await refusal(client, there.url())

        assert error.kind is ErrorClass.NETWORK_ERROR
        assert words in str(error)


async def test_a_place_where_nobody_listens_and_a_name_of_nobody_are_faults_of_the_network() -> None:
    async with machine() as there:
        closed = there.place

    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError(f"{host} is not known")

    client = WebClient(Allowed.parse([closed]), SystemClock(), resolve=nobody)
    unreachable = await refusal(client, f"http://{closed}/")
    unknown = await refusal(client, "http://nowhere.example/")
    await client.close()

    assert (str(unreachable), str(unknown)) == ("it cannot be reached", "nowhere.example leads to no address")
    assert {unreachable.kind, unknown.kind} == {ErrorClass.NETWORK_ERROR}


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    async with machine(tls=self_signed()) as there, client_of(there.place) as client:
        error = await refusal(client, there.url())

        assert str(error) == "its certificate is not valid"
        assert there.received == []


async def test_many_calls_go_on_beside_one_that_hangs() -> None:
    def answering(request: Received) -> Answer:
        return Answer(fault="hang" if request.path == "/slow" else "")

    async with machine(answering) as there, client_of(there.place) as client:
        slow = asyncio.create_task(client.call(Call(url=there.url("/slow"))))
        replies: list[Reply] = await asyncio.gather(
            *(client.call(Call(url=there.url(f"/{n}"))) for n in range(20))
        )
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)

        assert {reply.status for reply in replies} == {200}
