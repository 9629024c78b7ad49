"""Every statement, once, in plain SQL. Parameters are `?`; a driver of another dialect translates."""

# -- inbox ----------------------------------------------------------------------------------------------------
SEE_KEY = "INSERT INTO dedupe (key, seen_at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
ACCEPT = "INSERT INTO inbox (kind, session, message, state, received_at) VALUES (?, ?, ?, ?, ?) RETURNING seq"
# A partial index is used only where its own condition stands in the statement, word for word.
OPEN_INBOX = """SELECT seq, kind, session FROM inbox
    WHERE state IN ('waiting', 'taken') AND state <> 'done' ORDER BY seq"""
WAITING_INBOX = "SELECT seq, kind, session FROM inbox WHERE state = 'waiting' AND state <> 'done' ORDER BY seq"
INBOX_MESSAGE = "SELECT message FROM inbox WHERE seq = ?"
SET_INBOX = "UPDATE inbox SET state = ? WHERE seq = ?"
COUNT_WAITING = "SELECT kind, count(*) FROM inbox WHERE state = 'waiting' AND state <> 'done' GROUP BY kind"
EPOCH = "SELECT value FROM meta WHERE key = 'epoch'"

# -- turns and steps ------------------------------------------------------------------------------------------
BEGIN_TURN = """INSERT INTO turns (seq, id, session, state, epoch, claims, started_at)
    VALUES (?, ?, ?, 'running', (SELECT value FROM meta WHERE key = 'epoch'), 1, ?)"""
TURN_AT = "SELECT id, claims, steps_at_claim, state FROM turns WHERE seq = ?"
RECLAIM_TURN = "UPDATE turns SET epoch = ?, claims = ?, steps_at_claim = ? WHERE seq = ?"
GIVE_BACK_TURN = "UPDATE turns SET claims = claims - 1 WHERE seq = ? AND state = 'running'"
# A turn that was cancelled while its steps were being written writes them once more with its end.
ADD_STEP = "INSERT INTO steps (turn, n, kind, body) VALUES (?, ?, ?, ?) ON CONFLICT (turn, n) DO NOTHING"
STEPS_OF = "SELECT n, kind, body FROM steps WHERE turn = ? ORDER BY n"
FINISH_TURN = """UPDATE turns SET state = ?, error = ?, error_class = ?, input_tokens = ?, output_tokens = ?,
    finished_at = ? WHERE seq = ? AND state = 'running'"""
TURNS_BEFORE = """SELECT turns.seq, inbox.message, turns.state FROM turns JOIN inbox ON inbox.seq = turns.seq
    WHERE turns.session = ? AND turns.seq < ? AND turns.state <> 'running' ORDER BY turns.seq DESC LIMIT ?"""
TURN_OF_INBOX = "SELECT id, state, input_tokens, output_tokens, error, error_class FROM turns WHERE seq = ?"

# -- outbox ---------------------------------------------------------------------------------------------------
ENQUEUE = """INSERT INTO outbox (id, channel, chat, thread, caller, message, turn, run, state, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT (id) DO NOTHING RETURNING seq"""
ADD_PART = "INSERT INTO parts (message, n, payload, plain, state) VALUES (?, ?, ?, ?, ?)"
OPEN_CHATS = "SELECT DISTINCT channel, chat FROM outbox WHERE state = 'open'"
OPEN_MESSAGES = """SELECT seq, message, failures, failing_since, not_before FROM outbox
    WHERE state = 'open' AND channel = ? AND chat = ? ORDER BY seq LIMIT ?"""
PARTS_OF = "SELECT n, payload, plain, state, repeats FROM parts WHERE message = ? ORDER BY n"
SET_PART = "UPDATE parts SET state = ?, repeats = ?, platform_id = ? WHERE message = ? AND n = ?"
IS_OPEN = "SELECT 1 FROM outbox WHERE seq = ? AND state = 'open'"
TAKE_PART = "UPDATE parts SET state = 'sending', repeats = ? WHERE message = ? AND n = ? AND state = 'pending'"
USE_PLAIN = "UPDATE parts SET payload = plain, plain = NULL, state = 'pending' WHERE message = ? AND n = ?"
END_PARTS = "UPDATE parts SET state = ? WHERE message = ? AND state <> 'sent'"
END_MESSAGE = "UPDATE outbox SET state = ?, error = ?, finished_at = ? WHERE seq = ? AND state = 'open'"
NOTE_FAILURE = "UPDATE outbox SET failures = ?, failing_since = ?, not_before = ?, error = ? WHERE seq = ?"
PLATFORM_ID = """SELECT parts.platform_id FROM parts JOIN outbox ON outbox.seq = parts.message
    WHERE outbox.id = ? AND parts.n = ?"""
SAID_BY_TURN = "SELECT message FROM outbox WHERE turn = ? AND turn <> '' AND id <> ? ORDER BY seq"
COUNT_UNSENT = """SELECT channel, state, count(*) FROM outbox
    WHERE state <> 'sent' AND NOT (state = 'dead' AND error = ?) GROUP BY channel, state"""
UNSENT = """SELECT seq, id, message, state, failures, error, created_at FROM outbox
    WHERE state <> 'sent' AND NOT (state = 'dead' AND error = ?) ORDER BY seq DESC LIMIT ?"""
UNSENT_LIKE = """SELECT seq, id, message, state, failures, error, created_at FROM outbox
    WHERE state <> 'sent' AND substr(id, 1, ?) = ? ORDER BY id LIMIT 3"""
COUNT_SENDING = "SELECT count(*) FROM parts WHERE message = ? AND state = 'sending'"
LAST_MESSAGE = "SELECT coalesce(max(seq), 0) FROM outbox"
RETRY_MESSAGE = """UPDATE outbox SET state = 'open', failures = 0, failing_since = NULL, error = '',
    finished_at = NULL WHERE seq = ?"""
RETRY_PARTS = "UPDATE parts SET state = 'pending', repeats = ? WHERE message = ? AND state <> 'sent'"
DROP_MESSAGE = "UPDATE outbox SET state = 'dead', error = ?, finished_at = ? WHERE seq = ? AND state <> 'sent'"

# -- events, audit, waiting terminals ---------------------------------------------------------------------------
ADD_EVENT = "INSERT INTO events (kind, subject, body, at) VALUES (?, ?, ?, ?)"
EVENTS_SINCE = "SELECT seq, kind, subject, body FROM events WHERE seq > ? ORDER BY seq"
LAST_EVENT = "SELECT coalesce(max(seq), 0) FROM events"
ADD_AUDIT = "INSERT INTO audit (at, who, what, subject, before, after) VALUES (?, ?, ?, ?, ?, ?)"
WAIT_FOR = """INSERT INTO waiters (session, holder, until) VALUES (?, ?, ?)
    ON CONFLICT (session) DO UPDATE SET holder = excluded.holder, until = excluded.until"""
STOP_WAITING = "DELETE FROM waiters WHERE session = ? AND holder = ?"
WAITERS = "SELECT session, until FROM waiters WHERE until > ?"

# -- chats ------------------------------------------------------------------------------------------------------
CHATS = "SELECT owner, zone, moved_to FROM chats"
CHOOSE_ZONE = """INSERT INTO chats (owner, zone) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET zone = excluded.zone"""
MOVE_CHAT = """INSERT INTO chats (owner, moved_to) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET moved_to = excluded.moved_to"""
MOVE_TURNS = "UPDATE turns SET session = ? WHERE session = ?"
MOVE_WORDS = "UPDATE outbox SET chat = ? WHERE channel = ? AND chat = ? AND state = 'open'"
BEGINNINGS = "SELECT session, after_seq FROM beginnings"
BEGIN_ANEW = """INSERT INTO beginnings (session, after_seq) VALUES (?, ?)
    ON CONFLICT (session) DO UPDATE SET after_seq = max(after_seq, excluded.after_seq)"""
MOVE_BEGINNING = "UPDATE beginnings SET session = ? WHERE session = ?"

# -- retention --------------------------------------------------------------------------------------------------
# Each deletes at most as many rows as its last parameter says, so that nobody waits for the others.
FORGET_KEYS = "DELETE FROM dedupe WHERE key IN (SELECT key FROM dedupe WHERE seen_at < ? LIMIT ?)"
FORGET_EVENTS = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < ? LIMIT ?)"
FORGET_WAITERS = "DELETE FROM waiters WHERE session IN (SELECT session FROM waiters WHERE until < ? LIMIT ?)"
FORGET_AUDIT = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ? LIMIT ?)"
FORGET_OVERHEARD = """DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state = 'done'
    AND received_at < ? AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.seq = inbox.seq) LIMIT ?)"""
FORGET_MESSAGES = """DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox
    WHERE state <> 'open' AND finished_at < ? LIMIT ?)"""
FORGET_ISOLATED = """DELETE FROM inbox WHERE seq IN (SELECT seq FROM turns
    WHERE session LIKE 'cron:%' AND state <> 'running' AND finished_at < ? LIMIT ?)"""
FORGET_RUNS = """DELETE FROM runs WHERE seq IN (SELECT seq FROM runs WHERE finished_at < ?
    AND status NOT IN ('queued', 'running', 'retry_wait', 'awaiting_approval') LIMIT ?)"""
TRIM_RUNS = """DELETE FROM runs WHERE seq IN (SELECT seq FROM (
    SELECT seq, status, row_number() OVER (PARTITION BY job_uid ORDER BY seq DESC) AS age FROM runs)
    WHERE age > ? AND status NOT IN ('queued', 'running', 'retry_wait', 'awaiting_approval') LIMIT ?)"""
FORGET_ATTEMPTS = """DELETE FROM attempts WHERE run IN (SELECT run FROM attempts
    WHERE finished_at < ? AND run NOT IN (SELECT id FROM runs) LIMIT ?)"""
TRIM_SESSIONS = """DELETE FROM inbox WHERE seq IN (SELECT seq FROM (
    SELECT seq, state, row_number() OVER (PARTITION BY session ORDER BY seq DESC) AS age FROM turns)
    WHERE age > ? AND state <> 'running' LIMIT ?)"""

# -- runs and cursors -------------------------------------------------------------------------------------------
CLAIM_RUN = """INSERT INTO runs (id, job_uid, occurrence, owner, job, status, cause, scheduled_at, late_by_ms,
    missed_count, trace_id) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)
    ON CONFLICT (job_uid, occurrence) DO NOTHING"""
RECORD_RUN = """INSERT INTO runs (id, job_uid, occurrence, owner, job, status, cause, scheduled_at, finished_at,
    missed_count, missed_until, trace_id, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (job_uid, occurrence) DO NOTHING"""
MOVE_CURSOR = """INSERT INTO cursors (job_uid, fingerprint, handled_until, next_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (job_uid) DO UPDATE SET fingerprint = excluded.fingerprint,
    handled_until = excluded.handled_until, next_at = excluded.next_at"""
CURSORS = "SELECT job_uid, fingerprint, handled_until, next_at FROM cursors"
DROP_CURSOR = "DELETE FROM cursors WHERE job_uid = ?"
START_RUN = "UPDATE runs SET status = 'running', started_at = ? WHERE id = ? AND status = 'queued'"
ADD_ATTEMPT = """INSERT INTO attempts (run, n, started_at) VALUES (?, 1, ?) ON CONFLICT (run, n) DO NOTHING"""
END_ATTEMPT = "UPDATE attempts SET finished_at = ?, error_class = ? WHERE run = ? AND finished_at IS NULL"
FINISH_RUN = """UPDATE runs SET status = ?, finished_at = ?, output = ?, error = ?, error_class = ?
    WHERE id = ? AND status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"""
RUN_COLUMNS = """runs.id, runs.job_uid, runs.job, runs.occurrence, runs.status, runs.cause, runs.scheduled_at,
    runs.trace_id, runs.started_at, runs.finished_at, runs.late_by_ms, runs.missed_count, runs.missed_until,
    runs.output, runs.error, runs.error_class, runs.owner,
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'open'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'sent'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'unknown'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'dead')"""
RUN_BY_ID = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.id = ?"
RUNS_OF_JOB = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.job_uid = ? ORDER BY runs.seq DESC LIMIT ?"
RECENT_RUNS = f"SELECT {RUN_COLUMNS} FROM runs ORDER BY runs.seq DESC LIMIT ?"
RECENT_RUNS_OF_OWNER = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.owner = ? ORDER BY runs.seq DESC LIMIT ?"
RUN_IDS_LIKE = "SELECT id FROM runs WHERE id LIKE ? || '%' LIMIT 3"
OPEN_RUNS = "SELECT job_uid, id FROM runs WHERE status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"
RUN_STATE = "SELECT status, job FROM runs WHERE id = ?"
STARTS_OF_JOB = "SELECT max(started_at), count(started_at) FROM runs WHERE job_uid = ?"
LAST_END_OF_JOB = """SELECT status, error FROM runs WHERE job_uid = ? AND status IN ('succeeded', 'failed',
    'timed_out', 'cancelled', 'interrupted', 'abandoned') ORDER BY seq DESC LIMIT 1"""
OPEN_RUN_OF = """SELECT id FROM runs WHERE job_uid = ? AND status IN ('queued', 'running', 'retry_wait',
    'awaiting_approval') LIMIT 1"""
JOBS_OF_RUNS = "SELECT job FROM runs WHERE seq IN (SELECT max(seq) FROM runs GROUP BY job_uid)"
