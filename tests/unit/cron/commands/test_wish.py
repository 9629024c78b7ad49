"""What /remind and `/cron add` understand."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron.commands import wish
from cron.commands.wish import ADD, REMIND, Form
from cron.making.draft import Maker, schedule_of
from cron.phrases import FORMS
from cron.schedule import At
from gateway.errors import UserError
from tests.fakes import NOON

MAKER = Maker(now=NOON, zone="Europe/Berlin", languages=("en", "de"))


@pytest.mark.parametrize(
    ("words", "when", "say"),
    [
        ("in 20 minutes to stretch", "in 20 minutes", "stretch"),
        ("in 20 minutes: tea", "in 20 minutes", "tea"),
        ("me tomorrow at 9 call mum", "tomorrow at 9", "call mum"),
        ("to call mum tomorrow at 9", "tomorrow at 9", "call mum"),
        ("me to stretch in 20 minutes", "in 20 minutes", "stretch"),
        ("me about the meeting tomorrow at 10", "tomorrow at 10", "the meeting"),
        ("every weekday at 9 to write the report", "every weekday at 9", "write the report"),
        ("every 5m do it", "every 5m", "do it"),
        ("in 20 minutes to do the dishes", "in 20 minutes", "do the dishes"),
        ("at 17:30 tell me that it is late", "at 17:30", "it is late"),
        ("at 17:30 tell Bob about it", "at 17:30", "tell Bob about it"),
        ("at 17:30 US elections", "at 17:30", "US elections"),
        ("at 17:30 say goodbye", "at 17:30", "say goodbye"),
        ("30m tea", "in 30m", "tea"),
        ("1h30m tea", "in 1h30m", "tea"),
        ("20 minutes tea", "in 20 minutes", "tea"),
        ("2 hours and 5 minutes tea", "in 2 hours and 5 minutes", "tea"),
        ("tomorrow at 9 | say cheese", "tomorrow at 9", "say cheese"),
        ("2026-12-24 18:00 presents", "2026-12-24 18:00", "presents"),
        ("0 9 * * 1-5 report", "0 9 * * 1-5", "report"),
    ],
)
def test_a_reminder_is_understood_in_the_order_in_which_people_write_it(words: str, when: str, say: str) -> None:
    draft = wish.read(words, REMIND, MAKER)

    assert (draft.when or draft.schedule, draft.say) == (when, say)


@pytest.mark.parametrize(
    ("words", "when", "say", "prompt"),
    [
        ("every weekday at 9 say write the report", "every weekday at 9", "write the report", None),
        ("every weekday at 9 write the report", "every weekday at 9", "write the report", None),
        ("every weekday at 9: say: to me", "every weekday at 9", "to me", None),
        ("every monday at 10 do summarise my mail", "every monday at 10", None, "summarise my mail"),
        ("every monday at 10 prompt summarise my mail", "every monday at 10", None, "summarise my mail"),
        ("say stretch every day at 9", "every day at 9", "stretch", None),
        ("do the numbers tomorrow at 9", "tomorrow at 9", None, "the numbers"),
        ("tomorrow at 9 to do the dishes", "tomorrow at 9", "do the dishes", None),
        ("tomorrow at 9 I say hello", "tomorrow at 9", "I say hello", None),
        ("every day at 9 remind me to drink", "every day at 9", "drink", None),
        ("every 5m say stretch", "every 5m", "stretch", None),
        ("@daily stretch", "@daily", "stretch", None),
        ("@every 5m do look", "@every 5m", None, "look"),
        ("0 9 * * 1-5 do look", "0 9 * * 1-5", None, "look"),
        ('"0 9 * * 1-5" look', "0 9 * * 1-5", "look", None),
        ("'every day at 9' say it", "every day at 9", "it", None),
        ("tomorrow at 9 | do look", "tomorrow at 9", None, "look"),
        ("every day at 9 say one | two", "every day at 9", "one | two", None),
        ("every day at 9 say see you tomorrow at 10", "every day at 9", "see you tomorrow at 10", None),
    ],
)
def test_a_job_is_a_time_and_words_to_say_or_something_to_do(
    words: str, when: str, say: str | None, prompt: str | None
) -> None:
    draft = wish.read(words, ADD, MAKER)

    assert (draft.when or draft.schedule, draft.say, draft.prompt) == (when, say, prompt)


def test_a_bar_lets_other_languages_be_read_too() -> None:
    draft = wish.read("morgen um 9:00 | Zahnarzt", REMIND, MAKER)

    assert (draft.when, draft.say) == ("morgen um 9:00", "Zahnarzt")


@pytest.mark.parametrize(
    ("words", "form", "why"),
    [
        ("", REMIND, "When, and what?"),
        ("stretch", REMIND, "When? I find no time in this"),
        ("in 5 minutes", REMIND, "What should be said then?"),
        ("tomorrow dentist", REMIND, "At what time?"),
        ("", ADD, "When, and what?"),
        ("say hello", ADD, "When? I find no time in this"),
        ("every day at 9", ADD, "What should be said then?"),
        ("every day at 9 do", ADD, "What should be done then?"),
        ("at 9 say x", ADD, "can mean 09:00 or 21:00"),
        ("30m say x", ADD, 'Is "30m" meant as "in 30m"'),
        ("every full moon say boo", ADD, '"every full moon" is not a time'),
        ("99 9 * * * x", ADD, "'99' is not in 0-59"),
        ("@foo x", ADD, "When? I find no time in this"),
        ("every 5s say x", ADD, "every 5 s is too often"),
    ],
)
def test_what_is_missing_is_said_with_a_right_example(words: str, form: Form, why: str) -> None:
    with pytest.raises(UserError) as error:
        wish.read(words, form, MAKER)

    assert why in str(error.value)
    assert "?." not in str(error.value)
    assert re.search(AN_EXAMPLE.format(re.escape(form.example)), str(error.value))


def test_an_example_is_added_only_where_the_sentence_has_none() -> None:
    with pytest.raises(UserError) as without:
        wish.read("in 5 minutes", REMIND, MAKER)
    with pytest.raises(UserError) as with_its_own:
        wish.read("at 8 to water the plants", REMIND, MAKER)

    assert str(without.value).endswith(f"For example: {REMIND.example}")
    assert str(with_its_own.value).endswith('Write "at 8am", "at 8pm" or "at 20:00".')


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("morgen um 21:00 | Zahnarzt", REMIND),
        ("morgen um 21:00 | Zahnarzt", ADD),
        ("morgen um 21:00|Zahnarzt", REMIND),
        ("x | tomorrow at 9am", REMIND),
        ("x | tomorrow at 9am", ADD),
        ("say x | tomorrow at 9am", ADD),
        ("at 21:00 on monday perhaps | dentist", REMIND),
        ("| dentist at 21:00", REMIND),
    ],
)
def test_only_what_stands_before_a_bar_is_the_time_and_no_part_of_it_is_dropped(words: str, form: Form) -> None:
    english = replace(MAKER, languages=("en", "zh"))

    with pytest.raises(UserError, match=re.escape(FORMS)):
        wish.read(words, form, english)


def test_the_words_before_a_bar_are_read_in_the_languages_of_the_configuration() -> None:
    draft = wish.read("morgen um 21:00 | Zahnarzt", REMIND, MAKER)

    assert schedule_of(draft, MAKER) == At(datetime(2026, 3, 3, 20, 0, tzinfo=UTC))
    assert draft.say == "Zahnarzt"


@pytest.mark.parametrize(
    "words",
    [
        "on 24.12. at 18:00 presents",
        "pay 20:30 ticket tomorrow at 10am",
        "3 days before christmas x",
        "tue at 18:00 dentist",
        "morgen um 21:00 Zahnarzt",
        "at 18:00 dentist on friday please",
    ],
)
def test_a_date_or_time_that_would_be_left_in_the_text_is_asked_about(words: str) -> None:
    with pytest.raises(UserError):
        wish.read(words, REMIND, MAKER)


@pytest.mark.parametrize(
    ("words", "form", "say"),
    [
        ("in 5 minutes\nmulti\n  line,  x", REMIND, "multi\n  line,  x"),
        ("buy:\n- milk\n-  eggs\nin 5 minutes", REMIND, "buy:\n- milk\n-  eggs"),
        ("every day at 9 say one\n\n  two", ADD, "one\n\n  two"),
        ("every day at 9 |\none  two\nthree", ADD, "one  two\nthree"),
        ("one\nin 5 minutes\ntwo", REMIND, "one\n\ntwo"),
    ],
)
def test_exact_words_keep_their_lines_and_spaces(words: str, form: Form, say: str) -> None:
    assert wish.read(words, form, MAKER).say == say


@pytest.mark.parametrize("form", [REMIND, ADD])
def test_a_mention_is_no_word_of_a_cron_expression(form: Form) -> None:
    draft = wish.read("@bob in 5 minutes hi", form, MAKER)

    assert (draft.when, draft.say) == ("in 5 minutes", "@bob hi")


AN_EXAMPLE = r'For example: {}$|[Ff]or example "|such as|Understood are|[Ww]rite "'

PIECES = (
    *("every", "in", "at", "on", "say", "do", "|", "to", "me", "remind", "prompt", "until", ":", ",", '"', "'"),
    *("9", "9am", "5m", "*", "*/5", "0", "20", "minutes", "9:30", "18:00", "2026-12-24", "@daily", "@every"),
    *("tomorrow", "monday", "weekday", "day", "x", "é", "明天"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([ADD, REMIND]))
@settings(max_examples=60, deadline=None)
def test_any_words_are_a_job_or_a_sentence_that_says_why_not(words: list[str], form: Form) -> None:
    said = " ".join(words)
    try:
        draft = wish.read(said, form, MAKER)
    except UserError:
        with pytest.raises(UserError, match=AN_EXAMPLE.format(re.escape(form.example))):
            wish.read(said, form, MAKER)
    else:
        assert bool(draft.say) != bool(draft.prompt)
        assert bool(draft.when) != bool(draft.schedule)


@pytest.mark.parametrize(
    ("words", "when", "say", "nag"),
    [
        ("at 9am take my pills | nag 10m", "at 9am", "take my pills", "10m"),
        ("tomorrow at 9 | take my pills | nag 1h", "tomorrow at 9", "take my pills", "1h"),
        ("at 9am take my pills and nag me every 5 minutes until done", "at 9am", "take my pills", "5 minutes"),
        ("at 9am take my pills | nag until done", "at 9am", "take my pills", wish.NAG),
        ("at 9am buy a nag", "at 9am", "buy a nag", None),
    ],
)
def test_a_reminder_may_nag(words: str, when: str, say: str, nag: str | None) -> None:
    draft = wish.read(words, REMIND, MAKER)

    assert (draft.when, draft.say, draft.nag) == (when, say, nag)


@pytest.mark.parametrize(
    "words", ["in 2 hours", "2h", "me about this in 2 hours", "me in 2 hours", "in 2 hours about that"]
)
def test_a_reminder_of_the_message_that_is_answered_needs_no_words(words: str) -> None:
    draft = wish.read(words, REMIND, MAKER, quoted="Pay | the bill\nin 3 days.")

    assert (draft.when in {"in 2 hours", "in 2h"}, draft.say) == (True, "Pay | the bill\nin 3 days.")


@pytest.mark.parametrize("words", ["me about this in 2 hours", "in 2 hours about that message", "2h it"])
def test_this_without_a_message_that_is_answered_is_asked_about(words: str) -> None:
    with pytest.raises(UserError, match=r"^About what\? Answer the message"):
        wish.read(words, REMIND, MAKER)


def test_behind_a_bar_any_words_are_said() -> None:
    assert wish.read("in 2 hours | this", REMIND, MAKER).say == "this"


def test_words_of_its_own_are_what_a_reminder_says() -> None:
    assert wish.read("in 2 hours to call", REMIND, MAKER, quoted="Pay the bill").say == "call"
