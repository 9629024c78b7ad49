"""What is shown of one job."""

from dataclasses import replace

from cron.policy import Exclude
from gateway.messages import ChatAddress
from tests.command_line import CommandLine


def shown(tocsin: CommandLine, reference: str) -> dict[str, str]:
    lines = (line.split(":", 1) for line in tocsin("cron", "show", reference).lines)
    return {name: value.strip() for name, value in lines}


def test_the_status_follows_what_the_job_is_switched_to(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    first = shown(tocsin, "a")["Status"]
    tocsin("cron", "disable", "a")
    second = shown(tocsin, "a")["Status"]
    tocsin("cron", "enable", "a")

    assert (first, second, shown(tocsin, "a")["Status"]) == ("enabled", "disabled", "enabled")  # AB-42


def test_a_job_of_a_chat_shows_where_it_speaks(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    address = ChatAddress(channel="telegram", chat="347207938")
    tocsin.kept.jobs.put(replace(tocsin.jobs["a"], address=address, owner=address.owner))

    found = shown(tocsin, "a")

    assert (found["Deliver"], found["Channel"], found["To"]) == ("yes", "telegram", "347207938")  # AB-45


def test_a_job_whose_times_cannot_be_computed_here_says_so(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    whole = shown(tocsin, "a")
    tocsin.kept.jobs.put(replace(tocsin.jobs["a"], exclude=Exclude(holidays="XX")))

    found = shown(tocsin, "a")

    assert "Trouble" not in whole
    assert "'XX' is not a country" in found["Trouble"]
    assert "'XX' is not a country" in tocsin.job("a")["trouble"]
    assert "does not fire" in tocsin("cron", "list").out
    assert "does not fire: holidays: 'XX' is not a country" in tocsin("cron", "doctor").out


def test_what_a_job_does_is_named_as_in_its_json(tocsin: CommandLine) -> None:
    for name, flag in (
        ("agent", "--prompt"),
        ("say", "--say"),
        ("system_event", "--event"),
        ("shell", "--command"),
    ):
        tocsin.add("--name", name, flag, "x", "--every", "1h")

        assert shown(tocsin, name)["Kind"] == name == tocsin.job(name)["payload"]["kind"]
