"""Previews: what a schedule or a job will do."""

import pytest

from tests.command_line import CommandLine

BERLIN = ("--tz", "Europe/Berlin")


def test_a_fixed_time_in_the_gap_of_spring_fires_after_it(tocsin: CommandLine) -> None:
    asked = ("--cron", "30 2 * * *", *BERLIN, "--from", "2026-03-28T12:00", "--count", "2", "--json")

    document = tocsin("cron", "next", *asked).document

    assert document == {  # P-06
        "schedule": {"kind": "cron", "expr": "30 2 * * *"},
        "tz": "Europe/Berlin",
        "next": ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    }


def test_a_preview_needs_no_home_and_creates_none(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "next", "--cron", "0 9 * * *")

    assert (printed.status, len(printed.lines), printed.err) == (0, 5, "")
    assert not tocsin.path.exists()


def test_everything_counts_from_the_given_time(tocsin: CommandLine) -> None:
    start = ("--from", "2030-01-01T09:00Z", "--count", "2", "--json")

    every = tocsin("cron", "next", "--every", "90m", *start).document["next"]
    cron = tocsin("cron", "next", "--cron", "0 9 * * *", *start).document["next"]
    words = tocsin("cron", "next", "--when", "in 20 minutes", *start).document

    assert every == ["2030-01-01T10:30:00+00:00", "2030-01-01T12:00:00+00:00"]
    assert cron[0] == "2030-01-02T09:00:00+00:00"  # at that very instant is not next
    assert words["schedule"] == {"kind": "at", "at": "2030-01-01T09:20:00Z"}
    assert words["next"] == ["2030-01-01T09:20:00+00:00"]


def test_a_schedule_that_is_over_is_an_empty_list(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "next", "--at", "2020-01-01T00:00", "--json")

    assert (printed.status, printed.document["next"]) == (0, [])


def test_a_phrase_is_read_in_the_configured_languages_and_zone(tocsin: CommandLine) -> None:
    tocsin.configure('timezone = "Asia/Tokyo"\nlanguages = ["en", "es"]')

    document = tocsin(
        "cron", "next", "--when", "every monday at 9", "--from", "2026-01-01T00:00", "--json"
    ).document

    assert (document["tz"], document["schedule"]["expr"]) == ("Asia/Tokyo", "0 9 * * 1")
    assert document["next"][0] == "2026-01-05T09:00:00+09:00"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((), "one of ID, --cron, --every, --at, --when is needed"),
        (("--cron", "0 9 * * *", "--every", "5m"), "cron and every are given"),
        (("--cron", "0 0 30 2 *"), "can never fire"),
        (("--cron", "rubbish"), "rubbish"),
        (("--when", "flurb"), 'Understood are single times ("in 20 minutes"'),
        (("--cron", "0 9 * * *", "--tz", "Europe/Berlim"), "did you mean Europe/Berlin?"),
        (("--at", "2026-03-29T02:30", *BERLIN), "does not exist in Europe/Berlin"),
        (("--every", "5m", "--count", "0"), "--count"),
        (("--every", "5m", "--from", "yesterday"), "yesterday"),
    ],
)
def test_what_is_not_understood_or_impossible_is_wrong_input(
    asked: tuple[str, ...], words: str, tocsin: CommandLine
) -> None:
    printed = tocsin("cron", "next", *asked)

    assert (printed.status, printed.out) == (2, "")
    assert words in printed.err


def test_a_job_is_previewed_in_its_own_zone(tocsin: CommandLine) -> None:
    tocsin.add("--name", "daily", "--say", "x", "--cron", "0 18 * * *", "--tz", "Asia/Kuala_Lumpur")

    lines = tocsin("cron", "next", "daily", "--count", "2").lines
    later = tocsin("cron", "next", "daily", "--from", "2030-01-01T18:00", "--count", "1", "--json").document

    assert [line.split()[2] for line in lines] == ["18:00", "18:00"]  # OC-18
    assert later["next"] == ["2030-01-02T18:00:00+08:00"]


def test_the_first_of_a_preview_is_the_next_run_that_is_shown(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "often", "--say", "x", "--every", "7m")  # P-21

    first = tocsin("cron", "next", "often", "--json").document["next"][0]

    assert first.replace("+00:00", "Z") == job["next_run"]


def test_the_times_of_a_disabled_job_are_those_of_its_schedule(tocsin: CommandLine) -> None:
    tocsin.add("--name", "off", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "off")

    printed = tocsin("cron", "next", "off", "--count", "3")

    assert len(printed.lines) == 3
    assert "the job is disabled" in printed.err
