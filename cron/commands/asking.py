"""Who uses a command of jobs, as the clerk wants to know it; pure."""

from cron.book import Viewer
from cron.clerk import Asker
from gateway.commands.base import Ask


def asker_of(ask: Ask) -> Asker:
    """Who uses the command."""
    home = ask.message.home  # where jobs belong, not the thread in which the answer stands
    return Asker(
        viewer=Viewer(owner=home.owner, user=ask.message.sender_id, admin=ask.owner),
        address=home,
        session=ask.session,
        zone=ask.zone,
        now=ask.now,
        stamp=ask.stamp,
        replayed=ask.replayed,
        reply_to=ask.message.reply_to,
    )
