"""What pressed buttons, the slash command, dialogs and shortcuts of Slack say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.slack.heard import Heard, Nothing, Said, Told, Wanted
from channels.slack.parse import NOT_YOURS, TOO_OLD, Listener, Place, place_of
from gateway.messages import ChatAddress, InboundMessage, Press
from tests.unit.channels.slack_payloads import (
    ANNA,
    BORIS,
    DIRECT,
    EARLIER,
    GENERAL,
    ME,
    TS,
    press,
    shortcut,
    slash,
    submitted,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = {ANNA: "Anna", BORIS: "Boris"}
LISTENER = Listener(channel="slack", me=ME)


def heard(body: Any, listener: Listener = LISTENER) -> Heard:
    return listener.parse(body, NAMES, NOW)


def said(body: Any, listener: Listener = LISTENER) -> InboundMessage:
    found = heard(body, listener)
    assert isinstance(found, Said), found
    return found.message


def is_nothing(body: Any) -> bool:
    return isinstance(heard(body), Nothing)


# -- buttons -----------------------------------------------------------------------------------------------------


def test_a_press_is_what_its_button_stands_for() -> None:
    message = said(press(f"{ANNA}|/cron list 2", thread_ts=EARLIER))

    assert (message.text, message.sender_id, message.group) == ("/cron list 2", ANNA, True)
    assert message.occasion == Press(message_id=TS)
    assert message.address == ChatAddress(channel="slack", chat=GENERAL, thread=EARLIER)


def test_a_press_that_comes_twice_is_one() -> None:
    # P-43
    assert said(press("|/done")).dedupe_keys == said(press("|/done")).dedupe_keys


def test_a_press_by_somebody_else_is_told_why_nothing_happens() -> None:
    found = heard(press(f"{BORIS}|/cron list 2"))

    assert isinstance(found, Told)
    assert (found.user, found.text) == (ANNA, NOT_YOURS)


@pytest.mark.parametrize(
    "body",
    [press("|/forged", blocks=[]), press("|/forged", user="U0OTHER", bot_id="B0OTHER"), press("|")],
)
def test_only_a_button_that_is_really_there_counts(body: Any) -> None:
    found = heard(body)

    assert isinstance(found, Told)
    assert found.text == TOO_OLD


# -- the slash command and the dialog ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", "/help"),
        ("help", "/help"),
        ("/cron list", "/cron list"),
        ("remind in 5m tea &amp; cake", "/remind in 5m tea & cake"),
        ("add every day at 9 say hi", "/cron add every day at 9 say hi"),
    ],
)
def test_the_slash_command_is_a_command(text: str, command: str) -> None:
    """CARD-09"""
    message = said(slash(text))

    assert (message.text, message.sender_id, message.group, message.addressed) == (command, ANNA, True, True)
    assert message.address == ChatAddress(channel="slack", chat=GENERAL)


def test_a_slash_command_in_private_is_private() -> None:
    assert not said(slash("help", chat=DIRECT)).group


@pytest.mark.parametrize(
    "body", [slash("help", chat=DIRECT), submitted("tea", "in 5m", place=f'["{DIRECT}","{TS}"]')]
)
def test_what_is_given_in_some_private_chat_belongs_into_that_with_the_sender(body: Any) -> None:
    found = heard(body)

    assert isinstance(found, Said)
    assert found.private


def test_two_uses_of_a_slash_command_are_two() -> None:
    first, second = said(slash("help")), said(slash("help", trigger="9.9.9"))

    assert first.dedupe_keys != second.dedupe_keys
    assert said(slash("help")).dedupe_keys == first.dedupe_keys


def test_add_alone_opens_the_dialog() -> None:
    found = heard(slash("add"))

    assert isinstance(found, Wanted)
    assert (found.trigger, found.view["private_metadata"]) == ("4.5.6", '["C0GENERAL",""]')


def test_what_is_put_into_the_dialog_is_a_command_in_its_chat() -> None:
    reminder = said(submitted(" tea | cake ", "in | 5m"))
    job = said(submitted("the news", "every day at 9", "ask"))

    assert (reminder.text, reminder.address.chat, reminder.group) == ("/remind in 5m | tea | cake", GENERAL, True)
    assert job.text == "/schedule every day at 9 do the news"


@pytest.mark.parametrize("place", ["", "x", "[1,2]", '["../etc",""]', "null", '["C0GENERAL"]'])
def test_a_dialog_without_a_chat_belongs_to_its_person(place: str) -> None:
    message = said(submitted("tea", "in 5m", place=place))

    assert (message.address.chat, message.group) == ("", False)


@pytest.mark.parametrize("body", [submitted("", "in 5m"), submitted("tea", " "), {"type": "view_submission"}])
def test_a_dialog_that_is_not_filled_starts_nothing(body: Any) -> None:
    assert is_nothing(body)


def test_shortcuts_open_the_dialog() -> None:
    alone = heard(shortcut())
    of_message = heard(shortcut("tocsin_remind", ts=TS, thread_ts=EARLIER, text="remember <@U0BORIS>"))

    assert isinstance(alone, Wanted)
    assert isinstance(of_message, Wanted)
    assert alone.view["private_metadata"] == '["",""]'
    assert of_message.view["private_metadata"] == '["",""]'  # whoever is reminded, the channel did not ask
    assert of_message.view["blocks"][0]["element"]["initial_value"] == "remember @Boris"
    assert is_nothing(shortcut("somebody_else_s"))


def test_p50_presses_are_ordered_by_the_moment_of_the_press() -> None:
    # P-50: and not by that of the message that has the button
    assert place_of(press("|/done")) == Place(GENERAL, "1700000009.000900")
