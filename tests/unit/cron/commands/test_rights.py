"""Whose jobs /cron shows, changes and runs."""

from pathlib import Path

import pytest

from gateway.errors import NotFoundError, UserError
from tests.unit.commands.asking import THERE
from tests.unit.cron.commands.counter import counter


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


@pytest.mark.parametrize("verb", ["pause", "resume", "run", "remove"])
async def test_in_a_group_other_members_neither_change_nor_run_a_job(tmp_path: Path, verb: str) -> None:
    async with counter(tmp_path) as desk:  # P-72
        job = desk.add(name="tea", created_by="ben")
        may = "run" if verb == "run" else "change"

        with pytest.raises(
            UserError,
            match=f"made by somebody else here; they, an admin of this group or an owner of this bot may {may} it",
        ):
            await desk.cron(f"{verb} tea")

        assert desk.jobs() == [job]
        assert desk.ran == []


async def test_in_a_group_everybody_lists_and_shows_jobs(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea", created_by="ben")

        listed, shown, upcoming = [await desk.cron(words) for words in ("list", "show tea", "next tea")]

        assert all(job.id in answer.text for answer in (listed, shown, upcoming))


@pytest.mark.parametrize("who", [{"sender_id": "ben"}, {"owner": True}], ids=["its maker", "an owner"])
async def test_in_a_group_the_maker_and_owners_change_and_run_a_job(
    tmp_path: Path, who: dict[str, object]
) -> None:
    async with counter(tmp_path) as desk:
        job = desk.add(name="tea", created_by="ben")

        for verb in ("run", "pause", "remove"):
            await desk.cron(f"{verb} tea", **who)

        assert desk.ran == [job]
        assert desk.jobs() == []


async def test_every_member_runs_a_job_where_that_was_decided(tmp_path: Path) -> None:
    async with counter(tmp_path, members_edit=True) as desk:
        job = desk.add(name="tea", created_by="ben")

        await desk.cron("run tea")

        assert desk.ran == [job]
