"""The gateway runs for long, under load, while everything around it breaks; TOCSIN_SOAK_MINUTES says how long."""

from pathlib import Path

import pytest

from tests.journeys.soak.ledger import ASKED, DUE, Ledger
from tests.journeys.soak.outcome import Outcome, Plan
from tests.journeys.soak.run import soaking
from tests.journeys.telegram_process import telegram_process
from tests.servers.telegram_records import Sent

PLAN = Plan.from_environment()
GROWTH = 5.0  # MiB
SWAY = 20  # messages: a second's worth may wait at any time


@pytest.mark.nightly
@pytest.mark.timeout(PLAN.seconds + 600)
async def test_a_gateway_that_runs_for_long_loses_nothing_and_does_not_grow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    with telegram_process("--keep", "20000") as server:
        async with soaking(tmp_path, server.url, PLAN, tell) as soak:
            outcome = await soak.run()

    tell(f"\n{outcome.table()}")
    _assert_that_nothing_is_lost(outcome)
    _assert_that_nothing_grows(outcome)
    assert outcome.status == 0


def _assert_that_nothing_is_lost(outcome: Outcome) -> None:
    """P-33, P-42, P-50, P-56: also through kills and a network that breaks."""
    ledger = outcome.ledger
    assert outcome.lost == []
    assert outcome.left == {}
    assert ledger.said_again == []
    assert ledger.misplaced == ledger.reordered == ledger.others == []


def _assert_that_nothing_grows(outcome: Outcome) -> None:
    """Within the last life, from the moment at which it is warm; a short soak cannot tell for memory."""
    before, after = outcome.queues
    assert after - before <= SWAY
    assert outcome.tasks[1] <= outcome.tasks[0] + 10
    assert outcome.files[1] <= outcome.files[0] + 10
    if outcome.comparable:
        assert outcome.growth <= GROWTH


# -- whether it would notice --------------------------------------------------------------------------------------


def _hear(ledger: Ledger, text: str, *, chat: int = 1) -> None:
    ledger.heard(
        Sent(
            number=1,
            method="sendMessage",
            chat=chat,
            thread=0,
            message_id=1,
            text=text,
            raw=text,
            parse_mode="",
            entities=[],
            reply_to=0,
            buttons=[],
            at=0.0,
        )
    )


def _asked(count: int) -> Ledger:
    ledger = Ledger(chats=(1,))
    for _ in range(count):
        ledger.said(0.0)
    return ledger


def _answer(n: int) -> str:
    return f'When should I say "drink {n}"? For example `in 20 minutes`.'


def test_an_answer_and_its_marked_repeat_are_in_order() -> None:
    ledger = _asked(2)

    _hear(ledger, 'Scheduled "stretch 0" (0a1b2c3d): once at noon.')
    _hear(ledger, "stretch 0")
    _hear(ledger, _answer(1))
    _hear(ledger, f"↻ {_answer(1)}")

    assert ledger.open == {}
    assert ledger.said_again == ledger.misplaced == ledger.reordered == ledger.others == []


def test_what_is_not_answered_is_lost() -> None:
    ledger = _asked(2)

    _hear(ledger, _answer(1))

    assert list(ledger.open) == [(ASKED, 0), (DUE, 0)]


def test_a_repeat_without_its_mark_and_a_second_marked_one_are_noticed() -> None:
    ledger = _asked(3)

    for text in (_answer(1), _answer(1), f"↻ {_answer(2)}", f"↻ {_answer(2)}"):
        _hear(ledger, text)

    assert ledger.said_again == [_answer(1), f"↻ {_answer(2)}"]


def test_words_in_a_wrong_chat_out_of_order_or_unasked_are_noticed() -> None:
    ledger = _asked(4)

    _hear(ledger, _answer(1), chat=2)
    _hear(ledger, _answer(3))
    _hear(ledger, _answer(2))
    _hear(ledger, "an error")

    assert ledger.misplaced == [_answer(1)]
    assert ledger.reordered == [_answer(2)]
    assert ledger.others == ["an error"]
