"""Feishu's server for tests is strict where Feishu is strict: tokens, contents, topics, edits, limits."""

import io
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from tests.servers.feishu import serve_feishu
from tests.servers.feishu_caller import ANN, BOB, FORUM, PNG, TEAM, Caller, Json, Wall, card, json

SEND = "im/v1/messages?receive_id_type=chat_id"


@pytest.fixture
async def api() -> AsyncIterator[Caller]:
    wall = Wall()
    async with serve_feishu(now=wall) as server, aiohttp.ClientSession() as http:
        server.person(ANN, "Ann")
        server.group(TEAM, "Team", members=[ANN], owner=ANN, admins=[BOB])
        server.group(FORUM, "Forum", members=[ANN], topics=True)
        caller = Caller(server, wall, http)
        await caller.log_in()
        yield caller


# Who asks


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("", 99991661), ("t-naked", 99991661), ("Bearer t-unknown", 99991663), ("Bearer eyJhbGci", 99991668)],
)
async def test_a_call_without_a_good_token_is_refused(api: Caller, authorization: str, code: int) -> None:
    answer = await api.whole("POST", SEND, api.message(), headers={"Authorization": authorization})

    assert (api.status, answer["code"]) == (400, code)
    assert api.server.messages() == []


async def test_a_token_ends_and_one_near_its_end_is_followed_by_another(api: Caller) -> None:
    first = api.token
    api.wall.seconds += 3600
    await api.log_in()
    same = api.token
    api.wall.seconds += 1900
    await api.log_in()

    api.wall.seconds += 1600
    old = await api.whole("GET", "bot/v3/info", headers={"Authorization": f"Bearer {first}"})
    new = await api.whole("GET", "bot/v3/info")
    api.server.expire_tokens()
    expired = await api.no("GET", "bot/v3/info")

    assert same == first != api.token
    assert old["code"] == 0
    assert new["bot"]["open_id"] == api.server.bot_id
    assert expired[:2] == (400, 99991663)
    assert api.server.stats().tokens == 3


@pytest.mark.parametrize(("app", "secret", "code"), [("cli_x", "y", 10003), ("", "y", 10003), (None, "y", 10014)])
async def test_a_wrong_app_gets_no_token_and_http_200(
    api: Caller, app: str | None, secret: str, code: int
) -> None:
    asked = {"app_id": api.server.app_id if app is None else app, "app_secret": secret}

    answer = await api.whole("POST", "auth/v3/tenant_access_token/internal", asked)

    assert (api.status, answer["code"]) == (200, code)


@pytest.mark.parametrize(
    ("verb", "path"), [("GET", "nothing/v1"), ("GET", "im/v1/messages"), ("PUT", "im/v1/images")]
)
async def test_an_unknown_path_or_method_is_plain_text(api: Caller, verb: str, path: str) -> None:
    answer = await api.raw(verb, path)

    assert (api.status, answer) == (404, b"404 page not found")


async def test_a_missing_scope_names_those_of_which_one_is_needed(api: Caller) -> None:
    api.server.scopes -= {"im:message", "im:message:send_as_bot"}

    status, code, text = await api.refused()
    user = await api.no("GET", f"contact/v3/users/{ANN}?user_id_type=open_id")

    assert (status, code) == (400, 99991672)
    assert "im:message:send_as_bot" in text
    assert user[1] == 99991672


# What is sent


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"receive_id": ""}, 99992402),
        ({"receive_id": "team"}, 230001),
        ({"receive_id": "oc_nowhere"}, 230002),
        ({"msg_type": "letter"}, 230001),
        ({"content": {"text": "an object"}}, 9499),
        ({"content": "no json"}, 230001),
        ({"content": '{"text":""}'}, 230001),
        ({"content": json({"text": "x" * 150 * 1024})}, 230025),
        ({"uuid": "x" * 51}, 99992402),
        ({"msg_type": "post", "content": json({"zh_cn": {"content": [[{"tag": "b"}]]}})}, 230001),
        ({"msg_type": "post", "content": json({"content": [[{"tag": "text", "text": "x"}]]})}, 230001),
        (
            {"msg_type": "post", "content": json({"zh_cn": {"content": [[{"tag": "md", "text": "x" * 30720}]]}})},
            230025,
        ),
        ({"msg_type": "interactive", "content": "{"}, 230099),
        ({"msg_type": "interactive", "content": json({"schema": "2.0", "elements": []})}, 230099),
        ({"msg_type": "interactive", "content": card(text="|a|b|\n|-|-|\n|---|---|\n" * 6)}, 230099),
        ({"msg_type": "image", "content": json({"image_key": "img_v3_x"})}, 230017),
        ({"msg_type": "file", "content": json({"file_key": "file_v3_x"})}, 230017),
    ],
)
async def test_a_message_that_feishu_would_not_take_is_refused(api: Caller, changed: Json, code: int) -> None:
    refused = await api.refused(**changed)

    assert refused[:2] == (400, code)
    assert api.server.messages() == []


async def test_a_horizontal_line_is_no_table(api: Caller) -> None:
    content = card(text="a\n\n---\n\n" * 9)

    sent = await api.ok("POST", SEND, {**api.message(), "msg_type": "interactive", "content": content})

    assert sent["msg_type"] == "interactive"


async def test_every_kind_of_content_is_read_as_words(api: Caller) -> None:
    line = [
        {"tag": "text", "text": "see ", "style": ["bold"]},
        {"tag": "a", "href": "https://x.test", "text": "x"},
    ]
    post = {"zh_cn": {"title": "Title", "content": [line, [{"tag": "md", "text": "**more**"}]]}}

    await api.send("plain")
    await api.ok("POST", SEND, {**api.message(), "msg_type": "post", "content": json(post)})
    await api.ok("POST", SEND, {**api.message(), "msg_type": "interactive", "content": card("Yes", "No")})
    to_ann = api.message("for Ann", chat=ANN)
    await api.ok("POST", "im/v1/messages?receive_id_type=open_id", to_ann)

    assert api.server.texts(TEAM) == ["plain", "Title\nsee x\n**more**", "Choose"]
    assert api.server.texts(api.server.private(ANN)) == ["for Ann"]
    assert api.server.buttons(api.server.messages()[2].id) == [("Yes", {"do": "yes"}), ("No", {"do": "no"})]


async def test_a_uuid_makes_one_message_in_an_hour(api: Caller) -> None:
    first = await api.send("once", uuid="u-1")

    again = await api.send("once", uuid="u-1")
    api.wall.seconds += 3601
    later = await api.send("once", uuid="u-1")
    other = await api.send("something else", uuid="u-1")

    assert again["message_id"] == first["message_id"] != later["message_id"]
    assert other["message_id"] == later["message_id"]
    assert api.server.texts(TEAM) == ["once", "once"]
    assert api.server.violations == ["uuid u-1 was used for two messages"]


async def test_who_is_out_of_a_group_or_silenced_in_it_cannot_write(api: Caller) -> None:
    api.server.chats[TEAM].muted = True
    muted = await api.refused()
    api.server.kick(TEAM)
    kicked = await api.refused()
    api.server.add(TEAM)
    api.server.dissolve(TEAM)
    dissolved = await api.refused()

    assert [muted[1], kicked[1], dissolved[1]] == [230018, 230002, 232009]


# Where it stands


async def test_a_reply_stands_in_its_chain_and_in_its_topic(api: Caller) -> None:
    root = api.server.say("question", user=ANN, chat=TEAM)
    answer = {"msg_type": "text", "content": json({"text": "answer"})}

    chained = await api.ok("POST", f"im/v1/messages/{root}/reply", answer)
    deeper = await api.ok("POST", f"im/v1/messages/{chained['message_id']}/reply", answer)
    topic = await api.ok("POST", f"im/v1/messages/{root}/reply", {**answer, "reply_in_thread": True})
    inside = await api.ok("POST", f"im/v1/messages/{topic['message_id']}/reply", answer)

    assert (chained["root_id"], chained["parent_id"], "thread_id" in chained) == (root, root, False)
    assert (deeper["root_id"], deeper["parent_id"]) == (root, chained["message_id"])
    assert topic["thread_id"].startswith("omt_")
    assert (inside["thread_id"], inside["root_id"], inside["parent_id"]) == (topic["thread_id"], root, root)
    assert len(api.server.texts(TEAM, root=root)) == 4
    assert api.server.texts(TEAM, root="") == []


async def test_every_message_of_a_forum_is_a_topic_and_some_groups_have_none(api: Caller) -> None:
    api.server.group("oc_flat", members=[ANN], threads=False)
    flat = api.server.say("x", user=ANN, chat="oc_flat")

    sent = await api.send(chat=FORUM)
    refused = await api.no(
        "POST", f"im/v1/messages/{flat}/reply", {**api.message(), "receive_id": None, "reply_in_thread": True}
    )

    assert sent["thread_id"].startswith("omt_")
    assert refused[1] == 230071


@pytest.mark.parametrize(("message", "code"), [("nonsense", 230001), ("om_nothing", 230110)])
async def test_a_reply_to_nothing_is_refused(api: Caller, message: str, code: int) -> None:
    refused = await api.no("POST", f"im/v1/messages/{message}/reply", api.message())

    assert refused[:2] == (400, code)


# What changes


async def test_a_text_is_edited_twenty_times_by_put_and_never_by_patch(api: Caller) -> None:
    path = f"im/v1/messages/{(await api.send())['message_id']}"
    change = {"msg_type": "text", "content": json({"text": "changed"})}

    for _ in range(20):
        await api.ok("PUT", path, change)
    once_more = await api.no("PUT", path, change)
    as_card = await api.no("PUT", path, {**change, "msg_type": "interactive"})
    patched = await api.no("PATCH", path, {"content": card()})

    assert once_more[:2] == (400, 230072)
    assert (as_card[1], patched[1]) == (230001, 230001)
    assert (api.server.texts(TEAM), api.server.messages()[0].edits) == (["changed"], 20)


async def test_a_card_is_changed_by_patch_with_its_content_alone(api: Caller) -> None:
    shown = await api.ok("POST", SEND, {**api.message(), "msg_type": "interactive", "content": card("Yes")})
    path = f"im/v1/messages/{shown['message_id']}"
    private = json({"schema": "2.0", "config": {"update_multi": False}, "body": {"elements": []}})

    for number in range(25):
        await api.ok("PATCH", path, {"content": card(text=f"step {number}")})
    extra = await api.no("PATCH", path, {"content": card(), "msg_type": "interactive"})
    put = await api.no("PUT", path, {"content": json({"text": "x"}), "msg_type": "text"})
    unshared = await api.no("PATCH", path, {"content": private})
    api.wall.seconds += 15 * 86400
    await api.log_in()
    old = await api.no("PATCH", path, {"content": card()})

    assert [extra[1], put[1], unshared[1], old[1]] == [99992402, 230054, 230001, 230031]
    assert api.server.texts(TEAM) == ["step 24"]
    assert len(api.server.violations) == 1


async def test_only_our_own_messages_can_be_changed_or_recalled(api: Caller) -> None:
    theirs = f"im/v1/messages/{api.server.say('mine', user=ANN, chat=TEAM)}"
    ours = f"im/v1/messages/{(await api.send())['message_id']}"
    change = {"msg_type": "text", "content": json({"text": "changed"})}

    edited = await api.no("PUT", theirs, change)
    deleted = await api.no("DELETE", theirs)
    await api.ok("DELETE", ours)
    recalled = await api.no("PUT", ours, change)
    read = await api.ok("GET", ours)

    assert [edited[1], deleted[1], recalled[1]] == [230071, 230026, 230011]
    assert read["items"][0]["deleted"] is True
    assert api.server.texts(TEAM) == []


async def test_a_reaction_has_a_known_emoji_and_a_message(api: Caller) -> None:
    said = api.server.say("x", user=ANN, chat=TEAM)
    path = f"im/v1/messages/{said}/reactions"

    made = await api.ok("POST", path, {"reaction_type": {"emoji_type": "OK"}})
    await api.ok("POST", path, {"reaction_type": {"emoji_type": "Typing"}})
    await api.ok("DELETE", f"{path}/{made['reaction_id']}")
    strange = await api.no("POST", path, {"reaction_type": {"emoji_type": "eyes"}})
    nowhere = await api.no("POST", path.replace(said, "om_gone"), {"reaction_type": {"emoji_type": "OK"}})

    assert api.server.reactions(said) == ["Typing"]
    assert (strange[1], nowhere[1]) == (231001, 231003)


# Files


async def upload(api: Caller, path: str, name: str, data: bytes, **fields: str) -> Json:
    form = aiohttp.FormData()
    for key, value in fields.items():
        form.add_field(key, value)
    form.add_field(name, io.BytesIO(data), filename="x.bin")
    return orjson.loads(await api.raw("POST", path, data=form))


async def test_a_picture_and_a_file_are_uploaded_and_sent(api: Caller) -> None:
    picture = await upload(api, "im/v1/images", "image", PNG, image_type="message")
    video = await upload(api, "im/v1/files", "file", bytes(3 * 1024 * 1024), file_type="mp4", file_name="v.mp4")
    key = {"file_key": video["data"]["file_key"]}

    await api.ok("POST", SEND, {**api.message(), "msg_type": "image", "content": json(picture["data"])})
    await api.ok("POST", SEND, {**api.message(), "msg_type": "media", "content": json(key)})
    as_file = await api.refused(msg_type="file", content=json(key))

    assert api.server.texts(TEAM) == ["[image]", "[media]"]
    assert as_file[1] == 230055


@pytest.mark.parametrize(
    ("data", "more", "fields", "code"),
    [
        (b"", 0, {"image_type": "message"}, 234010),
        (b"no picture", 0, {"image_type": "message"}, 234011),
        (PNG, 10 * 1024 * 1024, {"image_type": "message"}, 234006),
        (PNG, 0, {}, 234001),
    ],
    ids=["empty", "text", "large", "without a type"],
)
async def test_a_picture_that_feishu_would_not_take_is_refused(
    api: Caller, data: bytes, more: int, fields: dict[str, str], code: int
) -> None:
    answer = await upload(api, "im/v1/images", "image", data + bytes(more), **fields)

    assert (api.status, answer["code"]) == (400, code)


async def test_a_resource_belongs_to_its_message_and_is_at_most_100_mb(api: Caller) -> None:
    said = api.server.file("ü.txt", b"notes", user=ANN)
    large = api.server.file("large", b"x", user=ANN, size=101 * 1024 * 1024)
    keys = {om: orjson.loads(api.server.messages_by_id[om].content)["file_key"] for om in (said, large)}

    data = await api.raw("GET", f"im/v1/messages/{said}/resources/{keys[said]}?type=file")
    as_image = await api.no("GET", f"im/v1/messages/{said}/resources/{keys[said]}?type=image")
    of_another = await api.no("GET", f"im/v1/messages/{said}/resources/{keys[large]}?type=file")
    too_large = await api.no("GET", f"im/v1/messages/{large}/resources/{keys[large]}?type=file")

    assert data == b"notes"
    assert [as_image[1], of_another[1], too_large[1]] == [234003, 234003, 234037]


async def test_a_group_names_its_owner_and_its_managers(api: Caller) -> None:
    info = await api.ok("GET", f"im/v1/chats/{TEAM}?user_id_type=open_id")
    unknown = await api.no("GET", "im/v1/chats/oc_none")
    api.server.scopes.add("contact:contact.base:readonly")
    user = await api.ok("GET", f"contact/v3/users/{ANN}?user_id_type=open_id")

    assert (info["owner_id"], info["user_manager_id_list"], info["chat_mode"]) == (ANN, [BOB], "group")
    assert unknown[1] == 232006
    assert user["user"]["name"] == "Ann"


# Limits


async def test_five_messages_a_second_go_into_a_chat_and_fifty_out_of_an_app(api: Caller) -> None:
    api.server.limits()
    chats = [api.server.group(f"oc_{number}") for number in range(50)]

    for _ in range(5):
        await api.send()
    sixth = await api.refused()
    for chat in chats[:45]:
        await api.send(chat=chat)
    too_much = await api.refused(receive_id=chats[45])
    wait = int(api.headers["x-ogw-ratelimit-reset"])
    early = await api.refused(receive_id=chats[46])
    api.wall.seconds += wait
    await api.send(chat=chats[45])

    assert sixth[:2] == (400, 230020)
    assert too_much[:2] == (429, 99991400)
    assert early[:2] == (429, 99991400)
    assert api.server.violations == ["send before the end of a wait, oc_46"]
    assert api.server.stats().floods == 4 - 1


async def test_a_card_changes_five_times_a_second(api: Caller) -> None:
    shown = await api.ok("POST", SEND, {**api.message(), "msg_type": "interactive", "content": card("Yes")})
    path = f"im/v1/messages/{shown['message_id']}"
    api.server.limits()

    for _ in range(5):
        await api.ok("PATCH", path, {"content": card()})
    sixth = await api.no("PATCH", path, {"content": card()})
    api.wall.seconds += 1
    await api.ok("PATCH", path, {"content": card()})

    assert sixth[:2] == (400, 230020)
