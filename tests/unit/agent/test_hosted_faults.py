"""P-89, P-28, P-87: every fault that a model server can have stays contained, in time, and names no key."""

import asyncio
import json
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.agent.model import UserText
from gateway.agent.models.hosted import create
from gateway.errors import ErrorClass, ModelError
from tests.servers import openai_server as server
from tests.servers.hosted_model import SHORT, Hosted, prompt, settings
from tests.servers.openai_server import KEY, Reply, call, calls, refuses, says, writes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hosted() -> AsyncIterator[Hosted]:
    async with Hosted.started() as both:
        yield both


# Refusals


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3),
        ({"retry_after_ms": "1500"}, 1.5),
        ({}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-4"}, None),
        ({"retry_after": "999999999999"}, 86400),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
)
async def test_too_many_requests_is_a_rate_limit_with_its_wait(
    hosted: Hosted, headers: dict[str, str], seconds: float | None
) -> None:
    fault = await hosted.fault(refuses(429, **headers))

    assert fault.kind is ErrorClass.RATE_LIMIT
    assert fault.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (400, None, ErrorClass.PERMANENT, 'it refuses the request ("no")'),
        (400, "context_length_exceeded", ErrorClass.PERMANENT, "agent.context_tokens"),
        (401, None, ErrorClass.PERMISSION, "model.api_key"),
        (402, None, ErrorClass.PERMANENT, "quota"),
        (403, None, ErrorClass.PERMISSION, "model.api_key"),
        (404, None, ErrorClass.PERMANENT, "model.name (local) and model.base_url"),
        (408, None, ErrorClass.SERVER_ERROR, "408"),
        (413, None, ErrorClass.PERMANENT, "413"),
        (422, None, ErrorClass.PERMANENT, "422"),
        (429, "insufficient_quota", ErrorClass.PERMANENT, "quota"),
        (500, None, ErrorClass.SERVER_ERROR, "500"),
        (502, None, ErrorClass.SERVER_ERROR, "502"),
        (503, None, ErrorClass.SERVER_ERROR, "503"),
        (529, None, ErrorClass.SERVER_ERROR, "529"),
        (307, None, ErrorClass.PERMANENT, "model.base_url"),
    ],
)
async def test_a_refusal_has_its_class_and_says_what_to_check(
    hosted: Hosted, status: int, code: str | None, kind: ErrorClass, words: str
) -> None:
    fault = await hosted.fault(refuses(status, {"error": {"message": "no", "code": code}}))

    assert fault.kind is kind
    assert words in str(fault)
    assert fault.__cause__ is not None


async def test_a_refusal_is_never_asked_again_by_the_adapter(hosted: Hosted) -> None:
    await hosted.fault(refuses(500))

    assert len(hosted.local.requests) == 1


async def test_an_error_page_in_html_is_contained(hosted: Hosted) -> None:
    async def page(_request: object, _body: object) -> web.StreamResponse:
        return web.Response(status=502, text="<html>" + "x" * 5000, content_type="text/html")

    fault = await hosted.fault(page)

    assert fault.kind is ErrorClass.SERVER_ERROR
    assert len(str(fault)) < 300


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": "rate_limit_exceeded"}, ErrorClass.RATE_LIMIT),
        ({"message": "overloaded", "code": 503}, ErrorClass.SERVER_ERROR),
        ({"message": "oh"}, ErrorClass.SERVER_ERROR),
    ],
)
async def test_an_error_inside_a_stream_keeps_its_class(
    hosted: Hosted, error: dict[str, object], kind: ErrorClass
) -> None:
    fault = await hosted.fault(
        writes(server.event({"content": "hal"}), f"data: {json.dumps({'error': error})}\n\n")
    )

    assert fault.kind is kind


# Silence and broken answers


async def test_a_refused_connection_is_a_network_error_that_names_the_setting(hosted: Hosted) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    model = create(settings(f"http://127.0.0.1:{port}/v1"))

    with pytest.raises(ModelError, match=r"model\.base_url") as caught:
        await model.ask(prompt())

    assert caught.value.kind is ErrorClass.NETWORK_ERROR
    await model.close()


@pytest.mark.parametrize(
    "silent",
    [
        server.never_answers(),
        writes(end="hang"),
        writes(server.event({"role": "assistant", "content": ""}), end="hang"),
        writes(server.event({"content": "hal"}), end="hang"),
        writes(server.event({"content": "hal"}), ": keep-alive\n\n", end="hang"),
    ],
    ids=[
        "before the status",
        "before the first byte",
        "before the first token",
        "between tokens",
        "with comments",
    ],
)
async def test_silence_ends_at_the_idle_timeout(hosted: Hosted, silent: Reply) -> None:
    async with hosted.changed(silent, idle=SHORT) as model:
        started = time.perf_counter()
        with pytest.raises(ModelError, match=r"agent\.idle_timeout") as caught:
            await model.ask(prompt())
        took = time.perf_counter() - started

        await asyncio.wait_for(hosted.local.dropped.wait(), 1)
    assert caught.value.kind is ErrorClass.TIMEOUT
    assert SHORT.total_seconds() <= took < SHORT.total_seconds() + 1


async def test_comments_that_never_end_are_silence(hosted: Hosted) -> None:
    async def chatter(request: web.Request, _body: object) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b": keep-alive\n\n")
            await asyncio.sleep(0.02)

    async with hosted.changed(chatter, idle=SHORT) as model:
        with pytest.raises(ModelError) as caught:
            await model.ask(prompt())

    assert caught.value.kind is ErrorClass.TIMEOUT


async def test_an_answer_slower_than_the_idle_timeout_is_whole_while_pieces_come(hosted: Hosted) -> None:
    async def slow(request: web.Request, _body: object) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in ("a", "b", "c", "d"):
            await response.write(server.event({"content": word}).encode())
            await asyncio.sleep(SHORT.total_seconds())
        await response.write(server.event({}, finish="stop").encode())
        return response

    async with hosted.changed(slow, idle=SHORT * 3) as model:
        answer = await model.ask(prompt())

    assert answer.reply.text == "abcd"


async def test_a_finished_answer_whose_server_never_hangs_up_is_whole(hosted: Hosted) -> None:
    finished = writes(server.event({"content": "hi"}), server.event({}, finish="stop"), end="hang")

    async with hosted.changed(finished, idle=SHORT) as model:
        answer = await model.ask(prompt())

    assert answer.reply.text == "hi"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (writes(server.event({"content": "half"}), end="cut"), ErrorClass.NETWORK_ERROR),
        (writes(server.event({"content": "half"}), end="close"), ErrorClass.SERVER_ERROR),
        (writes(server.event({"content": "half"}), "data: [DONE]\n\n"), ErrorClass.SERVER_ERROR),
        (writes(end="close"), ErrorClass.SERVER_ERROR),
        (writes("data: [DONE]\n\n"), ErrorClass.SERVER_ERROR),
        (writes(server.event({"content": "half"}), "data: {not json\n\n"), ErrorClass.SERVER_ERROR),
        (writes(b"data: \xff\xfe\n\n"), ErrorClass.SERVER_ERROR),
        (writes('data: {"choices": []}\n\n', "data: [DONE]\n\n"), ErrorClass.SERVER_ERROR),
        (writes('data: {"choices": null}\n\n', "data: [DONE]\n\n"), ErrorClass.SERVER_ERROR),
        (writes('data: {"choices": "x"}\n\n'), ErrorClass.SERVER_ERROR),
        (writes("data: [1, 2]\n\n"), ErrorClass.SERVER_ERROR),
        (writes('data: {"choices": [{"delta": {"tool_calls": [5]}}]}\n\n'), ErrorClass.SERVER_ERROR),
        (says("half", finish="length"), ErrorClass.BAD_OUTPUT),
        (says("half", finish="content_filter"), ErrorClass.PERMANENT),
        (server.whole({"content": "half"}, finish="length"), ErrorClass.BAD_OUTPUT),
    ],
    ids=[
        "cut",
        "closed early",
        "done without a reason",
        "closed at once",
        "done at once",
        "not JSON",
        "not UTF-8",
        "no choices",
        "null choices",
        "choices of text",
        "a list",
        "calls of numbers",
        "cut by length",
        "filtered",
        "cut by length, not streamed",
    ],
)
async def test_half_an_answer_is_an_error_and_never_an_answer(
    hosted: Hosted, reply: Reply, kind: ErrorClass
) -> None:
    fault = await hosted.fault(reply)

    assert fault.kind is kind
    assert "half" not in str(fault)


async def test_an_answer_within_the_limit_is_taken(hosted: Hosted) -> None:
    answer = await hosted.answer(says(*["x" * 65_536] * 16))

    assert len(answer.reply.text) == 1024 * 1024


@pytest.mark.parametrize(
    "reply",
    [
        says(*["x" * 1024] * 65),
        calls(call(0, "message", "x" * 66_000, id="a")),
        server.whole({"content": "x" * 66_000}),
    ],
    ids=["words", "arguments", "not streamed"],
)
async def test_an_answer_beyond_the_limit_is_bad_output(hosted: Hosted, reply: Reply) -> None:
    async with hosted.changed(reply, limit=65_536) as model:
        with pytest.raises(ModelError, match="64 KiB") as caught:
            await model.ask(prompt())

    assert caught.value.kind is ErrorClass.BAD_OUTPUT


async def test_an_answer_that_never_ends_is_dropped_on_the_way(hosted: Hosted) -> None:
    async def flood(request: web.Request, _body: object) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b"data: " + b" " * 16_384)

    async with hosted.changed(flood, limit=262_144) as model:
        with pytest.raises(ModelError, match="256 KiB") as caught:
            await model.ask(prompt())

        await asyncio.wait_for(hosted.local.dropped.wait(), 1)
    assert caught.value.kind is ErrorClass.BAD_OUTPUT


@pytest.mark.nightly
async def test_ten_mebibytes_are_taken_and_one_byte_more_is_not(hosted: Hosted) -> None:
    most = 10 * 1024 * 1024

    taken = await hosted.answer(says(*["x" * 65_536] * (most // 65_536)))
    fault = await hosted.fault(says(*["x" * 65_536] * (most // 65_536), "x"))

    assert len(taken.reply.text) == most
    assert fault.kind is ErrorClass.BAD_OUTPUT


# Cancelling and sharing


async def test_cancelling_closes_the_connection_at_once(hosted: Hosted) -> None:
    hosted.local.answer_with(writes(server.event({"content": "hal"}), end="hang"))
    asking = asyncio.create_task(hosted.model.ask(prompt()))
    await hosted.local.asked.wait()

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(hosted.local.dropped.wait(), 0.5)


async def test_a_fault_leaves_the_client_fit_for_the_next_question(hosted: Hosted) -> None:
    faults = (refuses(500), writes(end="cut"), writes(end="hang"))

    async with hosted.changed(*faults, says("fine"), idle=SHORT) as model:
        for _ in faults:
            with pytest.raises(ModelError):
                await model.ask(prompt())
        answer = await model.ask(prompt())

    assert answer.reply.text == "fine"


async def test_questions_at_once_do_not_wait_for_each_other(hosted: Hosted) -> None:
    meeting = asyncio.Barrier(20)

    async def echo(request: web.Request, body: server.Json) -> web.StreamResponse:
        await meeting.wait()
        return await says(body["messages"][-1]["content"])(request, body)

    hosted.local.answer_with(echo)
    answers = await asyncio.gather(*(hosted.model.ask(prompt(UserText(f"n{n}"))) for n in range(20)))

    assert [answer.reply.text for answer in answers] == [f"n{n}" for n in range(20)]


# P-87: the key appears nowhere


async def test_the_key_is_in_no_log_and_no_error_even_when_the_server_repeats_it(
    hosted: Hosted,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": None}}

    for status in (400, 401, 404, 500):
        fault = await hosted.fault(refuses(status, echo))

        assert KEY not in "".join(traceback.format_exception(fault))
        assert KEY not in repr(fault)
    assert KEY not in caplog.text
