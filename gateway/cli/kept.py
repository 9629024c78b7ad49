"""Kept: the jobs and tables of a home folder, as a command reads and changes them beside a gateway or without one.

Reading makes nothing, not even the folder; writing makes what it needs. Imported by quick commands: nothing heavy.
"""

import os
import pwd
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from cron.store import JobStore
from cron.stores.json_file import JsonFileStore
from gateway import home, zones
from gateway.clock import SystemClock
from gateway.configfile import essentials
from gateway.database.driver import Transaction, Work, transact
from gateway.database.schema import migrate
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ConfigError
from gateway.home import Holder, Home
from gateway.messages import ChatAddress

T = TypeVar("T")

GATEWAY = "tocsin run"
"""What a gateway that stays calls itself in its lock; whoever else holds it, works one turn and leaves."""

_SQLITE = "sqlite:///"
_JOB_CHANGES = "SELECT value FROM meta WHERE key = 'job_changes'"
_HAS_TABLES = "SELECT count(*) FROM sqlite_master WHERE name = 'inbox'"


class Kept:
    """One home folder, for one command."""

    def __init__(self, place: Home, warn: Callable[[str], None]) -> None:
        """`warn` gets a sentence when a file had to be repaired."""
        self.home = place
        self.settings = essentials(place.path)
        self.clock = SystemClock()
        self._warn = warn

    @cached_property
    def jobs(self) -> JobStore:
        """The store of jobs."""
        if self.settings.store == "sql":
            from cron.stores.sql import SqlStore  # here, so that a quick look at a file does without it

            return SqlStore(self._file)
        if self.settings.store != "json":
            raise ConfigError(f'cron.store: "{self.settings.store}" is not a store of jobs; write "json" or "sql"')
        return JsonFileStore(
            self.home.file(self.settings.store_path), tz=self.settings.timezone or zones.UTC, warn=self._warn
        )

    def audited(self, role: str = "operator") -> JobStore:
        """The store, for changes: they are written into the audit, as those of whoever uses this machine."""
        from cron.stores.audited import (
            AuditedStore,
        )  # here, and the log's redactor: only what changes jobs needs them
        from gateway.observe import Redactor

        return AuditedStore(
            self.jobs,
            who=self.user(role),
            clock=self.clock,
            write=self.write,
            hide=Redactor(),
            warn=lambda text: self._warn(f"note: {text}"),
        )

    @staticmethod
    def user(role: str = "operator") -> str:
        """Who uses the command line, as the audit names them."""
        try:
            return f"{role}:{pwd.getpwuid(os.getuid()).pw_name}"
        except KeyError:  # in a container a user often has no name
            return f"{role}:{os.getuid()}"

    @cached_property
    def zone(self) -> str:
        """The zone of what is typed here: the configured one, else the machine's."""
        return self.settings.timezone or zones.machine()

    @property
    def default_target(self) -> ChatAddress | None:
        """`cron.default_target` as an address."""
        channel, _, chat = self.settings.default_target.partition(":")
        return ChatAddress(channel=channel, chat=chat) if chat else None

    def jobs_stamp(self) -> object:
        """Another one after somebody has changed the jobs."""
        if self.settings.store == "sql":
            return self.read(lambda t: t.execute(_JOB_CHANGES).fetchone(), empty=lambda: None)
        try:
            status = self.home.file(self.settings.store_path).stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def prepare(self) -> None:
        """Make the home folder, private, before something is written."""
        for note in home.prepare(self.home):
            self._warn(note)

    def read(self, work: Work[T], *, empty: Callable[[], T]) -> T:
        """Look into the tables; what `empty` says when there are none yet."""
        if not self._file.exists():
            return empty()
        driver = SqliteDriver(self._file, read_only=True)
        try:
            return _looking(driver.transaction, work, empty)
        except Exception as error:
            raise driver.translate(error) or error from error
        finally:
            driver.close()

    def write(self, work: Work[T]) -> T:
        """Change the tables, durably on return; they are made when they are not there."""
        if not self._file.exists():
            self.prepare()
        driver = SqliteDriver(self._file)
        try:
            migrate(driver)
            return transact(driver, work)
        finally:
            driver.close()

    def holder(self) -> Holder | None:
        """Who works turns here now."""
        return home.holder(self.home)

    def gateway(self) -> Holder | None:
        """The running gateway; None too while somebody works a single turn."""
        found = self.holder()
        return found if found is not None and found.purpose == GATEWAY else None

    @cached_property
    def _file(self) -> Path:
        url = self.settings.database_url
        if not url.startswith(_SQLITE):
            raise ConfigError(f"database.url: {url.partition(':')[0]} is not built yet; use sqlite:///gateway.db")
        return self.home.file(url.removeprefix(_SQLITE))


def _looking(transaction: Transaction, work: Work[T], empty: Callable[[], T]) -> T:
    transaction.execute("BEGIN")  # one view of all tables
    if not transaction.execute(_HAS_TABLES).fetchone()[0]:
        return empty()  # a gateway is being started for the first time
    return work(transaction)
