"""/cron, /remind and /schedule: the jobs of a chat, without a model."""

import difflib
from collections.abc import Awaitable, Callable, Mapping

from cron.clerk import Asker, Clerk
from cron.commands import shown, wish
from cron.commands.asking import asker_of
from cron.commands.wish import ADD, REMIND, SCHEDULE, Form
from cron.job import Job, JobStatus
from cron.run import Run
from cron.times import upcoming
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.text import code, page_of
from gateway.errors import NotFoundError, UserError

COUNT, MOST = 5, 20  # of the next times that are shown

USAGE = """\
/cron list [PAGE]
/cron show ID
/cron add WHEN say TEXT (exact words)
/cron add WHEN do TEXT (a task for the assistant)
/cron pause ID, /cron resume ID
/cron run ID (now, beside its schedule)
/cron remove ID
/cron next ID [COUNT]

WHEN: every weekday at 9, tomorrow at 17:30, every 5m, 0 9 * * 1-5
ID: as the list shows it, or the job's name"""

ALIASES = {
    "ls": "list",
    "new": "add",
    "create": "add",
    "disable": "pause",
    "stop": "pause",
    "enable": "resume",
    "delete": "remove",
    "rm": "remove",
}

Action = Callable[[Asker, str], Awaitable[Answer]]


class CronCommand:
    """Lists, shows, makes, changes and stops jobs."""

    info = CommandInfo(name="cron", summary="What is scheduled here: list, show, add, pause, remove", usage=USAGE)

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self._actions: Mapping[str, Action] = {
            "list": self._list,
            "show": self._show,
            "add": self._add,
            "pause": self._pause,
            "resume": self._resume,
            "run": self._run,
            "remove": self._remove,
            "next": self._next,
        }

    async def answer(self, ask: Ask) -> Answer:
        verb, rest = (*ask.words.split(maxsplit=1), "", "")[:2]  # a line break parts them as well
        verb = ALIASES.get(verb.lower(), verb.lower()) or "list"
        if verb.isdecimal():
            return await self._list(asker_of(ask), verb)
        action = self._actions.get(verb)
        if action is None:
            raise UserError(self._unknown(verb))
        reference = rest.strip()
        if not reference and verb not in {"list", "add"}:
            raise UserError(f"Which job? Write /cron {verb} ID; /cron list shows the ids.")
        return await action(asker_of(ask), reference)

    def _unknown(self, verb: str) -> str:
        near = difflib.get_close_matches(verb, self._actions, n=1)
        hint = f" Did you mean /cron {near[0]}?" if near else ""
        return f"{verb[:40]!r} is none of {', '.join(self._actions)}.{hint} A new job: {ADD.example}"

    async def _list(self, asker: Asker, wanted: str) -> Answer:
        found = await self._clerk.all(asker)
        page = page_of(found, wanted)
        return Answer(shown.job_list(page, whole=len(found)), shown.list_buttons(page))

    async def _show(self, asker: Asker, reference: str) -> Answer:
        return await self._shown(asker, await self._clerk.find(asker, reference))

    async def _add(self, asker: Asker, words: str) -> Answer:
        return await made(self._clerk, asker, words, ADD)

    async def _pause(self, asker: Asker, reference: str) -> Answer:
        job = await self._clerk.disable(asker, reference)
        return await self._shown(asker, job, "Paused: it is kept, and does not fire until it is resumed.")

    async def _resume(self, asker: Asker, reference: str) -> Answer:
        before = await self._clerk.find(asker, reference)
        job = await self._clerk.enable(asker, reference)
        # A command that is repeated after a crash may have resumed it itself.
        unpaused = before.status is JobStatus.ENABLED and not asker.replayed
        return await self._shown(asker, job, "It was not paused." if unpaused else "It fires again.")

    async def _run(self, asker: Asker, reference: str) -> Answer:
        name, job, run = await self._clerk.run(asker, reference)
        return Answer(f"Started {shown.named(name, job)} as run {code(run)}. Its schedule stays as it is.")

    async def _remove(self, asker: Asker, reference: str) -> Answer:
        if reference.endswith(" ?"):  # of a button: it is easily touched by mistake
            return Answer(*shown.remove_question(await self._clerk.find(asker, reference.removesuffix(" ?"))))
        try:
            job = await self._clerk.remove(asker, reference)
        except NotFoundError:
            if not asker.replayed:
                raise
            return Answer(f"It is removed: there is no job {code(reference[:80])} here any more.")
        return Answer(f"Removed {shown.title(job)}. It will not fire any more.")

    async def _next(self, asker: Asker, words: str) -> Answer:
        job, wanted = await self._job_and_count(asker, words)
        first = (await self._clerk.facts(job, asker)).next_run
        moments = upcoming.preview(job, first, asker.now, min(wanted, MOST))
        return Answer(shown.upcoming(job, moments, most=MOST if wanted > MOST else None))

    async def _job_and_count(self, asker: Asker, words: str) -> tuple[Job, int]:
        """A name may end in a number itself."""
        try:
            return await self._clerk.find(asker, words), COUNT
        except NotFoundError:
            reference, _, count = words.rpartition(" ")
            if not reference or not count.isdecimal():
                raise
            return await self._clerk.find(asker, reference), max(int(count[:9]), 1)

    async def _shown(self, asker: Asker, job: Job, first: str = "") -> Answer:
        text = shown.details(job, await self._clerk.facts(job, asker))
        return Answer(f"{first}\n{text}" if first else text, shown.actions(job))

    async def here(self, ask: Ask) -> list[str]:
        """What the status of a chat says of its jobs."""
        found = await self._clerk.all(asker_of(ask))
        running = await self._clerk.running([job for job, _ in found])
        return shown.summary(found, running)


class RemindCommand:
    """Makes a reminder: exact words at a time, for which no model is asked."""

    info = CommandInfo(
        name="remind",
        summary="Remind me: /remind in 20 minutes to stretch",
        usage="/remind WHEN TEXT\n/remind TEXT WHEN\n\nWHEN: in 20 minutes, tomorrow at 9, every weekday at 17:30",
    )

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk

    async def answer(self, ask: Ask) -> Answer:
        return await made(self._clerk, asker_of(ask), ask.words, REMIND, quoted=ask.message.reply_text)


class ScheduleCommand:
    """Makes a job, as `/cron add` does, by the name that the command line has for it."""

    info = CommandInfo(
        name="schedule",
        summary="Schedule work: /schedule every monday at 10 do summarise the week",
        usage="/schedule WHEN do TEXT (a task for the assistant)\n/schedule WHEN say TEXT (exact words)\n\n"
        "WHEN: every weekday at 9, tomorrow at 17:30, every 5m, 0 9 * * 1-5",
    )

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk

    async def answer(self, ask: Ask) -> Answer:
        return await made(self._clerk, asker_of(ask), ask.words, SCHEDULE)


async def made(clerk: Clerk, asker: Asker, words: str, form: Form, *, quoted: str = "") -> Answer:
    """Make a job of the words, or of what they answer; the echo of it."""
    found = await clerk.make(asker, lambda maker: wish.read(words, form, maker, quoted=quoted))
    if isinstance(found, Run):
        name = shown.named(found.job_name, found.job_id)
        return Answer(f"Scheduled {name}. It has run already: {found.status.value}.")
    text = shown.echo(found.job, found.facts, done="Scheduled", notes=found.notes)
    return Answer(text, shown.actions(found.job)[:1])
