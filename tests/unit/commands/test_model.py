"""/model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.chats import Chats
from gateway.commands.model import BUTTONS, ModelCommand
from gateway.errors import UserError
from tests.fakes import FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import HERE, THERE, ask


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[Chats]:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        yield Chats(database)


def offering(chats: Chats, *choices: str) -> ModelCommand:
    return ModelCommand(chats, name="small", choices=choices)


async def test_the_present_model_is_shown_with_a_button_for_each_other(chats: Chats) -> None:
    answer = await offering(chats, "large", "small").answer(ask())

    assert "`small`" in answer.text
    assert [[button.data for button in row] for row in answer.buttons] == [["/model large"]]


async def test_a_model_is_chosen_for_one_chat_and_given_back(chats: Chats) -> None:
    command = offering(chats, "Large")

    chosen = await command.answer(ask("large"))
    here, there = chats.model(HERE), chats.model(THERE)
    await command.answer(ask("default"))

    assert "`Large` answers here" in chosen.text
    assert (here, there) == ("Large", "")
    assert chats.model(HERE) == ""


async def test_a_model_that_is_not_offered_is_refused_by_name(chats: Chats) -> None:
    with pytest.raises(UserError, match=r"'huge' is not offered here; there are small, large\."):
        await offering(chats, "large").answer(ask("huge"))

    assert chats.model(HERE) == ""


async def test_a_choice_that_is_not_offered_any_more_is_forgotten(chats: Chats) -> None:
    await offering(chats, "large").answer(ask("large"))

    command = offering(chats, "medium")

    assert "Here answers `small`" in (await command.answer(ask())).text


async def test_what_is_shown_names_another_model_than_the_present_one(chats: Chats) -> None:
    command = offering(chats, "large")
    await command.answer(ask("large"))

    answer = await command.answer(ask())

    assert answer.text == "Here answers `large`. Others: `small`. `/model small` chooses one."


async def test_of_many_models_only_some_have_buttons(chats: Chats) -> None:
    answer = await offering(chats, *(f"m{n}" for n in range(100))).answer(ask())

    assert len(answer.buttons) == BUTTONS
    assert "`m99`" in answer.text


async def test_without_a_language_model_there_is_nothing_to_choose(chats: Chats) -> None:
    command = ModelCommand(chats, name="", choices=("large",))

    answers = [(await command.answer(ask(words))).text for words in ("", "large")]

    assert answers == ["Here answers the assistant that is built in (no language model)."] * 2


async def test_a_choice_moves_along_with_its_chat_and_outlives_the_process(tmp_path: Path) -> None:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        await Chats(database).choose_model(HERE, "large")
        await Chats(database).move(HERE.channel, HERE.chat, THERE.chat)  # reads nothing that was kept
        chats = Chats(database)
        await chats.start()
        first = chats.model(HERE)
        await chats.choose_model(THERE, "huge")
        await chats.move(THERE.channel, THERE.chat, "3")

        moved = Chats(database)
        await moved.start()

    assert first == "large"
    assert moved.model(moved.address(THERE)) == "huge"
