"""The tables, and the way from each older version of them to the present one."""

from typing import TypeAlias

from gateway.database.driver import Driver, Transaction, transact
from gateway.errors import StoreError

Migrations: TypeAlias = tuple[tuple[str, ...], ...]

# One entry a version, in order; a released one is never changed, only followed by another.
MIGRATIONS: Migrations = (
    (
        "CREATE TABLE dedupe (key TEXT PRIMARY KEY, seen_at TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX dedupe_by_age ON dedupe (seen_at)",
        # AUTOINCREMENT: numbers only grow, also when the newest rows are deleted; who remembers one needs that.
        """CREATE TABLE inbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('person', 'due', 'reminder', 'event', 'lifecycle')),
            session TEXT NOT NULL,
            message TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'done')),
            received_at TEXT NOT NULL)""",
        "CREATE INDEX inbox_open ON inbox (state, seq) WHERE state <> 'done'",
        """CREATE TABLE turns (
            seq INTEGER PRIMARY KEY REFERENCES inbox (seq) ON DELETE CASCADE,
            id TEXT NOT NULL UNIQUE,
            session TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'abandoned')),
            epoch INTEGER NOT NULL,
            claims INTEGER NOT NULL,
            steps_at_claim INTEGER NOT NULL DEFAULT 0,
            input_tokens INTEGER NOT NULL DEFAULT 0,
            output_tokens INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            error_class TEXT,
            started_at TEXT NOT NULL,
            finished_at TEXT)""",
        "CREATE INDEX turns_of_session ON turns (session, seq)",
        "CREATE INDEX turns_open ON turns (seq) WHERE state = 'running'",
        """CREATE TABLE steps (
            turn INTEGER NOT NULL REFERENCES turns (seq) ON DELETE CASCADE,
            n INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('response', 'call', 'result', 'steer')),
            body TEXT NOT NULL,
            PRIMARY KEY (turn, n)) WITHOUT ROWID""",
        """CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            channel TEXT NOT NULL,
            chat TEXT NOT NULL,
            thread TEXT NOT NULL,
            caller TEXT NOT NULL CHECK (caller IN ('model', 'reply', 'reminder', 'alert', 'shell', 'command',
                'notice', 'approval', 'operator')),
            message TEXT NOT NULL,
            turn TEXT NOT NULL,
            run TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'sent', 'unknown', 'dead')),
            failures INTEGER NOT NULL DEFAULT 0,
            failing_since TEXT,
            error TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL,
            finished_at TEXT)""",
        "CREATE INDEX outbox_open ON outbox (channel, chat, seq) WHERE state = 'open'",
        "CREATE INDEX outbox_of_turn ON outbox (turn) WHERE turn <> ''",
        "CREATE INDEX outbox_of_run ON outbox (run) WHERE run <> ''",
        """CREATE TABLE parts (
            message INTEGER NOT NULL REFERENCES outbox (seq) ON DELETE CASCADE,
            n INTEGER NOT NULL,
            payload TEXT NOT NULL,
            plain TEXT,
            state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'unknown', 'dead')),
            repeats INTEGER NOT NULL DEFAULT 0,
            platform_id TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (message, n)) WITHOUT ROWID""",
        """CREATE TABLE runs (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            job_uid TEXT NOT NULL,
            occurrence TEXT NOT NULL,
            owner TEXT,
            job TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'retry_wait', 'awaiting_approval',
                'succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted', 'skipped', 'missed', 'abandoned')),
            cause TEXT NOT NULL CHECK (cause IN ('schedule', 'catch_up', 'manual', 'chain', 'event')),
            scheduled_at TEXT NOT NULL,
            started_at TEXT,
            finished_at TEXT,
            late_by_ms INTEGER NOT NULL DEFAULT 0,
            missed_count INTEGER NOT NULL DEFAULT 0,
            missed_until TEXT,
            trace_id TEXT NOT NULL,
            output TEXT NOT NULL DEFAULT '',
            error TEXT NOT NULL DEFAULT '',
            error_class TEXT,
            UNIQUE (job_uid, occurrence))""",
        # with what lists show of a job, so that they need not read the runs themselves
        "CREATE INDEX runs_of_job ON runs (job_uid, seq, status, started_at)",
        "CREATE INDEX runs_open ON runs (job_uid) WHERE status IN ('queued', 'running', 'retry_wait', "
        "'awaiting_approval')",
        """CREATE TABLE attempts (
            run TEXT NOT NULL,
            n INTEGER NOT NULL,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            error_class TEXT,
            superseded INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (run, n)) WITHOUT ROWID""",
        """CREATE TABLE cursors (
            job_uid TEXT PRIMARY KEY,
            fingerprint TEXT NOT NULL,
            handled_until TEXT NOT NULL,
            next_at TEXT) WITHOUT ROWID""",
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            body TEXT NOT NULL,
            at TEXT NOT NULL)""",
        """CREATE TABLE audit (
            seq INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            subject TEXT NOT NULL,
            before TEXT,
            after TEXT)""",
        """CREATE TABLE waiters (
            session TEXT PRIMARY KEY,
            holder TEXT NOT NULL,
            until TEXT NOT NULL) WITHOUT ROWID""",
    ),
    (
        # what a chat has chosen, and the id that its platform has given it since
        """CREATE TABLE chats (
            owner TEXT PRIMARY KEY,
            zone TEXT NOT NULL DEFAULT '',
            moved_to TEXT NOT NULL DEFAULT '') WITHOUT ROWID""",
        """CREATE TABLE beginnings (
            session TEXT PRIMARY KEY,
            after_seq INTEGER NOT NULL) WITHOUT ROWID""",
    ),
    # a silence that a platform asked for outlives the process that was asked
    ("ALTER TABLE outbox ADD COLUMN not_before TEXT",),
)


def migrate(driver: Driver, migrations: Migrations = MIGRATIONS) -> int:
    """Bring the tables to the last version, with a backup before; returns the version that was there.

    StoreError, and nothing changed, when they are of a newer version of Tocsin.
    """
    found = transact(driver, _version)
    if found > len(migrations):
        raise StoreError(
            f"the database is of format {found}, this Tocsin knows up to {len(migrations)}: "
            "install the newer version again, or restore the backup that it made"
        )
    if found == len(migrations):
        return found
    if found:
        driver.backup(f"v{found}.bak")
    transact(driver, lambda transaction: _upgrade(transaction, migrations))
    return found


def take_over(transaction: Transaction) -> int:
    """Begin a new epoch: what an older one had claimed is free from now on."""
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES ('epoch', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"
    )
    return int(transaction.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])


def _version(transaction: Transaction) -> int:
    transaction.execute("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)")
    row = transaction.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    return int(row[0]) if row else 0


def _upgrade(transaction: Transaction, migrations: Migrations) -> None:
    # Read again under the write lock: another process may have been faster.
    for statements in migrations[_version(transaction) :]:
        for statement in statements:
            transaction.execute(statement)
    transaction.execute(
        """INSERT INTO meta (key, value) VALUES ('format', ?)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
        (len(migrations),),
    )
