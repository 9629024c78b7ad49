"""What Slack's Web API answers, or does not, and which of our errors that is: over HTTP, at a strict server."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.slack.client import Client, NoEditError
from channels.slack.history import messages_since
from channels.slack.refusals import RefusedError, refusal
from gateway.clock import SystemClock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress
from tests.servers.certificates import certified
from tests.servers.machine import Answer, in_turn, machine
from tests.servers.slack import APP_TOKEN, BOT_ID, BOT_TOKEN, BOT_USER, TEAM, SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, BORIS, GENERAL, THERE

HELLO = {"text": "hello"}
MOMENT = timedelta(milliseconds=300)


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris", admin=True)
        server.channel(GENERAL, "general", members=[ANNA, BORIS])
        yield server


@asynccontextmanager
async def client_at(base: str, token: str = BOT_TOKEN, app_token: str = APP_TOKEN) -> AsyncIterator[Client]:
    client = Client(token, app_token=app_token, api_base=base, timeout=MOMENT)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def client(server: SlackServer) -> AsyncIterator[Client]:
    async with client_at(server.api_base) as client:
        yield client


async def error_of(client: Client, address: ChatAddress = THERE, **payload: Any) -> DeliveryError:
    """What a send ends with."""
    with pytest.raises(DeliveryError) as caught:
        await client.post(address, {**HELLO, **payload}, "d1/0")
    assert BOT_TOKEN not in repr(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_certificate_that_nobody_vouches_for_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with (
        machine(tls=certified(tmp_path)[0]) as there,
        client_at(f"https://127.0.0.1:{there.port}") as client,
    ):
        error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)
    assert "certificate" in str(error)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 02 Mar 2026 12:00:00 -0000", "Mon, 99 Mar 2026 12:00:00 GMT"]
)
async def test_a_date_that_is_none_says_nothing_about_our_clock(date: str) -> None:
    answer = Answer(headers={"Date": date}, body=b'{"ok": true}')
    async with machine(in_turn(answer)) as there, client_at(f"http://127.0.0.1:{there.port}") as client:
        await client.call("api.test")

        assert client.api.ahead(SystemClock().now()) == timedelta()


async def test_a_call_with_our_token_follows_nobody_to_another_place() -> None:
    async with machine() as elsewhere:
        away = Answer(status=307, headers={"Location": elsewhere.url()}, body=b"")
        async with machine(in_turn(away)) as there, client_at(there.url("/api")) as client:
            assert isinstance(await error_of(client), TransientDeliveryError)

        assert elsewhere.received == []


# -- trouble on the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "arrives"),
    [
        ({"kind": "status", "status": 500}, False),
        ({"kind": "status", "status": 502}, False),
        ({"kind": "status", "status": 503, "acts": True}, True),
        ({"kind": "drop"}, False),
        ({"kind": "lost"}, True),
        ({"kind": "hang"}, False),
        ({"kind": "slow", "delay": 0.6}, True),
        ({"kind": "garbage"}, False),
        ({"kind": "truncated"}, True),
        ({"kind": "error", "error": "internal_error"}, False),
        ({"kind": "error", "error": "fatal_error", "acts": True}, True),
        ({"kind": "error", "error": "service_unavailable"}, False),
    ],
)
async def test_a_lost_answer_is_ambiguous(
    server: SlackServer, client: Client, fault: dict[str, Any], arrives: bool
) -> None:
    await client.identify()
    server.fault(method="chat.postMessage", **fault)

    error = await error_of(client)

    assert isinstance(error, AmbiguousDeliveryError)
    assert server.texts(GENERAL) == (["hello"] if arrives else [])


async def test_a_refused_connection_is_certainly_unsent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}/api"

        async with client_at(base) as client:
            error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)
    assert "cannot connect" in str(error)


async def test_a_name_that_is_unknown_is_certainly_unsent() -> None:
    async with client_at("http://slack.invalid/api") as client:
        error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)


async def test_p60_slack_s_wish_for_silence_is_passed_on(server: SlackServer, client: Client) -> None:
    # P-60
    server.fault("flood", method="chat.postMessage", retry_after=17)

    error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)
    assert error.retry_after == timedelta(seconds=17)
    assert server.texts(GENERAL) == []


async def test_a_page_of_a_machine_in_between_is_not_followed(server: SlackServer, client: Client) -> None:
    server.fault("status", method="chat.postMessage", status=302)

    error = await error_of(client)

    assert isinstance(error, TransientDeliveryError)


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("ratelimited", TransientDeliveryError),
        ("rate_limited", TransientDeliveryError),
        ("org_login_required", TransientDeliveryError),
        ("request_timeout", TransientDeliveryError),
        ("invalid_auth", CredentialsRefusedError),
        ("account_inactive", CredentialsRefusedError),
        ("token_revoked", CredentialsRefusedError),
        ("token_expired", CredentialsRefusedError),
        ("not_authed", CredentialsRefusedError),
        ("not_allowed_token_type", CredentialsRefusedError),
        ("channel_not_found", PermanentDeliveryError),
        ("is_archived", PermanentDeliveryError),
        ("not_in_channel", PermanentDeliveryError),
        ("restricted_action", PermanentDeliveryError),
        ("msg_too_long", PermanentDeliveryError),
        ("no_text", PermanentDeliveryError),
        ("user_is_bot", PermanentDeliveryError),
        ("thread_not_found", PermanentDeliveryError),
        ("messages_tab_disabled", PermanentDeliveryError),
        ("missing_scope", PermanentDeliveryError),
        ("something_new", PermanentDeliveryError),
        ("invalid_blocks", FormattingRefusedError),
        ("invalid_blocks_format", FormattingRefusedError),
        ("msg_blocks_too_long", FormattingRefusedError),
        ("internal_error", AmbiguousDeliveryError),
        ("fatal_error", AmbiguousDeliveryError),
    ],
)
def test_p59_each_word_of_slack_s_is_one_of_our_errors(word: str, kind: type[DeliveryError]) -> None:
    # P-59
    error = refusal("chat.postMessage", {"ok": False, "error": word})

    assert isinstance(error, kind)
    assert word in str(error) or word == "missing_scope"


@pytest.mark.parametrize("body", [{}, {"error": None}, {"error": ["x"]}, {"error": "x", "response_metadata": 1}])
def test_an_odd_refusal_is_a_refusal(body: dict[str, Any]) -> None:
    assert isinstance(refusal("chat.postMessage", body), RefusedError)


def test_wrong_arguments_cost_formatting_only_when_they_are_about_blocks() -> None:
    blocks = {
        "error": "invalid_arguments",
        "response_metadata": {"messages": ["[ERROR] bad [json-pointer:/blocks/0]"]},
    }
    other = {"error": "invalid_arguments", "response_metadata": {"messages": ["[ERROR] bad channel"]}}

    assert isinstance(refusal("chat.postMessage", blocks), FormattingRefusedError)
    assert isinstance(refusal("chat.postMessage", other), RefusedError)


async def test_a_missing_scope_is_named(server: SlackServer, client: Client) -> None:
    server.revoke("chat:write")

    error = await error_of(client)

    assert isinstance(error, PermanentDeliveryError)
    assert "needs the scope chat:write" in str(error)


async def test_p59_a_chat_that_is_not_there_is_said_once(server: SlackServer, client: Client) -> None:
    # P-59
    error = await error_of(client, ChatAddress(channel="slack", chat="C0NOWHERE"))

    assert isinstance(error, PermanentDeliveryError)
    assert "channel_not_found" in str(error)


async def test_p58_refused_blocks_are_refused_formatting(server: SlackServer, client: Client) -> None:
    # P-58
    error = await error_of(client, blocks=[{"type": "rich_text", "elements": [{"type": "nonsense"}]}])

    assert isinstance(error, FormattingRefusedError)
    assert server.texts(GENERAL) == []


@pytest.mark.parametrize("token", ["xoxb-0-wrong", APP_TOKEN])
async def test_a_wrong_bot_token_says_where_the_right_one_is(server: SlackServer, token: str) -> None:
    async with client_at(server.api_base, token) as client:
        with pytest.raises(CredentialsRefusedError, match="OAuth & Permissions") as caught:
            await client.identify()

    assert token not in str(caught.value)


@pytest.mark.parametrize("token", ["xapp-0-wrong", BOT_TOKEN])
async def test_a_wrong_app_token_says_where_the_right_one_is(server: SlackServer, token: str) -> None:
    async with client_at(server.api_base, app_token=token) as client:
        with pytest.raises(CredentialsRefusedError, match="Basic Information") as caught:
            await client.open_socket()

    assert token not in str(caught.value)


# -- what it does ------------------------------------------------------------------------------------------------


async def test_we_know_who_we_are_and_what_we_may_do(client: Client) -> None:
    me = await client.identify()

    assert (me.team, me.user, me.bot) == (TEAM, BOT_USER, BOT_ID)
    assert "chat:write" in me.scopes
    assert abs(client.api.ahead(SystemClock().now())) < timedelta(seconds=5)


async def test_a_message_goes_into_its_thread_without_previews(server: SlackServer, client: Client) -> None:
    first = server.say("hello", user=ANNA, channel=GENERAL)

    ts = await client.post(ChatAddress(channel="slack", chat=GENERAL, thread=first), HELLO, "d1/0")

    assert server.texts(GENERAL, thread=first) == ["hello"]
    call = next(one for one in server.calls if one.method == "chat.postMessage")
    assert (call.arguments["unfurl_links"], call.arguments["mrkdwn"]) == ("false", "false")
    assert server.channels[GENERAL].messages[ts].metadata["event_payload"] == {"id": "d1/0"}


async def test_nothing_in_an_edited_text_becomes_a_name_or_a_link(server: SlackServer, client: Client) -> None:
    ts = await client.post(THERE, HELLO, "d1/0")

    await client.update(THERE, ts, {"text": "@anna #general"}, "d2/0")

    assert server.calls[-1].arguments["parse"] == "none"


async def test_a_message_can_be_replaced_and_says_which_delivery_it_is_now(
    server: SlackServer, client: Client
) -> None:
    ts = await client.post(THERE, HELLO, "d1/0")

    again = await client.update(THERE, ts, {"text": "bye"}, "d2/0")

    assert again == ts
    assert server.texts(GENERAL) == ["bye"]
    (found,) = await messages_since(client, THERE, None)
    assert found["metadata"]["event_payload"]["id"] == "d2/0"


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_what_cannot_be_replaced_is_told_apart(server: SlackServer, client: Client, word: str) -> None:
    ts = await client.post(THERE, HELLO, "d1/0")
    server.fault("error", method="chat.update", error=word)

    with pytest.raises(NoEditError):
        await client.update(THERE, ts, HELLO, "d2/0")


async def test_an_edit_that_is_refused_for_another_reason_is_not_said_anew(
    server: SlackServer, client: Client
) -> None:
    ts = await client.post(THERE, HELLO, "d1/0")
    server.fault("error", method="chat.update", error="is_archived")

    with pytest.raises(PermanentDeliveryError, match="is_archived"):
        await client.update(THERE, ts, HELLO, "d2/0")


async def test_messages_of_many_pages_are_read(server: SlackServer, client: Client) -> None:
    for number in range(450):
        server.say(str(number), user=ANNA, channel=GENERAL, tell=False)

    found = await messages_since(client, THERE, None)

    assert len(found) == 450


async def test_a_history_without_an_end_is_not_read_to_it(server: SlackServer, client: Client) -> None:
    for number in range(2_100):
        server.say(str(number), user=ANNA, channel=GENERAL, tell=False)

    with pytest.raises(AmbiguousDeliveryError, match="more than 2000"):
        await messages_since(client, THERE, None)


async def test_only_what_was_written_since_then_is_read(server: SlackServer, client: Client) -> None:
    server.say("now", user=ANNA, channel=GENERAL, tell=False)

    found = await messages_since(client, THERE, datetime.now(UTC) + timedelta(hours=1))

    assert found == []


async def test_a_history_that_may_not_be_read_tells_nothing(server: SlackServer, client: Client) -> None:
    server.revoke("channels:history")

    with pytest.raises(AmbiguousDeliveryError, match="channels:history"):
        await messages_since(client, THERE, None)


async def test_a_history_that_cannot_be_read_now_is_asked_again(server: SlackServer, client: Client) -> None:
    server.fault("drop", method="conversations.history")

    with pytest.raises(TransientDeliveryError):
        await messages_since(client, THERE, None)


async def test_people_have_names_and_some_manage_the_workspace(client: Client) -> None:
    anna, boris = await client.person(ANNA), await client.person(BORIS)

    assert (anna.name, anna.manages) == ("Anna", False)
    assert (boris.name, boris.manages) == ("Boris", True)


async def test_a_reaction_that_is_there_already_is_fine(server: SlackServer, client: Client) -> None:
    ts = server.say("hello", user=ANNA, channel=GENERAL)

    await client.react(GENERAL, ts, "eyes")
    await client.react(GENERAL, ts, "eyes")

    assert list(server.channels[GENERAL].messages[ts].reactions) == ["eyes"]


async def test_the_private_chat_with_somebody_is_found(server: SlackServer, client: Client) -> None:
    assert await client.direct(ANNA) == server.im(ANNA)
