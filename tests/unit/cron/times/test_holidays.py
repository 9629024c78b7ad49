"""Public holidays of countries and their parts."""

import subprocess
import sys
from datetime import date

import pytest

from cron.times import holidays
from gateway.errors import ScheduleError


def test_a_country_and_its_parts_have_their_own() -> None:
    epiphany = date(2026, 1, 6)

    assert holidays.name_of(date(2026, 12, 25), "DE") == "Christmas Day"
    assert holidays.name_of(epiphany, "DE") == ""
    assert holidays.name_of(epiphany, "DE-BY") == "Epiphany"


def test_a_year_of_which_nothing_is_known_has_none() -> None:
    assert holidays.name_of(date(2080, 1, 26), "IN") != ""
    assert holidays.name_of(date(2500, 12, 25), "DE") == ""


@pytest.mark.parametrize(
    ("written", "place"), [("de", "DE"), (" us-ca ", "US-CA"), ("DE-AUGSBURG", "DE-Augsburg"), ("HK", "HK")]
)
def test_a_place_is_understood_in_any_case(written: str, place: str) -> None:
    assert holidays.check(written) == place


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Germany", "'Germany' is not a country .did you mean DE."),
        ("XX", "'XX' is not a country .near to it: "),
        ("", "is not a country"),
        ("x" * 5_000, "is not a country"),
        ("DE-BX", "DE has no part 'BX'; there are BB, BE, BW, BY"),
        ("DE-BAYERN", "DE has no part 'BAYERN'"),
        ("HK-1", "HK has no part '1'; it has none"),
    ],
)
def test_a_place_that_is_not_known_is_refused_with_near_names(written: str, words: str) -> None:
    with pytest.raises(ScheduleError, match=words) as refused:
        holidays.check(written)

    assert len(str(refused.value)) < 800


def test_without_the_library_the_command_that_installs_it_is_named() -> None:
    program = (
        "import sys; sys.modules['holidays'] = None\n"  # as if it were not installed
        "from cron.times import holidays\n"
        "from gateway.errors import ScheduleError\n"
        "try: holidays.check('DE')\n"
        "except ScheduleError as error: print(error)\n"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == (
        'public holidays need a library that is not installed: pip install "tocsin[holidays]"'
    )


def test_the_library_is_loaded_only_by_a_job_that_asks_for_it() -> None:
    program = "import sys, cron.planner, cron.times.preview, cron.times.describe; print('holidays' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "False"
