"""Child processes for tests of crashes: forked, so that a round takes milliseconds."""

import os
import sys
import traceback
from collections.abc import Callable


def start(work: Callable[[], None]) -> int:
    """Run `work` in a child; returns its pid. The child ends with 0, or with 70 after an exception."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  # whatever it is must not get back into the test run
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)


def end(pid: int) -> int:
    """Wait for a child; its exit status, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
