"""On every platform: files come into the workspace and go out of it, and what fails is said."""

from pathlib import Path

import pytest

from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.scripted import Line, calls
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import FILING
from tests.contract.rigs.town import Opener, Town, echo

ANNA = Who.ANNA
pytestmark = pytest.mark.parametrize("rig", FILING, indirect=True)
PAGES = b"%PDF-1.4 of a report that somebody has written"


def _received(town: Town) -> list[Path]:
    return [one for one in town.home.workspace.rglob("*") if one.is_file()]


async def test_a_file_that_comes_lies_in_the_workspace_when_its_turn_begins(open_town: Opener, rig: Rig) -> None:
    async with open_town(["thank you"]) as town:
        rig.people.bring("report.pdf", PAGES, ANNA)
        heard = await town.hears(rig.people.private(ANNA), 1)
        (file,) = _received(town)

        assert heard == ["thank you"]
        assert file.read_bytes() == PAGES
        assert "report.pdf" in file.name
        assert file.stat().st_mode & 0o777 == 0o600
        assert str(file.relative_to(town.home.workspace)) in str(town.prompts[0].items)


async def test_a_file_with_a_wicked_name_stays_in_the_workspace(open_town: Opener, rig: Rig) -> None:
    async with open_town(["thank you"]) as town:  # P-85
        rig.people.bring("../../.config\u202eexe", PAGES, ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        (file,) = _received(town)

        assert file.resolve().is_relative_to(town.home.workspace.resolve())
        assert not file.name.startswith(".")
        assert "\u202e" not in file.name


async def test_a_file_that_is_brought_twice_is_one_turn_and_one_file(open_town: Opener, rig: Rig) -> None:
    async with open_town(["thank you"]) as town:  # P-43
        brought = rig.people.bring("report.pdf", PAGES, ANNA)
        rig.people.again(brought)
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

        assert len(_received(town)) == 1
        assert len(town.prompts) == 1


def _sends(prompt: Prompt) -> Line:
    answered = isinstance(prompt.items[-1], ToolResult)
    return "that is all" if answered else calls(("message", {"text": "here it is", "files": ["report.pdf"]}))


def _lay(town: Town) -> None:
    town.home.workspace.mkdir(exist_ok=True)
    (town.home.workspace / "report.pdf").write_bytes(PAGES)


async def test_a_file_goes_out_after_its_words_into_the_thread_that_asked(open_town: Opener, rig: Rig) -> None:
    place = rig.people.thread()
    async with open_town(_sends) as town:
        _lay(town)
        rig.people.say("the report?", ANNA, place, mention=True)
        await town.hears(place, 1)
        await town.calm()

        assert rig.screen.files(place) == ["report.pdf"]
        assert rig.screen.texts(place)[0].startswith("here it is")
        assert rig.screen.files(rig.people.group) == []


async def test_a_file_that_the_platform_refuses_is_said_in_its_chat(open_town: Opener, rig: Rig) -> None:
    place = rig.people.private(ANNA)
    rig.trouble.refuse_files()
    async with open_town(_sends) as town:
        _lay(town)
        rig.people.say("the report?", ANNA)
        await town.hears(place, 3)
        await town.calm()

        assert rig.screen.files(place) == []
        assert any("report.pdf" in text and "could not send" in text for text in rig.screen.texts(place))


async def test_a_file_that_cannot_be_fetched_is_said_to_the_model_and_not_fatal(
    open_town: Opener, rig: Rig
) -> None:
    async with open_town(echo, media={"max_bytes": 1_000}) as town:
        rig.people.bring("big.pdf", PAGES * 100, ANNA)
        heard = await town.hears(rig.people.private(ANNA), 1)

        assert len(heard) == 1
        assert _received(town) == []
        assert "large" in str(town.prompts[0].items)
