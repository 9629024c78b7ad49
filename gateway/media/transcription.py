"""Transcription: what was spoken, written down by an endpoint such as OpenAI's /v1/audio/transcriptions.

The address is the operator's own and may be inside: it is called as the model's is. OpenAI takes 25 MiB of a
recording (https://help.openai.com/en/articles/7031512-whisper-api-faq, seen November 2026).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

import orjson
import structlog
from pydantic import SecretStr

from gateway.errors import ConfigError, MediaError
from gateway.media.kinds import plain_type

if TYPE_CHECKING:
    import httpx

logger = structlog.get_logger()

ENDPOINT = "/audio/transcriptions"
LONGEST_TEXT = 20_000  # characters
LONGEST_ANSWER = 1_000_000  # bytes

KNOWN = frozenset({"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"})
"""Ends of names by which the endpoint tells formats (its own message about any other one lists them)."""

_ENDS = {"audio/ogg": "ogg", "audio/opus": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/wav": "wav"}
_REFUSALS = {
    401: "the key is refused (transcription.api_key)",
    403: "the key is refused (transcription.api_key)",
    404: "there is no such endpoint or model (transcription.base_url, transcription.name)",
    413: "the recording is too long for it",
    429: "it is too busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionSettings:
    """The section [transcription] of the configuration."""

    base_url: str
    name: str
    api_key: SecretStr = field(default_factory=lambda: SecretStr(""))
    timeout: timedelta = timedelta(seconds=60)


class HttpTranscriber:
    """Asks once for each recording. Nothing is kept between two of them."""

    def __init__(self, settings: TranscriptionSettings) -> None:
        """ConfigError where the address is none."""
        self._url = endpoint(settings.base_url)
        self._settings = settings

    async def write_down(self, file: BinaryIO, name: str, media_type: str) -> str:
        """The words of the recording; MediaError, as the rest of a sentence, where there are none to be had."""
        # In a thread: httpx and the machine's certificates take a tenth of a second.
        client = await asyncio.to_thread(self._client)
        async with client:
            status, answer = await self._answer(client, file, sent_name(name, media_type), media_type)
        if status != 200:
            raise self._trouble(_REFUSALS.get(status, f"it answered {status}"))
        return self._words(answer)

    async def _answer(
        self, client: "httpx.AsyncClient", file: BinaryIO, name: str, media_type: str
    ) -> tuple[int, bytes]:
        """The status and the beginning of what was answered."""
        import httpx  # here: only who listens to voice needs it so early

        recording = (name, file, plain_type(media_type) or "application/octet-stream")
        form = {"model": self._settings.name, "response_format": "json"}
        content = bytearray()
        try:
            async with client.stream("POST", self._url, data=form, files={"file": recording}) as answer:
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > LONGEST_ANSWER:
                        break
                return answer.status_code, bytes(content[:LONGEST_ANSWER])
        except httpx.TimeoutException as error:
            raise self._trouble("it did not answer in time") from error
        except httpx.HTTPError as error:
            raise self._trouble("it cannot be reached") from error

    def _words(self, answer: bytes) -> str:
        try:
            text = orjson.loads(answer)["text"]
            words = text.strip()[:LONGEST_TEXT]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._trouble("its answer is no transcription") from error
        if not words:
            raise MediaError("could not be understood: no words were heard in it")
        return str(words)

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        key = self._settings.api_key.get_secret_value()
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=self._settings.timeout.total_seconds(),
            trust_env=False,
        )

    def _trouble(self, why: str) -> MediaError:
        logger.warning("a voice message cannot be written down", why=why)
        return MediaError(f"could not be written down by the transcription service: {why}")


def endpoint(base_url: str) -> str:
    """The whole address: a pasted endpoint stays, a bare host gets /v1."""
    address = base_url.strip().rstrip("/")
    scheme, _, rest = address.partition("://")
    if scheme not in {"http", "https"} or not rest or "?" in rest or "@" in rest:
        raise ConfigError("transcription.base_url: not an address; write it like https://api.openai.com/v1")
    address = address.removesuffix(ENDPOINT)
    return f"{address}{ENDPOINT}" if "/" in address.partition("://")[2] else f"{address}/v1{ENDPOINT}"


def sent_name(name: str, media_type: str) -> str:
    """A name by which the endpoint knows the format."""
    if name.rpartition(".")[2].lower() in KNOWN:
        return name
    return f"voice.{_ENDS.get(plain_type(media_type), 'ogg')}"
