"""Addresses: what they are called where they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.outbox.records import decode_message, encode_message

words = st.text(st.sampled_from("a1:%3A-_/ é"), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("address", "owner", "session"),
    [
        (ChatAddress(channel="telegram", chat="634643933"), "telegram:634643933", "telegram:634643933"),  # AB-59
        (ChatAddress(channel="telegram", chat="-100", thread="7"), "telegram:-100", "telegram:-100:7"),
        (ChatAddress(channel="tg2", chat="1"), "tg2:1", "tg2:1"),
        (ChatAddress(channel="slack", chat="C1", thread="17.0:1"), "slack:C1", "slack:C1:17.0%3A1"),
        (ChatAddress(channel="web", chat="a:b%c"), "web:a%3Ab%25c", "web:a%3Ab%25c"),
    ],
)
def test_owner_and_session_are_made_from_the_address(address: ChatAddress, owner: str, session: str) -> None:
    assert (address.owner, address.session, str(address)) == (owner, session, session)


@given(words, words, words, words)
def test_two_places_never_share_a_session(chat: str, thread: str, other_chat: str, other_thread: str) -> None:
    one = ChatAddress(channel="c", chat=chat, thread=thread)
    two = ChatAddress(channel="c", chat=other_chat, thread=other_thread)

    assert (one.session == two.session) == (one == two)
    assert (one.owner == two.owner) == (chat == other_chat)


def test_all_threads_of_a_chat_have_one_owner() -> None:
    threads = [ChatAddress(channel="c", chat="1", thread=thread) for thread in ("", "a", "b")]

    assert {address.owner for address in threads} == {"c:1"}


def test_the_words_in_the_place_of_buttons_are_kept_with_a_message() -> None:
    message = OutboundMessage(
        delivery_id="d",
        address=ChatAddress(channel="console", chat="1"),
        caller=Caller.REMINDER,
        text="stretch",
        hint="(/done)",
    )

    assert decode_message(encode_message(message)) == message
