"""Mails that arrive at a real server, and what its refusals mean."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from channels import email
from channels.base import Surroundings
from channels.email import EmailChannel
from gateway.config import Config
from gateway.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Attachment, Caller, ChatAddress, OutboundMessage, Parcel
from tests.fakes import FakeClock
from tests.servers.certificates import certified
from tests.servers.mail import PASSWORD, USERNAME, MailServer, serve_mail

ANNA = "anna@example.org"


def channel(folder: Path, port: int, **own: Any) -> EmailChannel:
    section = {"host": "127.0.0.1", "port": port, "sender": "bot@example.org", **own}
    config = Config.layered(environment={}, file={"channels": {"mail": {"kind": "email", **section}}})
    return email.create("mail", config, FakeClock(), Surroundings(workspace=folder))


def parcel(
    carrier: EmailChannel, text: str = "hello", *, chat: str = ANNA, thread: str = "", **more: Any
) -> Parcel:
    address = ChatAddress(channel="mail", chat=chat, thread=thread)
    said = OutboundMessage(delivery_id="d1", address=address, caller=Caller.MODEL, text=text, **more)
    (part,) = carrier.render(said)
    return Parcel(id="d1/0", address=address, payload=part.payload)


async def refusal(carrier: EmailChannel, **more: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await carrier.send(parcel(carrier, **more))
    return caught.value


def words(mail: EmailMessage, kind: str = "plain") -> str:
    """One form of what a mail says, with the line ends of this machine."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with serve_mail() as serving:
        yield serving


async def test_a_mail_arrives_with_its_words_twice(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port, subject="[bot]")

    sent_as = await carrier.send(
        parcel(carrier, "# Report\n\nAll is **well**, see [here](https://example.org/a).")
    )

    (mail,) = server.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == ("bot@example.org", ANNA, "[bot] Report")
    assert words(mail) == "Report\n\nAll is well, see here (https://example.org/a).\n"
    assert '<strong>well</strong>, see <a href="https://example.org/a">here</a>' in words(mail, "html")
    assert (mail["Date"], mail["Auto-Submitted"]) == ("Mon, 02 Mar 2026 12:00:00 +0000", "auto-generated")
    assert sent_as == mail["Message-ID"]
    assert (server.envelopes[0].mail_from, server.envelopes[0].rcpt_tos) == ("bot@example.org", [ANNA])


@pytest.mark.parametrize(
    ("sender", "shown", "name"),
    [
        ("Тоcsin Bot <bot@example.org>", "Тоcsin Bot <bot@example.org>", "Тоcsin Bot"),
        ('"Bot, the" <bot@example.org>', '"Bot, the" <bot@example.org>', "Bot, the"),
    ],
)
async def test_the_sender_may_have_a_name(
    server: MailServer, tmp_path: Path, sender: str, shown: str, name: str
) -> None:
    carrier = channel(tmp_path, server.port, sender=sender)

    await carrier.send(parcel(carrier))

    (mail,) = server.mails
    assert (mail["From"], mail["From"].addresses[0].display_name) == (shown, name)
    assert server.envelopes[0].mail_from == "bot@example.org"


async def test_what_other_languages_write_arrives_as_it_was(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port)
    text = "你好，世界 👋\n.\n..\n" + "длинная строка " * 200

    await carrier.send(parcel(carrier, text))

    assert words(server.mails[0]).rstrip() == text.rstrip()
    assert server.mails[0]["Subject"] == "你好，世界 👋"


async def test_a_repeat_is_marked_and_has_the_same_id(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port)
    first = parcel(carrier)

    await carrier.send(first)
    await carrier.send(replace(first, repeat=True))

    one, other = server.mails
    assert one["Message-ID"] == other["Message-ID"]
    assert (one["Subject"], other["Subject"]) == ("hello", "↻ hello")
    assert words(other) == "↻ hello\n"
    assert "<p>↻</p>\n<p>hello</p>" in words(other, "html")


async def test_the_mails_of_one_thread_belong_together(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port)
    for n, thread in enumerate(("standup", "standup", "other", "")):
        await carrier.send(replace(parcel(carrier, f"report {n}", thread=thread), id=f"d{n}/0"))

    first, second, other, none = server.mails
    assert first["References"] == first["In-Reply-To"] == second["References"] != other["References"]
    assert len({mail["Message-ID"] for mail in server.mails}) == 4
    assert none["References"] is None
    assert [mail["Subject"] for mail in server.mails] == ["standup", "standup", "other", "report 3"]


async def test_files_go_with_the_mail(server: MailServer, tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "1.pdf").write_bytes(b"%PDF-\x00\xff")
    file = Attachment(name="bericht ä.pdf", media_type="application/pdf", path="sent/1.pdf", size=7)
    carrier = channel(tmp_path, server.port)

    await carrier.send(parcel(carrier, "the report", attachments=(file,)))

    (attached,) = server.mails[0].iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("bericht ä.pdf", "application/pdf")
    assert attached.get_content() == b"%PDF-\x00\xff"


async def test_a_file_that_is_gone_or_outside_is_a_refusal_that_names_it(
    server: MailServer, tmp_path: Path
) -> None:
    carrier = channel(tmp_path, server.port)
    refusals = [
        await refusal(carrier, attachments=(Attachment(name="x", media_type="", path=path),))
        for path in ("gone.pdf", "../secret", "/etc/passwd")
    ]

    assert {type(error) for error in refusals} == {PermanentDeliveryError}  # P-85
    assert "gone.pdf" in str(refusals[0])
    assert server.mails == []


@pytest.mark.parametrize(
    "chat",
    [
        "",
        "anna",
        "anna@",
        "@example.org",
        "anna@example.org, eve@example.org",
        "Anna <anna@example.org>",
        "anna@example.org\r\nBcc: eve@example.org",
        "anna@example.org\n",
        "anna@exa mple.org",
        "<anna@example.org>",
        "anna@example.org>\r\nRCPT TO:<eve@example.org",
        "änna@example.org",
        "anna@ex..org",
    ],
)
async def test_what_is_no_mail_address_is_never_asked_for(server: MailServer, tmp_path: Path, chat: str) -> None:
    error = await refusal(channel(tmp_path, server.port), chat=chat)

    assert type(error) is PermanentDeliveryError
    assert (server.mails, server.envelopes) == ([], [])


async def test_a_text_cannot_write_headers(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port)

    await carrier.send(parcel(carrier, "hi\u2028Bcc: eve@example.org\x0bX: y\n\nBcc: eve@example.org"))
    await carrier.send(parcel(carrier, "x", thread="a\r\nBcc: eve@example.org"))

    assert [mail["Bcc"] for mail in server.mails] == [None, None]
    assert server.mails[1]["Subject"] == "a Bcc: eve@example.org"
    assert [envelope.rcpt_tos for envelope in server.envelopes] == [[ANNA], [ANNA]]


@pytest.mark.parametrize(
    ("stage", "answer", "kind"),
    [
        ("MAIL", "451 try later", TransientDeliveryError),
        ("MAIL", "553 not your address", PermanentDeliveryError),
        ("MAIL", "530 log in first", CredentialsRefusedError),
        ("RCPT", "450 busy", TransientDeliveryError),
        ("RCPT", "550 no such user", PermanentDeliveryError),
        ("DATA", "452 full", TransientDeliveryError),
        ("DATA", "554 looks like spam", PermanentDeliveryError),
        ("DATA", "552 too large", PermanentDeliveryError),
    ],
)
async def test_a_refusal_says_whether_trying_again_helps(
    server: MailServer, tmp_path: Path, stage: str, answer: str, kind: type[DeliveryError]
) -> None:
    server.answers[stage] = answer

    error = await refusal(channel(tmp_path, server.port))

    assert type(error) is kind  # P-59
    assert answer in str(error)
    assert server.mails == []


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_connection_that_is_lost_after_the_words_leaves_it_open_whether_they_arrived(
    server: MailServer, tmp_path: Path, moment: str
) -> None:
    server.hang_up = moment

    error = await refusal(channel(tmp_path, server.port))

    assert type(error) is AmbiguousDeliveryError  # P-56


async def test_a_server_that_cannot_be_reached_has_not_got_it(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        error = await refusal(channel(tmp_path, held.getsockname()[1]))

    assert type(error) is TransientDeliveryError


@asynccontextmanager
async def greeting(*lines: bytes) -> AsyncIterator[int]:
    """A server that says these lines to everybody, and then nothing more; its port."""

    speaking: set[asyncio.Task[None]] = set()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        speaking.add(task)
        try:
            for line in lines:
                writer.write(line)
                await reader.readline()
        finally:
            writer.close()

    serving = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with serving:
        yield serving.sockets[0].getsockname()[1]
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)


@pytest.mark.parametrize(
    "lines", [[b"554 go away\r\n"], [b"421 busy\r\n"], [b"220 hi\r\n"], [b"hello?\r\n"], [b"\x00\xff\r\n"]]
)
async def test_a_server_that_speaks_no_mail_has_not_got_it(tmp_path: Path, lines: list[bytes]) -> None:
    async with greeting(*lines) as port:
        error = await refusal(channel(tmp_path, port))

    assert type(error) is TransientDeliveryError


async def test_a_server_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    async with greeting(b"") as port:
        error = await refusal(channel(tmp_path, port, timeout=0.1))

    assert type(error) is TransientDeliveryError


# -- encryption and login ---------------------------------------------------------------------------------------


LOGIN = {"username": USERNAME, "password": PASSWORD}


async def test_it_encrypts_before_it_logs_in(tmp_path: Path) -> None:
    context, trusted = certified(tmp_path)
    async with serve_mail(starttls=context, login=True) as server:
        carrier = channel(tmp_path, server.port, security="starttls", ca_file=str(trusted), **LOGIN)
        await carrier.send(parcel(carrier))

    assert (server.secured, server.logins) == ([True], [USERNAME])


async def test_it_encrypts_from_the_first_byte(tmp_path: Path) -> None:
    context, trusted = certified(tmp_path)
    async with serve_mail(tls=context) as server:
        carrier = channel(tmp_path, server.port, security="tls", ca_file=str(trusted))
        await carrier.send(parcel(carrier))

    assert server.secured == [True]


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_that_nobody_vouches_for_gets_neither_password_nor_mail(
    tmp_path: Path, security: str
) -> None:
    context, _ = certified(tmp_path)
    async with serve_mail(**{security: context}) as server:  # type: ignore[arg-type]
        error = await refusal(channel(tmp_path, server.port, security=security, **LOGIN))

    assert type(error) is TransientDeliveryError
    assert (server.mails, server.logins) == ([], [])


async def test_without_the_encryption_that_was_asked_for_nothing_is_said(tmp_path: Path) -> None:
    async with serve_mail(login=True) as server:
        error = await refusal(channel(tmp_path, server.port, security="starttls", **LOGIN))

    assert type(error) is TransientDeliveryError
    assert "STARTTLS" in str(error)
    assert (server.mails, server.logins) == ([], [])


async def test_a_wrong_password_stops_the_channel_and_is_not_shown(tmp_path: Path) -> None:
    async with serve_mail(login=True) as server:
        error = await refusal(channel(tmp_path, server.port, **{**LOGIN, "password": "SENTINEL-wrong"}))

    assert type(error) is CredentialsRefusedError
    assert "535" in str(error)
    assert "SENTINEL" not in f"{error!r} {error.__cause__!r}"  # P-87


async def test_a_server_that_lets_nobody_log_in_is_said(server: MailServer, tmp_path: Path) -> None:
    error = await refusal(channel(tmp_path, server.port, **LOGIN))

    assert type(error) is CredentialsRefusedError
    assert "lets nobody log in" in str(error)


# -- settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"host": ""}, r"channels\.mail\.host: missing"),
        ({"sender": ""}, r"channels\.mail\.sender: missing"),
        ({"sender": "me"}, r"channels\.mail\.sender: 'me' is no mail address"),
        ({"sender": "Me <me>"}, r"channels\.mail\.sender: 'me' is no mail address"),
        ({"sender": "Me <me@example.org> x"}, r"channels\.mail\.sender: .* is no mail address"),
        ({"username": "me"}, r"channels\.mail\.username: goes with a password"),
        ({"security": "ssl"}, r"channels\.mail\.security"),
        ({"ca_file": "/nowhere"}, r"channels\.mail\.ca_file: /nowhere: No such file"),
        ({"hots": "x"}, r"channels\.mail\.hots.*host"),
    ],
)
def test_settings_that_cannot_be_are_said(tmp_path: Path, own: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        channel(tmp_path, 25, **own)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"host": "smtp.example.org"}, "starttls"),
        ({"host": "smtp.example.org", "port": 465}, "tls"),
        ({"host": "localhost"}, "none"),
        ({"host": "relay.example.org", "security": "none"}, "none"),
    ],
)
def test_encryption_is_only_left_out_on_this_machine_unless_somebody_says_so(
    own: dict[str, Any], expected: str
) -> None:
    assert email.Settings(sender="bot@example.org", **own).chosen == expected


async def examined(port: int, **own: Any) -> list[tuple[str, str]]:
    section = {"host": "127.0.0.1", "port": port, "sender": "bot@example.org", **own}
    config = Config.layered(environment={}, file={"channels": {"email": section}})
    return await email.examine("email", config, FakeClock())


async def test_a_check_logs_in_and_sends_nothing(tmp_path: Path) -> None:
    async with serve_mail(login=True) as server:
        right = await examined(server.port, **LOGIN)
        wrong = await examined(server.port, **{**LOGIN, "password": "x"})

    assert right == [("ok", "127.0.0.1 takes mails from bot@example.org (none)")]
    assert wrong[0][0] == "error"
    assert server.mails == []


async def test_it_reads_nothing_lives_and_can_be_asked_whether_it_does(server: MailServer, tmp_path: Path) -> None:
    carrier = channel(tmp_path, server.port)

    await carrier.probe()

    assert carrier.heard_every is None
    assert carrier.paces.limited
