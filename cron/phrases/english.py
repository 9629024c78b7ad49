"""English time phrases, as a table for the engine in `grammar`."""

from fractions import Fraction

from cron.phrases.language import Kind, Language, Piece
from cron.phrases.values import Part


def _words(text: str) -> list[str]:
    return text.split()


_ONES = _words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}

_COUNTS = {word: number for number, word in enumerate(_ONES, 1)}
_COUNTS |= _TENS
_COUNTS |= {
    f"{tens}{joint}{ones}": value + number
    for tens, value in _TENS.items()
    for number, ones in enumerate(_ONES[:9], 1)
    for joint in "- "
}

_NTHS = _words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_NTHS += [f"twenty-{nth}" for nth in _NTHS[:9]] + ["thirtieth", "thirty-first"]


def _suffixed(number: int) -> str:
    special = {1: "st", 2: "nd", 3: "rd"} if number not in (11, 12, 13) else {}
    return f"{number}{special.get(number % 10, 'th')}"


_DAY_NAMES = _words("monday tuesday wednesday thursday friday saturday sunday")
_SHORT_DAYS = [("mon",), ("tue", "tues"), ("wed",), ("thu", "thur", "thurs"), ("fri",), ("sat",), ("sun",)]
_MONTH_NAMES = _words("january february march april may june july august september october november december")

_WORKDAYS = "weekday|week day|workday|working day|business day"
_DAY_SETS = {
    **{f"{word}{plural}": (0, 1, 2, 3, 4) for word in _WORKDAYS.split("|") for plural in ("", "s")},
    "weekend": (5, 6),
    "weekends": (5, 6),
}
_DAY_PARTS = (Part.MORNING, Part.AFTERNOON, Part.EVENING, Part.NIGHT)
_PARTS = {
    **{part.value: part for part in _DAY_PARTS},
    **{f"{part}s": part for part in _DAY_PARTS},
    "nightly": Part.NIGHT,
}

_EVERY = "(?:every single|every|each)"
_TIMES = ("three", "four", "five", "six")
_MINUTES_PAST = {"five": 5, "ten": 10, "twenty": 20, "twenty-five": 25, "twenty five": 25}
_MINUTES_PAST |= {str(number): number for number in (5, 10, 20, 25)}
_MORNINGS = "(?P<part>mornings|afternoons|evenings|nights|nightly)"
_AT = "(?:at |@ ?)"
_END = (  # what may follow a bare hour inside a sentence: "at 9 to stretch", but not "at 3 houses"
    r"(?= ?(?:[.,;:!?\-]|$)| (?:to|that|tell|say|please|remind|and|on|every|each|next|this|in|today|tomorrow"
    r"|tonight|daily|weekly|monthly|weekdays|weekends)(?!\w))"
)

_HOUR = "{hour}(?: ?{half_day}| in the {part})?"

_REPEATED = (
    Piece(Kind.EVERY_AMOUNT, f"{_EVERY} {{amount}}"),
    Piece(Kind.EVERY_UNIT, f"(?:once )?{_EVERY} {{period}}(?: {{part}})?"),
    Piece(Kind.EVERY_UNIT, "{period=adverb}"),
    Piece(Kind.EVERY_PART, f"{_EVERY} {{part}}"),
    Piece(Kind.EVERY_PART, f"(?:in the |at )?{_MORNINGS}"),
    Piece(Kind.EVERY_WEEKDAYS, f"(?:on )?{_EVERY} {{weekday_list}}(?: {{part}})?"),
    Piece(Kind.EVERY_WEEKDAYS, "(?:on )?{weekday_list=plural_list}"),
    Piece(Kind.EVERY_WEEKDAYS, "(?:on )?{weekday_list=weekday_trio}"),  # two are asked about: once, or every week?
    Piece(Kind.EVERY_WEEKDAYS, "only on {weekday_list}"),  # how expressions are worded in a list
    Piece(Kind.EVERY_WEEKDAYS, f"(?:on )?{{weekday_list}} {_MORNINGS}"),
    Piece(Kind.EVERY_WEEKDAYS, f"(?:on )?{_EVERY} (?P<day_set>{_WORKDAYS}|weekend)(?: {{part}})?"),
    Piece(
        Kind.EVERY_WEEKDAYS, "(?:on |at )?(?:the )?(?P<day_set>weekdays|week days|workdays|working days|weekends)"
    ),
    Piece(Kind.EVERY_WEEKDAYS, f"(?:on )?(?P<day_set>weekday|weekend) {_MORNINGS}"),
    Piece(
        Kind.EVERY_RANGE,
        "(?:every |from |on )?{first=weekday} ?(?:to|through|thru|until|till|-|–) ?{last=weekday}",
    ),
    Piece(Kind.EVERY_LAST_DAY, f"(?:on |at )?(?:the )?(?:last day|end) of {_EVERY} month"),
    Piece(Kind.EVERY_LAST_DAY, "(?:on )?every last day of the month"),
    Piece(Kind.EVERY_LAST_DAY, f"(?:{_EVERY} month|monthly),? on the last day"),
    Piece(Kind.EVERY_MONTH_DAY, f"(?:on )?(?:the )?{{day}}(?: day)? of {_EVERY} month"),
    Piece(Kind.EVERY_MONTH_DAY, f"(?:on )?(?:the )?{{day_list}}(?: days?)? of {_EVERY} month"),
    Piece(Kind.EVERY_MONTH_DAY, "(?:on )?every (?:the )?{ordinal}(?: day)? of the month"),
    Piece(Kind.EVERY_MONTH_DAY, "on day {day} of the month"),
    Piece(Kind.EVERY_NTH_WEEKDAY, f"(?:on )?(?:the )?{{ordinal}} {{weekday}} (?:of|in) {_EVERY} month"),
    Piece(Kind.EVERY_NTH_WEEKDAY, f"(?:on )?{_EVERY} {{ordinal}} {{weekday}} (?:of|in) (?:the|a) month"),
    Piece(Kind.EVERY_NTH_WEEKDAY, "(?:on )?(?:the )?{ordinal} {weekday} of the month"),
    Piece(Kind.EVERY_DATE, f"(?:on )?{_EVERY} {{day}}(?: of)? {{month}}"),
    Piece(Kind.EVERY_DATE, f"(?:on )?{_EVERY} {{month}} {{day}}"),
    Piece(
        Kind.EVERY_NTH, f"(?:on )?{_EVERY} (?:other|{{ordinal}}) (?:{{period}}|{{weekday}}|{{part}}|{{day_set}})"
    ),
    Piece(Kind.EVERY_NTH, f"(?:{_EVERY} fortnight|fortnightly),? on {{weekday}}"),
    Piece(Kind.TWO_WAYS, "bi-?weekly|bi-?monthly|semi-?weekly|semi-?monthly|quarterly|bi-?annually"),
    Piece(Kind.TWO_WAYS, f"{_EVERY} (?:quarter|season)"),
    Piece(Kind.EVERY_UNIT, f"{{count}}(?: a| an| per| {_EVERY})? {{period}}"),
    Piece(Kind.WINDOW, "(?:between|from) {clock_pair}", follows=True),
)

_ONCE = (
    Piece(Kind.OFFSET, "(?:in|after) {amount}(?:'? time| from now)?"),
    Piece(Kind.OFFSET, "{amount} (?:from now|later)"),
    Piece(Kind.NUMBER_ALONE, f"(?:in|after|{_EVERY}) [0-9]{{1,6}}(?! ?[^ ])", alone=True),
    Piece(Kind.COUNTED_FROM, "{amount} (?:before|prior to|ahead of|after)"),
    Piece(Kind.AMOUNT_ALONE, "{amount}", alone=True),
    Piece(Kind.SHIFT, "(?:the )?{shift}(?: {part})?"),
    Piece(Kind.TODAY_PART, "{today_part}"),
    Piece(Kind.WEEKDAY, "(?:on )?{weekday=weekday_name}(?: {part})?"),
    Piece(Kind.WEEKDAY, "(?:on )?{next} {weekday}(?: {part})?"),
    Piece(Kind.WEEKDAY, "on {weekday}(?: {part})?"),
    Piece(Kind.WEEKDAYS, "on {weekday_list=weekday_pair}", follows=True),
    Piece(Kind.WEEKDAY, "{weekday}(?: {part})?", follows=True),
    Piece(Kind.DATE, "(?:at |on )?(?:the )?{day}(?: of)? {month}(?:,? {year})?"),
    Piece(Kind.DATE, "(?:on )?{month} (?:the )?{day}(?:,? {year})?"),
    Piece(Kind.DATE, "(?:on )?(?:the )?{ordinal}(?: day)? of {month_shift}"),
    Piece(Kind.DATE, "on (?:the )?{ordinal}"),
    Piece(Kind.DATE, "the {ordinal}", follows=True),
    Piece(Kind.DATE, "(?:at|on) (?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    Piece(Kind.PART, "(?:in the|at) {part}"),
    Piece(Kind.PART, "{part}", follows=True),
    Piece(Kind.VAGUE, "(?:on |at )?(?:this|next) (?:week|month|year|weekend|quarter)"),
    Piece(Kind.VAGUE, "(?:in )?{month}", alone=True),
    Piece(
        Kind.VAGUE,
        "(?:on |at )?(?:the )?(?:{ordinal}|end|start)(?: {weekday}| day)? of (?:the|this|next) (?:month|year)",
    ),
)

_CLOCK = (
    Piece(Kind.CLOCK, f"{_AT}?{{hour}}[:.]{{minute}} ?{{half_day}}"),
    Piece(Kind.CLOCK, f"{_AT}?{{hour}}:{{minute}}(?::(?P<second>[0-9]{{2}}))?"),
    Piece(Kind.CLOCK, rf"{_AT}{{hour}}\.{{minute}}"),
    Piece(Kind.CLOCK, r"{hour}\.{minute}", follows=True),
    Piece(Kind.CLOCK, f"{_AT}?{{hour}}h{{minute}}"),
    Piece(Kind.CLOCK, f"{_AT}{{hour}}h"),
    Piece(Kind.CLOCK, f"{_AT}?{{hour}}(?: o'?clock)? in the {{part}}"),
    Piece(Kind.CLOCK, f"{_AT}?{{hour}}:{{minute}} in the {{part}}"),
    Piece(Kind.CLOCK, f"{_AT}?{{hour}} ?{{half_day}}"),
    Piece(Kind.CLOCK, "(?:at )?{hour} o'?clock"),
    Piece(Kind.CLOCK, f"{_AT}{{hour}}{_END}"),
    Piece(Kind.CLOCK, f"{_AT}{{hour}}", follows=True),
    Piece(Kind.CLOCK, f"{_AT}{{hour}}", alone=True),
    Piece(Kind.CLOCK_LIST, f"{_AT}{{clock_list}}"),
    Piece(Kind.CLOCK_WORD, "at {clock_word}"),
    Piece(Kind.CLOCK_WORD, "{clock_word}", follows=True),
    Piece(Kind.CLOCK_WORD, "{clock_word}", alone=True),
    Piece(Kind.PAST_HOUR, f"at (?:a )?{{past_word}} {_HOUR}"),
    Piece(Kind.PAST_HOUR, f"(?:a )?(?P<past_word>half past|quarter past|quarter to) {_HOUR}"),
    Piece(Kind.PAST_HOUR, f"{{past_word}} {_HOUR}", follows=True),  # "5 to 9" alone is an amount of something
)

ENGLISH = Language(
    numbers={
        **{word: Fraction(number) for word, number in _COUNTS.items()},
        "a": Fraction(1),
        "an": Fraction(1),
        "a couple of": Fraction(2),
        "a dozen": Fraction(12),
        "half an": Fraction(1, 2),
        "half a": Fraction(1, 2),
        "half": Fraction(1, 2),
        "a quarter of an": Fraction(1, 4),
        "quarter of an": Fraction(1, 4),
        "three quarters of an": Fraction(3, 4),
    },
    ordinals={
        **{word: number for number, word in enumerate(_NTHS, 1)},
        **{_suffixed(number): number for number in range(1, 32)},
        "last": -1,
    },
    units={
        **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "second"),
        **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "minute"),
        **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hour"),
        **dict.fromkeys(("day", "days", "d"), "day"),
        **dict.fromkeys(("week", "weeks", "wk", "wks", "w"), "week"),
        **dict.fromkeys(("month", "months"), "month"),
        **dict.fromkeys(("year", "years", "yr", "yrs", "y"), "year"),
    },
    periods={
        **{unit: unit for unit in ("second", "minute", "hour", "day", "week", "month", "year")},
        "hourly": "hour",
        "daily": "day",
        "weekly": "week",
        "monthly": "month",
        "yearly": "year",
        "annually": "year",
    },
    adverbs=("hourly", "daily", "weekly", "monthly", "yearly", "annually"),
    weekdays={
        **{name: number for number, name in enumerate(_DAY_NAMES)},
        **{short: number for number, shorts in enumerate(_SHORT_DAYS) for short in shorts},
    },
    weekday_names=tuple(_DAY_NAMES),
    weekday_plurals={f"{name}s": number for number, name in enumerate(_DAY_NAMES)},
    day_sets=_DAY_SETS,
    months={
        **{name: number for number, name in enumerate(_MONTH_NAMES, 1)},
        **{name[:3]: number for number, name in enumerate(_MONTH_NAMES, 1)},
        "sept": 9,
    },
    shifts={"today": 0, "tomorrow": 1, "tmrw": 1, "day after tomorrow": 2},
    parts=_PARTS,
    today_parts={"tonight": Part.NIGHT, **{f"this {part}": part for part in Part}},
    hour_words={word: number for number, word in enumerate(_ONES[:12], 1)},
    clock_words={"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)},
    halves={"am": 0, "a.m.": 0, "a.m": 0, "pm": 12, "p.m.": 12, "p.m": 12},
    past_words={
        "half past": 30,
        "quarter past": 15,
        "quarter to": -15,
        **{f"{word} past": minutes for word, minutes in _MINUTES_PAST.items()},
        **{f"{word} to": -minutes for word, minutes in _MINUTES_PAST.items()},
    },
    nexts={"next": True, "this": False, "coming": False, "this coming": False},
    quantity="{number}(?P<half> and a half)?(?: |(?<=[0-9])){unit}(?![a-z])(?P<more> and a half)?",
    between_amounts="(?:,? (?:and )?)?",
    between_days="(?:,? (?:and |& )?|, ?| ?[&/] ?)",
    glue="(?: {0,2},)? {0,3}(?:and {1,3})?",
    before=r"(?<!\w)(?<![0-9][:.,/-])(?<![-'])",
    after=r"(?!\w)(?![:.,/-][0-9])",
    pieces=(*_REPEATED, *_ONCE, *_CLOCK),
    about="before|by|until|till|about|since|of|from|between|than",
    perhaps_about="for",
    dates=(
        r"on [0-9]{1,2}[./][0-9]{1,2}|[0-9]{1,2}(?:st|nd|rd|th)?\.?(?: of)? ?{month}"
        "|{month} (?:the )?[0-9]{1,2}(?:st|nd|rd|th)?"
    ),
    beside=(
        f"(?:or )?(?:on )?(?:{'|'.join(_DAY_NAMES)}|tomorrow|tmrw|today|tonight)(?: or)?"
        f"|(?:or )?(?<!the\\s)(?:{'|'.join(short for shorts in _SHORT_DAYS for short in shorts)})(?: or)?"
        r"|(?:or |to )?[0-9]{1,2}(?::[0-9]{2}| ?[ap]\.?m)(?: or)?"
        "|(?:the )?[0-9]{1,2}(?:st|nd|rd|th)"
        f"|in (?:{'|'.join(_MONTH_NAMES)})"
    ),
    counted="before|prior to|ahead of|after",
    limits={
        "expires_at": "until|till|up to|ending|for (?:the )?(?:next )?{amount}",
        "exclude": "except|excluding|but not|unless",
        "start_at": "starting|beginning|from now on",
        "max_runs": "(?:for )?{number} times|once|twice|only once",
        "tz": (
            "utc|gmt|cet|cest|bst|ist|jst|est|edt|cst|cdt|mst|mdt|pst|pdt|[a-z]{2,12}/[a-z_]{2,20}"
            "|(?:in )?[a-z]{3,12} time"
        ),
        "": "but only|between|from [0-9]{1,2}|on the (?:half )?hour",
    },
    recurrence=_EVERY,
    forms=(
        'Understood are single times ("in 20 minutes", "in 2 hours and 30 minutes", "at 17:30", "today at 5pm",'
        ' "tomorrow at 9am", "on friday at 10:00", "on 24 December at 18:00", "2026-12-24 18:00") and repetitions'
        ' ("every 5 minutes", "every hour", "every day at 9:00", "every weekday at 9:00",'
        ' "every monday and thursday at 10:00", "every other day at 9:00", "every 2 hours between 9:00 and 17:00",'
        ' "on the 1st of every month at 9:00", "last day of every month at 18:00").'
    ),
    between_clocks="(?: ?[-–] ?| (?:and|to|until|till|through) )",
    counts={
        "once": 1,
        "one time": 1,
        "twice": 2,
        "two times": 2,
        **{f"{word} times": number for number, word in enumerate(_TIMES, 3)},
        **{f"{number} times": number for number in range(1, 13)},
    },
    month_shifts={"next month": 1, "this month": 0},
    described="the|a|an|my|your|our|his|her|their|last",
    possessive="['’]s?(?!\\w)",
)
