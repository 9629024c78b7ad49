"""The frames of the long connection: they come back as they were written, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.feishu.frames import CONTROL, DATA, Frame, FrameError, decode, encode, ping
from channels.feishu.joiner import MOST_EVENTS, PATIENCE, Joiner

TEXTS = st.text(max_size=20)
FRAMES = st.builds(
    Frame,
    seq_id=st.integers(0, 2**64 - 1),
    log_id=st.integers(0, 2**64 - 1),
    service=st.integers(-(2**31), 2**31 - 1),
    method=st.integers(-(2**31), 2**31 - 1),
    headers=st.lists(st.tuples(TEXTS, TEXTS), max_size=5).map(tuple),
    payload_encoding=st.none() | TEXTS,
    payload_type=st.none() | TEXTS,
    payload=st.none() | st.binary(max_size=300),
    log_id_new=st.none() | TEXTS,
)


@given(FRAMES)
def test_a_frame_comes_back_as_it_was_written(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_frame_error(data: bytes) -> None:  # P-53
    try:
        found = decode(data)
    except FrameError:
        return
    assert decode(encode(found)) == found


@given(FRAMES, st.data())
def test_a_frame_that_is_cut_is_none_or_a_smaller_one(frame: Frame, data: st.DataObject) -> None:
    whole = encode(frame)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]

    try:
        found = decode(cut)
    except FrameError:
        return

    assert encode(found) == cut or len(encode(found)) <= len(whole)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x08", "end in a number"),
        (b"\x08" + b"\xff" * 11, "too long"),
        (b"\x00\x01", "the number 0"),
        (b"\x0b", "the wire type 3"),
        (b"\x42\x7f", "end in a field"),
        (b"\x0a\x01x", "number lies there as bytes"),
        (b"\x28\x01", "bytes lie there as a number"),
        (b"\x2a\x03\x0a\x01k", "no name or no value"),
        (b"\x32\x01\xff", "no UTF-8"),
    ],
)
def test_what_is_wrong_with_bytes_is_said(data: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        decode(data)


def test_fields_of_later_versions_are_left_out() -> None:
    more = b"\x50\x01" + b"\x5a\x02hi" + b"\x61" + b"\0" * 8 + b"\x6d" + b"\0" * 4
    frame = Frame(headers=(("type", "event"),), payload=b"{}")

    found = decode(encode(frame) + more)

    assert found == frame


def test_a_ping_names_the_service_and_an_answer_keeps_the_headers() -> None:
    frame = Frame(seq_id=7, method=DATA, headers=(("type", "event"), ("seq", "0")), payload=b"event")

    answer = frame.answer(b"ack", ("biz_rt", "3"))

    assert ping(12) == Frame(service=12, method=CONTROL, headers=(("type", "ping"),))
    assert answer.headers == (("type", "event"), ("seq", "0"), ("biz_rt", "3"))
    assert (answer.payload, answer.seq_id) == (b"ack", 7)


@given(st.permutations(range(4)))
def test_the_pieces_of_an_event_are_joined_in_their_order(order: list[int]) -> None:
    joiner, pieces = Joiner(), [b"a", b"bb", b"", b"c"]

    found = [joiner.add("m", 4, place, pieces[place], 0.0) for place in order]

    assert found == [None, None, None, b"abbc"]
    assert len(joiner) == 0


def test_an_event_in_one_frame_is_whole_at_once() -> None:
    assert Joiner().add("m", 1, 0, b"all", 0.0) == b"all"


def test_a_piece_that_comes_twice_completes_nothing() -> None:
    joiner = Joiner()

    assert [joiner.add("m", 2, 0, b"a", 0.0), joiner.add("m", 2, 0, b"a", 0.0)] == [None, None]


def test_what_stays_incomplete_is_forgotten() -> None:
    joiner = Joiner()
    joiner.add("old", 2, 0, b"a", 0.0)

    later = joiner.add("new", 2, 0, b"b", PATIENCE)

    assert later is None
    assert len(joiner) == 1


def test_incomplete_events_are_bounded() -> None:
    joiner = Joiner()

    for number in range(MOST_EVENTS + 10):
        joiner.add(f"m{number}", 2, 0, b"x", 0.0)

    assert len(joiner) == MOST_EVENTS


@pytest.mark.parametrize(("total", "place"), [(2, 2), (2, -1), (100_000, 0)])
def test_numbers_that_cannot_be_are_refused(total: int, place: int) -> None:
    with pytest.raises(ValueError, match="frame"):
        Joiner().add("m", total, place, b"", 0.0)
