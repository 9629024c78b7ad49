"""Wish: what a sentence asks for, by the tables of a language; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from gateway.agent.models.offline.jobs import stem, words_of
from gateway.agent.models.offline.language import Intent, Rule, Speech

USUAL_NAG = "10 minutes"
NEAR = 0.84  # "firday" is not as near to friday as "tomorow" to tomorrow; a sundae is no day
SHORTEST = 5  # letters
LOOKED = 50  # words


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a sentence asks for."""

    intent: Intent
    what: str = ""  # words to say, or what names the job
    when: str = ""  # a time phrase, or a piece of one
    say: str = ""  # new words for a job
    nag: str = ""  # how often it is said again until somebody answers
    sure: bool = False  # said once more, after a question
    refusal: str = ""  # why the time cannot be used


def first_fit(rules: Sequence[Rule], sentence: str, speech: Speech) -> Wish | None:
    for rule in rules:
        match = rule.pattern.fullmatch(sentence)
        if match:
            groups = match.groupdict()
            what = unquoted(groups.get("what") or "") or rule.default
            amount = groups.get("amount")
            when = speech.once_amount.format(amount=amount) if amount else groups.get("when") or ""
            say = unquoted(groups.get("say") or "")
            return Wish(intent=rule.intent, what=what, when=when.strip(), say=say, sure=bool(groups.get("sure")))
    return None


def unquoted(text: str) -> str:
    text = text.strip(" ,:，：")
    return text[1:-1].strip() if len(text) > 2 and text[0] in "\"“'‘「" and text[-1] in "\"”'’」" else text


def near(text: str, times: frozenset[str]) -> str:
    """The first word that is nearly the name of a day, but not it: "tomorow". Empty without one."""
    for word in words_of(text)[:LOOKED]:
        day = get_close_matches(word, times, n=1, cutoff=NEAR) if len(word) >= SHORTEST else []
        if day and stem(word) not in times:
            return word
    return ""


def without_nag(sentence: str, speech: Speech) -> tuple[str, str]:
    """The sentence, and how often what it asks for is said again; empty without that."""
    match = speech.nag.search(sentence)
    if match is None:
        return sentence, ""
    rest = f"{sentence[: match.start()]}{sentence[match.end() :]}".strip(" ,，")
    return rest, _amount((match["nag"] or USUAL_NAG).strip(), speech)


def _amount(text: str, speech: Speech) -> str:
    """An amount of time as the tool reads it: "10 minutes"."""
    if text in speech.amounts:
        return speech.amounts[text]
    for unit, one in speech.amounts.items():
        number = text.removesuffix(unit)
        if number != text and number.isdecimal():
            return f"{number} {one.split()[1]}s"
    return text


def with_nag(wish: Wish, nag: str) -> Wish:
    return replace(wish, nag=nag) if nag and wish.intent is Intent.SAY else wish
