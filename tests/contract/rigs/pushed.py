"""E-mail and WeCom as rigs: they can be told things, and read nothing."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from aiohttp import web

from gateway.outbox.port import Repeat
from tests.contract.rigs.base import UNLIMITED, Nature, People, Place, Rig, Screen, Trouble, Who
from tests.servers.mail import MailServer, serve_mail
from tests.servers.wecom import WeComServer, serve_wecom

_NATURE = Nature(repeat=Repeat.MARKED, renumbers=False, threads_open=False, refuses_formatting=False)
_MARKS = [(re.compile(r"\*\*([^*\n]+)\*\*"), r"\1"), (re.compile(r"\[([^\]\n]+)\]\(http[^)\s]*\)"), r"\1")]


class Readers:
    """Whoever reads; nobody writes."""

    def __init__(self, form: str) -> None:
        self._form = form  # of an address, with a place for the name

    def private(self, who: Who) -> Place:
        return Place(self._form.format(who.value.lower()))


class MailScreen:
    """What is in the mail boxes."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def texts(self, place: Place) -> list[str]:
        envelopes = zip(self._server.mails, self._server.envelopes, strict=True)
        mine = [mail for mail, envelope in envelopes if envelope.rcpt_tos == [place.chat]]
        bodies = [mail.get_body(("plain",)) for mail in mine]
        return [str(body.get_content()).replace("\r\n", "\n").rstrip("\n") for body in bodies if body is not None]

    def connected(self) -> bool:
        return True

    def pending(self) -> int:
        return 0

    def misuse(self) -> list[str]:
        long = [line for mail in self._server.mails for line in mail.as_bytes().splitlines() if len(line) > 998]
        return ["a line of more than 998 bytes"] * len(long)


class MailTrouble:
    """As `Trouble` says, as far as mail goes."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def shut(self, place: Place) -> None:
        self._server.answers["RCPT"] = "550 no such user here"

    def heal(self) -> None:
        self._server.answers.clear()


class WeComScreen:
    """What is in the robot's group."""

    def __init__(self, server: WeComServer) -> None:
        self._server = server
        self.refused = 0

    def texts(self, place: Place) -> list[str]:
        return [_read(one) for one in self._server.shown if isinstance(one, str)]

    def connected(self) -> bool:
        return True

    def pending(self) -> int:
        return 0

    def misuse(self) -> list[str]:
        return [f"{self._server.calls} calls for {len(self._server.shown)} messages"] * (
            self._server.calls > len(self._server.shown)
        )


def _read(markdown: str) -> str:
    """WeCom's Markdown as it is read: without signs of headings, bold, code and links."""
    text = re.sub(r"^#{1,6} ", "", markdown, flags=re.MULTILINE)
    for pattern, words in _MARKS:
        text = pattern.sub(words, text)
    return text


class WeComTrouble:
    """As `Trouble` says, as far as a robot goes."""

    def __init__(self, server: WeComServer) -> None:
        self._server = server

    def shut(self, place: Place) -> None:
        self._server.answers = [{"errcode": 40_008, "errmsg": "invalid message type"}] * 5

    def fail(self, times: int | None = 1) -> None:
        self._server.answers = [web.Response(status=502)] * (times or 1)

    def heal(self) -> None:
        self._server.answers = []


@asynccontextmanager
async def email() -> AsyncIterator[Rig]:
    async with serve_mail() as server:
        yield Rig(
            name="email",
            settings={
                "host": "127.0.0.1",
                "port": server.port,
                "sender": "bot@example.org",
                "rate": UNLIMITED,
            },
            people=cast("People", Readers("{}@example.org")),
            screen=cast("Screen", MailScreen(server)),
            trouble=cast("Trouble", MailTrouble(server)),
            nature=replace(_NATURE, splits=False),
        )


@asynccontextmanager
async def wecom() -> AsyncIterator[Rig]:
    async with serve_wecom() as server:
        yield Rig(
            name="wecom",
            settings={"webhook_url": server.url, "rate": UNLIMITED},
            people=cast("People", Readers("{}")),
            screen=cast("Screen", WeComScreen(server)),
            trouble=cast("Trouble", WeComTrouble(server)),
            nature=_NATURE,
        )
