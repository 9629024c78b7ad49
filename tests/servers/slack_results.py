"""What becomes of a delivery: its ack with what it carried, or that nobody took it."""

from tests.servers.slack_blocks import read_blocks
from tests.servers.slack_people import People
from tests.servers.slack_records import Delivery, Json, Refused, Whisper


def acknowledge(world: People, delivery: Delivery, response: Json = None) -> None:
    """Count an ack; what it carries is shown to the person who acted."""
    delivery.acks += 1
    if delivery.acked_at is not None:
        return
    delivery.acked_at = world.now()
    delivery.response = response
    world.acked += 1
    world.pending -= 1
    world.slowest = max(world.slowest, delivery.latency or 0.0)
    if response:
        _show(world, delivery, response)
    delivery.done.set()
    world.change()


def give_up(world: People, delivery: Delivery, why: str) -> None:
    """Nobody took it: Slack will not try again."""
    delivery.failed = why
    world.lost += 1
    world.pending -= 1
    delivery.done.set()
    world.change()


def _show(world: People, delivery: Delivery, response: Json) -> None:
    if not delivery.accepts:
        world.violations.append(f"an ack with a payload that is not accepted: {delivery.kind}")
    elif not isinstance(response, dict):
        world.violations.append(f"an ack with something that is no object: {delivery.kind}")
    elif delivery.kind == "slash_commands":
        _whisper(world, delivery, response)
    elif delivery.payload.get("type") == "view_submission":
        _answer_view(world, delivery, response)


def _whisper(world: People, delivery: Delivery, response: Json) -> None:
    try:
        blocks = read_blocks(response.get("blocks"))
    except Refused as refused:
        world.violations.append(f"the answer to a slash command: {refused.error}")
        return
    user, channel = delivery.payload["user_id"], delivery.payload["channel_id"]
    text = str(response.get("text", ""))
    said = Whisper(user=user, channel=channel, text=text, blocks=world.named(blocks), at=world.now())
    world.whispers.append(said)


def _answer_view(world: People, delivery: Delivery, response: Json) -> None:
    """A modal stays open if the ack says what is wrong with it."""
    view = world.views[delivery.payload["view"]["id"]]
    action = response.get("response_action")
    names = {one.get("block_id") for one in view.view["blocks"]}
    if action == "errors":
        if not response.get("errors") or set(response["errors"]) - names:
            world.violations.append(f"errors for blocks that the modal does not have: {response.get('errors')}")
        view.closed = False
    elif action not in {None, "clear", "update", "push"}:
        world.violations.append(f"an unknown response_action: {action}")
