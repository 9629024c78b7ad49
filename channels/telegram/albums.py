"""Albums in groups: who mentions the bot beside one picture means all of them; pure but for what it remembers."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from gateway.messages import InboundMessage

MOST = 200  # albums that are remembered


class Albums:
    """Telegram sends the pictures of an album one by one, and the words with one of them only."""

    def __init__(self) -> None:
        self._addressed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def notice(self, messages: Iterable[InboundMessage]) -> None:
        """These came together: whichever of them is addressed speaks for its album."""
        for message in messages:
            if message.album and message.addressed and message.group:
                self._addressed[message.address.chat, message.album] = None
        while len(self._addressed) > MOST:
            self._addressed.popitem(last=False)

    def whole(self, message: InboundMessage) -> InboundMessage:
        """The message, addressed if its album is."""
        known = message.album and (message.address.chat, message.album) in self._addressed
        return replace(message, addressed=True) if known else message
