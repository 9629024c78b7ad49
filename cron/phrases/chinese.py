"""Chinese time phrases, in simplified and traditional characters, as a table for the engine in `grammar`."""

from fractions import Fraction

from cron.phrases.language import Kind, Language, Piece
from cron.phrases.values import Part

_DIGITS = "一二三四五六七八九"


def _numeral(number: int) -> str:
    """The usual way to write 1 to 199."""
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    words = "一百" if hundreds else ""
    if hundreds and ones and not tens:
        words += "零"
    if tens:
        words += ("" if tens == 1 and not hundreds else _DIGITS[tens - 1]) + "十"
    return words + (_DIGITS[ones - 1] if ones else "")


_NUMERALS = {_numeral(number): number for number in range(1, 200)}
_OLDER = {
    f"{tens}{ones}": 10 * n + i for n, tens in ((2, "廿"), (3, "卅")) for i, ones in enumerate(("", *_DIGITS))
}
_TO_59 = {word: number for word, number in (_NUMERALS | _OLDER).items() if number < 60}
_TO_99 = {word: number for word, number in (_NUMERALS | _OLDER).items() if number < 100}
_MONTHS = {
    f"{written}月": month for month in range(1, 13) for written in (_numeral(month), str(month), f"{month:02}")
}

_WEEK = ("周", "星期", "礼拜")
_DAY_LETTERS = {**{letter: number for number, letter in enumerate("一二三四五六")}, "日": 6, "天": 6}
_WEEKDAYS = {f"{week}{letter}": day for week in _WEEK for letter, day in _DAY_LETTERS.items()}
_A_LETTER = f"[{''.join(_DAY_LETTERS)}]"
_A_WEEK = f"(?:{'|'.join(_WEEK)})"

_LONG_PARTS = {
    **dict.fromkeys(("凌晨",), Part.SMALL_HOURS),
    **dict.fromkeys(("早上", "早晨", "清晨", "清早", "上午", "一早", "早间"), Part.MORNING),
    **dict.fromkeys(("中午", "午间"), Part.NOON),
    **dict.fromkeys(("下午", "午后"), Part.AFTERNOON),
    **dict.fromkeys(("傍晚", "黄昏"), Part.EVENING),
    **dict.fromkeys(("晚上", "夜里", "夜晚", "晚间", "深夜", "夜间"), Part.LATE),
}
_SHORT_PARTS = {"早": Part.MORNING, "晨": Part.MORNING, "晚": Part.LATE, "夜": Part.LATE}
_LONG_PART = "|".join(_LONG_PARTS)

_SHIFTS = {"今天": 0, "今日": 0, "当天": 0, "明天": 1, "明日": 1, "后天": 2, "后日": 2, "大后天": 3, "昨天": -1}
_SHORT_SHIFTS = {"今": 0, "明": 1, "后": 2}
_SHIFT = "|".join(sorted(_SHIFTS, key=len, reverse=True))
_DAY_SETS = {
    **dict.fromkeys(("工作日", "平日", "上班日"), (0, 1, 2, 3, 4)),
    **dict.fromkeys(("周末", "双休日", "休息日"), (5, 6)),
}

_EVERY = "(?:每一个|每一|每个|每逢|每到|每|逢)"
_EVERY_MONTH = "每(?:一个|个)?月的?"
_NTH = f"(?P<ordinal>第(?:[0-9]{{1,2}}|[{_DIGITS}十]{{1,3}}))"
_DATE = "{month}{day}(?:[号日]|(?![点时个天分]))"
_NUMBERED = "(?![楼线门车桌房店机码院馆])"  # "5号线" is a line of the underground
_PART = "(?:{part}的? ?)?"
_TWO_DIGITS = f"[0-5][0-9]|[零〇][0-9{_DIGITS}]|[二三四五]?十[{_DIGITS}]?"
_MINUTES = f"(?P<minute>{_TWO_DIGITS}|[0-9]|[{_DIGITS}])分(?!钟)(?:的时候)?"
_SHORT_MINUTES = (
    f"(?P<minute>半|[一三]刻|{_TWO_DIGITS})(?![分个位名条块元人次本件杯])(?:的时候)?"  # 三点二十个人: people
)
_OCLOCK = "[点时](?!候|间|段|[0-9])(?:钟|整)?(?:的时候)?"

_REPEATED = (
    Piece(Kind.EVERY_NTH, "(?:每?隔)(?P<period>天|日|周|星期|礼拜|月)"),
    Piece(Kind.EVERY_NTH, "每?隔(?:一|1) ?个?(?P<period>天|日|周|星期|礼拜|月)"),
    Piece(Kind.TWO_WAYS, "每?隔 ?{number} ?个?(?:天|日|周|星期|礼拜|月|年)"),  # 每隔两天: every 2nd or 3rd day?
    Piece(Kind.EVERY_AMOUNT, "每(?:隔|过)? ?{amount}的?(?: ?一次)?"),
    Piece(Kind.EVERY_UNIT, "{period=adverb}"),
    Piece(Kind.EVERY_UNIT, f"{_EVERY}{{period}}"),
    Piece(Kind.EVERY_UNIT, "[每一]{period}{count}"),
    Piece(Kind.EVERY_PART, "每(?P<part>早|晨|晚|夜)"),
    Piece(Kind.EVERY_PART, f"每个(?P<part>{_LONG_PART})"),
    Piece(Kind.EVERY_PART, f"每(?P<part>{_LONG_PART})"),
    Piece(Kind.EVERY_WEEKDAYS, f"{_EVERY}{{weekday_list}}"),
    Piece(Kind.EVERY_WEEKDAYS, f"每个?{_A_WEEK}的?{{weekday_list}}"),
    Piece(
        Kind.EVERY_WEEKDAYS,
        f"{_EVERY}{_A_WEEK}(?P<letters>{_A_LETTER}(?:[、,和及与]{{0,2}}{_A_LETTER}){{1,6}})(?![十点时号日月:])",
    ),
    Piece(Kind.EVERY_WEEKDAYS, f"(?:{_EVERY}|每周的?)(?P<day_set>{'|'.join(_DAY_SETS)})"),
    Piece(Kind.EVERY_WEEKDAYS, "(?P<day_set>工作日|平日)"),
    Piece(Kind.EVERY_RANGE, f"(?:{_EVERY}|每周)?{{first=weekday}}[到至~—-]{{last=weekday}}"),
    Piece(
        Kind.EVERY_RANGE,
        f"(?:{_EVERY}|每周)?{{first=weekday}}[到至~—-](?P<last>{_A_LETTER})(?![十点时号日月:])",
    ),
    Piece(Kind.EVERY_LAST_DAY, f"{_EVERY_MONTH}最后[一1][天日]"),
    Piece(Kind.EVERY_MONTH_DAY, f"{_EVERY_MONTH}{{day_list}}[号日]"),
    Piece(Kind.EVERY_MONTH_DAY, f"{_EVERY_MONTH}{_NTH}[天日]"),
    Piece(Kind.EVERY_NTH_WEEKDAY, f"{_EVERY_MONTH}{_NTH}个?{{weekday}}"),
    Piece(Kind.EVERY_NTH_WEEKDAY, f"{_EVERY_MONTH}(?P<ordinal>最后一)个?{{weekday}}"),
    Piece(Kind.EVERY_DATE, f"每年的?{_DATE}"),
    Piece(Kind.TWO_WAYS, "每个?(?:季度|季)|每半月|每旬"),
)

_ONCE = (
    Piece(Kind.OFFSET, "(?:在|再过|过)? ?{amount} ?(?:之后|以后|过后|后)"),
    Piece(Kind.OFFSET, "再?过 ?{amount}"),
    Piece(Kind.COUNTED_FROM, "{amount}(?:之前|以前|前)"),
    Piece(Kind.SHIFT, f"(?P<shift>{_SHIFT})"),
    Piece(Kind.SHIFT, "(?P<shift>[今明后])天?(?P<part>早上|晚上|夜里|早|晨|晚|夜)"),
    Piece(Kind.WEEKDAY, "{week}{weekday}"),
    Piece(Kind.WEEKDAY, "{weekday}"),
    Piece(Kind.WEEKDAYS, "{weekday_list=weekday_pair}", follows=True),
    Piece(Kind.DATE, f"(?:{{year}}年)?{_DATE}"),
    Piece(Kind.DATE, f"{{year_shift}}的?{_DATE}"),
    Piece(Kind.DATE, "{month_shift}的?{day}[号日]"),
    Piece(Kind.DATE, f"{{day}}[号日]{_NUMBERED}"),
    Piece(Kind.AMOUNT_ALONE, "{amount}", alone=True),
    Piece(Kind.PART, f"(?P<part>{_LONG_PART})", follows=True),
    Piece(
        Kind.VAGUE,
        f"[这本下]个?(?:{'|'.join(_WEEK)}|周末|月|年|季度)|周末|明年|月[底末初中]|年[底末初]|[月年]中旬?",
    ),
)

_CLOCK = (
    Piece(Kind.CLOCK, f"{_PART}{{hour}} ?[点时] ?{_MINUTES}"),
    Piece(Kind.CLOCK, f"{_PART}{{hour}} ?[点时] ?{_SHORT_MINUTES}"),
    Piece(Kind.CLOCK, f"(?![早晚]一点){{part}}的? ?{{hour}} ?{_OCLOCK}"),
    Piece(Kind.CLOCK, f"(?P<hour>[0-9]{{1,2}}) ?{_OCLOCK}"),
    Piece(
        Kind.CLOCK, f"(?:(?<![早晚快慢多少有好差大小高低])|(?![一两]点)){{hour}} ?{_OCLOCK}"
    ),  # 早一点: a bit earlier
    Piece(Kind.CLOCK, f"{_PART}{{hour}}:{{minute}}(?::(?P<second>[0-9]{{2}}))?"),
    Piece(Kind.CLOCK, f"{_PART}{{hour}}(?::{{minute}})? ?{{half_day}}"),
    Piece(Kind.CLOCK_WORD, "{clock_word}", follows=True),
    Piece(Kind.CLOCK_WORD, "{clock_word}", alone=True),
    Piece(Kind.PAST_HOUR, f"{_PART}{{past_word}} ?{{hour}}点"),
)

CHINESE = Language(
    script="[\u4e00-\u9fff〇]",
    letters=dict(
        zip(
            "頭點週禮後個鐘鍾號兩時間過從幾數負陰農曆雙裡裏這節晩淩條塊樓線門車裝開閒當書電話個們請關參",
            "头点周礼后个钟钟号两时间过从几数负阴农历双里里这节晚凌条块楼线门车装开闲当书电话个们请关参",
            strict=True,
        )
    ),
    numbers={
        **{word: Fraction(number) for word, number in (_NUMERALS | _OLDER).items()},
        "两": Fraction(2),
        "俩": Fraction(2),
        "零": Fraction(0),
        "半": Fraction(1, 2),
        "一刻": Fraction(15),
        "三刻": Fraction(45),  # of 一刻钟
    },
    ordinals={
        **_TO_99,
        **{f"第{word}": number for word, number in _TO_99.items()},
        **{f"第{number}": number for number in range(1, 100)},
        "最后一": -1,
    },
    units={
        **dict.fromkeys(("秒钟", "秒"), "second"),
        **dict.fromkeys(("分钟", "分", "钟"), "minute"),
        **dict.fromkeys(("个小时", "小时", "个钟头", "钟头", "个钟"), "hour"),
        **dict.fromkeys(("天", "日"), "day"),
        **dict.fromkeys(("周", "个星期", "星期", "个礼拜", "礼拜"), "week"),
        "个月": "month",
        "年": "year",
    },
    periods={
        "秒": "second",
        "秒钟": "second",
        "分钟": "minute",
        **dict.fromkeys(("小时", "钟头"), "hour"),
        **dict.fromkeys(("天", "日", "天天", "日日"), "day"),
        **dict.fromkeys(("周", "星期", "礼拜"), "week"),
        **dict.fromkeys(("月", "个月"), "month"),
        "年": "year",
    },
    adverbs=("天天", "日日"),
    weekdays=_WEEKDAYS,
    weekday_names=tuple(_WEEKDAYS),
    day_letters=_DAY_LETTERS,
    day_sets=_DAY_SETS,
    months=_MONTHS,
    shifts=_SHIFTS | _SHORT_SHIFTS,
    weeks={
        **{f"下{of}": 1 for of in ("", "个")},
        **{f"下下{of}": 2 for of in ("", "个")},
        **{f"{this}{of}": 0 for this in "这本" for of in ("", "个")},
        **{f"上{of}": -1 for of in ("", "个")},
    },
    month_shifts={"下个月": 1, "下月": 1, "这个月": 0, "本月": 0, "这月": 0},
    year_shifts={"今年": 0, "明年": 1, "后年": 2},
    parts=_LONG_PARTS | _SHORT_PARTS,
    hour_words={**_TO_59, "两": 2, "零": 0, "〇": 0},
    minute_words={
        **_TO_59,
        **{f"{zero}{ones}": number for zero in "零〇" for number, ones in enumerate(_DIGITS, 1)},
        **{f"{zero}{number}": number for zero in "零〇" for number in range(10)},
        "半": 30,
        "一刻": 15,
        "三刻": 45,
    },
    clock_words={"正午": (12, 0), "午夜": (0, 0), "零时": (0, 0)},
    halves={"am": 0, "pm": 12},
    past_words={
        "差一刻": -15,
        **{f"差{word}分": -number for number in (5, 10, 20) for word in (_numeral(number), str(number))},
    },
    counts={f"{word}次": n for n in range(1, 13) for word in (_numeral(n), str(n))} | {"两次": 2},
    quantity=(
        "(?<![-负0-9.百千万几数好])(?<![百千零][一二三四五六七八九])(?!半天){number} ?(?P<half>个半)? ?{unit}"
        "(?P<more>半)?"
    ),
    between_amounts="(?: ?[,零又]| )?",
    between_days="[号日]? ?[,、和与及跟] ?",
    glue=" {0,3}[,、;]? {0,2}(?:以及|还有|和|与|及|跟)? {0,2}[在于]?",
    before="(?:(?![0-9])|(?<![0-9])(?<![0-9][:.,/-]))(?<!农历)(?<!阴历)",
    after="(?:(?<![0-9])|(?![0-9])(?![:.,/-][0-9]))",
    gap=" {0,3}",
    pieces=(*_REPEATED, *_ONCE, *_CLOCK),
    about="关于|参加|直到|截至|截止到?|自从|从|自|由|比|不?[早晚]于",
    described="这|那|上",
    possessive="的(?!时候)",
    dates="{month} ?{day}|{day}[号日](?![楼线门车桌房店机码院馆])|农历|阴历|初[一二三四五六七八九十]",
    beside=f"(?:或者?)?(?:{_SHIFT}|{{weekday}}|[今明后][早晚]|[上下]周)(?:起|开始|或者?)?|{{hour}}点",
    counted="之前|以前|前",
    limits={
        "expires_at": "直到|到|至|截止|为止|(?:持续|连续){amount}",
        "exclude": "除了|除外|除非|不包括|不含",
        "start_at": "起|开始",
        "max_runs": "(?:共|一共|只)?{count}|一次",
        "": "之前|以前|前|左右|前后|差|从|的(?!时候|闹钟|提醒|日程|定时)|或者?|时区",
    },
    recurrence="每(?!个?人|位)|逢|隔[天日周]",
    forms=(
        'Understood are single times ("20分钟后", "一个半小时后", "今晚8点", "明天早上9点", "下周一上午十点",'
        ' "12月24日晚上8点", "2026-12-24 18:00") and repetitions ("每5分钟", "每隔2小时", "每天9点",'
        ' "每天早上8点和晚上8点", "每个工作日上午9点半", "每周一10点",'
        ' "隔天早上9点", "每月1号9点", "每月最后一天18点").'
    ),
)
