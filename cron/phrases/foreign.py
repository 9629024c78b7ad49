"""Names of days in languages that have no table of their own. Pure.

A time of day that our tables find in a sentence is not one of today when the sentence names a day that they cannot
read: "morgen um 21:00 Zahnarzt". Such a sentence is asked about. English and Chinese are here for chats in which
the other one is not read.
"""

import re
from collections.abc import Iterable

from cron.phrases.grammar import Reader


def _words(text: str) -> list[str]:
    return text.split()


_SPACED = _words(
    """
    heute morgen übermorgen montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
    aujourd'hui demain après-demain lundi mardi mercredi jeudi vendredi samedi dimanche
    hoy mañana lunes martes miércoles miercoles jueves viernes sábado sabado domingo
    hoje amanhã amanha segunda-feira terça-feira quarta-feira quinta-feira sexta-feira
    oggi domani dopodomani lunedì martedì mercoledì giovedì venerdì domenica
    vandaag overmorgen maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    idag imorgon övermorgon måndag tisdag onsdag torsdag fredag lördag söndag
    imorgen mandag tirsdag lørdag søndag tänään huomenna ylihuomenna maanantaina tiistaina keskiviikkona
    torstaina perjantaina lauantaina sunnuntaina
    dziś dzisiaj jutro pojutrze poniedziałek wtorek środę środa czwartek piątek sobotę sobota niedzielę niedziela
    dnes zítra pozítří pondělí úterý středu čtvrtek pátek neděli
    holnap holnapután hétfőn kedden szerdán csütörtökön pénteken szombaton vasárnap
    bugün yarın pazartesi salı çarşamba perşembe cuma cumartesi
    сегодня завтра послезавтра понедельник вторник среду среда четверг пятницу пятница субботу суббота
    воскресенье сьогодні понеділок вівторок середу п'ятницю неділю
    σήμερα αύριο δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή
    """
)
_UNSPACED = _words(
    """
    今天 明天 后天 後天 大后天 今晚 明早 明晚 下周 下週 [周週][一二三四五六日] 星期[一二三四五六日天] 禮拜 礼拜
    今日 明日 明後日 来週 [月火水木金土日]曜 오늘 내일 모레 [월화수목금토일]요일 พรุ่งนี้ วันนี้
    غدا اليوم מחר היום
    """
)
_WORDS = sorted(_SPACED, key=len, reverse=True)
_DAYS = re.compile(rf"(?<![\w'-])(?:{'|'.join(map(re.escape, _WORDS))})(?![\w])|{'|'.join(_UNSPACED)}")

Span = tuple[int, int]


def first_foreign_day(reader: Reader, folded: str, taken: Iterable[Span]) -> Span | None:
    """Where the first such name stands outside the spans, if it is none of the reader's own language."""
    spans = tuple(taken)
    for match in _DAYS.finditer(folded):
        inside = any(match.start() < end and start < match.end() for start, end in spans)
        if not inside and not reader.reads(folded, match.start()):
            return match.span()
    return None
