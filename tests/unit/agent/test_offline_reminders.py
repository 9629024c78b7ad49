"""The offline assistant about reminders that were said, about new words and days, and in Chinese."""

import re
from pathlib import Path

import pytest

from gateway.agent.model import UserText
from gateway.agent.models.offline.jobs import TOLD
from tests.offline import ONE, STRETCH, TWO, Conversation

ANSWERS = [
    ("done", {"action": "done"}),
    ("It's done!", {"action": "done"}),
    ("i did it", {"action": "done"}),
    ("snooze", {"action": "snooze", "when": ""}),
    ("snooze 10 minutes", {"action": "snooze", "when": "10 minutes"}),
    ("Snooze it until 5pm please", {"action": "snooze", "when": "5pm"}),
    ("remind me again in an hour", {"action": "snooze", "when": "an hour"}),
    ("later", {"action": "snooze", "when": ""}),
    ("好了", {"action": "done"}),
    ("搞定", {"action": "done"}),
    ("10分钟后再提醒我", {"action": "snooze", "when": "10分钟后"}),
    ("明天再说", {"action": "snooze", "when": "明天"}),
]


@pytest.mark.parametrize(("text", "call"), ANSWERS)
async def test_an_answer_to_a_reminder_becomes_one_call(text: str, call: dict[str, str]) -> None:
    calls, _ = await Conversation(TWO).say(text)

    assert calls == [call]


@pytest.mark.parametrize("text", ["tomorrow", "in 10 minutes", "明天"])
async def test_a_time_alone_puts_off_what_was_just_said(text: str) -> None:
    conversation = Conversation()
    conversation.items.append(UserText(f"{TOLD}cron:a1b2c3d4) has sent to this chat what follows."))

    calls, _ = await conversation.say(text)

    assert calls == [{"action": "snooze", "when": text}]


NAGGING = [
    (
        "remind me to take my pills at 9am and nag me every 10 minutes until done",
        {"say": "take my pills", "when": "at 9am", "nag": "10 minutes"},
    ),
    (
        "remind me every day at 9am to take my pills, nag me until I'm done",
        {"say": "take my pills", "when": "every day at 9am", "nag": "10 minutes"},
    ),
    (
        "remind me in 20 minutes to call mum and keep reminding me every hour until done",
        {"say": "call mum", "when": "in 20 minutes", "nag": "1 hour"},
    ),
    (
        "提醒我每天上午9点吃药，每10分钟催我一次直到完成",
        {"say": "吃药", "when": "每天上午9点", "nag": "10 minutes"},
    ),
]


@pytest.mark.parametrize(("text", "call"), NAGGING)
async def test_nag_until_done_is_part_of_the_reminder(text: str, call: dict[str, str]) -> None:
    calls, _ = await Conversation().say(text)

    assert calls == [{"action": "add", **call}]


async def test_nagging_survives_the_question_when() -> None:
    conversation = Conversation()
    await conversation.say("remind me to take my pills and nag me every 5 minutes until done")

    calls, _ = await conversation.say("tomorrow at 9am")

    assert calls == [{"action": "add", "say": "take my pills", "when": "tomorrow at 9am", "nag": "5 minutes"}]


QUOTED = [
    "remind me about this in 2 hours",
    "remind me in 2 hours",
    "remind me of that message in 2 hours",
    "2小时后提醒我这个",
]


@pytest.mark.parametrize("text", QUOTED)
async def test_this_is_the_message_that_is_answered(text: str) -> None:
    calls, _ = await Conversation().say(text, quoted="The invoice is due on Friday.")

    assert [call["say"] for call in calls] == ["The invoice is due on Friday."]


async def test_other_words_are_said_although_a_message_is_answered() -> None:
    calls, _ = await Conversation().say("remind me in 2 hours to pay", quoted="The invoice is due on Friday.")

    assert [call["say"] for call in calls] == ["pay"]


CHANGES = [
    ("make it say call Anna", {"say": "call Anna"}),
    ("change the text to call Anna", {"say": "call Anna"}),
    ("内容改成 打电话", {"say": "打电话"}),
    ("move it to Friday", {"when": "Friday at 17:00"}),
    ("推迟到明天", {"when": "明天 17:00"}),
    ("改成晚上8点", {"when": "2026-11-18 晚上8点"}),
    ("make it 18:30 instead", {"when": "2026-11-18 at 18:30"}),
]


@pytest.mark.parametrize(("text", "change"), CHANGES)
async def test_a_change_by_talk_is_about_the_job_of_this_session(text: str, change: dict[str, str]) -> None:
    conversation = Conversation(f"1 job:\n{STRETCH}")

    await conversation.say("what is scheduled?")
    calls, _ = await conversation.say(text)

    assert calls == [{"action": "update", "job_id": "b2c3d4e5", **change}]


async def test_new_words_for_one_of_several_jobs_are_asked_about() -> None:
    calls, answer = await Conversation(TWO).say("change the text to call Anna")

    assert calls == [{"action": "list"}]
    assert all(job in answer for job in ("a1b2c3d4", "b2c3d4e5"))


async def test_yes_means_all_only_after_the_question() -> None:
    conversation = Conversation(TWO)
    before, _ = await conversation.say("yes")
    await conversation.say("delete all")

    calls, _ = await conversation.say("yes")

    assert before == []
    assert [call["action"] for call in calls] == ["list", "remove", "remove"]


async def test_one_job_is_removed_without_a_question() -> None:
    calls, _ = await Conversation(ONE).say("delete all")

    assert [call["action"] for call in calls] == ["list", "remove"]


CHINESE = [
    ("提醒我明天早上9点开会", [{"action": "add", "say": "开会", "when": "明天早上9点"}]),
    ("每天早上8点提醒我喝水", [{"action": "add", "say": "喝水", "when": "每天早上8点"}]),
    ("20分钟后提醒我", [{"action": "add", "say": "到时间了。", "when": "20分钟后"}]),
    ("有什么提醒？", [{"action": "list"}]),
    ("暂停stretch", [{"action": "list"}, {"action": "disable", "job_id": "b2c3d4e5"}]),
    ("恢复 b2c3d4e5", [{"action": "enable", "job_id": "b2c3d4e5"}]),
    ("取消stretch", [{"action": "list"}, {"action": "remove", "job_id": "b2c3d4e5"}]),
]


@pytest.mark.parametrize(("text", "expected"), CHINESE)
async def test_chinese_is_understood_too(text: str, expected: list[dict[str, str]]) -> None:
    calls, _ = await Conversation(TWO).say(text)

    assert calls == expected


@pytest.mark.parametrize("text", ["帮助", "你好", "今天天气怎么样", "提醒我开会"])
async def test_chinese_is_answered_in_chinese(text: str) -> None:
    calls, answer = await Conversation(TWO).say(text)

    assert calls == []
    assert any("\u4e00" <= character <= "\u9fff" for character in answer)


PAGE = Path(__file__).parents[3] / "docs" / "scheduling.md"


def _examples() -> list[str]:
    """What the guide says that is understood, from its table."""
    table = PAGE.read_text().partition("understands these too")[2].partition("\n\nA page")[0]
    return [text for row in table.splitlines()[2:] for text in re.findall("`([^`]+)`", row.partition(" | ")[0])]


@pytest.mark.parametrize("text", _examples())
async def test_every_example_of_the_guide_is_understood(text: str) -> None:
    conversation = Conversation(f"1 job:\n{STRETCH}")
    await conversation.say("what is scheduled?")
    conversation.items.append(UserText(f"{TOLD}cron:a1b2c3d4) has sent to this chat what follows."))

    calls, _ = await conversation.say(text, quoted="The invoice is due.")

    assert calls


WATCHED = [
    ("watch https://example.com/a every 5 minutes and tell me when it changes", "every 5 minutes", "Watch"),
    ("monitor https://example.com/a", "every hour", "Watch"),
    ("每5分钟看一下 https://example.com/a 有变化告诉我", "每5分钟", "关注"),
]


@pytest.mark.parametrize(("text", "when", "first"), WATCHED)
async def test_a_page_is_watched_by_a_job(text: str, when: str, first: str) -> None:
    calls, answer = await Conversation().say(text)

    call, looked = calls
    assert looked == {"url": "https://example.com/a"}
    assert "Scheduled" in answer.splitlines()[0]
    assert (call["action"], call["when"]) == ("add", when)
    assert call["message"].startswith(first)
    assert " https://example.com/a" in call["message"]


async def test_whether_a_page_can_be_read_is_said_when_its_watch_is_made() -> None:
    watch = "watch https://example.com/a every hour and tell me when it changes"
    refused = "it could not be read: the answer was 404 Not Found"

    _, good = await Conversation().say(watch)
    _, bad = await Conversation(page=refused).say(watch)

    assert good.endswith("\nI can read the page now; I speak when it changes.")
    assert bad.endswith(
        "\nBut I cannot read https://example.com/a now, and try again at each time: the answer was 404 Not Found"
    )
    assert "Bread" not in good


THIS = [
    "remind me about this in 2 hours",
    "remind me of that in 2 hours",
    "Remind me about This",
    "2小时后提醒我这个",
]


@pytest.mark.parametrize("text", THIS)
async def test_this_without_a_message_that_is_answered_is_asked_about(text: str) -> None:
    conversation = Conversation(TWO)

    calls, question = await conversation.say(text)
    later, dropped = await conversation.say("算了" if text.startswith("2") else "cancel")

    assert calls == later == []
    assert question.startswith(("About what?", "提醒什么？"))
    assert dropped in {"All right, nothing was scheduled.", "好的，没有安排任何事。"}


@pytest.mark.parametrize("text", ["no", "nope", "never mind", "cancel", "stop", "No, thanks"])
async def test_a_no_to_the_question_deletes_nothing_and_ends_it(text: str) -> None:
    conversation = Conversation(TWO)
    await conversation.say("delete all")

    calls, answer = await conversation.say(text)
    later, _ = await conversation.say("yes")

    assert answer == "All right, nothing was deleted."
    assert calls == later == []


async def test_a_no_to_no_question_is_not_understood() -> None:
    _, answer = await Conversation(TWO).say("no")

    assert answer.startswith("I did not understand")


@pytest.mark.parametrize("text", ["cancel that", "stop it", "pause it", "make it 8"])
async def test_a_job_that_was_just_removed_is_not_meant_again(text: str) -> None:
    conversation = Conversation(TWO)
    await conversation.say("remind me tomorrow at 9am to call Bob")
    await conversation.say("stop it")

    calls, answer = await conversation.say(text)

    assert calls == []
    assert answer.startswith('"it" is removed already.')


@pytest.mark.parametrize(
    ("text", "words"), [("stop a1b2c3d4", "not there any more"), ("取消 a1b2c3d4", "已经不在了")]
)
async def test_a_job_that_is_gone_is_spoken_of_in_words(text: str, words: str) -> None:
    missing = "there is no job 'a1b2c3d4' here; list shows those that there are"

    _, answer = await Conversation(removed=missing).say(text)

    assert words in answer
    assert "a1b2c3d4" not in answer


UNCLEAR = [
    ("remind me tomorow at 9 to eat", "tomorow"),
    ("remind me tomorow to eat", "tomorow"),
    ("remind me to eat at 9am tommorow", "tommorow"),
    ("remind me when I get home to eat", "when I get home"),
]


@pytest.mark.parametrize(("text", "odd"), UNCLEAR)
async def test_words_that_are_no_time_are_asked_about_and_never_said(text: str, odd: str) -> None:
    conversation = Conversation(TWO)

    calls, question = await conversation.say(text)
    later, _ = await conversation.say("tomorrow")
    at_last, _ = await conversation.say("tomorrow at 9am")

    assert f'"{odd}"' in question
    assert calls == later == at_last == []


SAID = [
    "buy a sundae",
    "move Monday's call",
    "eat the tomato",
    "watch the weekly show",
    "ask Thursdays about money",
]


@pytest.mark.parametrize("what", SAID)
async def test_words_that_only_look_a_little_like_a_day_are_said(what: str) -> None:
    calls, _ = await Conversation().say(f"remind me in 2 hours to {what}")

    assert [call["say"] for call in calls] == [what]


@pytest.mark.parametrize("beginning", ["remind me in 20 minutes to ", "20分钟后提醒我"])
async def test_words_that_are_too_many_are_refused_and_not_cut(beginning: str) -> None:
    longest, longer = beginning.ljust(4000, "x"), beginning.ljust(4001, "x")

    calls, _ = await Conversation().say(longest)
    none, answer = await Conversation().say(longer)

    assert [call["say"] for call in calls] == [longest.removeprefix(beginning)]
    assert none == []
    assert "4000" in answer
