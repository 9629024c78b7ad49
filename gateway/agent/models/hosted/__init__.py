"""A language model behind HTTP: its settings, checked, and `create`.

Everything heavy (pydantic-ai and the vendor's SDK: 1 s, 70 MiB) is imported inside `create`, so that naming a
hosted model in a configuration costs nothing to a command that asks none.
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import SecretStr

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.agent.models.hosted.client import HostedModel

OPENAI = "openai"
ANTHROPIC = "anthropic"

DEFAULT_ADDRESS = {OPENAI: "https://api.openai.com/v1", ANTHROPIC: "https://api.anthropic.com"}

_NO_KEY = SecretStr("")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedSettings:
    """The sections [model] and [agent] of the configuration, as far as a hosted model needs them."""

    provider: str  # "openai" (any compatible server) or "anthropic"
    name: str
    base_url: str = ""  # empty: the vendor's own
    api_key: SecretStr = _NO_KEY
    idle_timeout: timedelta = timedelta(seconds=90)  # the longest silence before and between two pieces
    connect_timeout: timedelta = timedelta(seconds=10)
    max_answer_bytes: int = 10 * 1024 * 1024
    pictures: Path | None = None  # the workspace, for a model that sees; None: it is shown no pictures


def create(settings: HostedSettings) -> "HostedModel":
    """A client for the configured model. Raises ConfigError that names the key and the cure; connects to nothing.

    Only the settings count: no key and no address is taken from the vendor's own environment variables.
    """
    address = read_address(settings)
    key = _read_key(settings)
    if not settings.name:
        raise ConfigError("model.name: missing; write the model's name there, such as gpt-5-mini")
    if settings.provider == ANTHROPIC:
        return _anthropic(settings, address, key)
    return _openai(settings, address, key)


def _openai(settings: HostedSettings, address: str, key: str) -> "HostedModel":
    from gateway.agent.models.hosted.client import HostedModel  # heavy: see above
    from gateway.agent.models.hosted.openai import OpenAIService

    return HostedModel(OpenAIService(settings, address, key), settings, host=host_of(address), secret=_secret(key))


def _anthropic(settings: HostedSettings, address: str, key: str) -> "HostedModel":
    try:
        import anthropic  # noqa: F401  # an extra; asked for first, so that only its own absence is reported so
    except ModuleNotFoundError as error:
        raise ConfigError(
            "model.provider: anthropic needs a package that is not installed; run: pip install 'tocsin[anthropic]'"
        ) from error
    from gateway.agent.models.hosted.anthropic import AnthropicService  # heavy: see above
    from gateway.agent.models.hosted.client import HostedModel

    return HostedModel(
        AnthropicService(settings, address, key), settings, host=host_of(address), secret=_secret(key)
    )


def read_address(settings: HostedSettings) -> str:
    """The server's address as its SDK wants it.

    OpenAI-compatible: a bare host gets `/v1`, any other path stays, and a whole endpoint that was pasted loses its
    `/chat/completions`. Anthropic: without `/v1`, which its SDK adds.
    """
    if settings.provider not in DEFAULT_ADDRESS:
        raise ConfigError(f"model.provider: {settings.provider!r} is unknown; write offline, openai or anthropic")
    parts = _split(settings.base_url.strip() or DEFAULT_ADDRESS[settings.provider])
    path = parts.path.rstrip("/")
    if settings.provider == OPENAI:
        path = path.removesuffix("/chat/completions") or "/v1"
    else:
        path = path.removesuffix("/messages").removesuffix("/v1")
    return urlunsplit(parts._replace(path=path))


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ConfigError("model.base_url: not an address; write it like http://127.0.0.1:11434/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError("model.base_url: only host, port and path belong there; put a secret into model.api_key")
    return parts


def _read_key(settings: HostedSettings) -> str:
    key = settings.api_key.get_secret_value().strip()
    if not key and not settings.base_url.strip():
        raise ConfigError(f"model.api_key: missing; {settings.provider} answers nobody without one")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError("model.api_key: holds a space or a character that no key has; copy it again")
    return key


def _secret(key: str) -> str:
    """The key, unless it is one of the words that local servers are given, which stand in any sentence."""
    return key if len(key) >= 8 else ""


def host_of(address: str) -> str:
    """The host and port of an address: what an error may name."""
    return urlsplit(address).netloc


def is_loopback(address: str) -> bool:
    """Whether an address is this very machine, without looking a name up."""
    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
