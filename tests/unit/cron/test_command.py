"""/cron and /remind: what is understood, done and answered."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.book import JobBook
from cron.commands import shown, wish
from cron.commands.clerk import Clerk
from cron.commands.cron import CronCommand, RemindCommand
from cron.commands.wish import ADD, REMIND, Form
from cron.draft import Maker
from cron.job import AgentPrompt, Job, JobStatus, Say
from cron.overview import Facts
from cron.runs import run_of
from cron.schedule import At, Every
from cron.stores.memory import MemoryStore
from cron.tool import Rules
from gateway.commands.base import Answer, Ask
from gateway.commands.text import page_of
from gateway.errors import NotFoundError, UserError
from gateway.messages import ChatAddress
from tests.fakes import NOON, FakeClock
from tests.jobs import new_job
from tests.parts import open_database
from tests.unit.commands.asking import HERE, THERE, ask

MAKER = Maker(now=NOON, zone="Europe/Berlin", languages=("en", "de"))


# -- what is understood -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "when", "say"),
    [
        ("in 20 minutes to stretch", "in 20 minutes", "stretch"),
        ("in 20 minutes: tea", "in 20 minutes", "tea"),
        ("me tomorrow at 9 call mum", "tomorrow at 9", "call mum"),
        ("to call mum tomorrow at 9", "tomorrow at 9", "call mum"),
        ("me to stretch in 20 minutes", "in 20 minutes", "stretch"),
        ("me about the meeting tomorrow at 10", "tomorrow at 10", "the meeting"),
        ("every weekday at 9 to write the report", "every weekday at 9", "write the report"),
        ("every 5m do it", "every 5m", "do it"),
        ("in 20 minutes to do the dishes", "in 20 minutes", "do the dishes"),
        ("at 17:30 tell me that it is late", "at 17:30", "it is late"),
        ("at 17:30 tell Bob about it", "at 17:30", "tell Bob about it"),
        ("at 17:30 US elections", "at 17:30", "US elections"),
        ("at 17:30 say goodbye", "at 17:30", "say goodbye"),
        ("30m tea", "in 30m", "tea"),
        ("1h30m tea", "in 1h30m", "tea"),
        ("20 minutes tea", "in 20 minutes", "tea"),
        ("2 hours and 5 minutes tea", "in 2 hours and 5 minutes", "tea"),
        ("tomorrow at 9 | say cheese", "tomorrow at 9", "say cheese"),
        ("2026-12-24 18:00 presents", "2026-12-24 18:00", "presents"),
        ("0 9 * * 1-5 report", "0 9 * * 1-5", "report"),
    ],
)
def test_a_reminder_is_understood_in_the_order_in_which_people_write_it(words: str, when: str, say: str) -> None:
    draft = wish.read(words, REMIND, MAKER)

    assert (draft.when or draft.schedule, draft.say) == (when, say)


@pytest.mark.parametrize(
    ("words", "when", "say", "prompt"),
    [
        ("every weekday at 9 say write the report", "every weekday at 9", "write the report", None),
        ("every weekday at 9 write the report", "every weekday at 9", "write the report", None),
        ("every weekday at 9: say: to me", "every weekday at 9", "to me", None),
        ("every monday at 10 do summarise my mail", "every monday at 10", None, "summarise my mail"),
        ("every monday at 10 prompt summarise my mail", "every monday at 10", None, "summarise my mail"),
        ("say stretch every day at 9", "every day at 9", "stretch", None),
        ("do the numbers tomorrow at 9", "tomorrow at 9", None, "the numbers"),
        ("tomorrow at 9 to do the dishes", "tomorrow at 9", "do the dishes", None),
        ("tomorrow at 9 I say hello", "tomorrow at 9", "I say hello", None),
        ("every day at 9 remind me to drink", "every day at 9", "drink", None),
        ("every 5m say stretch", "every 5m", "stretch", None),
        ("@daily stretch", "@daily", "stretch", None),
        ("@every 5m do look", "@every 5m", None, "look"),
        ("0 9 * * 1-5 do look", "0 9 * * 1-5", None, "look"),
        ('"0 9 * * 1-5" look', "0 9 * * 1-5", "look", None),
        ("'every day at 9' say it", "every day at 9", "it", None),
        ("tomorrow at 9 | do look", "tomorrow at 9", None, "look"),
        ("every day at 9 say one | two", "every day at 9", "one | two", None),
        ("every day at 9 say see you tomorrow at 10", "every day at 9", "see you tomorrow at 10", None),
    ],
)
def test_a_job_is_a_time_and_words_to_say_or_something_to_do(
    words: str, when: str, say: str | None, prompt: str | None
) -> None:
    draft = wish.read(words, ADD, MAKER)

    assert (draft.when or draft.schedule, draft.say, draft.prompt) == (when, say, prompt)


def test_a_bar_lets_other_languages_be_read_too() -> None:
    draft = wish.read("morgen um 9:00 | Zahnarzt", REMIND, MAKER)

    assert (draft.when, draft.say) == ("morgen um 9:00", "Zahnarzt")


@pytest.mark.parametrize(
    ("words", "form", "why"),
    [
        ("", REMIND, "When, and what?"),
        ("stretch", REMIND, "When? I find no time in this"),
        ("in 5 minutes", REMIND, "What should be said then?"),
        ("tomorrow dentist", REMIND, "At what time?"),
        ("", ADD, "When, and what?"),
        ("say hello", ADD, "When? I find no time in this"),
        ("every day at 9", ADD, "What should be said then?"),
        ("every day at 9 do", ADD, "What should be done then?"),
        ("at 9 say x", ADD, "can mean 09:00 or 21:00"),
        ("30m say x", ADD, 'Is "30m" meant as "in 30m"'),
        ("every full moon say boo", ADD, '"every full moon" is not a time'),
        ("99 9 * * * x", ADD, "'99' is not in 0-59"),
        ("@foo x", ADD, "'@foo' is not one of @hourly"),
        ("every 5s say x", ADD, "every 5 s is too often"),
    ],
)
def test_what_is_missing_is_said_with_a_right_example(words: str, form: Form, why: str) -> None:
    with pytest.raises(UserError) as error:
        wish.read(words, form, MAKER)

    assert why in str(error.value)
    assert str(error.value).endswith(f" For example: {form.example}")
    assert "?." not in str(error.value)


PIECES = (
    *("every", "in", "at", "on", "say", "do", "|", "to", "me", "remind", "prompt", "until", ":", ",", '"', "'"),
    *("9", "9am", "5m", "*", "*/5", "0", "20", "minutes", "9:30", "18:00", "2026-12-24", "@daily", "@every"),
    *("tomorrow", "monday", "weekday", "day", "x", "é", "明天"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([ADD, REMIND]))
@settings(max_examples=60, deadline=None)
def test_any_words_are_a_job_or_a_sentence_that_says_why_not(words: list[str], form: Form) -> None:
    said = " ".join(words)
    try:
        draft = wish.read(said, form, MAKER)
    except UserError:
        with pytest.raises(UserError, match=f"{re.escape(form.example)}$"):
            wish.read(said, form, MAKER)
    else:
        assert bool(draft.say) != bool(draft.prompt)
        assert bool(draft.when) != bool(draft.schedule)


# -- what is done and answered ----------------------------------------------------------------------------------


@dataclass
class Counter:
    """The commands, on jobs in memory."""

    clerk: Clerk
    store: MemoryStore
    ran: list[Job]
    used: int = 0

    async def cron(self, words: str = "", **changes: object) -> Answer:
        return await CronCommand(self.clerk).answer(self._ask(words, **changes))

    async def remind(self, words: str, **changes: object) -> Answer:
        return await RemindCommand(self.clerk).answer(self._ask(words, **changes))

    def _ask(self, words: str, **changes: object) -> Ask:
        self.used += 1
        return ask(words, **({"stamp": f"t{self.used}.0.0"} | changes))

    def add(self, **changes: object) -> Job:
        fields = {
            "owner": HERE.owner,
            "address": HERE,
            "payload": Say(text="hi"),
            "created_by": "anna",
            "created_at": NOON + timedelta(microseconds=len(self.store.load())),  # in this order
            "schedule": Every(timedelta(hours=1), NOON),
        }
        return self.store.put(new_job(**(fields | changes)))

    def jobs(self) -> list[Job]:
        return sorted(self.store.load().values(), key=lambda job: job.name)


@asynccontextmanager
async def counter(path: Path, *, rules: Rules | None = None, **options: int) -> AsyncIterator[Counter]:
    store = MemoryStore()
    ran: list[Job] = []

    async def changed() -> None:
        return None

    async def run_now(job: Job, stamp: str) -> str:
        ran.append(job)
        return run_of(stamp)

    async with open_database(path / "gateway.db", FakeClock()) as database:
        clerk = Clerk(
            store=store,
            book=JobBook(store, **options),
            database=database,
            rules=rules or Rules(),
            changed=changed,
            run_now=run_now,
        )
        yield Counter(clerk, store, ran)


async def test_a_reminder_is_made_and_what_was_understood_is_said(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        answer = await desk.remind("in 20 minutes to *stretch*")
        (job,) = desk.jobs()

        assert answer.text.splitlines() == [
            rf"Scheduled **\*stretch\*** (`{job.id}`): once at 2026-03-02 13:20 (Europe/Berlin).",
            r"It says: \*stretch\*",
        ]
        assert job.payload == Say(text="*stretch*")
        assert job.schedule == At(NOON + timedelta(minutes=20))
        assert (job.owner, job.created_by, job.created_in, job.address) == ("test:1", "anna", "test:1", HERE)


async def test_a_task_for_the_assistant_is_made(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        answer = await desk.cron("add every monday at 10 do summarise my mail")
        (job,) = desk.jobs()

        assert job.payload == AgentPrompt(prompt="summarise my mail")
        assert "Next: 2026-03-09 10:00 Mon (Europe/Berlin)." in answer.text
        assert "It does: summarise my mail" in answer.text


async def test_a_command_that_is_repeated_after_a_crash_makes_one_job(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        first = await desk.remind("in 20 minutes tea", stamp="t1.0.0")
        later = await desk.remind("in 20 minutes tea", stamp="t1.0.0", now=NOON + timedelta(minutes=5))

        assert first == later
        assert len(desk.jobs()) == 1


async def test_a_job_in_utc_by_default_is_said_to_be_so(tmp_path: Path) -> None:
    async with counter(tmp_path, rules=Rules(zone_is_default=True)) as desk:
        unasked = await desk.remind("in 20 minutes tea", zone="UTC")
        chosen = await desk.remind("in 20 minutes tea")

        assert "/timezone Area/City changes that" in unasked.text
        assert "/timezone" not in chosen.text


async def test_a_chat_has_no_more_jobs_than_it_may(tmp_path: Path) -> None:
    async with counter(tmp_path, jobs_per_owner=1) as desk:
        await desk.remind("in 20 minutes tea")

        with pytest.raises(UserError, match="this chat has 1 jobs, and may have 1"):
            await desk.remind("in 30 minutes tea")


async def test_without_jobs_the_list_says_how_to_make_one(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        answer = await desk.cron()

        assert answer == Answer(
            "Nothing is scheduled here. `/remind in 20 minutes to stretch` makes a reminder.", ()
        )


async def test_a_list_has_two_lines_and_a_button_for_each_job(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="[a](http://evil)")
        paused = desk.add(name="old", status=JobStatus.DISABLED, status_reason="it has run")

        answer = await desk.cron("list")

        assert answer.text.splitlines() == [
            "2 jobs here:",
            "",
            rf"1. **\[a\](http://evil)** (`{job.id}`)",
            "   every 1h, next 2026-03-02 14:00 Mon (Europe/Berlin), says: hi",
            f"2. **old** (`{paused.id}`)",
            "   every 1h, disabled (it has run), says: hi",
            "",
            "`/cron show ID` shows one.",
        ]
        assert _data(answer) == [f"/cron show {job.id}", f"/cron show {paused.id}"]


async def test_a_long_list_is_paged(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        for n in range(23):
            desk.add(name=f"job {n:02}")

        first, second, third = [await desk.cron(words) for words in ("", "list 2", "3")]

        assert len([line for line in first.text.splitlines() if line.startswith("   ")]) == 10
        assert "`/cron list 2` shows another" in first.text
        assert _data(first)[-1:] == ["/cron list 2"]
        assert _data(second)[-2:] == ["/cron list 1", "/cron list 3"]
        assert [row[-1].label for row in third.buttons] == ["23", "‹ 2/3"]
        assert "21. **" in third.text


async def test_every_button_fits_into_the_data_of_any_platform(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="x")
        answers = [await desk.cron(words) for words in ("list", f"show {job.id}", f"remove {job.id} ?")]

        data = [data for answer in answers for data in _data(answer)]
        longest = shown.list_buttons(page_of([(job, Facts())] * 9_999, "500"))

        assert all(len(one.encode()) <= 32 for one in data + [b.data for row in longest for b in row])


async def test_one_job_is_shown_with_what_can_be_done_to_it(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        answer = await desk.cron("show tea")

        assert answer.text.splitlines() == [
            f"**tea** (`{job.id}`), enabled",
            "- every 1h",
            "- next: 2026-03-02 14:00 Mon (Europe/Berlin)",
            "- last: never",
            "- it says: hi",
        ]
        assert _data(answer) == [
            f"/cron pause {job.id}",
            f"/cron run {job.id}",
            f"/cron remove {job.id} ?",
            "/cron list",
        ]


async def test_a_job_is_paused_and_resumed_and_twice_is_no_error(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea")

        paused = [await desk.cron("pause tea") for _ in range(2)]
        status = desk.jobs()[0].status
        resumed = [await desk.cron("resume tea") for _ in range(2)]

        assert status is JobStatus.DISABLED
        assert desk.jobs()[0].status is JobStatus.ENABLED
        assert paused[0] == paused[1]
        assert paused[0].buttons[0][0].label == "Resume"
        assert resumed[0] == resumed[1]
        assert resumed[0].buttons[0][0].label == "Pause"


async def test_a_button_asks_before_it_removes_and_typed_words_do_not(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        asked = await desk.cron(f"remove {job.id} ?")
        still = desk.jobs()
        done = await desk.cron(f"remove {job.id}")

        assert asked.text == f"Remove **tea** (`{job.id}`) for good?"
        assert _data(asked) == [f"/cron remove {job.id}", f"/cron show {job.id}"]
        assert still == [job]
        assert done.text == f"Removed **tea** (`{job.id}`). It will not fire any more."
        assert desk.jobs() == []


async def test_a_job_is_run_at_once(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        answer = await desk.cron("run tea", stamp="t7.0.0")

        assert desk.ran == [job]
        assert answer.text.startswith(f"Started **tea** (`{job.id}`) as run `{run_of('t7.0.0')}`.")


async def test_the_next_times_are_shown(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea 2", status=JobStatus.DISABLED)
        job = desk.add(name="tea")
        desk.add(name="gone", schedule=At(NOON - timedelta(days=1)), status=JobStatus.DISABLED)

        some, five, asleep, none = [
            await desk.cron(words) for words in ("next tea 3", "next tea", "next tea 2", "next gone")
        ]

        assert some.text.splitlines() == [
            f"**tea** (`{job.id}`) fires next:",
            "- 2026-03-02 14:00 Mon (Europe/Berlin)",
            "- 2026-03-02 15:00 Mon (Europe/Berlin)",
            "- 2026-03-02 16:00 Mon (Europe/Berlin)",
        ]
        assert five.text.count("\n- ") == 5
        assert "**tea 2**" in asleep.text
        assert "if it were enabled (it is disabled)" in asleep.text
        assert none.text.endswith("does not fire any more.")


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "run", "remove", "next"])
async def test_the_job_of_another_chat_is_answered_like_one_that_does_not_exist(tmp_path: Path, verb: str) -> None:
    async with counter(tmp_path) as desk:  # P-72
        foreign = desk.add(name="secret", owner=THERE.owner, address=THERE)
        answers = set()
        for reference in (foreign.id, foreign.uid, "secret", "0f0f0f0f"):
            with pytest.raises(NotFoundError) as error:
                await desk.cron(f"{verb} {reference}")
            answers.add(str(error.value).replace(reference, "…"))

        assert len(answers) == 1
        assert desk.jobs() == [foreign]
        assert "secret" not in (await desk.cron("list")).text


async def test_in_a_group_the_maker_and_owners_change_a_job(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea", created_by="ben")

        with pytest.raises(UserError, match="made by somebody else"):
            await desk.cron("pause tea")
        listed = await desk.cron("list")
        await desk.cron("pause tea", sender_id="ben")
        await desk.cron("remove tea", owner=True)

        assert job.id in listed.text
        assert desk.jobs() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("frob", "'frob' is none of list, show, add"),
        ("shwo x", "Did you mean /cron show?"),
        ("show", "Which job? Write /cron show ID"),
        ("remove", "Which job? Write /cron remove ID"),
        ("list x", "not the number of a page"),
        ("add", "For example: /cron add"),
        ("every day at 9 say x", "A new job: /cron add"),
    ],
)
async def test_what_is_no_use_of_the_command_is_answered_with_a_right_one(
    tmp_path: Path, words: str, why: str
) -> None:
    async with counter(tmp_path) as desk:
        with pytest.raises(UserError, match=re.escape(why)):
            await desk.cron(words)


@pytest.mark.parametrize(
    ("alias", "status"), [("disable", JobStatus.DISABLED), ("STOP", JobStatus.DISABLED), ("rm", None)]
)
async def test_other_words_for_the_same_are_understood(
    tmp_path: Path, alias: str, status: JobStatus | None
) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea")

        await desk.cron(f"{alias} tea")

        assert [job.status for job in desk.jobs()] == ([status] if status else [])


async def test_the_status_of_a_chat_names_what_is_due_first(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        for n in (4, 1, 3, 2):
            desk.add(name=f"job {n}", schedule=At(NOON + timedelta(hours=n)))

        lines = await CronCommand(desk.clerk).here(ask())
        nothing = await CronCommand(desk.clerk).here(ask(address=THERE))

        assert lines[0] == "4 jobs here; next:"
        assert [line.partition("**")[2][:5] for line in lines[1:]] == ["job 1", "job 2", "job 3"]
        assert nothing == ["No jobs here."]


async def test_a_job_made_in_a_terminal_speaks_where_the_configuration_says(tmp_path: Path) -> None:
    target = ChatAddress(channel="telegram", chat="5")
    here = ChatAddress(channel="console", chat="terminal")
    async with counter(tmp_path, rules=Rules(console_target=target)) as desk:
        answer = await desk.remind("in 20 minutes tea", address=here)

        assert desk.jobs()[0].address == target
        assert "It speaks to telegram:5" in answer.text


def test_a_job_that_cannot_be_read_is_shown_as_such() -> None:
    job = replace(new_job(name="x", schedule=None), uid="u", id="a1b2c3d4", status_reason="cron: *bad*")

    text = shown.details(replace(job, status=JobStatus.BROKEN), Facts())

    assert r"broken (cron: \*bad\*)" in text
    assert "- next: never" in text


def _data(answer: Answer) -> list[str]:
    return [button.data for row in answer.buttons for button in row]
