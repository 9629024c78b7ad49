"""The settings of a Slack app, and what is wrong with them in plain words."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

KINDS = {
    "xoxb-": "a bot's token",
    "xoxp-": "a user's token",
    "xoxe.": "a token that is exchanged again and again (token rotation, which has to be off)",
    "xapp-": "an app-level token",
}
"""What tokens begin with: https://docs.slack.dev/authentication/tokens"""


class Settings(BaseModel):
    """What only Slack needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot_token: SecretStr = SecretStr("")
    app_token: SecretStr = SecretStr("")
    signing_secret: SecretStr = SecretStr("")
    mode: Literal["socket", "http"] = "socket"
    api_base: str = "https://slack.com/api"
    thread_replies: bool = True  # what is asked at the top level of a channel is answered in a thread

    @field_validator("api_base")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _check_token("bot_token", self.bot_token, "xoxb-", "the Bot User OAuth Token of OAuth & Permissions")
        if self.mode == "socket":
            where = "the App-Level Token of Basic Information, with connections:write"
            _check_token("app_token", self.app_token, "xapp-", where)
            return self
        _check_secret(self.signing_secret.get_secret_value())
        return self


def _check_secret(secret: str) -> None:
    where = "the Signing Secret of Basic Information"
    if not secret:
        raise ValueError(f".signing_secret: missing; mode http needs {where}")
    if kind := _kind_of(secret):
        raise ValueError(f".signing_secret: this is {kind}; copy {where}")
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise ValueError(f".signing_secret: has characters that no secret has; copy {where}")


def _check_token(key: str, token: SecretStr, prefix: str, where: str) -> None:
    value = token.get_secret_value()
    if not value:
        raise ValueError(f".{key}: missing; copy {where}: it begins with {prefix}")
    if not value.startswith(prefix):
        kind = _kind_of(value) or "no token of Slack's"
        raise ValueError(f".{key}: this is {kind}; copy {where}: it begins with {prefix}")
    if not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise ValueError(f".{key}: has characters that no token has; copy the whole of it again")


def _kind_of(value: str) -> str:
    return next((kind for prefix, kind in KINDS.items() if value.startswith(prefix)), "")
