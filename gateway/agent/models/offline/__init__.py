"""The assistant without a language model: deterministic, no network, and honest about what it cannot do.

It maps sentences to the tool calls that a model would make, and answers with what the tools say. Which words mean
what is a table (`english`); how times are read is the phrase finder's, which is handed in.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.agent.model import (
    ModelAnswer,
    ModelReply,
    Prompt,
    PromptItem,
    ToolCall,
    ToolResult,
    TurnContext,
    UserText,
    call_id,
)
from gateway.agent.models.offline.english import ENGLISH
from gateway.agent.models.offline.jobs import (
    TOOL,
    Known,
    exchanges,
    id_in,
    jobs_in,
    last_said,
    last_spoken_of,
    phrase_of,
    words_of,
)
from gateway.agent.models.offline.language import ACTIONS, Intent, Rule, Speech
from gateway.agent.models.offline.times import Wanted, changed, is_part, with_clock
from gateway.clock import from_text

LONGEST = 4000  # characters of a sentence that are looked at
ROUNDS = 4  # how many turns back an unanswered "when?" may lie


class FoundPhrase(Protocol):
    """A time phrase in a sentence."""

    @property
    def phrase(self) -> str:
        """Its words, for the cron tool."""

    @property
    def rest(self) -> str:
        """The sentence without it."""

    @property
    def refusal(self) -> str:
        """Why it cannot be used, as a sentence for the person; empty when it can."""

    @property
    def recurring(self) -> bool:
        """Whether it names a repetition."""


class PhraseFinder(Protocol):
    """Finds the time phrase of a sentence."""

    def __call__(self, text: str, *, now: datetime, zone: str) -> FoundPhrase | None:
        """The phrase and the rest; None when there is no time in the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a sentence asks for."""

    intent: Intent
    what: str = ""  # words to say, or what names the job
    when: str = ""  # a time phrase, or a piece of one
    refusal: str = ""  # why the time cannot be used


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call without its id."""

    name: str
    arguments: dict[str, str]


Reply = str | list[Call]


class OfflineModel:
    """A ModelClient for newcomers and for machines without a network."""

    def __init__(self, find: PhraseFinder, *, speech: Speech = ENGLISH) -> None:
        self._find = find
        self._speech = speech

    async def ask(self, prompt: Prompt) -> ModelAnswer:
        """Answer at once; never fails and costs nothing."""
        reply = _Turn(prompt, self._find, self._speech).reply()
        if isinstance(reply, str):
            return ModelAnswer(reply=ModelReply(text=reply))
        return ModelAnswer(reply=ModelReply(calls=tuple(_with_ids(reply, prompt.context))))

    async def close(self) -> None:
        """Nothing is held."""


def _with_ids(calls: Sequence[Call], context: TurnContext) -> Iterator[ToolCall]:
    for index, call in enumerate(calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        yield ToolCall(id=call_id(context, index), name=call.name, arguments=arguments)


def _for_people(text: str) -> str:
    """A tool's answer without what it says to a model only: how a right call looks."""
    return text.partition(" A right call ")[0]


class _Turn:
    """One question: what was said, what came before it, what the tools have answered since."""

    def __init__(self, prompt: Prompt, find: PhraseFinder, speech: Speech) -> None:
        self.context = prompt.context
        self.speech = speech
        self.talk = speech.talk
        self.tools = {tool.name for tool in prompt.tools}
        self.items = prompt.items
        self._find = find

    def reply(self) -> Reply:
        return self._scheduled() if self.context.scheduled else self._answer()

    def _answer(self) -> Reply:
        at = last_said(self.items)
        if at is None:
            return self.talk.no_text
        before, since = self.items[:at], self.items[at + 1 :]
        wish = self._understood(_text(self.items[at]), before)
        results = [_for_people(item.text) for item in since if isinstance(item, ToolResult)]
        if not results:
            return self._first(wish, before)
        listed = next((text for arguments, text in exchanges(since) if arguments.get("action") == "list"), None)
        if listed is None or len(results) > 1 or isinstance(wish, str) or wish.intent is Intent.LIST:
            return "\n".join(results if listed is None else results[1:] or results)
        return self._with_list(wish, listed, before)

    # -- a scheduled turn ---------------------------------------------------------------------------------

    def _scheduled(self) -> Reply:
        """Nobody can think about the prompt: say it once, as it is."""
        texts = [at for at, item in enumerate(self.items) if isinstance(item, UserText)]
        fenced = [at for at in texts if _task(_text(self.items[at]))]
        if not texts:
            return ""
        at = (fenced or texts)[-1]
        said = any(
            call.name == "message"
            for item in self.items[at:]
            if isinstance(item, ModelReply)
            for call in item.calls
        )
        if said or "message" not in self.tools:
            return ""
        text = _text(self.items[at])
        return [Call("message", {"text": self.talk.scheduled.format(prompt=_task(text) or text.strip())})]

    # -- what is meant ------------------------------------------------------------------------------------

    def _understood(self, text: str, before: Sequence[PromptItem], rounds: int = ROUNDS) -> Wish | str:
        """What the sentence asks for, or what to answer when it asks for nothing that can be done."""
        sentence = self._plain(text)
        if not sentence:
            return self.talk.no_text
        if self.speech.unopened.search(text, max(0, len(text) - 120)):
            return self.talk.unopened
        if is_part(sentence, self.speech):
            return self._answer_to_when(sentence, self._found(sentence), before, rounds)
        wish = _first_fit(self.speech.rules, sentence, self.speech)
        return wish if wish is not None else self._with_time(sentence, before, rounds)

    def _with_time(self, sentence: str, before: Sequence[PromptItem], rounds: int) -> Wish | str:
        found = self._found(sentence)
        if found is not None and not self._plain(found.rest):
            return self._answer_to_when(sentence, found, before, rounds)
        wish = _first_fit(self.speech.sayings, self._plain(found.rest) if found else sentence, self.speech)
        if wish is not None and found is not None:
            return replace(wish, when=found.phrase, refusal=found.refusal)
        if wish is not None and wish.intent is Intent.SAY:
            return wish
        wish = _first_fit(self.speech.picked, sentence, self.speech)
        if wish is not None:
            return wish
        return self.talk.unsure.format(phrase=found.phrase) if found and not found.refusal else self.talk.other

    def _answer_to_when(
        self, sentence: str, found: FoundPhrase | None, before: Sequence[PromptItem], rounds: int
    ) -> Wish | str:
        """A time and nothing else: the answer to "when?", if that was asked."""
        asked = self._unanswered(before, rounds)
        if asked is not None:
            phrase, refusal = self._completed(asked, sentence, found)
            return Wish(intent=Intent.SAY, what=asked.what, when=phrase, refusal=refusal)
        if found is None:
            return self.talk.other
        return found.refusal or self.talk.what.format(phrase=found.phrase)

    def _completed(self, asked: Wish, sentence: str, found: FoundPhrase | None) -> tuple[str, str]:
        """The time that was asked for, with what had been said of it before; and why it cannot be used."""
        together = (f"{asked.when} {sentence}", f"{asked.when} {self.speech.at_clock.format(clock=sentence)}")
        for phrase in (with_clock(asked.when, sentence, self.speech), *together):
            whole = self._found(phrase) if asked.when and phrase else None
            if whole is not None and not whole.refusal and not whole.rest:
                return whole.phrase, ""
        if found is None:
            found = self._found(self.speech.at_clock.format(clock=sentence))
        return (found.phrase, found.refusal) if found else ("", "")

    def _unanswered(self, before: Sequence[PromptItem], rounds: int) -> Wish | None:
        """The reminder of the turn before that could not be made for want of a time."""
        at = last_said(before)
        if at is None or rounds == 0 or any(isinstance(item, ToolResult) for item in before[at:]):
            return None
        wish = self._understood(_text(before[at]), before[:at], rounds - 1)
        return wish if isinstance(wish, Wish) and wish.intent is Intent.SAY else None

    def _plain(self, text: str) -> str:
        text = text[:LONGEST].strip()
        courtesy = self.speech.courtesy.match(text)
        text = text[courtesy.end() :] if courtesy and courtesy.end() < len(text) else text
        ending = self.speech.ending.search(text, max(0, len(text) - 40))
        plain = text[: ending.start()] if ending else text
        return plain.strip() or text.strip(" .!") or text.strip()

    def _found(self, text: str) -> FoundPhrase | None:
        if not self.context.now:
            return None
        return self._find(text, now=from_text(self.context.now), zone=self.context.zone)

    # -- the first answer ---------------------------------------------------------------------------------

    def _first(self, wish: Wish | str, before: Sequence[PromptItem]) -> Reply:
        if isinstance(wish, str):
            return wish
        if (answer := self._talk_about(wish)) is not None:
            return answer
        if TOOL not in self.tools:
            return self.talk.no_tool
        return self._remind(wish) if wish.intent is Intent.SAY else self._with_a_job(wish, before)

    def _with_a_job(self, wish: Wish, before: Sequence[PromptItem]) -> Reply:
        what = wish.what.lower()
        if wish.intent is not Intent.LIST and (job_id := id_in(what)):
            return self._do(wish, [Known(id=job_id, name=job_id, line="")], before)
        if wish.intent is not Intent.LIST and what in self.speech.pronouns:
            return self._to_the_last(wish, before)
        return LIST

    def _talk_about(self, wish: Wish) -> str | None:
        """What takes no tool."""
        local = self._local_time()
        answers = {
            Intent.HELP: self.talk.help,
            Intent.HELLO: self.talk.hello,
            Intent.THANKS: self.talk.thanks,
            Intent.WATCH: self.talk.watch,
            Intent.MAKE: self.talk.make.format(what=wish.what[:80]) if wish.when else self.talk.other,
            Intent.NOW: self.talk.now.format(now=local, zone=self.context.zone) if local else self.talk.no_now,
            Intent.ZONE: self.talk.zone.format(now=local or "?", zone=self.context.zone),
        }
        return answers.get(wish.intent)

    def _local_time(self) -> str:
        if not self.context.now:
            return ""
        return f"{from_text(self.context.now).astimezone(ZoneInfo(self.context.zone)):%A %Y-%m-%d %H:%M}"

    def _remind(self, wish: Wish) -> Reply:
        if wish.refusal:
            return wish.refusal
        if not wish.when:
            return self.talk.when.format(say=wish.what)
        if not wish.what:
            return self.talk.what.format(phrase=wish.when)
        return [Call(TOOL, {"action": "add", "say": wish.what, "when": wish.when})]

    def _to_the_last(self, wish: Wish, before: Sequence[PromptItem]) -> Reply:
        if wish.intent is Intent.REMOVE and self._unanswered(before, ROUNDS) is not None:
            return self.talk.dropped
        job = last_spoken_of(before, beyond_lists=wish.intent is Intent.CHANGE)  # a change says what it did
        return LIST if job is None else self._do(wish, [job], before)

    # -- with the list of jobs ----------------------------------------------------------------------------

    def _with_list(self, wish: Wish, listed: str, before: Sequence[PromptItem]) -> Reply:
        jobs = jobs_in(listed)
        if not jobs:
            return listed
        picked = self._picked(wish, jobs)
        if not picked:
            return self.talk.no_match.format(what=wish.what)
        if len(picked) > 1 and wish.what.lower() not in self.speech.everything:
            return self.talk.several.format(jobs="\n".join(job.line for job in picked))
        return self._do(wish, picked, before, listed=True)

    def _picked(self, wish: Wish, jobs: list[Known]) -> list[Known]:
        what = wish.what.lower()
        if what in self.speech.everything and wish.intent is not Intent.CHANGE:
            return jobs
        exact = [job for job in jobs if job.name.lower() == what or job.id in words_of(what)]
        words = [word for word in words_of(what) if word not in self.speech.fillers]
        named = [job for job in jobs if job.means(words, in_name=True)]
        return exact or named or [job for job in jobs if job.means(words)]

    def _do(self, wish: Wish, jobs: list[Known], before: Sequence[PromptItem], *, listed: bool = False) -> Reply:
        if wish.intent is Intent.CHANGE:
            return self._change(wish, jobs[0], before, listed=listed)
        action = ACTIONS[wish.intent]
        return [Call(TOOL, {"action": action, "job_id": job.id}) for job in jobs]

    def _change(self, wish: Wish, job: Known, before: Sequence[PromptItem], *, listed: bool) -> Reply:
        new = self._new_time(wish.when, job, before)
        if new is None:
            return self.talk.whole_time.format(job=job.name) if listed else LIST
        return new.question or self._update(job, new.when)

    def _new_time(self, when: str, job: Known, before: Sequence[PromptItem]) -> Wanted | None:
        if not is_part(when, self.speech):
            return Wanted(when)
        accepted = phrase_of(job, before)
        phrase = accepted or job.schedule
        found = self._found(phrase) if phrase else None
        recurring = found is not None and found.recurring and not found.rest
        if not (recurring or accepted or job.once):  # a repetition in words unknown here is not made a single time
            return None
        return changed(when, phrase=phrase, recurring=recurring, job=job, speech=self.speech)

    def _update(self, job: Known, when: str) -> Reply:
        """Change the job's time, once the phrase is known to be a time."""
        found = self._found(when)
        if found is not None and found.refusal:
            return found.refusal
        if found is None or found.rest:
            return self.talk.whole_time.format(job=job.name)
        return [Call(TOOL, {"action": "update", "job_id": job.id, "when": found.phrase})]


LIST: list[Call] = [Call(TOOL, {"action": "list"})]


def _first_fit(rules: Sequence[Rule], sentence: str, speech: Speech) -> Wish | None:
    for rule in rules:
        match = rule.pattern.fullmatch(sentence)
        if match:
            groups = match.groupdict()
            what = _unquoted(groups.get("what") or "") or rule.default
            amount = groups.get("amount")
            when = speech.once_amount.format(amount=amount) if amount else groups.get("when") or ""
            return Wish(intent=rule.intent, what=what, when=when.strip())
    return None


def _unquoted(text: str) -> str:
    text = text.strip(" ,:")
    return text[1:-1].strip() if len(text) > 2 and text[0] in "\"“'‘" and text[-1] in "\"”'’" else text


def _text(item: PromptItem) -> str:
    return item.text if isinstance(item, UserText) else ""


def _task(text: str) -> str:
    """The job's own prompt between the lines that fence it."""
    for tag in ("prompt", "system-event"):
        head, opened, rest = text.partition(f"<{tag}>\n")
        task, closed, _ = rest.rpartition(f"\n</{tag}>")
        if opened and closed and (not head or head.endswith("\n")):
            return task.replace("<\\", "<").strip()
    return ""
