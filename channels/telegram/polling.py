"""The poll loop: updates are in the inbox before Telegram is asked for the next ones, which confirms them."""

from collections.abc import Sequence
from datetime import timedelta

from channels.base import Inlet
from channels.telegram.client import Client
from channels.telegram.intake import Intake, number_of
from channels.telegram.refusals import RivalError
from gateway.clock import Clock
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    ReadingError,
    StoreError,
    TransientDeliveryError,
)
from gateway.messages import Json

RIVAL_PAUSE = timedelta(seconds=5)
LONGEST_RIVAL_PAUSE = timedelta(seconds=30)
STORE_PAUSE = timedelta(seconds=2)


class Poller:
    """Reads one bot's updates. What it has confirmed and who it is outlive a `run` that fails."""

    def __init__(self, name: str, client: Client, clock: Clock) -> None:
        self._client = client
        self._intake = Intake(name, client, clock)
        self._offset = 0

    async def run(self, inlet: Inlet) -> None:
        """Until cancelled; CredentialsRefusedError or ReadingError as `Channel.run` says."""
        try:
            await self._read(inlet)
        except CredentialsRefusedError:
            raise
        except RivalError as error:
            raise ReadingError(_rival(str(error)), pause=RIVAL_PAUSE, longest=LONGEST_RIVAL_PAUSE) from error
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta()) from error
        except StoreError as error:
            raise ReadingError(f"what was written cannot be kept: {error}", pause=STORE_PAUSE) from error
        finally:
            await self._intake.rest()

    async def _read(self, inlet: Inlet) -> None:
        self._intake.open(inlet, await self._client.identify())
        wait = timedelta()  # the first poll tells at once whether all is well
        while True:
            await inlet.room()
            updates = await self._client.updates(self._offset, wait=wait)
            await self._take(updates)
            self._intake.alive()
            wait = self._client.waits.poll

    async def _take(self, updates: Sequence[Json]) -> None:
        """Only when all of a batch is safe, the next poll confirms it."""
        await self._intake.take(updates)
        numbers = [number for update in updates if (number := number_of(update)) is not None]
        if numbers:
            self._offset = max(numbers) + 1
        elif updates:
            raise ReadingError("Telegram's updates have no numbers", pause=RIVAL_PAUSE)


def _rival(reason: str) -> str:
    if "webhook" in reason.lower():
        return (
            "a webhook is set for this bot, so it cannot be polled; another program uses this token. "
            "If none should, remove the webhook (docs/channels/telegram.md says how)"
        )
    return "another program polls this bot; only one may: stop it, or make a bot of your own with @BotFather"
