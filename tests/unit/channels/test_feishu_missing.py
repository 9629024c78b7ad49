"""Events in which something is missing that is not needed: what they say is not lost, and nothing else is."""

import json
from typing import Any

import pytest

from channels.feishu.parse import Chosen, Nothing, Pressed, Said
from channels.feishu.seal import Sealed
from tests.unit.channels.feishu_desk import ANNA, APP, GROUP, SEAL, US, event, heard, press, received

Json = Any
CHOSEN = {"operator": {"operator_id": {"open_id": ANNA}}, "event_key": "help", "timestamp": 1_700_000_000}
FIELDS = ("chat_type", "root_id", "parent_id", "thread_id", "create_time", "mentions")


def without(payload: bytes, **header: Json) -> bytes:
    """The event with another header."""
    whole = json.loads(payload)
    return json.dumps({**whole, "header": {**whole["header"], **header}}).encode()


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_null_costs_no_message(field: str) -> None:
    assert isinstance(heard(received(**{field: None})), Said)


@pytest.mark.parametrize("change", [{"key": None}, {"name": None}, {"id": None}, {"id": {"open_id": None}}])
def test_a_mention_with_nothing_in_it_costs_no_message_and_is_not_us(change: Json) -> None:
    found = heard(received(text="hello @_user_1", chat=GROUP, mentions=[{**US, **change}]))

    assert isinstance(found, Said)
    assert found.message.addressed is ("id" not in change)


def test_a_moment_may_be_told_as_a_number() -> None:
    number, text = (heard(received(create_time=one)) for one in (1_700_000_000_000, "1700000000000"))

    assert isinstance(number, Said)
    assert isinstance(text, Said)
    assert number.message.dedupe_keys == text.message.dedupe_keys


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_has_no_id_is_not_taken_for_everything_else_without_one(nothing: Json) -> None:  # P-43
    payload = without(received(create_time=nothing), event_id=nothing)

    found = heard(payload)

    assert isinstance(found, Said)
    assert found.message.dedupe_keys == (f"feishu:{APP}:om_1",)


@pytest.mark.parametrize("nothing", [None, "", 0])
def test_the_same_menu_at_an_unknown_moment_is_known_by_its_event_alone(nothing: Json) -> None:
    found = heard(event("application.bot.menu_v6", {**CHOSEN, "timestamp": nothing}))

    assert isinstance(found, Chosen)
    assert f"feishu:{APP}:e1" in found.keys


def test_presses_and_menus_that_cannot_be_told_from_repeats_start_nothing_and_that_is_said() -> None:
    sealed = Sealed(chat=GROUP, data="/done 1")
    chosen = event("application.bot.menu_v6", {**CHOSEN, "timestamp": None})

    found = [heard(without(one, event_id="")) for one in (press(sealed, token=""), chosen)]

    assert [isinstance(one, Nothing) and one.odd for one in found] == [True, True]
    assert isinstance(heard(without(press(sealed), event_id="")), Pressed)  # its token is enough


def test_an_event_that_cannot_be_read_is_odd_and_one_of_no_interest_is_not() -> None:
    told = {"operator": {"open_id": ANNA}, "action": {"value": SEAL.value(Sealed(chat=GROUP, data="x"))}}

    unread, other = heard(event("card.action.trigger", told)), heard(event("im.message.recalled_v1", {}))

    assert isinstance(unread, Nothing)
    assert isinstance(other, Nothing)
    assert (unread.odd, other.odd) == (True, False)


@pytest.mark.parametrize("key", ["\ud83d", "é", "a/b", "a b", ""])
def test_a_file_whose_key_is_none_is_left_out_and_the_words_are_kept(key: str) -> None:
    post = {"content": [[{"tag": "text", "text": "see"}, {"tag": "img", "image_key": key}]]}

    found = heard(received(post, kind="post"))

    assert isinstance(found, Said)
    assert (found.message.text, found.message.attachments) == ("see", ())
