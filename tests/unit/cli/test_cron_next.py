"""Previews: what a schedule or a job will do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cron import planner, runs
from cron.job import Job
from cron.policy import Exclude
from cron.schedule import Cron
from cron.stores.json_file import JsonFileStore
from cron.times.timetable import offset_of
from tests.command_line import CommandLine
from tests.jobs import new_job

BERLIN = ("--tz", "Europe/Berlin")


def test_a_fixed_time_in_the_gap_of_spring_fires_after_it(tocsin: CommandLine) -> None:
    asked = ("--cron", "30 2 * * *", *BERLIN, "--from", "2026-03-28T12:00", "--count", "2", "--json")

    document = tocsin("cron", "next", *asked).document

    assert document == {  # P-06
        "schedule": {"kind": "cron", "expr": "30 2 * * *"},
        "tz": "Europe/Berlin",
        "next": ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
        "notes": [
            {
                "at": "2026-03-29T03:00:00+02:00",
                "note": "fires at 03:00 because 02:30 does not exist that day",
            }
        ],
    }


def test_a_surprise_is_explained_beside_its_fire(tocsin: CommandLine) -> None:
    asked = ("--cron", "30 2 * * *", *BERLIN, "--from", "2026-10-24T12:00", "--count", "2")

    lines = tocsin("cron", "next", *asked).lines

    assert lines == [  # P-07
        "Sun 2026-10-25 02:30 +02:00 (Europe/Berlin)  once: 02:30 comes twice that day",
        "Mon 2026-10-26 02:30 +01:00 (Europe/Berlin)",
    ]


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("0 18 * * *", "UTC", ["Mon 2026-04-20 18:00", "Tue 2026-04-21 18:00"]),
        ("0 2 * * *", "Asia/Kuala_Lumpur", ["Tue 2026-04-21 02:00"]),  # OC-20
        ("0 9 * * *", "UTC", ["Tue 2026-04-21 09:00", "Wed 2026-04-22 09:00"]),  # NOX-07, NOX-35, PRX-51
        ("0 10 * * 1", "UTC", ["Mon 2026-04-27 10:00", "Mon 2026-05-04 10:00"]),  # NOX-07, NOX-36
        ("0 2 * * *", "Europe/Berlin", ["Tue 2026-04-21 02:00", "Wed 2026-04-22 02:00"]),  # NOX-39
        ("0 15 * * 5", "UTC", ["Fri 2026-04-24 15:00", "Fri 2026-05-01 15:00"]),  # NOX-40
        ("0 1 * * *", "UTC", ["Tue 2026-04-21 01:00", "Wed 2026-04-22 01:00"]),  # NOX-41
        (
            "*/15 * * * *",
            "UTC",
            [f"Mon 2026-04-20 12:{n}" for n in (15, 30, 45)] + ["Mon 2026-04-20 13:00"],
        ),  # PRX-52
        ("0 0 1 * *", "UTC", ["Fri 2026-05-01 00:00", "Mon 2026-06-01 00:00"]),  # PRX-54
        (
            "30 8,12,18 * * *",  # PRX-55
            "UTC",
            ["Mon 2026-04-20 12:30", "Mon 2026-04-20 18:30", "Tue 2026-04-21 08:30"],
        ),
        ("0 0 * * *", "UTC", ["Tue 2026-04-21 00:00", "Wed 2026-04-22 00:00"]),  # HP-06
    ],
)
def test_the_next_times_of_an_expression_are_printed(
    expression: str, zone: str, expected: list[str], tocsin: CommandLine
) -> None:
    count = str(len(expected))

    lines = tocsin(
        "cron", "next", "--cron", expression, "--tz", zone, "--from", "2026-04-20T12:00Z", "--count", count
    ).lines

    assert [line[:20] for line in lines] == expected


def test_ten_next_times_from_monday_to_friday_have_no_weekend(tocsin: CommandLine) -> None:
    asked = ("--cron", "0 9 * * 1-5", "--from", "2026-04-20T12:00Z", "--count", "10")  # PRX-53

    lines = tocsin("cron", "next", *asked).lines

    assert len(lines) == 10
    assert {line[:3] for line in lines} == {"Mon", "Tue", "Wed", "Thu", "Fri"}


def test_sunday_is_0_and_7_and_1_to_5_is_no_weekend(tocsin: CommandLine) -> None:
    start = ("--from", "2026-04-20T12:00Z", "--count", "10")  # PRX-50

    zero, seven, working = (
        tocsin("cron", "next", "--cron", f"0 9 * * {days}", *start).lines for days in ("0", "7", "1-5")
    )

    assert zero == seven
    assert zero[0].startswith("Sun 2026-04-26 09:00")
    assert {line[:3] for line in zero} == {"Sun"}
    assert {line[:3] for line in working} == {"Mon", "Tue", "Wed", "Thu", "Fri"}


@pytest.mark.parametrize(
    ("field", "low", "high", "out"),
    [
        ("minute", "0 * * * *", "59 * * * *", "60 * * * *"),
        ("hour", "0 0 * * *", "0 23 * * *", "0 24 * * *"),
        ("day-of-month", "0 0 1 * *", "0 0 31 * *", "0 0 32 * *"),
        ("day-of-month", "0 0 1 * *", "0 0 31 * *", "0 0 0 * *"),
        ("month", "0 0 1 1 *", "0 0 1 12 *", "0 0 * 13 *"),
        ("month", "0 0 1 1 *", "0 0 1 12 *", "0 0 * 0 *"),
        ("weekday", "0 0 * * 0", "0 0 * * 7", "0 0 * * 8"),
    ],
)
def test_each_field_has_its_range_and_is_named_outside_it(
    field: str, low: str, high: str, out: str, tocsin: CommandLine
) -> None:
    inside = [tocsin("cron", "next", "--cron", expression).status for expression in (low, high)]  # PRX-49

    outside = tocsin("cron", "next", "--cron", out)

    assert inside == [0, 0]
    assert (outside.status, f"{field}: " in outside.err) == (2, True)


@pytest.mark.parametrize(
    ("expression", "zone", "start", "fires"),
    [
        # NOX-39: the gap of spring and the overlap of autumn
        ("0 2 * * *", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T03:00:00+02:00"),
        ("0 2 * * *", "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T02:00:00+02:00"),
        # NOX-41, C-12: the same where the clocks change at one
        ("0 1 * * *", "Europe/London", "2026-03-29T00:00", "2026-03-29T02:00:00+01:00"),
        ("0 1 * * *", "Europe/London", "2026-10-25T00:00", "2026-10-25T01:00:00+01:00"),
        ("0 1 * * *", "America/New_York", "2026-11-01T00:00", "2026-11-01T01:00:00-04:00"),
    ],
)
def test_a_nightly_job_runs_once_on_the_day_of_a_change(
    expression: str, zone: str, start: str, fires: str, tocsin: CommandLine
) -> None:
    asked = ("--cron", expression, "--tz", zone, "--from", start, "--count", "2", "--json")

    first, second = tocsin("cron", "next", *asked).document["next"]

    assert first == fires
    assert second[:10] > first[:10]


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

    first, second = (date.fromisoformat(line.split()[1]) for line in lines)
    assert [line.split()[2] for line in lines] == ["18:00", "18:00"]  # OC-19
    assert second - first == timedelta(days=1)
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


def stored(tocsin: CommandLine, **changes: object) -> Job:
    """A job of the store."""
    tocsin.path.mkdir(mode=0o700, exist_ok=True)
    return JsonFileStore(tocsin.path / "cron.json").put(new_job(**changes))


def test_a_jobs_jitter_and_the_days_it_leaves_out_are_shown(tocsin: CommandLine) -> None:
    left_out = Exclude(weekdays=(6,), dates=(date(2030, 12, 24),), holidays="DE")
    job = stored(tocsin, name="bounded", jitter=timedelta(minutes=10), exclude=left_out)
    asked = ("bounded", "--from", "2030-12-23T12:00", "--count", "2")

    lines, document = tocsin("cron", "next", *asked).lines, tocsin("cron", "next", *asked, "--json").document

    first = datetime.fromisoformat("2030-12-27T09:00:00+01:00") + offset_of(job.uid, job.jitter)  # P-17
    assert document["next"] == [first.isoformat(), (first + timedelta(days=1)).isoformat()]
    assert [(note["at"], note["note"]) for note in document["notes"]][1:] == [
        ("2030-12-24T09:00:00+01:00", "does not fire: a date that is left out"),
        ("2030-12-25T09:00:00+01:00", "does not fire: Christmas Day"),
        ("2030-12-26T09:00:00+01:00", "does not fire: Second Day of Christmas"),
    ]
    assert lines[0].endswith("later than the schedule says: its part of the jitter")
    assert lines[2] == "Wed 2030-12-25 09:00 +01:00 (Europe/Berlin)  does not fire: Christmas Day"
    assert len(lines) == 6


def test_a_job_is_previewed_up_to_its_end_and_its_last_run(tocsin: CommandLine) -> None:
    january = datetime(2031, 1, 1, tzinfo=UTC)
    job = stored(tocsin, name="thrice", max_runs=3)
    stored(tocsin, name="ends", start_at=january, expires_at=january + timedelta(days=2))

    thrice = tocsin("cron", "next", "thrice", "--count", "9").lines
    ends = tocsin("cron", "next", "ends", "--count", "9").lines
    cursor = replace(planner.begin(job, datetime.now(UTC), known=None), runs=2)
    tocsin.kept.write(lambda transaction: runs.move_cursor(transaction, job.uid, cursor))
    last = tocsin("cron", "next", "thrice", "--count", "9").lines

    assert (len(thrice), last) == (3, thrice[:1])
    assert [line[:20] for line in ends] == ["Wed 2031-01-01 09:00", "Thu 2031-01-02 09:00"]


def test_a_job_that_counts_its_weeks_is_previewed_as_it_will_fire(tocsin: CommandLine) -> None:
    schedule = Cron("0 9 * * 1", "Europe/Berlin", 2, datetime(2030, 1, 7, tzinfo=UTC))
    stored(tocsin, name="fortnight", schedule=schedule)

    printed = tocsin("cron", "next", "fortnight", "--count", "3", "--json").document

    assert [moment[:10] for moment in printed["next"]] == ["2030-01-07", "2030-01-21", "2030-02-04"]
    assert printed["schedule"]["every_nth"] == 2


def test_the_zone_of_the_configuration_moves_what_names_none(tocsin: CommandLine) -> None:
    flags = ("cron", "next", "--cron", "0 9 * * *", "--from", "2026-03-01T00:00:00Z", "--count", "1", "--json")
    tocsin.configure('[cron]\ntimezone = "UTC"\n')
    utc = tocsin(*flags).document
    tocsin.configure('[cron]\ntimezone = "Asia/Tokyo"\n')

    tokyo = tocsin(*flags).document

    assert (utc["tz"], utc["next"]) == ("UTC", ["2026-03-01T09:00:00+00:00"])  # PRX-05
    assert (tokyo["tz"], tokyo["next"]) == ("Asia/Tokyo", ["2026-03-02T09:00:00+09:00"])
