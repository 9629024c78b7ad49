"""Jobs as chats see them: in Markdown, with buttons. Names and texts are data, and shown as they are. Pure."""

from collections.abc import Sequence

from cron import listing
from cron.endings.notices import moment_text
from cron.job import Job, JobStatus
from cron.making.draft import often
from cron.overview import Facts
from cron.schedule import At
from cron.times.upcoming import Fire
from gateway.commands.base import Buttons
from gateway.commands.text import Page, code, one_line, plain
from gateway.messages import Button

ROW = 5  # buttons beside each other
SOON = 3  # jobs in a summary


def title(job: Job) -> str:
    return named(job.name, job.id)


def named(name: str, job_id: str) -> str:
    """How a job is named wherever it is spoken of."""
    return f"**{one_line(name) or 'job'}** ({code(job_id)})"


def echo(job: Job, facts: Facts, *, done: str, notes: Sequence[str] = ()) -> str:
    """What was understood: the text, the absolute time and the zone."""
    lines = [f"{done} {title(job)}: {plain(listing.when(job))}."]
    if not isinstance(job.schedule, At):
        lines.append(f"Next: {_next(job, facts)}.")
    lines.append(f"It {one_line(listing.what(job, widest=500), widest=520)}")
    return "\n".join([*lines, *(plain(note) for note in (often(job), *notes) if note)])


def job_list(page: Page[tuple[Job, Facts]], *, whole: int) -> str:
    """A page of the list; `whole`: how many jobs there are."""
    if not page.items:
        return "Nothing is scheduled here. `/remind in 20 minutes to stretch` makes a reminder."
    count = "1 job" if whole == 1 else f"{whole} jobs"
    lines = [f"{count} here:", ""]
    for n, (job, facts) in enumerate(page.items, start=page.first):
        lines += [f"{n}. {title(job)}", f"   {_line(job, facts)}"]
    return "\n".join([*lines, "", "`/cron show ID` shows one.", *page.hint("/cron list")])


def list_buttons(page: Page[tuple[Job, Facts]]) -> Buttons:
    """A button for each job of the page, and those to the other pages."""
    numbered = [
        Button(label=str(n), data=f"/cron show {job.id}") for n, (job, _) in enumerate(page.items, page.first)
    ]
    rows = [tuple(numbered[start : start + ROW]) for start in range(0, len(numbered), ROW)]
    turning = page.turning("/cron list")
    return (*rows, turning) if turning else tuple(rows)


def details(job: Job, facts: Facts) -> str:
    """Everything that a person wants to know of one job."""
    reason = f" ({one_line(job.status_reason, widest=300)})" if job.status_reason else ""
    lines = [
        f"{title(job)}, {job.status.value}{reason}",
        f"- {plain(listing.when(job))}",
        f"- next: {_next(job, facts)}",
        f"- last: {_last(job, facts)}",
        f"- it {one_line(listing.what(job, widest=2_000), widest=2_020)}",
    ]
    if facts.last_error:
        lines.append(f"- last error: {one_line(facts.last_error, widest=500)}")
    return "\n".join(lines)


def actions(job: Job) -> Buttons:
    """What can be done to one job."""
    switch = ("Pause", "pause") if job.status is JobStatus.ENABLED else ("Resume", "resume")
    return (
        (
            _button(*switch, job),
            _button("Run now", "run", job),
            Button(label="Remove", data=f"/cron remove {job.id} ?"),
        ),
        (Button(label="‹ List", data="/cron list"),),
    )


def remove_question(job: Job) -> tuple[str, Buttons]:
    yes, no = _button("Yes, remove it", "remove", job), _button("No", "show", job)
    return f"Remove {title(job)} for good?", ((yes, no),)


def upcoming(job: Job, moments: Sequence[Fire], *, most: int | None = None) -> str:
    """The next times of a job; `most`: so many are shown, and more were asked for."""
    if not moments:
        return f"{title(job)} does not fire any more."
    asleep = "" if job.status is JobStatus.ENABLED else f" if it were enabled (it is {job.status.value})"
    lines = [f"{title(job)} fires next{asleep}:", *(_fire(one, job.tz) for one in moments)]
    shown = sum(one.fires for one in moments)
    return "\n".join([*lines, f"At most {most} are shown."] if most == shown else lines)


def _fire(one: Fire, zone: str) -> str:
    remarks = "; ".join(one.remarks)
    return f"- {moment_text(one.at, zone)}{f', {plain(remarks)}' if remarks else ''}"


def summary(found: Sequence[tuple[Job, Facts]], running: Sequence[Job]) -> list[str]:
    """What the status of a chat says of its jobs, a line each."""
    lines = [f"Running: {title(job)}" for job in running[:SOON]]
    due = sorted(((facts.next_run, job) for job, facts in found if facts.next_run), key=lambda pair: pair[0])
    count = "1 job here" if len(found) == 1 else f"{len(found) or 'No'} jobs here"
    soon = [f"- {moment_text(at, job.tz)}: {title(job)}" for at, job in due[:SOON]]
    return [*lines, f"{count}; next:" if soon else f"{count}.", *soon]


def _button(label: str, verb: str, job: Job) -> Button:
    return Button(label=label, data=f"/cron {verb} {job.id}")


def _line(job: Job, facts: Facts) -> str:
    what = one_line(listing.what(job, widest=60))
    if job.status is not JobStatus.ENABLED:
        reason = f" ({one_line(job.status_reason)})" if job.status_reason else ""
        follows = f"{job.status.value}{reason}"
    elif isinstance(job.schedule, At) and facts.next_run is not None:
        return f"{plain(listing.when(job))}, {what}"  # it is when it is
    else:
        follows = f"next {_next(job, facts)}" if facts.next_run else "over"
    return f"{plain(listing.when(job))}, {follows}, {what}"


def _next(job: Job, facts: Facts) -> str:
    return moment_text(facts.next_run, job.tz) if facts.next_run else "never"


def _last(job: Job, facts: Facts) -> str:
    if facts.last_run is None:
        return "never"
    status = f", {facts.last_status}" if facts.last_status else ""
    return f"{moment_text(facts.last_run, job.tz)}{status}, {facts.run_count} so far"
