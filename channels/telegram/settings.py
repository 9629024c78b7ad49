"""What only Telegram needs to know, and what is right for it."""

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

OFFICIAL = "https://api.telegram.org"
TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""https://core.telegram.org/bots/api#setwebhook"""

WEBHOOK_PORTS = (None, 443, 80, 88, 8443)
"""https://core.telegram.org/bots/api#setwebhook"""


class Settings(BaseModel):
    """The keys of a section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = SecretStr("")
    api_base: str = OFFICIAL
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretStr = SecretStr("")
    webhook_url: SecretStr = SecretStr("")  # no secret here, but other channels' is: the name decides
    proxy: str = ""  # http://host:port, where Telegram can only be reached through one

    @field_validator("api_base", "proxy")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.token.get_secret_value():
            raise ValueError(".token: missing; get one from @BotFather, and write it here or into a token_file")
        if not TOKEN.fullmatch(self.token.get_secret_value()):
            raise ValueError(".token: is not a bot's token; copy the whole of it from @BotFather")
        if self.mode == "webhook":
            _check_secret(self.webhook_secret.get_secret_value())
            _check_url(self.webhook_url.get_secret_value(), official=self.api_base == OFFICIAL)
        return self


def _check_secret(secret: str) -> None:
    if not secret:
        raise ValueError('.webhook_secret: missing; mode = "webhook" needs one (openssl rand -hex 32)')
    if not WEBHOOK_SECRET.fullmatch(secret):
        raise ValueError(".webhook_secret: may hold 1 to 256 letters, digits, _ and -, and nothing else")


def _check_url(url: str, *, official: bool) -> None:
    """A Bot API server of one's own may call any address."""
    if not url:
        raise ValueError(
            '.webhook_url: missing; mode = "webhook" needs the public address of this gateway, such as '
            "https://bot.example.org/webhooks/telegram"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(".webhook_url: is no address") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(".webhook_url: must be an address such as https://bot.example.org/webhooks/telegram")
    if official and parts.scheme != "https":
        raise ValueError(".webhook_url: must start with https://, which Telegram insists on")
    if official and port not in WEBHOOK_PORTS:
        raise ValueError(f".webhook_url: has port {port}; Telegram calls only 443, 80, 88 and 8443")
