"""The offline assistant: conversations as tables of what is said, which tools are called, and what is answered."""

import json
import time
from collections.abc import Sequence

import pytest

from cron.phrases import find
from gateway.agent.model import (
    ModelReply,
    Prompt,
    PromptItem,
    ToolCall,
    ToolResult,
    ToolSpec,
    TurnContext,
    Usage,
    UserText,
)
from gateway.agent.models.offline import OfflineModel
from tests.offline import (
    BERLIN,
    NONE,
    NOW,
    ONE,
    REPORT,
    STRETCH,
    TOOLS,
    TWO,
    Call,
    Conversation,
    tool_answer,
)


def add(say: str, when: str) -> Call:
    return {"action": "add", "say": say, "when": when}


REMINDERS = [
    ("remind me in 20 seconds to stretch", "stretch", "in 20 seconds"),
    ("Remind me to stretch in 20 seconds.", "stretch", "in 20 seconds"),
    ("Could you please remind me to call Bob tomorrow at 9am, thanks!", "call Bob", "tomorrow at 9am"),
    ("every weekday at 9 tell me to write my report", "write my report", "every weekday at 9"),
    ("tell me every day at 9 to drink water", "drink water", "every day at 9"),
    ("say good morning every day at 8", "good morning", "every day at 8"),
    ('say "Good morning, all" every day at 8', "Good morning, all", "every day at 8"),
    ("tomorrow at 9, remind me to call Bob", "call Bob", "tomorrow at 9"),
    ("tomorrow remind me at 9 to call Bob", "call Bob", "tomorrow at 9"),
    ("set a reminder for tomorrow at 9am to stretch", "stretch", "tomorrow at 9am"),
    ("remind us that the train leaves at 17:00", "the train leaves", "at 17:00"),
    ("remind me to stop the report at 17:00", "stop the report", "at 17:00"),
    ("remind me about lunch at noon", "lunch", "at noon"),
    ("wake me up at 7am", "Wake up!", "at 7am"),
    ("set a timer for 5 minutes", "Time is up.", "in 5 minutes"),
    ("remind me in 5 minutes", "This is your reminder.", "in 5 minutes"),
]


@pytest.mark.parametrize(("text", "say", "when"), REMINDERS)
async def test_a_reminder_becomes_one_call_and_is_answered_with_the_tools_words(
    text: str, say: str, when: str
) -> None:
    calls, answer = await Conversation().say(text)

    assert calls == [add(say, when)]
    assert answer == tool_answer(NONE)(calls[0])


LISTED = ["what is scheduled?", "What's scheduled", "list", "list my reminders", "show my jobs", "my reminders"]
LISTED += [
    "what reminders do I have?",
    "What do I have scheduled?",
    "which jobs are scheduled",
    "show all reminders",
]


@pytest.mark.parametrize("text", LISTED)
async def test_a_question_for_what_is_scheduled_is_answered_with_the_list(text: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == [{"action": "list"}]
    assert answer == TWO


PICKED = [
    ("stop the report", "remove", "a1b2c3d4"),
    ("cancel the stretch reminder", "remove", "b2c3d4e5"),
    ("please delete my reports", "remove", "a1b2c3d4"),
    ("stop reminding me to stretch", "remove", "b2c3d4e5"),
    ("pause write my report", "disable", "a1b2c3d4"),
    ("resume the report", "enable", "a1b2c3d4"),
    ("run the report now", "run", "a1b2c3d4"),
    ("show the report", "show", "a1b2c3d4"),
]


@pytest.mark.parametrize(("text", "action", "job_id"), PICKED)
async def test_a_job_is_picked_from_the_list_by_its_words(text: str, action: str, job_id: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == [{"action": "list"}, {"action": action, "job_id": job_id}]
    assert job_id in answer


async def test_a_job_is_picked_by_its_id_without_a_list() -> None:
    calls, _ = await Conversation(TWO).say("stop a1b2c3d4")

    assert calls == [{"action": "remove", "job_id": "a1b2c3d4"}]


async def test_everything_is_removed_when_that_is_said() -> None:
    conversation = Conversation(TWO)
    asked, question = await conversation.say("delete all")
    calls, answer = await conversation.say("yes, delete all")

    assert asked == [{"action": "list"}]
    assert "Say `yes, delete all`" in question
    assert calls[1:] == [{"action": "remove", "job_id": job_id} for job_id in ("a1b2c3d4", "b2c3d4e5")]
    assert len(answer.splitlines()) == 2


@pytest.mark.parametrize("text", ["stop it", "cancel my reminder", "make it 8 instead", "stop the reminder"])
async def test_several_candidates_are_listed_and_none_is_touched(text: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == [{"action": "list"}]
    assert REPORT in answer
    assert STRETCH in answer


@pytest.mark.parametrize("text", ["stop it", "cancel my reminder", "stop the report"])
async def test_the_only_job_is_the_one_that_is_meant(text: str) -> None:
    calls, _ = await Conversation(ONE).say(text)

    assert calls[-1] == {"action": "remove", "job_id": "a1b2c3d4"}


async def test_a_job_that_is_not_there_is_said_to_be_missing() -> None:
    calls, answer = await Conversation(TWO).say("stop the dentist")

    assert calls == [{"action": "list"}]
    assert "the dentist" in answer


async def test_with_nothing_scheduled_the_tools_words_are_the_answer() -> None:
    _, answer = await Conversation(NONE).say("stop the report")

    assert answer == NONE


CHANGED = [
    ("every weekday at 9 tell me to write", "make it 8 instead", "every weekday at 8"),
    ("every weekday at 9 tell me to write", "move it to 10:30", "every weekday at 10:30"),
    ("every weekday at 9am tell me to write", "make it 8", "every weekday at 8am"),
    ("every weekday at 9 tell me to write", "at 8 instead", "every weekday at 8"),
    ("every weekday at 9 tell me to write", "make it every day at 7:00", "every day at 7:00"),
    ("remind me tomorrow at 9am to call Bob", "make it 8", "2026-11-19 at 8"),
    ("every weekday at 9 tell me to write", "change it to 8", "every weekday at 8"),
    ("remind me tomorrow at 9am to call Bob", "move it to friday at 10:00", "friday at 10:00"),
    ("remind me every 5 minutes to blink", "make it 10 minutes", "every 10 minutes"),
    ("remind me in 20 minutes to blink", "make it 2 hours", "in 2 hours"),
]


@pytest.mark.parametrize(("first", "text", "when"), CHANGED)
async def test_a_change_keeps_what_was_not_named(first: str, text: str, when: str) -> None:
    conversation = Conversation()
    await conversation.say(first)

    calls, answer = await conversation.say(text)

    assert calls == [{"action": "update", "job_id": "c3d4e5f6", "when": when}]
    assert answer == tool_answer(NONE)(calls[0])


async def test_after_a_list_of_several_a_change_is_for_the_job_that_was_made_last() -> None:
    conversation = Conversation(TWO)
    await conversation.say("every weekday at 9 tell me to write")
    await conversation.say("what is scheduled?")

    calls, _ = await conversation.say("make it 8 instead")

    assert calls == [{"action": "update", "job_id": "c3d4e5f6", "when": "every weekday at 8"}]


async def test_a_change_after_a_change_starts_from_the_new_words() -> None:
    conversation = Conversation()
    await conversation.say("every weekday at 9 tell me to write")
    await conversation.say("make it every day at 7:00")

    calls, _ = await conversation.say("make it 8 instead")

    assert calls == [{"action": "update", "job_id": "c3d4e5f6", "when": "every day at 8"}]


@pytest.mark.parametrize(
    ("text", "job_id", "when"),
    [
        ("change the report to 8", "a1b2c3d4", "at 8, Monday through Friday"),
        ("update the report to 8", "a1b2c3d4", "at 8, Monday through Friday"),
        ("change the report to every day at 8", "a1b2c3d4", "every day at 8"),
        ("move stretch to 18:30", "b2c3d4e5", "2026-11-18 at 18:30"),
        ("move the report to every monday at 10:00", "a1b2c3d4", "every monday at 10:00"),
    ],
)
async def test_a_job_of_another_day_is_changed_by_the_words_of_the_list(text: str, job_id: str, when: str) -> None:
    calls, _ = await Conversation(TWO).say(text)

    assert calls == [{"action": "list"}, {"action": "update", "job_id": job_id, "when": when}]


async def test_a_repetition_worded_in_an_unknown_way_is_not_made_a_single_time() -> None:
    listed = '1 job:\n- "report" (a1b2c3d4): At 09:00, sometimes (Europe/Berlin), next 2026-11-19 09:00, says: x'

    calls, answer = await Conversation(listed).say("change the report to 8")

    assert calls == [{"action": "list"}]
    assert "whole time" in answer


async def test_a_new_hour_that_could_be_either_half_of_the_day_is_asked() -> None:
    conversation = Conversation()
    await conversation.say("say good night every day at 20:00")

    calls, answer = await conversation.say("make it 9")

    assert calls == []
    assert "09:00 or 21:00" in answer


async def test_a_change_to_a_day_without_a_time_is_asked() -> None:
    conversation = Conversation()
    await conversation.say("remind me tomorrow at 9am to call Bob")

    calls, answer = await conversation.say("move it to friday")

    assert calls == []
    assert answer.startswith("At what time?")


ASKED = [
    (["remind me to stretch", "in 20 minutes"], "stretch", "in 20 minutes"),
    (["remind me to stretch", "tomorrow", "at 9"], "stretch", "tomorrow at 9"),
    (["remind me to stretch", "tomorrow", "9"], "stretch", "tomorrow at 9"),
    (["remind me every day to stretch", "at 9"], "stretch", "every day at 9"),
    (["remind me at 5 to call mom", "at 5pm"], "call mom", "at 5pm"),
    (["remind me tomorrow at 5 to call mom", "5pm"], "call mom", "tomorrow at 5pm"),
]


@pytest.mark.parametrize(("said", "say", "when"), ASKED)
async def test_the_answer_to_when_completes_the_reminder(said: list[str], say: str, when: str) -> None:
    conversation = Conversation()
    asked = [await conversation.say(text) for text in said[:-1]]

    calls, _ = await conversation.say(said[-1])

    assert all(earlier == [] for earlier, _ in asked)
    assert calls == [add(say, when)]


async def test_a_reminder_that_was_made_is_not_made_again_by_a_time() -> None:
    conversation = Conversation()
    await conversation.say("remind me in 20 minutes to stretch")

    calls, answer = await conversation.say("tomorrow at 9:00")

    assert calls == []
    assert "remind me tomorrow at 9:00 to" in answer


async def test_an_open_question_can_be_dropped() -> None:
    conversation = Conversation(TWO)
    await conversation.say("remind me to stretch")

    calls, answer = await conversation.say("cancel")

    assert calls == []
    assert "nothing was scheduled" in answer


TALK = [
    ("help", "remind me in 20 seconds to stretch"),
    ("What can you do?", "remind me in 20 seconds to stretch"),
    ("hello", "Hello"),
    ("Hi there!", "Hello"),
    ("thanks!", "welcome"),
    ("what time is it?", "Wednesday 2026-11-18 14:00 (Europe/Berlin)"),
    ("what's the date", "2026-11-18"),
    ("which timezone is this?", "`timezone` in the configuration"),
    ("change my timezone to Asia/Tokyo", "`timezone` in the configuration"),
    ("remind me to stretch", 'When should I say "stretch"'),
    ("remind me at 5 to call mom", "05:00 or 17:00"),
    ("remind me tomorrow to call mom", "At what time?"),
    ("remind me every full moon to howl", "every full moon"),
    ("watch the prices and tell me when they change", "I can watch the page of an address"),
    ("tell me when the page changes", "I can watch the page of an address"),
    ("send me a digest every morning at 9", 'provider = "openai"'),
    ("tell me a joke", 'provider = "openai"'),
    ("what is the capital of France?", "base_url"),
    ("the meeting tomorrow at 9:00 is boring", "remind me tomorrow at 9:00 to"),
    ("", "only read text"),
    ("\u202e\x00 ???", "offline assistant"),
]


@pytest.mark.parametrize(("text", "words"), TALK)
async def test_what_takes_no_tool_is_answered_at_once(text: str, words: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == []
    assert words in answer


async def test_what_a_model_is_for_is_explained_once() -> None:
    conversation = Conversation()

    (_, first), (_, second), (_, other), (_, shown) = [
        await conversation.say(text)
        for text in ("tell me a joke", "what is love", "send me a joke at 9am", "help")
    ]

    assert 'provider = "openai"' in first
    assert second == "I did not understand that. `help` shows what I do."
    assert "remind me …" in other
    assert "provider" not in other
    assert 'provider = "openai"' in shown


@pytest.mark.parametrize("text", ["exit", "quit", "Exit!", ":q"])
async def test_whoever_wants_to_leave_a_terminal_is_told_how(text: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == []
    assert "Ctrl-C ends it" in answer


async def test_without_the_cron_tool_nothing_is_claimed() -> None:
    calls, answer = await Conversation(tools=()).say("remind me in 20 seconds to stretch")

    assert calls == []
    assert "not available" in answer


async def test_an_error_of_the_tool_is_the_answer() -> None:
    model = OfflineModel(find)
    call = ToolCall(id="t1.1.0", name="cron", arguments='{"action": "add", "say": "x", "when": "in 5 minutes"}')
    refused = ToolResult(call_id="t1.1.0", name="cron", text="You have 50 jobs already.")
    items: list[PromptItem] = [UserText("remind me in 5 minutes to x"), ModelReply(calls=(call,)), refused]
    context = TurnContext(turn="t1", step=2, zone=BERLIN, now=NOW)

    answer = await model.ask(Prompt(instructions="", items=items, tools=TOOLS, context=context))

    assert answer.reply == ModelReply(text="You have 50 jobs already.")


async def test_ids_of_calls_are_ours_and_nothing_is_counted() -> None:
    context = TurnContext(turn="t7", step=3, zone=BERLIN, now=NOW)
    prompt = Prompt(instructions="", items=[UserText("list")], tools=TOOLS, context=context)

    answer = await OfflineModel(find).ask(prompt)

    assert [call.id for call in answer.reply.calls] == ["t7.3.0"]
    assert answer.usage == Usage()


def scheduled(items: Sequence[PromptItem], tools: Sequence[ToolSpec] = TOOLS) -> Prompt:
    context = TurnContext(turn="t1", step=1, zone=BERLIN, now=NOW, scheduled=True)
    return Prompt(instructions="", items=items, tools=tools, context=context)


TASK = UserText(
    "A scheduled run.\n\n<prompt>\nSummarise the news\nof today\n</prompt>\n\nRules of this turn:\n- …"
)


async def test_a_scheduled_prompt_is_said_once_and_the_turn_ends_silently() -> None:
    model = OfflineModel(find)

    first = (await model.ask(scheduled([TASK]))).reply
    result = ToolResult(call_id=first.calls[0].id, name="message", text="queued for delivery")
    second = (await model.ask(scheduled([TASK, first, result]))).reply

    assert [call.name for call in first.calls] == ["message"]
    assert json.loads(first.calls[0].arguments) == {"text": "Scheduled: Summarise the news\nof today"}
    assert second == ModelReply()


async def test_a_note_of_the_gateway_does_not_make_a_scheduled_turn_speak_again() -> None:
    said = ModelReply(calls=(ToolCall(id="t1.1.0", name="message", arguments='{"text": "x"}'),))
    items: list[PromptItem] = [
        TASK,
        said,
        ToolResult(call_id="t1.1.0", name="message", text="queued"),
        UserText("Nobody is here."),
    ]

    answer = await OfflineModel(find).ask(scheduled(items))

    assert answer.reply == ModelReply()


async def test_a_silent_job_stays_silent() -> None:
    answer = await OfflineModel(find).ask(scheduled([TASK], tools=TOOLS[:1]))

    assert answer.reply == ModelReply()


@pytest.mark.parametrize(
    "text", ["x" * 10**6, "a " * 500_000, "move " * 200_000, "remind me to " * 80_000, "?" * 10**6]
)
async def test_an_enormous_message_is_answered_at_once(text: str) -> None:
    await Conversation().say("remind me in 5 minutes to x")
    started = time.perf_counter()

    await Conversation().say(text)

    assert time.perf_counter() - started < 0.2


async def test_an_ordinary_message_takes_less_than_a_millisecond() -> None:
    conversation = Conversation()
    await conversation.say("remind me in 5 minutes to x")
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        await Conversation(model=conversation.model).say("who wrote this book?")
        taken.append(time.perf_counter() - started)

    assert min(taken) < 0.001


@pytest.mark.parametrize("what", ["a picture", "a voice message", "a file", "a poll"])
async def test_what_cannot_be_opened_is_answered_in_one_sentence(what: str) -> None:
    calls, answer = await Conversation().say(f"({what} without words, which cannot be opened here yet)")

    assert calls == []
    assert answer == "I cannot open pictures, files or recordings yet."


async def test_a_reminder_keeps_the_lines_and_spaces_of_its_words() -> None:
    calls, _ = await Conversation().say("remind me in 5 minutes to\nbuy milk\n  and  eggs")

    assert calls == [{"action": "add", "say": "buy milk\n  and  eggs", "when": "in 5 minutes"}]


async def test_a_date_beside_the_time_is_asked_about_and_nothing_is_made() -> None:
    calls, answer = await Conversation().say("remind me on 24.12. at 18:00 to buy presents")

    assert calls == []
    assert answer.startswith('Is "on 24.12" a part of the time?')
