"""tocsin message send: say something in a chat, as the operator."""

import secrets

import click

from gateway import config as configuration
from gateway.cli.kept import Kept
from gateway.cli.main import Call, Commands
from gateway.cli.targets import check_channel
from gateway.clock import to_text
from gateway.errors import UserError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.tools import message as messages


@click.group("message", cls=Commands)
def command() -> None:
    """Say something in a chat."""


@command.command("send")
@click.option("--channel", required=True, metavar="NAME", help="The channel, such as telegram.")
@click.option("--to", required=True, metavar="CHAT", help="The chat's id on that channel.")
@click.option("--thread", default="", metavar="THREAD", help="The thread in the chat.")
@click.argument("text")
@click.pass_obj
def send(call: Call, *, channel: str, to: str, thread: str, text: str) -> None:
    """Say TEXT in a chat, and print the id of its delivery. The gateway delivers it, as soon as it runs."""
    if not text.strip() or not to.strip():
        raise UserError("TEXT and --to must not be empty")
    if len(text) > messages.LONGEST:
        raise UserError(f"TEXT has {len(text)} characters; at most {messages.LONGEST} are sent")
    kept = Kept(call.home, call.warn)
    if note := check_channel(channel, configuration.load(call.home.path).config):
        call.warn(f"note: {note}")
    said = OutboundMessage(
        delivery_id=f"operator.{secrets.token_hex(8)}",
        address=ChatAddress(channel=channel, chat=to, thread=thread),
        caller=Caller.OPERATOR,
        text=text,
    )
    at = to_text(kept.clock.now())
    kept.write(lambda transaction: messages.leave(transaction, said, at=at))
    running = kept.gateway() is not None
    call.say(said.delivery_id)
    if call.json:
        call.document(
            {"id": said.delivery_id, "channel": channel, "chat": to, "thread": thread or None, "gateway": running}
        )
    if not running:
        call.warn("note: no gateway is running; it is delivered when one does: tocsin run")
