"""Rows of the audit as JSON, and in words; pure."""

from collections.abc import Mapping
from json import dumps, loads

from cron.run import Run
from gateway.audit import Row, Verdict
from gateway.cli.words import line, utc
from gateway.messages import Json

WIDEST = 60  # characters of a value


def row_document(row: Row) -> dict[str, Json]:
    """A row as it is written."""
    entry = row.entry
    job, _, uid = entry.subject.partition(" ") if entry.what.startswith("cron.") else ("", "", "")
    return {
        "seq": row.seq,
        "at": utc(entry.at),
        "who": entry.who,
        "what": entry.what,
        "subject": entry.subject,
        "job_id": job or None,
        "job_uid": uid or None,
        "before": _value(entry.before),
        "after": _value(entry.after),
        "hash": row.hash or None,
    }


def result_document(run: Run) -> dict[str, Json]:
    """How a run ended, in the form of a row. It is told by the run's own record, which is its one home."""
    return {
        "seq": None,
        "at": utc(run.finished_at),
        "who": "gateway",
        "what": "cron.result",
        "subject": f"{run.job_id} {run.job_uid}",
        "job_id": run.job_id,
        "job_uid": run.job_uid,
        "before": None,
        "after": {
            "run": run.id,
            "status": run.status.value,
            "trigger": run.trigger.value,
            "attempt": run.attempt,
            "error": run.error or None,
            "error_class": run.error_class.value if run.error_class else None,
            "delivery_status": run.delivery_status.value,
            "trace_id": run.trace_id,
        },
        "hash": None,
    }


def verdict_document(verdict: Verdict) -> dict[str, Json]:
    return {
        "unbroken": not verdict.breaks,
        "rows": verdict.rows,
        "unchained": verdict.unchained,
        "breaks": list(verdict.breaks),
        "head": verdict.head or None,
    }


def words(document: Mapping[str, Json]) -> str:
    """One row on one line."""
    what = f"{document['at']}  {document['who']}  {document['what']}  {document['job_id'] or document['subject']}"
    told = _told(document["before"], document["after"])
    return line(f"{what}  {told}" if told else what, widest=300)


def _told(before: Json, after: Json) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        return "; ".join(f"{name}: {_short(before.get(name))} → {_short(value)}" for name, value in after.items())
    known = after if before is None else before
    if isinstance(known, dict):
        return "; ".join(f"{name}: {_short(value)}" for name, value in known.items() if value is not None)
    return "" if known is None else str(known)


def _short(value: Json) -> str:
    return line(value if isinstance(value, str) else dumps(value, ensure_ascii=False), widest=WIDEST)


def _value(text: str | None) -> Json:
    if text is None or not text.startswith("{"):
        return text
    try:
        return loads(text)
    except ValueError:  # words of a stranger that begin so
        return text
