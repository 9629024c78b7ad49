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
    (
        # Runs that are claimed and wait for their place: they have no message in the inbox yet.
        "ALTER TABLE runs ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN not_before TEXT",  # of a held run: the next attempt, or its place in a queue
        "ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE runs ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX runs_held ON runs (seq) WHERE held = 1",
        "ALTER TABLE cursors ADD COLUMN runs INTEGER NOT NULL DEFAULT 0",  # of the schedule, ever: for max_runs
        # How many runs of a job have begun, ever, whatever their cause: the history forgets.
        "CREATE TABLE starts (job_uid TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
        """INSERT INTO starts (job_uid, count) SELECT job_uid, count(started_at) FROM runs
            WHERE started_at IS NOT NULL GROUP BY job_uid""",
        # Jobs and their states, of store = "sql"; `change` counts the writes: readers take only what is new.
        """CREATE TABLE jobs (
            seq INTEGER PRIMARY KEY,
            uid TEXT NOT NULL UNIQUE,
            id TEXT NOT NULL UNIQUE,
            owner TEXT,
            name TEXT NOT NULL,
            stamp TEXT NOT NULL,
            body TEXT NOT NULL,
            format INTEGER NOT NULL,
            fingerprint TEXT NOT NULL,
            once INTEGER NOT NULL,
            declared INTEGER NOT NULL,
            state TEXT NOT NULL,
            change INTEGER NOT NULL)""",
        "CREATE INDEX jobs_by_change ON jobs (change)",
        "CREATE INDEX jobs_by_stamp ON jobs (stamp) WHERE stamp <> ''",
        "CREATE TABLE jobs_gone (uid TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX jobs_gone_by_change ON jobs_gone (change)",
        # How often a job has failed in a row, since its definition changed at `mark`, and what was told of it.
        """CREATE TABLE failures (
            job_uid TEXT PRIMARY KEY,
            mark TEXT NOT NULL,
            count INTEGER NOT NULL,
            alerted INTEGER NOT NULL,
            told_at TEXT,
            at TEXT NOT NULL) WITHOUT ROWID""",
        # What models have cost: a row for each job and each owner, and each of their days.
        """CREATE TABLE spend (
            day TEXT NOT NULL,
            subject TEXT NOT NULL,
            input INTEGER NOT NULL,
            output INTEGER NOT NULL,
            money REAL NOT NULL,
            PRIMARY KEY (day, subject)) WITHOUT ROWID""",
        # Calls to machines: what a run's end owes them. Nothing here can name a chat.
        """CREATE TABLE callbacks (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            run TEXT NOT NULL,
            job_uid TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('result', 'complete', 'fail')),
            host TEXT NOT NULL,
            hook TEXT NOT NULL,
            body TEXT NOT NULL,
            trace_id TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'sent', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            next_at TEXT NOT NULL,
            error TEXT NOT NULL DEFAULT '',
            finished_at TEXT)""",
        "CREATE INDEX callbacks_open ON callbacks (next_at, seq) WHERE state = 'open'",
        "CREATE INDEX callbacks_of_run ON callbacks (run)",
        # Hooks that have answered 410 Gone: the job's next ends do not call them.
        """CREATE TABLE hooks_gone (
            job_uid TEXT NOT NULL,
            url TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (job_uid, url)) WITHOUT ROWID""",
        # Rows of the audit are chained by hashes; those of before have none.
        "ALTER TABLE audit ADD COLUMN previous TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX audit_of_subject ON audit (subject, seq)",
        # Reminders that a person has answered, and those that are said again until somebody does.
        """CREATE TABLE reminders (
            run TEXT PRIMARY KEY,
            job_uid TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'done', 'snoozed')),
            stamp TEXT NOT NULL DEFAULT '',
            at TEXT NOT NULL,
            said INTEGER NOT NULL DEFAULT 0,
            next_at TEXT,
            until TEXT) WITHOUT ROWID""",
        "CREATE INDEX reminders_next ON reminders (next_at) WHERE next_at IS NOT NULL",
        "CREATE INDEX reminders_of_job ON reminders (job_uid)",
        "CREATE INDEX outbox_reminders ON outbox (channel, chat, seq) WHERE caller = 'reminder'",
    ),
    (
        # what a chat has chosen besides its zone
        "ALTER TABLE chats ADD COLUMN model TEXT NOT NULL DEFAULT ''",
        # who was let in by a code, and the codes that wait for an owner
        """CREATE TABLE paired (
            channel TEXT NOT NULL,
            person TEXT NOT NULL,
            name TEXT NOT NULL,
            chat TEXT NOT NULL,
            approved_by TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (channel, person)) WITHOUT ROWID""",
        """CREATE TABLE pairing_codes (
            channel TEXT NOT NULL,
            person TEXT NOT NULL,
            name TEXT NOT NULL,
            chat TEXT NOT NULL,
            code TEXT NOT NULL UNIQUE,
            until TEXT NOT NULL,
            told INTEGER NOT NULL,
            told_at TEXT NOT NULL,
            PRIMARY KEY (channel, person)) WITHOUT ROWID""",
        # how often other bots were answered in a chat since a person has written there
        """CREATE TABLE exchanges (
            chat TEXT PRIMARY KEY,
            count INTEGER NOT NULL,
            at TEXT NOT NULL) WITHOUT ROWID""",
        # which rows of the inbox were not meant for us, by their conversation
        """CREATE TABLE overheard (
            session TEXT NOT NULL,
            seq INTEGER NOT NULL REFERENCES inbox (seq) ON DELETE CASCADE,
            PRIMARY KEY (session, seq)) WITHOUT ROWID""",
        "CREATE INDEX overheard_by_row ON overheard (seq)",  # for the rows that are forgotten
    ),
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
