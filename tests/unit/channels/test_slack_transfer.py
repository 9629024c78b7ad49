"""Files to and from Slack."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from channels.slack import SlackChannel
from channels.slack.client import Client
from channels.slack.transfer import Transfer
from gateway.clock import SystemClock
from gateway.errors import AmbiguousDeliveryError, MediaError, PermanentDeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress, Parcel
from tests.fakes import until
from tests.servers.machine import Answer, in_turn, machine
from tests.servers.slack import BOT_TOKEN, SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, BORIS, GENERAL, THERE, Inlet, channel_at, reading


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris", admin=True)
        server.channel(GENERAL, "general", members=[ANNA, BORIS], creator=ANNA)
        yield server


@pytest.fixture
async def channel(slack: SlackServer, tmp_path: Path) -> AsyncIterator[SlackChannel]:
    async with channel_at(slack, tmp_path) as channel:
        yield channel


def file_parcel(path: str, name: str = "note.txt", address: ChatAddress = THERE) -> Parcel:
    payload = {"file": {"path": path, "name": name, "media_type": "text/plain", "kind": "file"}}
    return Parcel(id="d1/0", address=address, payload=payload, said_at=SystemClock().now())


async def test_a_file_of_the_workspace_is_shared_in_its_thread(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "note.txt").write_bytes(b"x" * 600_000)
    thread = slack.say("send it", user=ANNA, channel=GENERAL)
    parcel = file_parcel("out/note.txt", "a note.txt", ChatAddress(channel="slack", chat=GENERAL, thread=thread))

    sent_as = await channel.send(parcel)

    (message,) = [one for one in slack.messages(GENERAL, thread) if one.files]
    assert message.files[0].id == sent_as
    assert (message.files[0].name, len(message.files[0].data)) == ("a note.txt", 600_000)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "missing", "link", "out", ""])
async def test_p85_only_files_inside_the_workspace_are_sent(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path, path: str
) -> None:
    # P-85
    (tmp_path.parent / "secret").write_text("secret")
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path.parent / "secret")

    with pytest.raises(PermanentDeliveryError):
        await channel.send(file_parcel(path))

    assert slack.files == {}


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload"])
@pytest.mark.parametrize("kind", ["lost", "drop", "status"])
async def test_before_a_file_is_shared_nobody_has_seen_it(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path, method: str, kind: Any
) -> None:
    (tmp_path / "note.txt").write_text("hi")
    slack.fault(kind, method=method)

    with pytest.raises(TransientDeliveryError):
        await channel.send(file_parcel("note.txt"))


async def test_p56_a_file_whose_answer_was_lost_is_found(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path
) -> None:
    # P-56
    (tmp_path / "note.txt").write_text("hi")
    slack.fault("lost", method="files.completeUploadExternal")

    with pytest.raises(AmbiguousDeliveryError):
        await channel.send(file_parcel("note.txt"))

    assert await channel.find(file_parcel("note.txt"))


async def test_p56_a_file_that_was_sent_before_is_not_taken_for_the_same_one_sent_again(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path
) -> None:
    # P-56
    (tmp_path / "note.txt").write_text("hi")
    await channel.send(file_parcel("note.txt"))
    again = replace(file_parcel("note.txt"), id="d2/0")
    slack.fault("drop", method="files.completeUploadExternal")
    with pytest.raises(AmbiguousDeliveryError):
        await channel.send(again)

    assert await channel.find(again) is None


async def test_p56_after_a_restart_another_file_of_the_same_name_is_another(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path
) -> None:
    # P-56: what was sent a moment ago must not count as what was lost
    (tmp_path / "note.txt").write_text("yesterday")
    await channel.send(file_parcel("note.txt"))
    (tmp_path / "note.txt").write_text("today, and more of it")

    async with channel_at(slack, tmp_path) as restarted:
        assert await restarted.find(replace(file_parcel("note.txt"), id="d2/0")) is None


async def test_p56_after_a_restart_a_file_is_known_by_its_name(
    slack: SlackServer, channel: SlackChannel, tmp_path: Path
) -> None:
    # P-56
    (tmp_path / "note.txt").write_text("hi")
    sent_as = await channel.send(file_parcel("note.txt"))

    async with channel_at(slack, tmp_path) as later:
        assert await later.find(file_parcel("note.txt")) == sent_as
        assert await later.find(file_parcel("note.txt", "another.txt")) is None


async def fetched(channel: SlackChannel, source: str, limit: int = 1_000_000) -> bytes:
    sink = io.BytesIO()
    await channel.fetch(source, sink, limit=limit)
    return sink.getvalue()


async def source_of(slack: SlackServer, channel: SlackChannel, name: str, data: bytes, kind: str) -> str:
    """A file that somebody sends, as it is handed in."""
    inlet = Inlet()
    async with reading(channel, inlet):
        slack.say("", user=ANNA, files=[slack.file(name, data, kind)])
        await until(lambda: inlet.received)
    (attachment,) = inlet.received[0].attachments
    return attachment.source


async def test_a_file_that_somebody_sent_is_fetched(slack: SlackServer, channel: SlackChannel) -> None:
    source = await source_of(slack, channel, "cat.png", b"png" * 100_000, "image/png")

    assert await fetched(channel, source) == b"png" * 100_000
    assert await fetched(channel, source.partition(" ")[0]) == b"png" * 100_000


async def test_a_page_that_somebody_sent_is_no_login(slack: SlackServer, channel: SlackChannel) -> None:
    source = await source_of(slack, channel, "a.html", b"<html>mine</html>", "text/html")

    assert await fetched(channel, source) == b"<html>mine</html>"


async def test_a_file_that_is_too_large_is_not_fetched(slack: SlackServer, channel: SlackChannel) -> None:
    source = await source_of(slack, channel, "cat.png", b"x" * 2_000, "image/png")

    with pytest.raises(MediaError, match="larger than"):
        await fetched(channel, source, limit=1_999)


async def test_without_the_scope_the_login_page_is_not_taken_for_the_file(
    slack: SlackServer, channel: SlackChannel
) -> None:
    source = await source_of(slack, channel, "cat.png", b"x", "image/png")
    slack.revoke("files:read")

    with pytest.raises(MediaError, match="files:read"):
        await fetched(channel, source)


@pytest.mark.parametrize(
    "source",
    [
        "F01 https://example.org/x",
        "F01 http://files.slack.com.example.org/x",
        "F01 file:///etc/passwd",
        "F01 ftp:x",
    ],
)
async def test_the_token_goes_to_slack_alone(channel: SlackChannel, source: str) -> None:
    with pytest.raises(MediaError, match="not on Slack"):
        await fetched(channel, source)


async def test_nobody_is_followed_to_another_place(tmp_path: Path) -> None:
    async with machine() as elsewhere:
        away = Answer(status=302, headers={"Location": elsewhere.url("/private")}, body=b"")
        async with machine(in_turn(away)) as base:
            client = Client(BOT_TOKEN, api_base=base.url("/api"))
            with pytest.raises(MediaError):
                await Transfer(client, tmp_path).fetch(f"F01 {base.url('/cat.png')}", io.BytesIO(), limit=100)
            await client.close()

        assert elsewhere.received == []


async def test_a_file_that_is_gone_is_said_so(channel: SlackChannel) -> None:
    with pytest.raises(MediaError, match="not on Slack any more"):
        await fetched(channel, "F0NOTHING")


async def test_a_file_that_cannot_be_had_now_is_asked_for_again(slack: SlackServer, channel: SlackChannel) -> None:
    source = await source_of(slack, channel, "cat.png", b"x", "image/png")
    slack.fault("status", method="download", status=502)

    with pytest.raises(TransientDeliveryError):
        await fetched(channel, source)
