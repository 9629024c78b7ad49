"""Slack's server for tests answers as Slack does: tokens, scopes, messages, history, people, files, modals."""

import aiohttp
import orjson
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import APP_TOKEN, BOT_ID, BOT_TOKEN, BOT_USER, TEAM
from tests.servers.slack_caller import ANNA, BOB, ELSEWHERE, GENERAL, SECRET, Caller


@pytest.fixture
def client(slack: Caller) -> AsyncWebClient:
    """Slack's own client, without its retries."""
    return AsyncWebClient(BOT_TOKEN, base_url=slack.server.api_base, retry_handlers=[])


# Who calls


async def test_the_sdk_asks_who_it_is_and_which_scopes_it_has(client: AsyncWebClient) -> None:
    answer = await client.auth_test()

    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == (BOT_USER, BOT_ID, TEAM)
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    ("method", "token", "error"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-unknown", "invalid_auth"),
        ("auth.test", APP_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", BOT_TOKEN, "not_allowed_token_type"),
        ("chat.shout", BOT_TOKEN, "unknown_method"),
    ],
)
async def test_a_wrong_token_is_told_by_its_kind(slack: Caller, method: str, token: str, error: str) -> None:
    assert await slack.no(method, token=token) == error


async def test_a_refusal_says_the_scopes_as_well_but_not_to_strangers(slack: Caller) -> None:
    await slack.no("chat.postMessage", channel="C0NOWHERE", text="hi")
    own = slack.headers.get("x-oauth-scopes", "")
    await slack.no("auth.test", token="xoxb-unknown")

    assert "chat:write" in own.split(",")
    assert "x-oauth-scopes" not in slack.headers


async def test_a_token_may_stand_in_the_form(slack: Caller) -> None:
    answer = orjson.loads(await slack.raw("/api/auth.test", token="", data={"token": BOT_TOKEN}))

    assert answer["ok"] is True


async def test_a_missing_scope_is_named(slack: Caller) -> None:
    slack.server.revoke("groups:history")

    answer = await slack.whole("conversations.history", channel=SECRET)

    assert (answer["error"], answer["needed"]) == ("missing_scope", "groups:history")
    assert "groups:read" in answer["provided"].split(",")
    assert (await slack.ok("conversations.history", channel=GENERAL))["messages"] == []


async def test_older_methods_do_not_read_json(slack: Caller) -> None:
    body = orjson.dumps({"user": ANNA})
    headers = {"Content-Type": "application/json; charset=utf-8"}

    by_json = orjson.loads(await slack.raw("/api/users.info", data=body, headers=headers))
    by_query = orjson.loads(await slack.raw(f"/api/users.info?user={ANNA}", verb="GET"))

    assert by_json["error"] == "user_not_found"
    assert by_query["user"]["real_name"] == "Anna"


@pytest.mark.parametrize(
    ("sort", "body", "error"),
    [
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[]", "json_not_object"),
        ("application/xml", b"<a/>", "invalid_post_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(slack: Caller, sort: str, body: bytes, error: str) -> None:
    answer = orjson.loads(await slack.raw("/api/chat.postMessage", data=body, headers={"Content-Type": sort}))

    assert answer == {"ok": False, "error": error}


# Messages


async def test_the_sdk_posts_with_json_and_reads_it_back(slack: Caller, client: AsyncWebClient) -> None:
    metadata = {"event_type": "tocsin_delivery", "event_payload": {"id": "d1"}}

    posted = await client.chat_postMessage(channel=GENERAL, text="*hi* <@U0ANNA>", metadata=metadata)
    plain = await client.conversations_history(channel=GENERAL)
    whole = await client.conversations_history(channel=GENERAL, include_all_metadata=True)

    assert posted["message"]["bot_id"] == BOT_ID
    assert slack.server.texts(GENERAL) == ["hi @Anna"]
    assert "metadata" not in plain["messages"][0]
    assert whole["messages"][0]["metadata"] == metadata


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"channel": ELSEWHERE}, "not_in_channel"),
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": "not json"}, "invalid_blocks_format"),
        ({"blocks": [{"type": "shout"}]}, "invalid_blocks"),
        ({"thread_ts": "-1"}, "invalid_thread_ts"),
        ({"thread_ts": "yesterday"}, "invalid_thread_ts"),
        ({"thread_ts": "1700000000.000001"}, "thread_not_found"),
        ({"metadata": "{"}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "no spaces", "event_payload": {}}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "a", "event_payload": {"a": "x" * 20_000}}}, "metadata_too_large"),
        ({"markdown_text": "# hi"}, "markdown_text_conflict"),
    ],
)
async def test_what_cannot_be_posted_is_refused(slack: Caller, arguments: dict[str, object], error: str) -> None:
    assert await slack.no("chat.postMessage", **{"channel": GENERAL, "text": "hi"} | arguments) == error
    assert slack.server.sent_count == 0


async def test_an_archived_channel_takes_nothing(slack: Caller) -> None:
    slack.server.channels[GENERAL].archived = True

    assert await slack.no("chat.postMessage", channel=GENERAL, text="hi") == "is_archived"


async def test_a_private_channel_without_the_bot_does_not_exist_for_it(slack: Caller) -> None:
    slack.server.leave(BOT_USER, channel=SECRET)

    assert await slack.no("chat.postMessage", channel=SECRET, text="hi") == "channel_not_found"


async def test_a_message_to_a_person_goes_to_their_private_conversation(slack: Caller) -> None:
    answer = await slack.ok("chat.postMessage", channel=ANNA, text="hi")

    assert answer["channel"] == slack.server.im(ANNA)


async def test_a_reply_stays_in_its_thread(slack: Caller) -> None:
    parent = slack.server.say("a question", user=ANNA, channel=GENERAL)
    reply = await slack.post("an answer", thread_ts=parent)
    await slack.post("another", thread_ts=reply)

    shown = (await slack.ok("conversations.replies", channel=GENERAL, ts=parent))["messages"]
    top = (await slack.ok("conversations.history", channel=GENERAL))["messages"]

    assert slack.server.texts(GENERAL, thread=parent) == ["an answer", "another"]
    assert [one["text"] for one in shown] == ["a question", "an answer", "another"]
    assert shown[1]["parent_user_id"] == ANNA
    assert [(one["text"], one["reply_count"]) for one in top] == [("a question", 2)]


async def test_an_update_changes_the_message_and_keeps_its_metadata(slack: Caller) -> None:
    metadata = {"event_type": "a", "event_payload": {"id": "1"}}
    ts = await slack.post("one", metadata=metadata)

    await slack.ok("chat.update", channel=GENERAL, ts=ts, text="two")

    message = slack.server.channels[GENERAL].messages[ts]
    assert slack.server.texts(GENERAL) == ["two"]
    assert (message.metadata, bool(message.edited)) == (metadata, True)
    assert [(one.method, one.edited_from) for one in slack.server.sent] == [
        ("chat.postMessage", None),
        ("chat.update", "one"),
    ]


async def test_only_the_bots_own_messages_can_be_updated_or_deleted(slack: Caller) -> None:
    hers = slack.server.say("mine", user=ANNA, channel=GENERAL)
    gone = await slack.post()
    await slack.ok("chat.delete", channel=GENERAL, ts=gone)

    assert await slack.no("chat.update", channel=GENERAL, ts=hers, text="x") == "cant_update_message"
    assert await slack.no("chat.delete", channel=GENERAL, ts=hers) == "cant_delete_message"
    assert await slack.no("chat.update", channel=GENERAL, ts=gone, text="x") == "message_not_found"
    assert (
        await slack.no("chat.update", channel=GENERAL, ts=await slack.post(), text="x" * 4_001) == "msg_too_long"
    )


async def test_history_is_cut_by_time_and_paged_by_cursor(slack: Caller) -> None:
    stamps = [await slack.post(str(number)) for number in range(5)]

    async def read(**arguments: object) -> list[str]:
        answer = await slack.ok("conversations.history", channel=GENERAL, **arguments)
        return [one["text"] for one in answer["messages"]]

    assert await read() == ["4", "3", "2", "1", "0"]
    assert await read(oldest=stamps[1], latest=stamps[3]) == ["2"]
    assert await read(oldest=stamps[1], latest=stamps[3], inclusive=True) == ["3", "2", "1"]
    first = await slack.ok("conversations.history", channel=GENERAL, limit=3)
    assert (first["has_more"], len(first["messages"])) == (True, 3)
    assert await read(limit=3, cursor=first["response_metadata"]["next_cursor"]) == ["1", "0"]
    assert await slack.no("conversations.history", channel=GENERAL, cursor="x") == "invalid_cursor"
    assert await slack.no("conversations.history", channel=GENERAL, oldest="now") == "invalid_ts_oldest"
    assert await slack.no("conversations.replies", channel=GENERAL, ts="1.000001") == "thread_not_found"


async def test_a_reaction_is_added_once(slack: Caller) -> None:
    ts = slack.server.say("hi", user=ANNA, channel=GENERAL)

    await slack.ok("reactions.add", channel=GENERAL, timestamp=ts, name="eyes")

    assert await slack.no("reactions.add", channel=GENERAL, timestamp=ts, name="eyes") == "already_reacted"
    assert await slack.no("reactions.add", channel=GENERAL, timestamp=ts, name="No Such") == "invalid_name"
    assert await slack.no("reactions.add", channel=GENERAL, timestamp="1.1", name="eyes") == "message_not_found"
    assert slack.server.channels[GENERAL].messages[ts].reactions == {"eyes": [BOT_USER]}


async def test_an_ephemeral_message_is_seen_by_one_member(slack: Caller) -> None:
    await slack.ok("chat.postEphemeral", channel=GENERAL, user=ANNA, text="psst")

    assert [(one.user, one.text) for one in slack.server.whispers] == [(ANNA, "psst")]
    assert await slack.no("chat.postEphemeral", channel=GENERAL, user=BOB, text="psst") == "user_not_in_channel"
    assert slack.server.texts(GENERAL) == []


# Conversations and people


async def test_conversations_and_people_are_told_about(slack: Caller) -> None:
    channel = (await slack.ok("conversations.info", channel=GENERAL))["channel"]
    opened = (await slack.ok("conversations.open", users=BOB))["channel"]["id"]
    person = (await slack.ok("users.info", user=ANNA))["user"]

    assert (channel["creator"], channel["is_member"], channel["is_channel"]) == (ANNA, True, True)
    assert (await slack.ok("conversations.info", channel=opened))["channel"]["user"] == BOB
    assert (person["is_admin"], person["is_owner"], person["is_bot"]) == (True, False, False)
    assert (await slack.ok("bots.info", bot=BOT_ID))["bot"]["user_id"] == BOT_USER
    assert (await slack.ok("team.info"))["team"]["id"] == TEAM
    assert (await slack.ok("conversations.info", channel=ELSEWHERE))["channel"]["is_member"] is False
    assert await slack.no("users.info", user="U0NOBODY") == "user_not_found"
    assert await slack.no("conversations.info", channel="C0NOWHERE") == "channel_not_found"
    assert await slack.no("conversations.open", users="U0NOBODY") == "user_not_found"


async def test_a_status_is_shown_in_a_thread_until_the_bot_answers_there(slack: Caller) -> None:
    ts = slack.server.say("hi", user=ANNA, channel=GENERAL)

    await slack.ok("assistant.threads.setStatus", channel_id=GENERAL, thread_ts=ts, status="thinks")
    await slack.post(thread_ts=ts)

    assert slack.server.statuses == [(GENERAL, ts, "thinks"), (GENERAL, ts, "")]
    arguments = {"channel_id": GENERAL, "thread_ts": "1.000001", "status": "thinks"}
    assert await slack.no("assistant.threads.setStatus", **arguments) == "invalid_thread_ts"


async def test_a_call_can_test_itself(slack: Caller) -> None:
    assert (await slack.ok("api.test", token="", foo="bar"))["args"] == {"foo": "bar"}
    assert await slack.no("api.test", token="", error="my_error") == "my_error"


# Files


async def test_the_sdk_uploads_a_file_into_a_thread(slack: Caller, client: AsyncWebClient) -> None:
    parent = slack.server.say("send it", user=ANNA, channel=GENERAL)

    answer = await client.files_upload_v2(
        channel=GENERAL, thread_ts=parent, filename="a.txt", content="words", initial_comment="here"
    )

    identifier = answer["file"]["id"]
    message = slack.server.messages(GENERAL, parent)[0]
    shares = (await client.files_info(file=identifier))["file"]["shares"]
    assert [(one.name, one.data) for one in message.files] == [("a.txt", b"words")]
    assert slack.server.texts(GENERAL, parent) == ["here"]
    assert shares == {"public": {GENERAL: [{"ts": message.ts, "thread_ts": parent}]}}


async def test_an_upload_is_finished_only_when_all_its_bytes_came(slack: Caller) -> None:
    ticket = await slack.ok("files.getUploadURLExternal", filename="a.bin", length=3)
    path = ticket["upload_url"].removeprefix(slack.server.url)
    files = [{"id": ticket["file_id"]}]

    await slack.raw(path, data=b"12")
    short = slack.status
    assert await slack.no("files.completeUploadExternal", files=files, channel_id=GENERAL) == "file_not_found"
    text = await slack.raw(path, data=b"123")
    assert await slack.no("files.completeUploadExternal", files=files, channel_id="C0NOWHERE") == "invalid_channel"
    answer = await slack.ok("files.completeUploadExternal", files=files, channel_id=GENERAL)

    assert (short, text) == (400, b"OK - 3")
    assert answer["files"] == [{"id": ticket["file_id"], "title": "a.bin"}]
    assert slack.server.sent_count == 1


async def test_an_upload_may_come_as_a_form(slack: Caller) -> None:
    ticket = await slack.ok("files.getUploadURLExternal", filename="a.bin", length=3)
    form = aiohttp.FormData()
    form.add_field("file", b"123", filename="a.bin")

    text = await slack.raw(ticket["upload_url"].removeprefix(slack.server.url), data=form)

    assert (text, slack.server.files[ticket["file_id"]].data) == (b"OK - 3", b"123")


async def test_a_file_without_the_token_is_the_sign_in_page(slack: Caller) -> None:
    identifier = slack.server.file("cat.png", b"\x89PNG", "image/png", user=ANNA)
    slack.server.say("look", user=ANNA, channel=GENERAL, files=[identifier])
    shown = (await slack.ok("files.info", file=identifier))["file"]
    path = shown["url_private_download"].removeprefix(slack.server.url)

    assert await slack.raw(path) == b"\x89PNG"
    assert (await slack.raw(path, token="")).startswith(b"<!DOCTYPE html>")
    assert (slack.status, slack.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    slack.server.revoke("files:read")
    assert (await slack.raw(path)).startswith(b"<!DOCTYPE html>")


# Modals

INPUT = {
    "type": "input",
    "block_id": "when",
    "label": {"type": "plain_text", "text": "When"},
    "element": {"type": "plain_text_input", "action_id": "time"},
}
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Add a job"},
    "submit": {"type": "plain_text", "text": "Add"},
    "private_metadata": "C0GENERAL",
    "blocks": [INPUT],
}


async def test_a_trigger_opens_one_modal_within_three_seconds(slack: Caller, client: AsyncWebClient) -> None:
    first, late = slack.server.trigger(ANNA), slack.server.trigger(ANNA)

    view = (await client.views_open(trigger_id=first, view=MODAL))["view"]
    slack.wall.seconds += 3.5

    assert slack.server.views[view["id"]].user == ANNA
    assert await slack.no("views.open", trigger_id=first, view=MODAL) == "exchanged_trigger_id"
    assert await slack.no("views.open", trigger_id=late, view=MODAL) == "expired_trigger_id"
    assert await slack.no("views.open", trigger_id="1.2.3", view=MODAL) == "invalid_trigger_id"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"title": {"type": "plain_text", "text": "x" * 25}}, "must be less than 25 characters"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100 items allowed"),
        ({"private_metadata": "x" * 3_001}, "must be less than 3001 characters"),
        ({"type": "window"}, "must be one of: modal"),
        ({"blocks": [{"type": "markdown", "text": "hi"}]}, "unsupported type: markdown"),
    ],
)
async def test_a_modal_outside_its_limits_is_refused(
    slack: Caller, client: AsyncWebClient, change: dict[str, object], problem: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=slack.server.trigger(ANNA), view=MODAL | change)

    assert refused.value.response["error"] == "invalid_arguments"
    assert problem in refused.value.response["response_metadata"]["messages"][0]
