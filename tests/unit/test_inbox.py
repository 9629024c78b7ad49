"""What was said to the agent: kept as it came, and once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import inbox
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.messages import Attachment, ChatAddress, Due, Event, InboundMessage, Occasion, Person, Press
from tests.fakes import NOON
from tests.parts import prepared

HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=("k1",),
    address=ChatAddress(channel="test", chat="1"),
    text="hello",
    received_at=NOON,
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
occasions = st.one_of(
    st.just(Person()),
    st.builds(Press, message_id=texts),
    st.builds(Event, id=texts, name=texts),
    st.builds(
        Due,
        run=texts,
        scheduled_for=st.just(NOON),
        late_by=st.integers(0, 10**12).map(lambda n: timedelta(milliseconds=n)),
        missed=st.integers(0, 10**6),
        exact=st.booleans(),
    ),
)
messages = st.builds(
    InboundMessage,
    channel=texts,
    sender_id=texts,
    dedupe_keys=st.lists(texts, max_size=3).map(tuple),
    address=st.builds(ChatAddress, channel=texts, chat=texts, thread=texts),
    text=texts,
    received_at=st.just(NOON),
    occasion=occasions,
    session=texts,
    sender_name=texts,
    reply_to=texts,
    attachments=st.lists(st.builds(Attachment, name=texts, media_type=texts, path=texts), max_size=2).map(tuple),
    addressed=st.booleans(),
    group=st.booleans(),
    trace_id=texts,
)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


@given(messages)
def test_a_message_is_read_as_it_was_written(message: InboundMessage) -> None:
    assert inbox.decode(inbox.encode(message)) == message


def test_what_has_its_default_takes_no_room() -> None:
    assert set(inbox.decode(inbox.encode(HELLO)).__slots__) > {"occasion", "session"}
    assert "occasion" not in inbox.encode(HELLO)
    assert "session" not in inbox.encode(HELLO)


@pytest.mark.parametrize(
    ("occasion", "kind"),
    [
        (Person(), "person"),
        (Press(message_id="17"), "person"),
        (Due(run="r", scheduled_for=NOON), "due"),
        (Due(run="r", scheduled_for=NOON, exact=True), "reminder"),
        (Event(id="e", name="n"), "event"),
    ],
)
def test_each_occasion_has_its_kind(occasion: Occasion, kind: str) -> None:
    assert inbox.kind_of(replace(HELLO, occasion=occasion)) == kind


def test_a_redelivery_is_dropped_whichever_of_its_keys_is_known(driver: SqliteDriver) -> None:
    first = replace(HELLO, dedupe_keys=("event 1", "chat 1/ts 1"))  # P-43

    taken = [
        transact(driver, lambda t, keys=keys: inbox.accept(t, replace(first, dedupe_keys=keys))) is not None
        for keys in (first.dedupe_keys, ("event 2", "chat 1/ts 1"), ("event 1",), ("event 2",), ("event 3",))
    ]

    assert taken == [True, False, False, False, True]  # event 2 was seen with a message that was dropped


def test_messages_without_keys_are_never_taken_for_redeliveries(driver: SqliteDriver) -> None:
    typed = replace(HELLO, dedupe_keys=())

    rows = [transact(driver, lambda t: inbox.accept(t, typed)) for _ in range(2)]

    assert [row.seq for row in rows if row] == [1, 2]


def test_what_is_not_done_is_found_again_in_order(driver: SqliteDriver) -> None:
    for n in range(4):
        said = replace(HELLO, dedupe_keys=(f"{n}",), text=f"{n}")
        transact(driver, lambda t, n=n, said=said: inbox.accept(t, said, state="taken" if n % 2 else "waiting"))
    transact(driver, lambda t: t.execute("UPDATE inbox SET state = 'done' WHERE seq = 1"))

    unfinished = transact(driver, inbox.unfinished)
    waiting = transact(driver, inbox.waiting)

    assert [row.seq for row in unfinished] == [2, 3, 4]
    assert [row.seq for row in waiting] == [3]
    assert transact(driver, lambda t: inbox.read(t, 2)).text == "1"


def test_what_a_message_answers_is_kept() -> None:
    asked = replace(HELLO, reply_to="5", reply_text="The invoice is due.", reply_author="Bob")

    assert inbox.decode(inbox.encode(asked)) == asked
