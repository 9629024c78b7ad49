"""Witness: what is counted and traced of runs: their claims, their ends, and what was delivered for them."""

from cron.engine.claims import Claimed
from cron.run import Run, RunStatus
from gateway.callbacks.policy import Callback, CallbackState
from gateway.metrics import Meter
from gateway.outbox.records import MessageRecord
from gateway.tracing import Tracer


class Witness:
    """Told by the parts of the gateway; none of it waits."""

    def __init__(self, meter: Meter, tracer: Tracer) -> None:
        self._meter = meter
        self._tracer = tracer

    def claimed(self, one: Claimed) -> None:
        """An occurrence became a run."""
        due = one.due
        self._meter.claimed(due.trigger.value, due.late_by)
        with self._tracer.span("claim", trace_id=due.trace_id, run=due.run, trigger=due.trigger.value):
            """It is done already: the span says when."""

    def over(self, run: Run) -> None:
        """A run has ended, or waits for its next attempt."""
        if run.status is RunStatus.RETRY_WAIT:
            self._meter.retried(run.error_class.value if run.error_class else "")
        elif not run.status.open:
            self._meter.run_over(run.status.value)

    def delivered(self, record: MessageRecord, state: str) -> None:
        """A message is over."""
        message = record.message
        self._meter.message(state)
        facts = {"delivery": message.delivery_id, "channel": message.address.channel, "run": message.run}
        with self._tracer.span("delivery", trace_id=message.trace_id, state=state, **facts):
            """It is done already: the span says when."""

    def called(self, callback: Callback, state: CallbackState) -> None:
        """A machine was called."""
        self._meter.callback(state.value)
        facts = {"callback": callback.id, "host": callback.target.host, "run": callback.run}
        with self._tracer.span("callback", trace_id=callback.trace_id, state=state.value, **facts):
            """It is done already: the span says when."""
