"""What Feishu writes: events as they travel, each as far as we read it."""

import json
from typing import Annotated

import orjson
from pydantic import BaseModel, StringConstraints

from gateway.messages import Json

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
NoId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,128}$")]
"""An id, or nothing."""


class Ids(BaseModel):
    open_id: NoId = ""


class Sender(BaseModel):
    sender_id: Ids | None = None
    sender_type: str = "user"


class Mention(BaseModel):
    key: str = ""
    id: Ids = Ids()
    name: str = ""


class Message(BaseModel):
    message_id: Id
    chat_id: Id
    chat_type: str = ""
    message_type: str = ""
    content: str = ""
    root_id: NoId | None = ""
    parent_id: NoId | None = ""
    thread_id: NoId | None = ""
    create_time: str = ""
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
    token: str = ""


class Operator(BaseModel):
    operator_id: Ids
    operator_name: str | None = ""


class Chosen(BaseModel):
    operator: Operator
    event_key: str
    timestamp: int | str = 0


class Entered(BaseModel):
    chat_id: Id
    operator_id: Ids


class Moved(BaseModel):
    chat_id: Id
    operator_id: Ids | None = None


class Header(BaseModel):
    event_id: str
    event_type: str
    token: str = ""
    app_id: str = ""


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
