"""Which half of the day a written hour means. Pure.

A bare hour ("at 9") says which half of the day it means when it has am or pm, a part of the day ("tonight"),
a leading zero, or is 0 or above 11. Otherwise it is read by the 24-hour clock where that is what people mean:
in a repetition ("every weekday at 9"), with minutes from 10 on ("10:30"), or from 7 to 11 on a named day
("friday at 9"). Everything else ("at 5", "tomorrow at 3") is asked, never guessed.
"""

from cron.phrases.values import HOURS_OF, Clock, Part
from gateway.errors import ScheduleError


def hour_of(clock: Clock, *, part: Part | None, day_named: bool, repeated: bool = False) -> int:
    """Hours after the day's midnight (24 and more: the following day). See the rule at the top of this file."""
    if part is not None:
        return _hour_in(part, clock)
    if clock.known or clock.hour == 0 or clock.hour >= 12 or repeated:
        return clock.hour
    if (clock.minutes_written and clock.hour >= 10) or (day_named and clock.hour >= 7):
        return clock.hour
    minute = f"{clock.minute:02}"
    raise ScheduleError(
        f'"{clock}" can mean {clock.hour:02}:{minute} or {clock.hour + 12}:{minute}; which one? '
        f'Write "at {clock}am", "at {clock}pm" or "at {clock.hour + 12}:{minute}".'
    )


def _hour_in(part: Part, clock: Clock) -> int:
    hours = HOURS_OF[part]
    if clock.known:
        hours = {hour % 24: hour for hour in hours.values()}
    if clock.hour not in hours:
        raise ScheduleError(f"{clock} is not in the {part}; write the time alone, such as 18:30.")
    return hours[clock.hour]
