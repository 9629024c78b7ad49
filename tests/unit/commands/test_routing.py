"""Which messages are commands."""

from dataclasses import replace

import pytest

from gateway.commands.routing import is_command, routed, session_of, split
from gateway.messages import ChatAddress, Event, InboundMessage, Press
from tests.unit.commands.asking import MESSAGE


def said(text: str) -> InboundMessage:
    return replace(MESSAGE, text=text)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("/help", "help", ""),
        ("/HELP", "help", ""),
        ("  /help  ", "help", ""),
        ("/help cron", "help", "cron"),
        ("/cron   list  2 ", "cron", "list  2"),
        ("/remind\nin 5 minutes", "remind", "in 5 minutes"),
        ("/stop!", "stop", ""),
        ("/help?", "help", ""),
        ("/frob", "frob", ""),
        ("/помощь", "помощь", ""),
    ],
)
def test_a_text_that_begins_with_a_slash_and_a_word_is_a_command(text: str, name: str, words: str) -> None:
    assert split(text) == (name, words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "help",
        "hello /help",
        "/",
        "//",
        "/ hello",
        "/etc/hosts is a file",
        "/etc/passwd",
        "/2 of it",
        "/a1",
        "/help@other_bot",
        "/_x",
        f"/{'x' * 33}",
        "./run",
        "/://",
    ],
)
def test_what_only_looks_like_a_command_is_for_the_agent(text: str) -> None:
    assert split(text) is None
    assert routed(said(text)) == said(text)


def test_a_command_has_a_session_of_its_own_beside_that_of_its_chat_and_thread() -> None:
    message = replace(said("/help"), address=ChatAddress(channel="test", chat="1", thread="9"))

    assert routed(message).session_key == "command:test:1:9" == session_of("test:1:9")
    assert is_command(routed(message).session_key)
    assert not is_command(message.session_key)


def test_a_button_is_a_command_like_typed_words() -> None:
    pressed = replace(said("/cron list 2"), occasion=Press(message_id="m3"))

    assert is_command(routed(pressed).session_key)


@pytest.mark.parametrize(
    "message",
    [
        replace(said("/help"), addressed=False),
        replace(said("/help"), occasion=Event(id="e", name="hook")),
        replace(said("/help"), session="cron:1:2"),
    ],
)
def test_what_nobody_said_to_us_is_no_command(message: InboundMessage) -> None:
    assert routed(message) == message
