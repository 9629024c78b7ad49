"""Running jobs by hand, and ending runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cron import runs
from cron.endings.spent import day_of, spent_on
from cron.policy import Lifecycle
from cron.run import RunStatus
from gateway import events, requests
from gateway.agent.due import Ending, EndStatus
from gateway.agent.model import Usage
from gateway.cli.cron_run import Watch
from gateway.cli.main import Call
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.home import GatewayLock, prepare
from tests.command_line import CommandLine


@dataclass
class Told(Call):
    """A command's call that keeps what goes to stderr."""

    lines: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        self.lines.append(text)


@contextmanager
def gateway_that(tocsin: CommandLine, status: EndStatus) -> Iterator[None]:
    """Somebody who holds the lock like a gateway, and ends what it finds queued or is asked to cancel."""
    prepare(tocsin.kept.home)
    stopped = threading.Event()
    kept = tocsin.kept

    def end_one(transaction: Transaction) -> None:
        asked = {name for _, name in requests.cancellations(transaction, since=0)}
        for _, run in transaction.execute(sql.OPEN_RUNS).fetchall():
            found = runs.job_of(transaction, run)
            if run in asked or (found is not None and found[0] is RunStatus.QUEUED):
                ending = Ending(status=EndStatus.CANCELLED if run in asked else status, error="so it was")
                runs.finish(transaction, run, ending, now=datetime.now(UTC))

    def work() -> None:
        while not stopped.wait(0.02):
            kept.write(end_one)

    with GatewayLock.take(kept.home, datetime.now(UTC)):
        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            stopped.set()
            worker.join()


def test_without_a_gateway_the_run_takes_place_here(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "drink water", "--every", "1h")

    printed = tocsin("cron", "run", "a", "--json")

    run = printed.document
    assert (printed.status, run["status"], run["trigger"]) == (0, "succeeded", "manual")  # AB-57, PRX-33, PRX-66
    assert (run["output"], run["delivery_status"]) == ("drink water", "sent")
    assert tocsin.job("a")["next_run"] == job["next_run"]  # C-15
    assert tocsin.kept.holder() is None


def test_a_disabled_job_needs_force_and_stays_disabled(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "a")

    refused, forced = tocsin("cron", "run", "a"), tocsin("cron", "run", "a", "--force")

    assert (refused.status, "use --force" in refused.err) == (1, True)  # AB-55
    assert forced.status == 0  # AB-56
    assert (tocsin.job("a")["status"], tocsin.job("a")["run_count"]) == ("disabled", 1)


def test_a_job_that_is_running_is_not_run_again(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    run = tocsin.begin("a")

    printed = tocsin("cron", "run", "a", "--force")

    assert (printed.status, f"run {run}" in printed.err) == (1, True)  # P-31


def test_the_exit_status_follows_the_run_of_the_gateway(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")

    with gateway_that(tocsin, EndStatus.SUCCEEDED):  # AB-57
        good = tocsin("cron", "run", "a", "--wait")
    with gateway_that(tocsin, EndStatus.FAILED):
        waited = tocsin("cron", "run", "a", "--wait")
        started = tocsin("cron", "run", "a")

    assert good.status == 0
    assert (waited.status, "failed: so it was" in waited.err) == (1, True)
    assert (started.status, "The gateway runs" in started.out) == (0, True)


def test_each_attempt_that_fails_is_told_once_while_somebody_waits(tocsin: CommandLine) -> None:
    tocsin.configure('timezone = "Europe/Berlin"')
    tocsin.add("--name", "a", "--prompt", "x", "--every", "1h")
    said: list[str] = []
    name, again = tocsin.begin("a"), datetime(2026, 12, 1, 8, 0, 5, tzinfo=UTC)
    watch = Watch(Told(lines=said), tocsin.kept, name)
    failed = Ending(status=EndStatus.FAILED, error="no answer")

    for _ in range(2):
        tocsin.kept.write(lambda t: runs.wait(t, name, failed, now=again, until=again))
        waiting = [watch.over() for _ in range(3)]
        tocsin.kept.write(lambda t: t.execute(sql.RELEASE_RUN, (name,)).fetchall())
        tocsin.kept.write(lambda t: runs.start(t, name, now=again))
    tocsin.end(name)

    assert waiting == [False] * 3
    assert watch.over()
    assert said == [f"attempt {n} failed: no answer; trying again at 09:00:05" for n in (1, 2)]


# -- cancelling -----------------------------------------------------------------------------------------


def test_a_queued_run_is_cancelled_by_the_beginning_of_its_id(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    run = tocsin.claim("a")

    printed = tocsin("cron", "cancel", run[:6], "--json")

    assert (printed.status, printed.document["status"]) == (0, "cancelled")
    assert tocsin.status_of(run) is RunStatus.CANCELLED


def test_a_run_that_is_cancelled_is_published_where_its_job_asks_for_it(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")  # HP-41, C-23
    store = tocsin.kept.jobs
    store.put(replace(tocsin.jobs["a"], notify_on=(Lifecycle.CANCELLED,)))
    run = tocsin.claim("a")

    tocsin("cron", "cancel", run)
    again = tocsin("cron", "cancel", run)

    published = [
        event for event in tocsin.kept.read(lambda t: events.since(t, 0), empty=list) if event.subject == run
    ]
    assert again.status == 1
    assert tocsin.status_of(run) is RunStatus.CANCELLED
    assert [event.kind for event in published] == ["run.cancelled"]
    assert published[0].body["error"] == "cancelled by the operator"


def test_what_a_run_has_cost_is_booked_when_it_is_cancelled_between_two_attempts(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--prompt", "x", "--every", "1h")
    run, now = tocsin.begin("a"), datetime.now(UTC)
    failed = Ending(status=EndStatus.FAILED, error="no answer", usage=Usage(input_tokens=700, output_tokens=30))
    tocsin.kept.write(lambda t: runs.wait(t, run, failed, now=now, until=now))

    cancelled = tocsin("cron", "cancel", run)

    day = day_of(datetime.now(UTC), "UTC")
    of_owner = tocsin.kept.read(lambda t: spent_on(t, day, "owner:operator"), empty=lambda: None)
    assert cancelled.status == 0
    assert of_owner is not None
    assert (of_owner.input_tokens, of_owner.output_tokens) == (700, 30)


def test_a_run_that_a_crash_left_is_cancelled_without_a_gateway(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    run = tocsin.begin("a")

    assert tocsin("cron", "cancel", run).status == 0

    assert tocsin.status_of(run) is RunStatus.CANCELLED


def test_a_running_run_is_ended_by_the_gateway(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    run = tocsin.begin("a")

    with gateway_that(tocsin, EndStatus.SUCCEEDED):
        printed = tocsin("cron", "cancel", run)

    assert printed.out == f'Cancelled run {run} of "a" ({tocsin.job("a")["id"]}).\n'  # HP-41
    assert tocsin.status_of(run) is RunStatus.CANCELLED


def test_what_is_over_or_unknown_cannot_be_cancelled(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    run = tocsin.past_run("a")

    over, unknown, strange = (tocsin("cron", "cancel", name) for name in (run, "0123456789abcdef0", "%"))

    assert (over.status, "over already: succeeded" in over.err) == (1, True)
    assert (unknown.status, strange.status) == (1, 1)


def test_the_beginning_of_two_runs_is_ambiguous(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h", "--overlap", "allow_all")
    begun = [tocsin.claim("a")[0]]
    while len(set(begun)) == len(begun):
        begun.append(tocsin.claim("a")[0])

    printed = tocsin("cron", "cancel", begun[-1])

    assert (printed.status, "the beginning of several runs" in printed.err) == (2, True)
