"""Pictures of a turn, as a model that sees gets them: on the wire, from the workspace, and not otherwise."""

import base64
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.agent.model import ModelReply, PromptItem, ToolCall, ToolResult, UserText
from gateway.agent.models.hosted import create
from gateway.agent.models.hosted.anthropic import request_messages
from gateway.agent.models.hosted.payload import Picture, wanted
from gateway.agent.models.hosted.pictures import ALL, LARGEST, MOST, Album
from gateway.agent.sessions import closed_exchange
from gateway.config import Config
from gateway.parts import model_of
from tests.servers.hosted_model import prompt, settings
from tests.servers.openai_server import KEY, OpenAIServer, openai_server, says

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 16, 16) + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0 a photo"
SEEN = UserText("", "a picture came, kept at received/cat.png", pictures=("received/cat.png",), arrived="kept")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server(says("a cat")) as local:
        yield local


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "received").mkdir(parents=True)
    (root / "received" / "cat.png").write_bytes(PNG)
    return root


async def sent(server: OpenAIServer, workspace: Path | None, *items: PromptItem) -> list[Any]:
    """The messages of the request, without the instructions."""
    server.answer_with(says("a cat"))
    model = create(replace(settings(server.url), pictures=workspace))
    try:
        await model.ask(prompt(*items))
    finally:
        await model.close()
    return list(server.requests[0]["messages"][1:])


async def test_a_model_that_sees_is_shown_the_picture_after_its_note(
    server: OpenAIServer, workspace: Path
) -> None:
    hello, picture = await sent(server, workspace, UserText("what is this?"), SEEN)

    assert hello == {"role": "user", "content": "what is this?"}
    words, shown = picture["content"]
    assert words["type"] == "text"
    assert "kept at received/cat.png" in words["text"]
    assert shown == {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"},
    }


async def test_a_model_that_does_not_see_reads_the_note(server: OpenAIServer) -> None:
    (picture,) = await sent(server, None, SEEN)

    assert picture == {"role": "user", "content": "[a picture came, kept at received/cat.png] "}


@pytest.mark.parametrize(("vision", "kind"), [(True, list), (False, str)])
async def test_the_configuration_says_whether_the_model_sees(
    server: OpenAIServer, workspace: Path, vision: bool, kind: type
) -> None:
    section = {"provider": "openai", "name": "local", "base_url": server.url, "api_key": KEY, "vision": vision}
    server.answer_with(says("a cat"))
    model = model_of(Config.layered(environment={}, file={"model": section}), workspace)

    await model.ask(prompt(SEEN))

    assert isinstance(server.requests[0]["messages"][1]["content"], kind)
    await model.close()


@pytest.mark.parametrize("path", ["received/gone.png", "../secret.png", "/etc/passwd", "received"])
async def test_what_is_not_a_picture_in_the_workspace_is_not_shown(
    server: OpenAIServer, workspace: Path, path: str
) -> None:
    (workspace.parent / "secret.png").write_bytes(PNG)

    (picture,) = await sent(server, workspace, replace(SEEN, pictures=(path,)))  # P-85

    assert isinstance(picture["content"], str)


async def test_a_file_that_only_calls_itself_a_picture_is_not_shown(server: OpenAIServer, workspace: Path) -> None:
    (workspace / "received" / "cat.png").write_bytes(b"MZ a program")

    (picture,) = await sent(server, workspace, SEEN)

    assert isinstance(picture["content"], str)


async def test_anthropic_is_shown_the_picture_before_the_words(workspace: Path) -> None:
    shown = await Album(workspace).shown([SEEN])

    request = request_messages(prompt(SEEN), shown)[0]

    picture, words = request.parts[0].content  # type: ignore[misc, union-attr]
    assert (picture.data, picture.media_type) == (PNG, "image/png")  # type: ignore[union-attr]
    assert words == "[a picture came, kept at received/cat.png] "


async def test_only_the_pictures_of_the_present_turn_are_shown() -> None:
    earlier = closed_exchange(1, [UserText("look"), SEEN, ModelReply(text="a cat")])
    failed = closed_exchange(2, [UserText("look"), SEEN])  # the model has refused this one

    now = [*earlier.items, *failed.items, UserText("and this?"), replace(SEEN, pictures=("received/dog.png",))]

    assert wanted(now) == ["received/dog.png"]
    assert [item.note for item in earlier.items if isinstance(item, UserText)] == ["", SEEN.note]


async def test_a_picture_stays_in_sight_while_tools_work() -> None:
    call = ToolCall(id="t1.1.0", name="cron", arguments="{}")

    items = [SEEN, ModelReply(calls=(call,)), ToolResult(call_id="t1.1.0", name="cron", text="done")]

    assert wanted(items) == ["received/cat.png"]


async def test_the_latest_pictures_are_shown_where_there_are_many(workspace: Path) -> None:
    paths = [f"received/{n}.jpg" for n in range(MOST + 3)]
    for path in paths:
        (workspace / path).write_bytes(JPEG)

    shown = await Album(workspace).shown([replace(SEEN, pictures=(path,)) for path in paths])

    assert set(shown) == set(paths[-MOST:])
    assert shown[paths[-1]] == Picture(
        "image/jpeg", JPEG, f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    )


async def test_no_picture_is_larger_than_a_provider_takes(workspace: Path) -> None:
    (workspace / "received" / "fits.png").write_bytes(PNG[:24] + bytes(LARGEST - 24))
    (workspace / "received" / "large.png").write_bytes(PNG[:24] + bytes(LARGEST - 23))

    shown = await Album(workspace).shown([replace(SEEN, pictures=("received/fits.png", "received/large.png"))])

    assert set(shown) == {"received/fits.png"}
    assert len(base64.b64encode(shown["received/fits.png"].content)) <= 5 * 1024 * 1024


async def test_a_picture_with_more_pixels_than_a_provider_takes_is_not_shown(workspace: Path) -> None:
    head = PNG[:8] + b"\0\0\0\x0dIHDR"
    (workspace / "received" / "fits.png").write_bytes(head + struct.pack(">II", 8_000, 8_000))
    (workspace / "received" / "long.png").write_bytes(head + struct.pack(">II", 10, 8_001))

    shown = await Album(workspace).shown([replace(SEEN, pictures=("received/fits.png", "received/long.png"))])

    assert set(shown) == {"received/fits.png"}


async def test_all_pictures_together_fit_into_a_request(workspace: Path) -> None:
    paths = [f"received/{n}.png" for n in range(MOST)]
    for path in paths:
        (workspace / path).write_bytes(PNG[:24] + bytes(LARGEST - 24))

    shown = await Album(workspace).shown([replace(SEEN, pictures=tuple(paths))])

    assert sum(len(one.content) for one in shown.values()) <= ALL
    assert len(shown) == ALL // LARGEST
