"""Commands as they are typed in Slack."""

import pytest

from channels.slack.spelling import spelled
from gateway.messages import Caller, ChatAddress, OutboundMessage

NAMES = ("cron", "help", "remind", "pair", "timezone", "new")
CHAT = ChatAddress(channel="slack", chat="D1")


def said(text: str, caller: Caller = Caller.COMMAND) -> str:
    return spelled(OutboundMessage(delivery_id="d", address=CHAT, caller=caller, text=text), NAMES).text


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("/help lists them.", "/tocsin help lists them."),
        ("Write `/cron show ID`, or /cron.", "Write `/tocsin cron show ID`, or /tocsin cron."),
        ("They send me here `/pair approve K7Q2WX9M`.", "They send me here `/tocsin pair approve K7Q2WX9M`."),
        ('"/remind in 20 minutes tea"\n/new', '"/tocsin remind in 20 minutes tea"\n/tocsin new'),
        ("(/timezone Europe/Berlin changes that)", "(/tocsin timezone Europe/Berlin changes that)"),
        (
            "/etc/cron/help stays, and https://example.com/help",
            "/etc/cron/help stays, and https://example.com/help",
        ),
        ("/cron/list is a path, /helper no command", "/cron/list is a path, /helper no command"),
        ("and/new, a.b/help", "and/new, a.b/help"),
    ],
)
def test_the_gateway_names_commands_as_slack_takes_them(text: str, typed: str) -> None:
    assert said(text) == typed


@pytest.mark.parametrize("caller", [Caller.MODEL, Caller.REPLY, Caller.REMINDER, Caller.SHELL, Caller.OPERATOR])
def test_what_others_say_stays_as_it_is(caller: Caller) -> None:
    assert said("/help lists them.", caller) == "/help lists them."


def test_the_assistant_that_is_built_in_speaks_for_the_gateway() -> None:
    message = OutboundMessage(delivery_id="d", address=CHAT, caller=Caller.REPLY, text="try /help")

    assert spelled(message, NAMES, ours={Caller.REPLY}).text == "try /tocsin help"
    assert spelled(message, (), ours={Caller.REPLY}) is message
