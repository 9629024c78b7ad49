"""Understanding: a sentence, and what was said before it, as a wish; pure."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.agent.model import PromptItem, ToolResult, TurnContext, UserText
from gateway.agent.models.offline.finder import FoundPhrase, PhraseFinder
from gateway.agent.models.offline.jobs import just_reminded, last_said
from gateway.agent.models.offline.language import Intent, Speech
from gateway.agent.models.offline.scheduled import words
from gateway.agent.models.offline.times import is_part, with_clock
from gateway.agent.models.offline.wishes import Wish, first_fit, near, with_nag, without_nag
from gateway.clock import from_text

LONGEST = 4000  # characters of a sentence that are looked at
ROUNDS = 4  # how many turns back an unanswered "when?" may lie


class Understanding:
    """What is meant, by the tables of one language."""

    def __init__(self, speech: Speech, find: PhraseFinder, context: TurnContext) -> None:
        self.speech = speech
        self.talk = speech.talk
        self._find = find
        self._context = context
        said = {rule.default for rule in (*speech.rules, *speech.sayings)}
        self._meant = speech.quoted - said - {""}  # "this" and "that", which are never words to say

    def understood(self, item: PromptItem, before: Sequence[PromptItem], rounds: int = ROUNDS) -> Wish | str:
        """What somebody asks for, or what to answer when it is nothing that can be done."""
        wish = self._of(words(item), before, rounds)
        quoted = item.quoted if isinstance(item, UserText) else ""
        if not isinstance(wish, Wish) or wish.intent is not Intent.SAY:
            return wish
        if wish.what.lower() in self._meant:
            return replace(wish, what=quoted) if quoted else self.talk.about.format(phrase=wish.when or "…")
        if quoted and wish.what in self.speech.quoted:
            return replace(wish, what=quoted)
        slip = near(wish.what, self.speech.times)
        return self.talk.unclear.format(odd=slip) if slip else wish

    def _of(self, text: str, before: Sequence[PromptItem], rounds: int) -> Wish | str:
        """What the sentence asks for, or what to answer when it asks for nothing that can be done."""
        if len(text) > LONGEST:  # nothing is cut off what somebody wants to be told
            return self.talk.too_long.format(most=LONGEST)
        sentence, nag = without_nag(self._plain(text), self.speech)
        if not sentence:
            return self.talk.no_text
        if self.speech.unopened.search(text, max(0, len(text) - 120)):
            return self.talk.unopened
        wish = self._part_or_whole(sentence, before, rounds)
        return with_nag(wish, nag) if isinstance(wish, Wish) else wish

    def _part_or_whole(self, sentence: str, before: Sequence[PromptItem], rounds: int) -> Wish | str:
        if is_part(sentence, self.speech):
            return self._answer_to_when(sentence, self.found(sentence), before, rounds)
        wish = first_fit(self.speech.rules, sentence, self.speech)
        return wish if wish is not None else self._with_time(sentence, before, rounds)

    def _with_time(self, sentence: str, before: Sequence[PromptItem], rounds: int) -> Wish | str:
        found = self.found(sentence)
        if found is not None and not self._plain(found.rest):
            return self._answer_to_when(sentence, found, before, rounds)
        wish = first_fit(self.speech.sayings, self._plain(found.rest) if found else sentence, self.speech)
        if wish is not None and wish.intent is Intent.UNCLEAR:
            return self._unclear(wish.what, found)
        if wish is not None and found is not None:
            return replace(wish, when=found.phrase, refusal=found.refusal)
        if wish is not None and wish.intent in {Intent.SAY, Intent.WATCH}:
            return wish
        wish = first_fit(self.speech.picked, sentence, self.speech)
        if wish is not None:
            return wish
        return self.talk.unsure.format(phrase=found.phrase) if found and not found.refusal else self.talk.other

    def _unclear(self, odd: str, found: FoundPhrase | None) -> str:
        """The question for the whole sentence; of a date beside the time the finder knows more."""
        if found is not None and found.refusal and any(character.isdigit() for character in odd):
            return found.refusal
        return self.talk.unclear.format(odd=odd[:80])

    def _answer_to_when(
        self, sentence: str, found: FoundPhrase | None, before: Sequence[PromptItem], rounds: int
    ) -> Wish | str:
        """A time and nothing else: the answer to "when?", if that was asked."""
        asked = self.unanswered(before, rounds)
        if asked is not None:
            phrase, refusal = self._completed(asked, sentence, found)
            return replace(asked, when=phrase, refusal=refusal)
        if just_reminded(before) and rounds == ROUNDS:
            return Wish(intent=Intent.SNOOZE, when=sentence)
        if found is None:
            return self.talk.other
        return found.refusal or self.talk.what.format(phrase=found.phrase)

    def _completed(self, asked: Wish, sentence: str, found: FoundPhrase | None) -> tuple[str, str]:
        """The time that was asked for, with what had been said of it before; and why it cannot be used."""
        together = (f"{asked.when} {sentence}", f"{asked.when} {self.speech.at_clock.format(clock=sentence)}")
        for phrase in (with_clock(asked.when, sentence, self.speech), *together):
            whole = self.found(phrase) if asked.when and phrase else None
            if whole is not None and not whole.refusal and not whole.rest:
                return whole.phrase, ""
        if found is None:
            found = self.found(self.speech.at_clock.format(clock=sentence))
        return (found.phrase, found.refusal) if found else ("", "")

    def unanswered(self, before: Sequence[PromptItem], rounds: int) -> Wish | None:
        """The reminder of the turn before that could not be made for want of a time."""
        at = last_said(before)
        if at is None or rounds == 0 or any(isinstance(item, ToolResult) for item in before[at:]):
            return None
        wish = self.understood(before[at], before[:at], rounds - 1)
        return wish if isinstance(wish, Wish) and wish.intent is Intent.SAY else None

    def _plain(self, text: str) -> str:
        text = text.strip()
        courtesy = self.speech.courtesy.match(text)
        text = text[courtesy.end() :] if courtesy and courtesy.end() < len(text) else text
        ending = self.speech.ending.search(text, max(0, len(text) - 40))
        plain = text[: ending.start()] if ending else text
        return plain.strip() or text.strip(" .!") or text.strip()

    def found(self, text: str) -> FoundPhrase | None:
        if not self._context.now:
            return None
        return self._find(text, now=from_text(self._context.now), zone=self._context.zone)
