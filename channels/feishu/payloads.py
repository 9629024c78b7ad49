"""What Feishu writes: events as they travel, each as far as we read it."""

import json
from typing import Annotated

import orjson
from pydantic import BaseModel, BeforeValidator, StringConstraints

from gateway.messages import Json


def _told(given: Json) -> Json:
    """What is not told comes as null, too."""
    return "" if given is None else given


Text = Annotated[str, BeforeValidator(_told)]
Moment = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int) else _told(given))]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
NoId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,128}$"), BeforeValidator(_told)]
"""An id, or nothing."""


class Ids(BaseModel):
    open_id: NoId = ""


class Sender(BaseModel):
    sender_id: Ids | None = None
    sender_type: Text = "user"


class Mention(BaseModel):
    key: Text = ""
    id: Annotated[Ids, BeforeValidator(lambda given: given or {})] = Ids()
    name: Text = ""


class Message(BaseModel):
    message_id: Id
    chat_id: Id
    chat_type: Text = ""
    message_type: Text = ""
    content: Text = ""
    root_id: NoId = ""
    parent_id: NoId = ""
    thread_id: NoId = ""
    create_time: Moment = ""
    mentions: list[Mention] | None = None


class Received(BaseModel):
    sender: Sender
    message: Message


class Action(BaseModel):
    value: Json = None


class Place(BaseModel):
    open_message_id: Id
    open_chat_id: Id


class Triggered(BaseModel):
    operator: Ids
    action: Action
    context: Place
    token: Text = ""


class Operator(BaseModel):
    operator_id: Ids
    operator_name: Text = ""


class Chosen(BaseModel):
    operator: Operator
    event_key: str
    timestamp: Moment = ""


class Entered(BaseModel):
    chat_id: Id
    operator_id: Ids


class Moved(BaseModel):
    chat_id: Id
    operator_id: Ids | None = None


class Header(BaseModel):
    event_id: Text = ""
    event_type: str
    token: Text = ""
    app_id: Text = ""


class Envelope(BaseModel):
    """An event as it travels; what is in it, each kind reads by itself."""

    header: Header
    event: dict[str, Json]


def opened(payload: bytes) -> Envelope | None:
    """The event of these bytes; None if they are none."""
    try:
        return Envelope.model_validate(loaded(payload))
    except (ValueError, RecursionError):  # no JSON, or no event
        return None


def loaded(text: str | bytes) -> Json:
    """JSON, also where half a character spoils a text in it. ValueError or RecursionError if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
