"""What models have cost today, as `tocsin status` shows it; pure."""

from collections.abc import Iterator, Mapping, Sequence

from cron.endings.spent import JOB, OWNER, Spent
from cron.job import Job
from gateway.messages import Json


def spend_document(day: str, spent: Sequence[Spent], jobs: Sequence[Job]) -> dict[str, Json]:
    """In all, by job and by owner, the most first. A job that is gone has no name any more."""
    names = {job.uid: job for job in jobs}
    owners = [one for one in spent if one.subject.startswith(OWNER)]
    of_jobs = [(one.subject.removeprefix(JOB), one) for one in spent if one.subject.startswith(JOB)]
    return {
        "day": day,
        **_total(owners),
        "jobs": [
            {"uid": uid, "name": names[uid].name if uid in names else None, **_total([one])}
            for uid, one in of_jobs
        ],
        "owners": [{"owner": one.subject.removeprefix(OWNER), **_total([one])} for one in owners],
    }


def spend_lines(document: Mapping[str, Json]) -> Iterator[str]:
    """For people; nothing when nothing was spent."""
    if document["input_tokens"] or document["output_tokens"]:
        yield f"Spent on {document['day']}: {_words(document)}"
    for job in document["jobs"]:
        yield f'Spent by "{job["name"] or job["uid"]}": {_words(job)}'


def _words(total: Mapping[str, Json]) -> str:
    money = f", {total['money']:.4f} in money" if total["money"] else ""
    return f"{total['input_tokens']:,} tokens in, {total['output_tokens']:,} out{money}"


def _total(spent: Sequence[Spent]) -> dict[str, Json]:
    return {
        "input_tokens": sum(one.input_tokens for one in spent),
        "output_tokens": sum(one.output_tokens for one in spent),
        "money": round(sum(one.money for one in spent), 6),
    }
