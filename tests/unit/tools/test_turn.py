"""What a tool may know of the turn that calls it."""

from dataclasses import replace

from gateway.messages import ChatAddress, Person
from gateway.tools.base import Turn
from tests.fakes import NOON

TURN = Turn(
    id="t1",
    call_id="t1.1.0",
    session="slack:C1:17.5",
    address=ChatAddress(channel="slack", chat="C1", thread="17.5"),
    sender_id="U1",
    occasion=Person(),
    zone="UTC",
    now=NOON,
)


def test_a_job_that_is_made_in_a_thread_belongs_there() -> None:
    assert TURN.home == TURN.address


def test_a_job_does_not_belong_into_a_thread_that_its_message_only_opens() -> None:
    assert replace(TURN, opens_thread=True).home == ChatAddress(channel="slack", chat="C1")  # CARD-08
