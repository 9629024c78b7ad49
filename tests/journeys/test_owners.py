"""Chats that know nothing of each other's jobs."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from cron.job import JobStatus
from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.scripted import Line, calls
from gateway.messages import ChatAddress
from tests.command_line import CommandLine
from tests.fakes import until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE, add_job, history, jobs

THERE = ChatAddress(channel="test", chat="2")
UNKNOWN = "0f0f0f0f"
VERBS: dict[str, dict[str, Any]] = {
    "show": {},
    "update": {"message": "mine now"},
    "remove": {},
    "enable": {},
    "disable": {},
    "run": {},
    "runs": {},
    "set_state": {"state": {"mine": True}},
}


class Asker:
    """A model that makes the calls that it is handed, and keeps what the tool answers."""

    def __init__(self) -> None:
        self.wanted: list[dict[str, Any]] = []
        self.answers: list[str] = []

    def __call__(self, prompt: Prompt) -> Line:
        if isinstance(prompt.items[-1], ToolResult):
            last = list(itertools.takewhile(lambda item: isinstance(item, ToolResult), reversed(prompt.items)))
            self.answers += [item.text for item in reversed(last) if isinstance(item, ToolResult)]
            return ""
        return calls(*[("cron", wanted) for wanted in self.wanted])

    async def ask(self, world: World, *wanted: dict[str, Any], chat: str = "1", sender: str = "anna") -> list[str]:
        self.wanted, self.answers = list(wanted), []
        await world.channel.say("please", chat=chat, sender=sender)
        await until(lambda: len(self.answers) == len(wanted))
        await until(lambda: not world.gateway.lanes.running)
        return self.answers


@pytest.mark.parametrize("verb", VERBS)
async def test_the_job_of_another_chat_is_answered_like_one_that_does_not_exist(
    open_world: Opener, verb: str
) -> None:
    asker = Asker()
    async with open_world(asker) as world:  # P-72, AB-60 to AB-63
        foreign = await add_job(world, owner=THERE, say="hi", every="3600", name="secret")
        references = [foreign.id, foreign.uid, "secret", foreign.uid[:6], UNKNOWN]
        wanted = [{"action": verb, "job_id": reference, **VERBS[verb]} for reference in references]

        answers = await asker.ask(world, *wanted)

        same = {answer.replace(ref, "…") for answer, ref in zip(answers, references, strict=True)}
        assert len(same) == 1
        assert "hi" not in same.pop().split()
        assert jobs(world) == [foreign]
        assert await history(world) == []


async def test_each_chat_lists_its_own_jobs_and_their_runs(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker) as world:  # AB-34, AB-58, AB-59, AB-61
        add = {"action": "add", "every_seconds": 3600}
        await asker.ask(world, {**add, "say": "here"}, {**add, "say": "here too"})
        await asker.ask(world, {**add, "say": "there"}, chat="2")

        (here,) = await asker.ask(world, {"action": "list"})
        (there,) = await asker.ask(world, {"action": "list"}, chat="2")
        (nowhere,) = await asker.ask(world, {"action": "list"}, chat="3")

        assert sorted(str(job.owner) for job in jobs(world)) == ["test:1", "test:1", "test:2"]
        assert here.count("\n- ") == 2
        assert '"there"' not in here
        assert '"there"' in there
        assert nowhere == "Nothing is scheduled."


async def test_a_job_of_the_command_line_is_not_shown_in_chats(
    open_world: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, tocsin = Asker(), CommandLine(tmp_path / "home", capsys, monkeypatch)
    async with open_world(asker) as world:  # AB-64
        made = tocsin.add("--name", "mine", "--say", "hi", "--every", "1h")
        await add_job(world, say="tea", every="3600", name="a chat's")
        await world.gateway.cron.reload()

        (listed,) = await asker.ask(world, {"action": "list"}, chat="2")
        (shown,) = await asker.ask(world, {"action": "list"})

        operators = tocsin("cron", "list", "--json").document["jobs"]
        assert made["owner"] is None
        assert listed == "Nothing is scheduled."
        assert ("mine" in shown, shown.count("\n- ")) == (False, 1)
        assert {job["name"] for job in operators} == {"mine", "a chat's"}


async def test_a_threads_jobs_belong_to_its_chat(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker) as world:
        thread = ChatAddress(channel="test", chat="1", thread="9")
        await add_job(world, owner=thread, say="hi", every="3600", name="in the thread")

        (listed,) = await asker.ask(world, {"action": "list"})

        assert '"in the thread"' in listed


async def test_in_a_group_everybody_lists_and_only_who_made_a_job_changes_it(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker) as world:  # C-17
        job = await add_job(world, owner=HERE, say="hi", every="3600", created_by="ben")
        stop = {"action": "disable", "job_id": job.id}

        listed, refused = await asker.ask(world, {"action": "list"}, stop)
        (by_ben,) = await asker.ask(world, stop, sender="ben")

        assert job.id in listed
        assert "made by somebody else" in refused
        assert by_ben.startswith("Disabled")
        assert [job.status for job in jobs(world)] == [JobStatus.DISABLED]


async def test_in_a_group_only_who_made_a_job_runs_it(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker) as world:  # P-72
        job = await add_job(world, owner=HERE, say="hi", every="3600", created_by="ben")
        run = {"action": "run", "job_id": job.id}

        (refused,) = await asker.ask(world, run)
        after_refusal = await history(world)
        (by_ben,) = await asker.ask(world, run, sender="ben")
        await until(lambda: world.channel.texts() == ["hi"])

        assert "made by somebody else" in refused
        assert after_refusal == []
        assert by_ben.startswith("Started")
        assert len(await history(world)) == 1


async def test_where_the_configuration_says_so_every_member_changes_a_groups_jobs(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker, cron={"group_edit": "members"}) as world:
        job = await add_job(world, owner=HERE, say="hi", every="3600", created_by="ben")

        (answer,) = await asker.ask(world, {"action": "remove", "job_id": job.id})

        assert answer.startswith("Removed")
        assert jobs(world) == []


async def test_an_owner_of_the_channel_changes_what_others_have_made(open_world: Opener) -> None:
    asker = Asker()
    channels = {"test": {"kind": "telegram", "owners": ["99"], "enabled": False}}
    async with open_world(asker, channels=channels) as world:
        job = await add_job(world, owner=HERE, say="hi", every="3600", created_by="ben")

        (answer,) = await asker.ask(world, {"action": "remove", "job_id": job.id}, sender="99")

        assert answer.startswith("Removed")


async def test_a_chat_has_no_more_jobs_than_it_may(open_world: Opener) -> None:
    asker = Asker()
    async with open_world(asker, limits={"jobs_per_owner": 1}) as world:
        add = {"action": "add", "say": "hi", "every_seconds": 3600}

        first, second = await asker.ask(world, add, add)
        (elsewhere,) = await asker.ask(world, add, chat="2")

        assert first.startswith("Scheduled")
        assert "this chat has 1 jobs, and may have 1" in second
        assert elsewhere.startswith("Scheduled")
