"""The assistant without a language model: deterministic, no network, and honest about what it cannot do.

It maps sentences to the tool calls that a model would make, and answers with what the tools say. Which words mean
what is a table (`english`, `chinese`); how times are read is the phrase finder's, which is handed in.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from gateway.agent.model import (
    Hear,
    ModelAnswer,
    ModelReply,
    Prompt,
    PromptItem,
    ToolCall,
    ToolResult,
    TurnContext,
    call_id,
)
from gateway.agent.models.offline import saying
from gateway.agent.models.offline.arrivals import files_only, without_files
from gateway.agent.models.offline.chinese import CHINESE
from gateway.agent.models.offline.english import ENGLISH
from gateway.agent.models.offline.finder import FoundPhrase, PhraseFinder
from gateway.agent.models.offline.jobs import (
    REMINDERS,
    TOOL,
    Known,
    exchanges,
    id_in,
    jobs_in,
    just_removed,
    last_said,
    last_spoken_of,
    phrase_of,
    words_of,
)
from gateway.agent.models.offline.language import ACTIONS, Intent, Speech
from gateway.agent.models.offline.scheduled import FETCH, Call, Reply, scheduled, task, words
from gateway.agent.models.offline.times import Wanted, changed, is_part
from gateway.agent.models.offline.understanding import ROUNDS, Understanding
from gateway.agent.models.offline.wishes import Wish
from gateway.clock import from_text

LANGUAGES = (CHINESE, ENGLISH)
"""In this order: the first whose characters stand in what is said; the last is for everything else."""


class OfflineModel:
    """A ModelClient for newcomers and for machines without a network."""

    def __init__(self, find: PhraseFinder, *, languages: Sequence[Speech] = LANGUAGES) -> None:
        self._find = find
        self._languages = languages

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        """Answer at once; never fails and costs nothing."""
        prompt = replace(prompt, items=without_files(prompt.items))
        reply = _Turn(prompt, self._find, self._spoken(prompt)).reply()
        if isinstance(reply, str):
            return ModelAnswer(reply=ModelReply(text=reply))
        return ModelAnswer(reply=ModelReply(calls=tuple(_with_ids(reply, prompt.context))))

    def _spoken(self, prompt: Prompt) -> Speech:
        """The language of what was said last, or of the task of a run."""
        at = last_said(prompt.items)
        said = words(prompt.items[at]) if at is not None else ""
        text = (task(said) or said) if prompt.context.scheduled else said
        fits = (speech for speech in self._languages if speech.script and speech.script.search(text))
        return next(fits, self._languages[-1])

    async def close(self) -> None:
        """Nothing is held."""


def _with_ids(calls: Sequence[Call], context: TurnContext) -> Iterator[ToolCall]:
    for index, call in enumerate(calls):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        yield ToolCall(id=call_id(context, index), name=call.name, arguments=arguments)


class _Turn:
    """One question: what was said, what came before it, what the tools have answered since."""

    def __init__(self, prompt: Prompt, find: PhraseFinder, speech: Speech) -> None:
        self.context = prompt.context
        self.speech = speech
        self.talk = speech.talk
        self.tools = {tool.name for tool in prompt.tools}
        self.items = prompt.items
        self.understanding = Understanding(speech, find, prompt.context)

    def reply(self) -> Reply:
        if self.context.scheduled:
            return scheduled(self.items, self.tools, self.speech)
        reply = self._answer()
        return saying.once(reply, self.items, self.talk) if isinstance(reply, str) else reply

    def _answer(self) -> Reply:
        at = last_said(self.items)
        if at is None:
            return self.talk.no_text
        before, since = self.items[:at], self.items[at + 1 :]
        if files := files_only(self.items[at]):
            return files
        wish = self.understanding.understood(self.items[at], before)
        results = [saying.for_people(item.text, self.talk) for item in since if isinstance(item, ToolResult)]
        if not results:
            return self._first(wish, before)
        if isinstance(wish, Wish) and wish.intent is Intent.WATCH:
            return saying.watched(wish.what, since, self.talk)
        listed = next((text for arguments, text in exchanges(since) if arguments.get("action") == "list"), None)
        if listed is None or len(results) > 1 or isinstance(wish, str) or wish.intent is Intent.LIST:
            return "\n".join(results if listed is None else results[1:] or results)
        return self._with_list(wish, listed, before)

    # -- the first answer ---------------------------------------------------------------------------------

    def _first(self, wish: Wish | str, before: Sequence[PromptItem]) -> Reply:
        if isinstance(wish, str):
            return wish
        if (answer := self._talk_about(wish)) is not None:
            return answer
        if (REMINDERS if wish.intent in ANSWERS else TOOL) not in self.tools:
            return self.talk.no_tool
        match wish.intent:
            case Intent.SAY:
                return self._remind(wish)
            case Intent.DONE:
                return [Call(REMINDERS, {"action": "done"})]
            case Intent.SNOOZE:
                return [Call(REMINDERS, {"action": "snooze", "when": wish.when})]
            case Intent.WATCH:
                return self._watch(wish)
            case Intent.YES:
                return LIST if saying.asked(before, self.talk.sure) else self.talk.other
            case Intent.NO:
                return self._declined(before) or self.talk.other
        return self._with_a_job(wish, before)

    def _declined(self, before: Sequence[PromptItem]) -> str:
        """The answer to a no; empty when nothing was asked."""
        if saying.asked(before, self.talk.sure):
            return self.talk.kept
        open_ = saying.asked(before, self.talk.about, self.talk.unclear, self.talk.what)
        return self.talk.dropped if open_ or self.understanding.unanswered(before, ROUNDS) is not None else ""

    def _watch(self, wish: Wish) -> Reply:
        if wish.refusal:
            return wish.refusal
        if FETCH not in self.tools:
            return self.talk.watch
        when = wish.when or self.speech.usual_watch
        add = {"action": "add", "message": self.talk.watching.format(url=wish.what), "when": when}
        return [Call(TOOL, add), Call(FETCH, {"url": wish.what})]

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
        answers: dict[Intent, str | None] = {
            Intent.HELP: self.talk.help,
            Intent.HELLO: self.talk.hello,
            Intent.THANKS: self.talk.thanks,
            Intent.LEAVE: self.talk.leave,
            Intent.WATCH: None if wish.what else self.talk.watch,
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
        nag = {"nag": wish.nag} if wish.nag else {}
        return [Call(TOOL, {"action": "add", "say": wish.what, "when": wish.when, **nag})]

    def _to_the_last(self, wish: Wish, before: Sequence[PromptItem]) -> Reply:
        if wish.intent is Intent.REMOVE and (answer := self._declined(before)):
            return answer
        if name := just_removed(before):
            return self.talk.removed.format(job=name)
        job = last_spoken_of(before, beyond_lists=wish.intent in CHANGES)  # a change says what it did
        return LIST if job is None else self._do(wish, [job], before)

    # -- with the list of jobs ----------------------------------------------------------------------------

    def _with_list(self, wish: Wish, listed: str, before: Sequence[PromptItem]) -> Reply:
        jobs = jobs_in(listed)
        if not jobs:
            return listed
        if wish.intent is Intent.YES:  # to the question whether all are meant
            return self._do(Wish(intent=Intent.REMOVE), jobs, before)
        picked = self._picked(wish, jobs)
        if not picked:
            return self.talk.no_match.format(what=wish.what)
        lines = "\n".join(job.line for job in picked)
        if len(picked) > 1 and wish.what.lower() not in self.speech.everything:
            return self.talk.several.format(jobs=lines)
        if len(picked) > 1 and wish.intent is Intent.REMOVE and not wish.sure:
            return self.talk.sure.format(jobs=lines)
        return self._do(wish, picked, before, listed=True)

    def _picked(self, wish: Wish, jobs: list[Known]) -> list[Known]:
        what = wish.what.lower()
        if what in self.speech.everything and wish.intent not in CHANGES:
            return jobs
        exact = [job for job in jobs if job.name.lower() == what or job.id in words_of(what)]
        words = [word for word in words_of(what) if word not in self.speech.fillers]
        named = [job for job in jobs if job.means(words, in_name=True)]
        return exact or named or [job for job in jobs if job.means(words)]

    def _do(self, wish: Wish, jobs: list[Known], before: Sequence[PromptItem], *, listed: bool = False) -> Reply:
        if wish.intent is Intent.CHANGE:
            return self._change(wish, jobs[0], before, listed=listed)
        if wish.intent is Intent.TEXT:
            return [Call(TOOL, {"action": "update", "job_id": jobs[0].id, "say": wish.say})]
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
        found = self.understanding.found(phrase) if phrase else None
        recurring = found is not None and found.recurring and not found.rest
        if not (recurring or accepted or job.once):  # a repetition in words unknown here is not made a single time
            return None
        return changed(when, phrase=phrase, recurring=recurring, job=job, speech=self.speech)

    def _update(self, job: Known, when: str) -> Reply:
        """Change the job's time, once the phrase is known to be a time."""
        found = self.understanding.found(when)
        if (found is None or found.refusal or found.rest) and job.once and job.clock:
            found = self._on_day(when, job) or found  # "friday": at the time of day that it had
        if found is not None and found.refusal:
            return found.refusal
        if found is None or found.rest:
            return self.talk.whole_time.format(job=job.name)
        return [Call(TOOL, {"action": "update", "job_id": job.id, "when": found.phrase})]

    def _on_day(self, when: str, job: Known) -> FoundPhrase | None:
        whole = self.understanding.found(self.speech.day_at.format(day=when, clock=job.clock))
        return whole if whole is not None and not whole.refusal and not whole.rest else None


ANSWERS = frozenset({Intent.DONE, Intent.SNOOZE})
CHANGES = frozenset({Intent.CHANGE, Intent.TEXT})
LIST: list[Call] = [Call(TOOL, {"action": "list"})]
