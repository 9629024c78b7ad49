"""Time zones by name: whether there is one, what was probably meant, and the machine's own."""

import difflib
import os
import zoneinfo
from collections.abc import Mapping
from pathlib import Path

UTC = "UTC"
_OTHER_NAMES_OF_UTC = {"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}
_LOCALTIME = Path("/etc/localtime")


def check(name: str) -> str:
    """The name itself; ValueError with the nearest known one when there is no such zone."""
    if known(name):
        return name
    raise ValueError(f"is not a time zone{_nearest(name)}; write an IANA name such as Europe/Berlin or UTC")


def known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        return False
    return True


def machine(environ: Mapping[str, str] = os.environ, localtime: Path = _LOCALTIME) -> str:
    """The machine's zone: `TZ`, else what /etc/localtime points to, else UTC."""
    candidates = [environ.get("TZ", "").lstrip(":")]
    try:
        candidates.append(str(localtime.resolve(strict=True)).partition("zoneinfo/")[2])
    except OSError:  # a machine without one runs on UTC
        candidates.append(UTC)
    found = next((name for name in candidates if name and known(name)), UTC)
    return UTC if found in _OTHER_NAMES_OF_UTC else found


def _nearest(name: str) -> str:
    names = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
    places = {zone.rpartition("/")[2].lower(): zone for zone in sorted(names.values(), reverse=True)}
    wanted = name.strip().lower().replace(" ", "_")
    for table in (names, places):
        near = difflib.get_close_matches(wanted, table, n=1, cutoff=0.75)
        if near:
            return f" (did you mean {table[near[0]]}?)"
    return ""
