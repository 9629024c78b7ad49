"""Filing: files that come and go in a running gateway, and how long they are kept."""

from datetime import datetime, timedelta

from channels.base import Fetching
from gateway.media.naming import RECEIVED, SENT
from gateway.media.receiver import Receiver, Source
from gateway.media.spool import Spool
from gateway.media.workspace import Workspace
from gateway.parts import transcriber_of
from gateway.setup import Setup


class Filing:
    """What works on files, made from the configuration."""

    def __init__(self, setup: Setup) -> None:
        """ConfigError where [transcription] has an address that is none."""
        config = setup.config
        self._channels = setup.channels
        self._kept = timedelta(days=config.retention.days)
        self._workspace = Workspace(setup.home.workspace)
        self.spool = Spool(self._workspace, setup.clock)
        self.receiver = Receiver(
            self._workspace,
            setup.clock,
            source_of=self._source,
            largest=config.media.max_bytes,
            transcriber=transcriber_of(config),
            vision=config.model.vision,
        )

    def keep_house(self, now: datetime) -> None:
        """Remove what came and went longer ago than [retention] days; nothing else of the workspace. Blocking."""
        before = (now - self._kept).date()
        for folder in (RECEIVED, SENT):
            self._workspace.forget(folder, before=before)

    def _source(self, channel: str) -> Source | None:
        found = self._channels.get(channel)
        return found if isinstance(found, Fetching) else None
