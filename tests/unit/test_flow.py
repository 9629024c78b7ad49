"""What joins a turn by the configuration, and how often its chat is edited."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.chats import Chats
from gateway.config import Config
from gateway.flow import pause_of, rules_of
from gateway.messages import ChatAddress, InboundMessage
from gateway.outbox.pace import Rate, paces_of
from tests.fakes import NOON, FakeClock
from tests.parts import open_database

HOSTED = {"provider": "openai", "name": "m", "base_url": "http://127.0.0.1:9/v1"}


def config(**sections: object) -> Config:
    return Config.layered(environment={}, file=dict(sections))


async def test_by_default_messages_steer_and_nothing_waits(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        rules = rules_of(config(model=HOSTED), Chats(database))

    assert (rules.steer, rules.debounce) == (True, timedelta())


async def test_the_offline_assistant_reads_one_message_at_a_time(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        rules = rules_of(config(agent={"debounce": "2s", "steer": True}), Chats(database))

    assert (rules.steer, rules.debounce) == (False, timedelta())


@pytest.mark.parametrize(("channel", "alone"), [("console", True), ("telegram", False)])
async def test_a_line_of_a_terminal_keeps_its_own_turn(tmp_path: Path, channel: str, alone: bool) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        rules = rules_of(config(model=HOSTED), Chats(database))
    line = InboundMessage(
        channel=channel,
        sender_id="anna",
        dedupe_keys=(),
        address=ChatAddress(channel=channel, chat="1"),
        text="hello",
        received_at=NOON,
    )

    assert rules.alone(line) is alone


@pytest.mark.parametrize(("chat", "seconds"), [("7", 1.0), ("-7", 3.0), ("8", 1.0)])
def test_edits_never_fill_a_window_of_their_chat(chat: str, seconds: float) -> None:
    paces = paces_of(
        Rate(per_second=30, per_chat=1, per_group_minute=20), is_group=lambda chat: chat.startswith("-")
    )

    assert pause_of(paces, chat) == timedelta(seconds=seconds)


def test_a_channel_without_limits_asks_for_no_pause() -> None:
    assert pause_of(paces_of(), "7") == timedelta()
