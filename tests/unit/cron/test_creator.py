"""A job has the rights of who made it, as they are now."""

from typing import Any

import pytest

from cron.creator import barred, made_in
from gateway.messages import ChatAddress
from tests.jobs import new_job

MADE: dict[str, Any] = {"owner": "test:-100%3A7", "created_by": "ben", "created_in": "test:-100%3A7:9"}


def test_the_chat_is_the_one_that_the_job_belongs_to() -> None:
    assert made_in(new_job(**MADE)) == ChatAddress(channel="test", chat="-100:7")


@pytest.mark.parametrize("changed", [{"owner": None}, {"created_by": ""}, {"created_in": ""}, {"declared": True}])
def test_a_job_of_the_operator_needs_nobodys_rights(changed: dict[str, Any]) -> None:
    job = new_job(**{**MADE, **changed})

    assert made_in(job) is None
    assert barred(job, lambda _chat, _user: False) == ""


def test_a_job_runs_as_long_as_who_made_it_may_talk_in_its_chat() -> None:
    job = new_job(**MADE)  # P-67
    asked = []

    def admits(chat: ChatAddress, user: str) -> bool:
        asked.append((chat.chat, user))
        return len(asked) == 1

    assert barred(job, admits) == ""
    assert barred(job, admits) == "ben, who has made it, may not talk to this bot here any more"
    assert asked == [("-100:7", "ben")] * 2
