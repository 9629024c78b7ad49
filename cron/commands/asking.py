"""Who uses a command of jobs, as the clerk wants to know it; pure."""

from cron.book import Viewer
from cron.clerk import Asker
from gateway.commands.base import Ask


def asker_of(ask: Ask) -> Asker:
    """Who uses the command."""
    address = ask.message.address
    return Asker(
        viewer=Viewer(owner=address.owner, user=ask.message.sender_id, admin=ask.owner),
        address=address,
        session=ask.session,
        zone=ask.zone,
        now=ask.now,
        stamp=ask.stamp,
        replayed=ask.replayed,
        reply_to=ask.message.reply_to,
    )
