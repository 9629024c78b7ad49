"""Who inside the process hears of the ends of runs."""

from cron.endings.listeners import hearing
from cron.run import Run, RunStatus
from tests.endings import ended
from tests.jobs import new_job

JOB = new_job(uid="u1", id="a1b2c3d4", name="news")


class Hook:
    """Remembers what it was called with."""

    def __init__(self) -> None:
        self.completed: list[Run] = []
        self.failed: list[Run] = []

    def on_complete(self, run: Run) -> None:
        self.completed.append(run)

    def on_fail(self, run: Run) -> None:
        self.failed.append(run)


def test_a_listener_is_given_the_run_that_succeeded_or_failed() -> None:
    hook = Hook()  # HP-17, HP-18
    succeeded, failed = ended(JOB, RunStatus.SUCCEEDED).run, ended(JOB, RunStatus.TIMED_OUT).run

    for run in (succeeded, failed, ended(JOB, RunStatus.CANCELLED).run, ended(JOB, RunStatus.SKIPPED).run):
        hearing(hook)(JOB, run)

    assert (hook.completed, hook.failed) == ([succeeded], [failed])
