"""Whatever a session holds, what goes onto the wire is acceptable."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.models.hosted.payload import CallNames, arguments_text, clean, tool_name

ANYTHING = st.text(st.characters())  # lone surrogates too


@given(ANYTHING)
def test_any_text_can_be_written_as_utf8(text: str) -> None:
    written = clean(text).encode()

    assert written.decode() == text or not _encodable(text)


@given(ANYTHING | st.from_type(dict[str, str]).map(json.dumps))
def test_any_arguments_become_an_object(arguments: str) -> None:
    sent = arguments_text(arguments)

    assert isinstance(json.loads(sent), dict)
    assert sent == arguments or "not_an_object" in sent


@given(ANYTHING)
def test_any_name_becomes_one_that_servers_accept(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool_name(name))


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_id_is_ours_where_it_fits_and_always_the_same(call: str) -> None:
    names = CallNames(r"[a-z.0-9]{1,40}", digest_length=9)

    assert names(call) == names(call)
    assert names(call) == call or re.fullmatch(r"[0-9a-f]{9}", names(call))


def _encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
