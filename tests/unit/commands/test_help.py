"""What somebody reads first."""

import pytest
from structlog.testing import capture_logs

from gateway.commands.base import CommandInfo
from gateway.commands.help import EXAMPLES, MODEL, OFFLINE, HelpCommand, StartCommand
from gateway.errors import UserError
from tests.unit.commands.asking import ask

CRON = CommandInfo(name="cron", summary="Jobs", usage="/cron list\n/cron show ID")
OUTBOX = CommandInfo(name="outbox", summary="What was not sent", owners_only=True)


async def test_start_says_who_speaks_by_which_clock_and_what_to_try() -> None:
    answer = await StartCommand().answer(ask("ref123"))

    assert "I am Tocsin" in answer.text
    assert "Europe/Berlin, where it is 13:00; /timezone changes that" in answer.text
    assert all(f"- `{example}`" in answer.text for example in EXAMPLES)
    assert answer.text.endswith("/help shows everything.")


@pytest.mark.parametrize("words", [OFFLINE, MODEL])
async def test_help_lists_every_command_and_what_else_is_understood(words: str) -> None:
    answer = await HelpCommand([CRON], words=words).answer(ask())

    assert answer.text.startswith("- /cron: Jobs\n- /help: What can be asked, and how\n")
    assert answer.text.endswith(words)


async def test_help_lists_what_is_for_owners_to_owners() -> None:
    command = HelpCommand([OUTBOX], words="")

    assert "/outbox" not in (await command.answer(ask())).text
    assert "- /outbox: What was not sent" in (await command.answer(ask(owner=True))).text


@pytest.mark.parametrize("words", ["cron", "/cron", "CRON", "cron list"])
async def test_help_for_one_command_shows_how_it_is_written(words: str) -> None:
    answer = await HelpCommand([CRON], words="").answer(ask(words))

    assert answer.text == "Jobs.\n\n```\n/cron list\n/cron show ID\n```"


async def test_help_says_which_command_is_for_owners() -> None:
    answer = await HelpCommand([OUTBOX], words="").answer(ask("outbox"))

    assert answer.text.endswith("```\n/outbox\n```\n\nFor owners only.")


async def test_there_is_no_help_for_what_is_no_command() -> None:
    with pytest.raises(UserError, match="There is no command 'frob'"):
        await HelpCommand([CRON], words="").answer(ask("frob"))


async def test_a_word_that_a_link_carries_along_is_noted_and_not_taken_for_what_the_person_says() -> None:
    with capture_logs() as logs:
        answer = await StartCommand().answer(ask("remind_me-to-pay"))
        plain = await StartCommand().answer(ask())

    assert answer == plain
    assert [(one["event"], one["ref"]) for one in logs] == [("somebody came by a link", "remind_me-to-pay")]


async def test_an_owner_who_follows_a_link_with_a_code_is_asked_before_anybody_is_let_in() -> None:
    answer = await StartCommand().answer(ask("pair-k7qxm2pd", owner=True))

    assert "`K7QXM2PD`" in answer.text
    assert [button.data for row in answer.buttons for button in row] == ["/pair approve K7QXM2PD"]


async def test_a_link_with_a_code_is_no_more_than_a_welcome_for_anybody_else() -> None:
    answer = await StartCommand().answer(ask("pair-K7QXM2PD"))

    assert answer == await StartCommand().answer(ask())


@pytest.mark.parametrize("words", ["pair-0000", "pair-K7QXM2PDX", "pair-K7QXM2P0"])
async def test_a_link_with_what_is_no_code_is_a_welcome_for_owners_too(words: str) -> None:
    answer = await StartCommand().answer(ask(words, owner=True))

    assert answer.buttons == ()
