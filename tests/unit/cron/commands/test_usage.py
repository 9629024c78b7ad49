"""/usage and /schedule."""

from datetime import timedelta
from pathlib import Path

from cron.commands.cron import ScheduleCommand
from cron.commands.usage import UsageCommand
from cron.endings.spend import Limits, Price, Spend
from cron.job import AgentPrompt, Say
from gateway.agent.model import Usage
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from tests.fakes import NOON, FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import HERE, THERE, ask
from tests.unit.cron.commands.counter import counter


async def usage(database: Database, path: Path, *, limits: Limits | None = None, **of_ask: object) -> list[str]:
    """What /usage says in this chat."""
    price = Price(input=1.0, output=10.0)
    spend = Spend(limits=limits or Limits(), price=price, zone="UTC")

    def charge(transaction: Transaction) -> None:
        for days, tokens in ((0, 100), (6, 1_000), (29, 10_000), (30, 100_000)):
            spent = Usage(input_tokens=tokens, output_tokens=tokens // 10)
            spend.charge(transaction, HERE.owner, spent, NOON - timedelta(days=days))

    await database.write(charge)
    async with counter(path) as here:
        command = UsageCommand(here.clerk, spend, database, zone="UTC")
        return (await command.answer(ask(**of_ask))).text.splitlines()


async def test_what_was_used_is_told_by_day_week_and_month(tmp_path: Path) -> None:
    async with open_database(tmp_path / "spend.db", FakeClock()) as database:
        lines = await usage(database, tmp_path)

    assert lines == [
        "- Today: 100 tokens in, 10 out, 0.0002 in money",
        "- In 7 days: 1,100 tokens in, 110 out, 0.0022 in money",
        "- In 30 days: 11,100 tokens in, 1,110 out, 0.0222 in money",
    ]


async def test_what_a_cap_leaves_is_told_and_that_nothing_is_left(tmp_path: Path) -> None:
    async with open_database(tmp_path / "spend.db", FakeClock()) as database:
        some = await usage(database, tmp_path, limits=Limits(tokens_per_day=1_000))
        none = await usage(database, tmp_path, limits=Limits(tokens_per_day=100))

    assert some[-1] == "- Left today: about 890 tokens."
    assert none[-1].startswith("- Nothing is left: the spend cap of this chat, 100 tokens a day")


async def test_a_chat_sees_nothing_of_another(tmp_path: Path) -> None:
    async with open_database(tmp_path / "spend.db", FakeClock()) as database:
        assert await usage(database, tmp_path, address=THERE) == ["No tokens were used here in the last 30 days."]


async def test_schedule_makes_a_task_or_exact_words(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        command = ScheduleCommand(here.clerk)

        told = await command.answer(ask("every weekday at 9 do summarise my mail", stamp="t1.0.0"))
        await command.answer(ask("tomorrow at 9 say stretch", stamp="t2.0.0"))

    assert "Scheduled **summarise my mail**" in told.text
    assert {type(job.payload) for job in here.jobs()} == {AgentPrompt, Say}
