"""Saying something, and what was not sent, on the command line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.home import GatewayLock
from gateway.messages import Part
from gateway.outbox import records
from tests.command_line import CommandLine


def send(tocsin: CommandLine, text: str = "hello") -> str:
    """Say something in a chat whose channel is not configured; returns the id of the delivery."""
    return tocsin("message", "send", "--channel", "telegram", "--to", "5", text).out.strip()


def bring_to(tocsin: CommandLine, delivery: str, state: str) -> None:
    """What a gateway makes of the message: its one part and itself are in this state."""

    def write(transaction: Transaction) -> None:
        (seq, *_), *_ = transaction.execute(sql.UNSENT_LIKE, (len(delivery), delivery)).fetchall()
        records.add_parts(transaction, seq, [Part(payload={"text": "hello"})])
        transaction.execute(sql.END_PARTS, (state, seq))
        if state != "sending":
            transaction.execute(sql.END_MESSAGE, (state, "the chat is gone", "2026-01-01T00:00:00Z", seq))

    tocsin.kept.write(write)


def listed(tocsin: CommandLine, *flags: str) -> list[dict[str, Any]]:
    return list(tocsin("outbox", "list", "--json", *flags).document["messages"])


def test_a_message_is_written_down_for_the_gateway(tocsin: CommandLine) -> None:
    printed = tocsin("message", "send", "--channel", "telegram", "--to", "5", "--thread", "7", "hello")

    (message,) = listed(tocsin)
    assert (printed.status, printed.out) == (0, f"{message['id']}\n")
    assert "delivered when one does" in printed.err
    assert "telegram is not configured yet" in printed.err
    assert (message["caller"], message["chat"], message["thread"], message["text"]) == (
        "operator",
        "5",
        "7",
        "hello",
    )
    assert message["state"] == "open"


def test_with_a_gateway_nothing_has_to_be_said_about_it(tocsin: CommandLine) -> None:
    send(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        printed = tocsin("message", "send", "--channel", "console", "--to", "default", "hello", "--json")

    assert (printed.err, printed.document["gateway"]) == ("", True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--channel", "telegrm", "--to", "5", "x"), "did you mean telegram?"),
        (("--channel", "telegram", "--to", "5", " "), "must not be empty"),
        (("--channel", "telegram", "--to", "5", "x" * 100_001), "at most 100000"),
        (("--channel", "telegram", "x"), "--to"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(
    arguments: tuple[str, ...], words: str, tocsin: CommandLine
) -> None:
    printed = tocsin("message", "send", *arguments)

    assert (printed.status, words in printed.err) == (2, True)
    assert not tocsin.path.exists()


def test_an_empty_outbox_is_said_and_nothing_is_made(tocsin: CommandLine) -> None:
    printed, unknown = tocsin("outbox", "list"), tocsin("outbox", "retry", "x")

    assert (printed.status, printed.out) == (0, "Everything was sent.\n")
    assert (unknown.status, "there is no unsent message 'x'" in unknown.err) == (1, True)
    assert not tocsin.path.exists()


def test_what_is_dead_or_unknown_is_listed_with_its_error(tocsin: CommandLine) -> None:
    dead, unknown = send(tocsin), send(tocsin)
    bring_to(tocsin, dead, "dead")
    bring_to(tocsin, unknown, "unknown")

    found = {message["id"]: message for message in listed(tocsin)}

    assert (found[dead]["state"], found[unknown]["state"]) == ("dead", "unknown")
    assert found[dead]["error"] == "the chat is gone"
    assert "telegram:5" in tocsin("outbox", "list").out
    assert tocsin("status", "--json").document["outbox"]["dead"] == 1


@pytest.mark.parametrize(("state", "repeats"), [("dead", 0), ("unknown", 1)])
def test_a_retry_opens_it_again_and_marks_what_may_have_arrived(
    state: str, repeats: int, tocsin: CommandLine
) -> None:
    delivery = send(tocsin)
    bring_to(tocsin, delivery, state)

    printed = tocsin("outbox", "retry", delivery[:14], "--json")

    rows = tocsin.kept.read(lambda t: t.execute("SELECT state, repeats FROM parts").fetchall(), empty=list)
    assert printed.document["state"] == "open"
    assert rows == [("pending", repeats)]


def test_what_is_still_on_its_way_is_not_repeated(tocsin: CommandLine) -> None:
    delivery = send(tocsin)

    printed = tocsin("outbox", "retry", delivery)

    assert (printed.status, "still on its way" in printed.err) == (1, True)


def test_a_dropped_message_is_out_of_the_way(tocsin: CommandLine) -> None:
    delivery = send(tocsin)

    printed = tocsin("outbox", "drop", delivery)

    assert (printed.status, listed(tocsin)) == (0, [])
    assert [message["error"] for message in listed(tocsin, "--all")] == ["dropped by the operator"]
    assert tocsin("status", "--json").document["outbox"]["dead"] == 0


def test_a_message_that_is_being_sent_is_not_dropped(tocsin: CommandLine) -> None:
    delivery = send(tocsin)
    bring_to(tocsin, delivery, "sending")

    printed = tocsin("outbox", "drop", delivery)

    assert (printed.status, "is being sent at this moment" in printed.err) == (1, True)
    assert listed(tocsin)[0]["state"] == "open"


def test_the_beginning_of_two_ids_is_ambiguous(tocsin: CommandLine) -> None:
    send(tocsin)
    send(tocsin)

    printed = tocsin("outbox", "drop", "operator.")

    assert (printed.status, "the beginning of several ids" in printed.err) == (2, True)
