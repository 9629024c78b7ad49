"""/cron: lists, shows, pauses, runs and removes jobs."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cron.commands import shown
from cron.commands.cron import CronCommand
from cron.job import JobStatus, Say
from cron.overview import Facts
from cron.runs import run_of
from cron.schedule import At
from gateway.commands.base import Answer
from gateway.commands.text import page_of
from gateway.errors import NotFoundError, UserError
from tests.fakes import NOON
from tests.jobs import new_job
from tests.unit.commands.asking import THERE, ask
from tests.unit.cron.commands.counter import counter, data_of


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
        assert data_of(answer) == [f"/cron show {job.id}", f"/cron show {paused.id}"]


async def test_a_long_list_is_paged(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        for n in range(23):
            desk.add(name=f"job {n:02}")

        first, second, third = [await desk.cron(words) for words in ("", "list 2", "3")]

        assert len([line for line in first.text.splitlines() if line.startswith("   ")]) == 10
        assert "`/cron list 2` shows another" in first.text
        assert data_of(first)[-1:] == ["/cron list 2"]
        assert data_of(second)[-2:] == ["/cron list 1", "/cron list 3"]
        assert [row[-1].label for row in third.buttons] == ["23", "‹ 2/3"]
        assert "21. **" in third.text


async def test_every_button_fits_into_the_data_of_any_platform(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="x")
        answers = [await desk.cron(words) for words in ("list", f"show {job.id}", f"remove {job.id} ?")]

        data = [data for answer in answers for data in data_of(answer)]
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
        assert data_of(answer) == [
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
        assert resumed[0].text.startswith("It fires again.\n")
        assert resumed[1].text.startswith("It was not paused.\n")
        assert resumed[0].buttons[0][0].label == "Pause"


async def test_a_button_asks_before_it_removes_and_typed_words_do_not(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        asked = await desk.cron(f"remove {job.id} ?")
        still = desk.jobs()
        done = await desk.cron(f"remove {job.id}")

        assert asked.text == f"Remove **tea** (`{job.id}`) for good?"
        assert data_of(asked) == [f"/cron remove {job.id}", f"/cron show {job.id}"]
        assert still == [job]
        assert done.text == f"Removed **tea** (`{job.id}`). It will not fire any more."
        assert desk.jobs() == []


async def test_a_job_is_run_at_once(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        answer = await desk.cron("run tea", stamp="t7.0.0")

        assert desk.ran == [job]
        assert answer.text.startswith(f"Started **tea** (`{job.id}`) as run `{run_of('t7.0.0')}`.")


async def test_a_resume_that_is_repeated_after_a_crash_is_answered_as_the_first(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea")

        answer = await desk.cron("resume tea", replayed=True)

        assert answer.text.startswith("It fires again.\n")


async def test_the_lines_of_a_text_are_kept_in_the_job(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        await desk.cron("add\nevery day at 9 say buy\n- milk\n-  eggs")
        await desk.remind("in 5 minutes\nmulti\nline")

        texts = {job.payload for job in desk.jobs()}

        assert texts == {Say(text="buy\n- milk\n-  eggs"), Say(text="multi\nline")}


async def test_more_times_than_are_shown_are_said_to_be_cut(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea")

        some, all_of_them = await desk.cron("next tea 1000"), await desk.cron("next tea 20")

        assert some.text.count("\n- ") == 20
        assert some.text.endswith("\nAt most 20 are shown.")
        assert some.text == f"{all_of_them.text}\nAt most 20 are shown."


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


def test_a_job_that_cannot_be_read_is_shown_as_such() -> None:
    job = replace(new_job(name="x", schedule=None), uid="u", id="a1b2c3d4", status_reason="cron: *bad*")

    text = shown.details(replace(job, status=JobStatus.BROKEN), Facts())

    assert r"broken (cron: \*bad\*)" in text
    assert "- next: never" in text


@pytest.mark.parametrize("reference", ["tea", "0f0f0f0f"])
async def test_a_removal_that_is_asked_for_again_after_a_crash_is_not_an_error(
    tmp_path: Path, reference: str
) -> None:
    async with counter(tmp_path) as desk:
        desk.add(name="tea")
        await desk.cron("remove tea", stamp="t7.0.0")

        again = await desk.cron(f"remove {reference}", stamp="t7.0.0", replayed=True)

        assert again == Answer(f"It is removed: there is no job `{reference}` here any more.")
        with pytest.raises(NotFoundError):
            await desk.cron(f"remove {reference}")


async def test_a_job_that_was_not_removed_before_a_crash_is_removed_after_it(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea")

        again = await desk.cron("remove tea", replayed=True)

        assert again.text == f"Removed **tea** (`{job.id}`). It will not fire any more."
        assert desk.jobs() == []
