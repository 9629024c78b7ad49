"""Voice, written down by a service on loopback that is as strict as the real one."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from gateway.errors import ConfigError, MediaError
from gateway.media.transcription import (
    LONGEST_ANSWER,
    LONGEST_TEXT,
    HttpTranscriber,
    TranscriptionSettings,
    endpoint,
    sent_name,
)
from tests.servers.transcription import KEY, TranscriptionServer, transcription_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[TranscriptionServer]:
    async with transcription_server() as server:
        yield server


@pytest.fixture
def server(shared: TranscriptionServer) -> TranscriptionServer:
    """The server, as it was at its start."""
    shared.text, shared.status, shared.body = "hello", 200, b""
    shared.heard.clear()
    shared.models.clear()
    return shared


def transcriber(url: str, *, key: str = KEY, within: float = 5) -> HttpTranscriber:
    return HttpTranscriber(
        TranscriptionSettings(
            base_url=url, name="whisper-1", api_key=SecretStr(key), timeout=timedelta(seconds=within)
        )
    )


async def written(url: str, *, name: str = "voice.oga", **options: Any) -> str:
    return await transcriber(url, **options).write_down(io.BytesIO(b"OggS recording"), name, "audio/ogg")


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_words_of_a_recording_come_back(server: TranscriptionServer) -> None:
    server.text = "  remind me in 5 minutes \n"

    words = await written(server.url)

    assert words == "remind me in 5 minutes"
    assert server.heard == [("voice.oga", b"OggS recording")]
    assert server.models == ["whisper-1"]


async def test_an_endless_recording_is_cut(server: TranscriptionServer) -> None:
    server.text = "a" * (LONGEST_TEXT + 1)

    assert await written(server.url) == "a" * LONGEST_TEXT


async def test_a_name_without_a_known_format_gets_one(server: TranscriptionServer) -> None:
    await written(server.url, name="voice")

    assert server.heard[0][0] == "voice.ogg"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "the key is refused"), (404, "no such endpoint or model"), (413, "too long"), (429, "too busy")],
)
async def test_a_refusal_is_said_in_words(server: TranscriptionServer, status: int, words: str) -> None:
    server.status = status

    with pytest.raises(MediaError, match=words):
        await written(server.url)


async def test_a_fault_of_the_service_is_said_with_its_number(server: TranscriptionServer) -> None:
    server.status = 503

    with pytest.raises(MediaError, match="it answered 503"):
        await written(server.url)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"text": 7}', b'{"words": "hello"}', b"null"])
async def test_an_answer_that_is_no_transcription_is_refused(server: TranscriptionServer, body: bytes) -> None:
    server.body = body

    with pytest.raises(MediaError, match="its answer is no transcription"):
        await written(server.url)


async def test_an_answer_without_an_end_is_not_read_to_its_end(server: TranscriptionServer) -> None:
    server.body = b'{"text": "' + b"a" * LONGEST_ANSWER + b'"}'

    with pytest.raises(MediaError, match="its answer is no transcription"):
        await written(server.url)


async def test_silence_has_no_words(server: TranscriptionServer) -> None:
    server.text = "  "

    with pytest.raises(MediaError, match="no words were heard in it"):
        await written(server.url)


async def test_the_key_stands_in_no_error(server: TranscriptionServer) -> None:
    listener = transcriber(server.url, key="sk-wrong-secret")

    with pytest.raises(MediaError) as caught:
        await listener.write_down(io.BytesIO(b"x"), "voice.ogg", "audio/ogg")

    assert "sk-wrong-secret" not in f"{caught.value!r} {caught.value.__cause__!r} {listener._settings!r}"
    assert "transcription.api_key" in str(caught.value)


async def test_a_service_that_is_not_there_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

        with pytest.raises(MediaError, match="it cannot be reached"):
            await written(url)


async def test_a_service_that_never_answers_is_left() -> None:
    async with _silent() as url:
        with pytest.raises(MediaError, match="it did not answer in time"):
            await written(url, within=0.2)


class _silent:  # noqa: N801 - a context manager
    """A server that takes a connection and says nothing."""

    async def __aenter__(self) -> str:
        self._writers: list[asyncio.StreamWriter] = []

        def taken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.append(writer)

        self._server = await asyncio.start_server(taken, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()
        self._server.close()


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/audio/transcriptions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/audio/transcriptions"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/v1/audio/transcriptions"),
        ("http://h/v1/audio/transcriptions", "http://h/v1/audio/transcriptions"),
        ("http://h/whisper", "http://h/whisper/audio/transcriptions"),
    ],
)
async def test_an_address_may_be_written_in_each_usual_way(given: str, whole: str) -> None:
    assert endpoint(given) == whole


@pytest.mark.parametrize("given", ["api.openai.com", "ftp://h/v1", "http://", "http://h/v1?key=1", "http://a:b@h"])
async def test_what_is_no_address_is_an_error_of_the_configuration(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^transcription\.base_url"):
        endpoint(given)


@pytest.mark.parametrize(
    ("name", "media_type", "sent"),
    [
        ("a.MP3", "audio/mpeg", "a.MP3"),
        ("a.amr", "audio/mpeg", "voice.mp3"),
        ("a", "audio/ogg; codecs=opus", "voice.ogg"),
        ("a", "", "voice.ogg"),
    ],
)
async def test_the_service_is_told_the_format(name: str, media_type: str, sent: str) -> None:
    assert sent_name(name, media_type) == sent
