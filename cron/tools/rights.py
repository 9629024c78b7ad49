"""What a scheduled run may do with jobs: the one place that decides it, for every tool; pure."""

SCHEDULED = frozenset({"set_state", "list", "show", "remove", "disable"})
"""What a run may do, all but `list` and `show` to its own job only."""

ITS_OWN = frozenset({"remove", "disable"})


def refusal(action: str, *, own: bool, may_schedule: bool) -> str:
    """Why a run may not do this; empty if it may. `own`: the job that is meant is the run's."""
    if action == "set_state" or may_schedule:  # who may set a state is asked there: persons may not either
        return ""
    if action not in SCHEDULED:
        return f"a scheduled run may not {action} jobs; it may {', '.join(sorted(SCHEDULED))}"
    if action in ITS_OWN and not own:
        return f"a scheduled run may {action} its own job only"
    return ""
