"""Events are rows: read in the order in which they were written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import events, requests
from gateway.database.driver import transact
from gateway.database.sqlite import SqliteDriver
from gateway.events import Happened
from tests.fakes import NOON
from tests.parts import prepared


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[SqliteDriver]:
    driver = SqliteDriver(prepared(tmp_path / "gateway.db"))
    yield driver
    driver.close()


def test_what_was_published_is_read_after_what_was_known(driver: SqliteDriver) -> None:
    transact(driver, lambda t: events.publish(t, "event", "x", {"n": 1}, now=NOON))
    known = transact(driver, events.newest)
    transact(driver, lambda t: events.publish(t, "run.failed", "r1", {"n": 2}, now=NOON))

    after = transact(driver, lambda t: events.since(t, known))

    assert after == [Happened(seq=known + 1, kind="run.failed", subject="r1", body={"n": 2})]


def test_a_request_of_another_process_is_an_event_without_a_body(driver: SqliteDriver) -> None:
    transact(driver, lambda t: requests.ask_to_cancel(t, "r1", now=NOON))

    (event,) = transact(driver, lambda t: events.since(t, 0))

    assert (event.kind, event.body) == (requests.CANCEL, None)


def test_nothing_has_happened_in_an_empty_database(driver: SqliteDriver) -> None:
    assert transact(driver, events.newest) == 0
