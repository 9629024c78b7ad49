"""Public holidays, by the `holidays` library. Pure; the library is loaded when the first job asks for one."""

import difflib
import warnings
from datetime import date
from functools import lru_cache
from types import ModuleType

from gateway.errors import ScheduleError

INSTALL = 'pip install "tocsin[holidays]"'
_LONGEST = 40


@lru_cache(maxsize=256)
def check(place: str) -> str:
    """The place as the library spells it: a country, "DE", or a part of one, "DE-BY".

    ScheduleError with near names for a place that it does not know, and with the command for a missing library.
    """
    library = _library()
    written = place.strip()[:_LONGEST]
    country, _, part = written.partition("-")
    parts = library.list_supported_countries(include_aliases=True).get(country.upper())
    if parts is None:
        raise ScheduleError(
            f"holidays: {written!r} is not a country{_near_country(library, country)};"
            ' write its code, "DE", or with a part of it, "DE-BY"'
        )
    if not part:
        return country.upper()
    found = {each.casefold(): each for each in parts}.get(part.casefold())
    if found is None:
        raise ScheduleError(f"holidays: {country.upper()} has no part {part!r}{_near_part(part, parts)}")
    return f"{country.upper()}-{found}"


def name_of(day: date, place: str) -> str:
    """What is celebrated on a day in a country or a part of it; empty where nothing is, or nothing is known."""
    return _of_year(check(place), day.year).get(day, "")


@lru_cache(maxsize=256)
def _of_year(place: str, year: int) -> dict[date, str]:
    country, _, part = place.partition("-")
    with warnings.catch_warnings(action="ignore"):  # that a year is a forecast, or beyond what it knows
        found = _library().country_holidays(country, subdiv=part or None, years=year, language="en_US")
        return dict(found.items())


def _library() -> ModuleType:
    try:
        import holidays  # 80 ms, and only for jobs that leave holidays out
    except ImportError as error:
        raise ScheduleError(f"public holidays need a library that is not installed: {INSTALL}") from error
    return holidays


def _near_country(library: ModuleType, written: str) -> str:
    """By its name, or by a code that resembles it."""
    names = {name.replace("_", " "): codes[1] for name, codes in library.registry.COUNTRIES.items()}
    if near := difflib.get_close_matches(written.lower(), names, n=1, cutoff=0.75):
        return f" (did you mean {names[near[0]]}?)"
    codes = difflib.get_close_matches(written.upper(), names.values(), n=3, cutoff=0.5)
    return f" (near to it: {', '.join(codes)})" if codes else ""


def _near_part(written: str, parts: list[str]) -> str:
    near = difflib.get_close_matches(written.upper(), parts, n=1, cutoff=0.6)
    shown = ", ".join(parts) if len(parts) <= 60 else f"{', '.join(parts[:60])}, …"
    guess = f" (did you mean {near[0]}?)" if near else ""
    return f"{guess}; there are {shown}" if parts else "; it has none"
