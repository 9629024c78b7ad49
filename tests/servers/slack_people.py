"""What people do in Slack's server for tests: they write, press, edit, leave; the app is told of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.servers.slack_events import (
    changed_event,
    deleted_event,
    interaction,
    press_payload,
    slash_payload,
    submit_payload,
)
from tests.servers.slack_records import (
    BOT_USER,
    Channel,
    Delivery,
    Json,
    Person,
)
from tests.servers.slack_telling import PERSON, Telling
from tests.servers.slack_text import elements_of

_MENTION = f"<@{BOT_USER}>"


class People(Telling):
    """A world whose people act."""

    def say(
        self,
        text: str,
        *,
        user: str,
        channel: str = "",
        thread: str = "",
        mention: bool = False,
        files: Iterable[str] = (),
        tell: bool = True,
    ) -> str:
        """Somebody writes, to the bot alone if no channel is given; the ts of the message.

        `mention` puts a mention of the bot before the text; one in the text counts as well. With `tell=False` the
        message is in the channel and the app has not heard of it.
        """
        where = self.channels[channel or self.im(user)]
        said = f"{_MENTION} {text}" if mention else text
        if thread and thread not in where.messages:
            raise LookupError(f"no message {thread} in {where.id} to answer")
        shared = [self.files[one] for one in files]
        message = self.write(
            where,
            user=self._member(where, user).id,
            text=said,
            thread=thread,
            blocks=[_rich_text(said)] if said else None,
            files=shared,
            subtype="file_share" if shared else "",
            client_msg_id=self.fresh("msg-"),
        )
        if tell:
            self.tell(message)
        return message.ts

    def bot_say(
        self,
        text: str,
        *,
        bot: str = "B0OTHER",
        channel: str,
        thread: str = "",
        user: str = "",
        mention: bool = False,
    ) -> str:
        """Another app's bot writes: with a user of its own, or as an old integration without one."""
        where = self.channels[channel]
        said = f"{_MENTION} {text}" if mention else text
        subtype = "" if user else "bot_message"
        message = self.write(
            where, user=user, text=said, thread=thread, bot_id=bot, app_id="A0OTHER", subtype=subtype
        )
        self.tell(message)
        return message.ts

    def edit(self, ts: str, text: str, *, channel: str) -> Delivery | None:
        """Somebody edits a message."""
        where = self.channels[channel]
        message = where.messages[ts]
        before = self.as_json(message)
        message.text, message.edited = text, self.stamp()
        message.blocks = self.named([_rich_text(text)])
        return self.event(changed_event(self.as_json(message), before, where, self.stamp()), where, ts=ts)

    def delete(self, ts: str, *, channel: str) -> Delivery | None:
        """Somebody deletes a message."""
        where = self.channels[channel]
        before = self.as_json(where.messages.pop(ts))
        return self.event(deleted_event(before, where, self.stamp()), where, ts=ts)

    def join(self, user: str, *, channel: str) -> Delivery | None:
        """Somebody joins a channel, which the channel shows as a message."""
        where = self.channels[channel]
        if user == BOT_USER:
            where.bot = True
        elif user not in where.members:
            where.members.append(user)
        message = self.write(where, user=user, text=f"<@{user}> has joined the channel", subtype="channel_join")
        self.push({"type": "member_joined_channel", "user": user, "channel": channel, "team": "T0TEST"})
        return self.tell(message)[-1] if where.bot else None

    def leave(self, user: str, *, channel: str) -> None:
        """Somebody leaves a channel; the bot is told when it was the one that was removed."""
        where = self.channels[channel]
        if user == BOT_USER:
            where.bot = False
            self.push({"type": "channel_left", "channel": channel})
            return
        where.members.remove(user)
        self.push({"type": "member_left_channel", "user": user, "channel": channel})

    def press(self, ts: str, button: str, *, user: str, channel: str = "") -> Delivery:
        """Somebody presses a button of a message, found by its value, label or action_id."""
        where = self._channel_of(ts, channel)
        message = where.messages[ts]
        buttons = elements_of(message.blocks, "button")
        fitting = [one for one in buttons if button in {one.get("value"), one["text"]["text"], one["action_id"]}]
        if not fitting:
            there = [(one["text"]["text"], one.get("value")) for one in buttons]
            raise LookupError(f"no button {button!r}; there are {there}")
        common = self._interaction("block_actions", user)
        response = self.response_url(user, where.id, ts)
        return self.deliver(
            "interactive", press_payload(common, self.as_json(message), where, fitting[0], response), ts=ts
        )

    def slash(self, text: str = "", *, user: str, channel: str = "", command: str = "/tocsin") -> Delivery:
        """Somebody gives a slash command; with no channel to the bot alone."""
        where = self.channels[channel or self.im(user)]
        trigger, response = self.trigger(user), self.response_url(user, where.id)
        payload = slash_payload(
            self._member(where, user), where, command, text, trigger=trigger, response_url=response
        )
        return self.deliver("slash_commands", payload, accepts=True)

    def submit(self, view_id: str = "", values: Mapping[str, Any] | None = None, *, user: str) -> Delivery:
        """Somebody submits the modal that was opened for them last, or one by its id.

        `values` are what was put in, by action_id or block_id of its input; text, or the value of an option.
        """
        open_ = [one for one in self.views.values() if one.user == user and not one.closed]
        view = self.views[view_id] if view_id else open_[-1]
        state = {}
        for block in view.view["blocks"]:
            if block["type"] == "input":
                state[block["block_id"]] = _filled(block, dict(values or {}))
        view.closed = True
        payload = submit_payload(self._interaction("view_submission", user), view.view, state)
        return self.deliver("interactive", payload, accepts=True)

    def shortcut(self, callback: str, *, user: str, ts: str = "", channel: str = "") -> Delivery:
        """Somebody uses a shortcut: of a message if its ts is given, else a global one."""
        payload = self._interaction("message_action" if ts else "shortcut", user) | {"callback_id": callback}
        if ts:
            where = self._channel_of(ts, channel)
            payload |= {"message_ts": ts, "message": self.as_json(where.messages[ts])}
            payload |= {"channel": {"id": where.id, "name": where.name}}
            payload |= {"response_url": self.response_url(user, where.id, ts)}
        return self.deliver("interactive", payload, ts=ts)

    def _interaction(self, kind: str, user: str) -> Json:
        return interaction(kind, self.people[user], self.trigger(user), self.stamp())

    def _member(self, where: Channel, user: str) -> Person:
        if user not in self.people:
            self.person(user)
        if user not in where.members and user != BOT_USER:
            where.members.append(user)
        return self.people[user]

    def _channel_of(self, ts: str, channel: str) -> Channel:
        if channel:
            return self.channels[channel]
        return next(one for one in self.channels.values() if ts in one.messages)


def _rich_text(text: str) -> Json:
    """What somebody typed, as Slack's own client sends it beside the text."""
    elements: list[Json] = []
    for i, piece in enumerate(PERSON.split(text)):
        if i % 2:
            elements.append({"type": "user", "user_id": piece})
        elif piece:
            elements.append({"type": "text", "text": piece})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _filled(block: Json, values: dict[str, Any]) -> Json:
    """The state of one input."""
    element = block["element"]
    action = element["action_id"]
    given = values.get(action, values.get(block["block_id"], element.get("initial_value")))
    if element["type"] in {"static_select", "radio_buttons"}:
        options = [one for one in element["options"] if one["value"] == given]
        state: Json = {"selected_option": options[0] if options else element.get("initial_option")}
    elif element["type"] in {"datepicker", "timepicker"}:
        state = {f"selected_{element['type'].removesuffix('picker')}": given}
    elif element["type"] == "conversations_select":
        state = {"selected_conversation": given}
    else:
        state = {"value": given}
    return {action: {"type": element["type"], **state}}
