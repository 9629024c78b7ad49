"""Every statement, once, in plain SQL. Parameters are `?`; a driver of another dialect translates."""

# -- inbox ----------------------------------------------------------------------------------------------------
SEE_KEY = "INSERT INTO dedupe (key, seen_at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
ACCEPT = "INSERT INTO inbox (kind, session, message, state, received_at) VALUES (?, ?, ?, ?, ?) RETURNING seq"
# What was overheard has no turn; it is found by its session, and never where a turn or what waits is looked for.
OVERHEAR = "INSERT INTO overheard (seq, session) VALUES (?, ?)"
LAST_TURN_OF_PERSON = """SELECT turns.seq FROM turns JOIN inbox ON inbox.seq = turns.seq
    WHERE turns.session = ? AND turns.seq < ? AND inbox.kind = 'person' ORDER BY turns.seq DESC LIMIT 1"""
OVERHEARD = """SELECT inbox.message FROM overheard JOIN inbox ON inbox.seq = overheard.seq
    WHERE overheard.session = ? AND overheard.seq > ? AND overheard.seq < ?
    ORDER BY overheard.seq DESC LIMIT ?"""
# A partial index is used only where its own condition stands in the statement, word for word.
OPEN_INBOX = """SELECT seq, kind, session FROM inbox
    WHERE state IN ('waiting', 'taken') AND state <> 'done' ORDER BY seq"""
WAITING_INBOX = "SELECT seq, kind, session FROM inbox WHERE state = 'waiting' AND state <> 'done' ORDER BY seq"
INBOX_MESSAGE = "SELECT message FROM inbox WHERE seq = ?"
WAITING_MESSAGE = "SELECT message FROM inbox WHERE seq = ? AND state = 'waiting'"
SET_INBOX = "UPDATE inbox SET state = ? WHERE seq = ?"
TAKE_INBOX = "UPDATE inbox SET state = 'taken' WHERE seq = ? AND state <> 'done'"
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
IS_TURN = "SELECT 1 FROM turns WHERE id = ?"
TURN_OF_INBOX = "SELECT id, state, input_tokens, output_tokens, error, error_class FROM turns WHERE seq = ?"

# -- outbox ---------------------------------------------------------------------------------------------------
ENQUEUE = """INSERT INTO outbox (id, channel, chat, thread, caller, message, turn, run, state, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?) ON CONFLICT (id) DO NOTHING RETURNING seq"""
ADD_PART = "INSERT INTO parts (message, n, payload, plain, state) VALUES (?, ?, ?, ?, ?)"
OPEN_CHATS = "SELECT DISTINCT channel, chat FROM outbox WHERE state = 'open'"
OPEN_MESSAGES = """SELECT seq, message, failures, failing_since, not_before, created_at FROM outbox
    WHERE state = 'open' AND channel = ? AND chat = ? ORDER BY seq LIMIT ?"""
PARTS_OF = "SELECT n, payload, plain, state, repeats FROM parts WHERE message = ? ORDER BY n"
SET_PART = "UPDATE parts SET state = ?, repeats = ?, platform_id = ? WHERE message = ? AND n = ?"
IS_OPEN = "SELECT 1 FROM outbox WHERE seq = ? AND state = 'open'"
TAKE_PART = "UPDATE parts SET state = 'sending', repeats = ? WHERE message = ? AND n = ? AND state = 'pending'"
USE_PLAIN = "UPDATE parts SET payload = plain, plain = NULL, state = 'pending' WHERE message = ? AND n = ?"
END_PARTS = "UPDATE parts SET state = ? WHERE message = ? AND state <> 'sent'"
END_MESSAGE = "UPDATE outbox SET state = ?, error = ?, finished_at = ? WHERE seq = ? AND state = 'open'"
FORGET_MESSAGE = "DELETE FROM outbox WHERE seq = ?"
NOTE_FAILURE = "UPDATE outbox SET failures = ?, failing_since = ?, not_before = ?, error = ? WHERE seq = ?"
PLATFORM_ID = """SELECT parts.platform_id FROM parts JOIN outbox ON outbox.seq = parts.message
    WHERE outbox.id = ? AND parts.n = ?"""
SAID_BY_TURN = "SELECT message FROM outbox WHERE turn = ? AND turn <> '' AND id <> ? ORDER BY seq"
COUNT_UNSENT = """SELECT channel, state, count(*) FROM outbox
    WHERE state <> 'sent' AND NOT (state = 'dead' AND error = ?) GROUP BY channel, state"""
COUNT_DEAD_ALERTS = "SELECT count(*) FROM outbox WHERE caller = 'alert' AND state = 'dead' AND error <> ?"
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
AUDIT_COLUMNS = "seq, at, who, what, subject, before, after, previous, hash"
ADD_AUDIT = f"INSERT INTO audit ({AUDIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
LAST_AUDIT = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
NEWEST_AUDIT = f"SELECT {AUDIT_COLUMNS} FROM audit ORDER BY seq DESC LIMIT ?"
NEWEST_AUDIT_OF = f"SELECT {AUDIT_COLUMNS} FROM audit WHERE subject = ? ORDER BY seq DESC LIMIT ?"
AUDIT_AFTER = f"SELECT {AUDIT_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
FIRST_AUDIT_SINCE = "SELECT seq FROM audit WHERE at >= ? ORDER BY seq LIMIT 1"
NUMBER = "SELECT value FROM meta WHERE key = ?"
SET_NUMBER = """INSERT INTO meta (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value"""
WAIT_FOR = """INSERT INTO waiters (session, holder, until) VALUES (?, ?, ?)
    ON CONFLICT (session) DO UPDATE SET holder = excluded.holder, until = excluded.until"""
STOP_WAITING = "DELETE FROM waiters WHERE session = ? AND holder = ?"
WAITERS = "SELECT session, until FROM waiters WHERE until > ?"

# -- chats ------------------------------------------------------------------------------------------------------
CHATS = "SELECT owner, zone, moved_to, model FROM chats"
CHOOSE_ZONE = """INSERT INTO chats (owner, zone) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET zone = excluded.zone"""
CHOOSE_MODEL = """INSERT INTO chats (owner, model) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET model = excluded.model"""
MOVE_CHAT = """INSERT INTO chats (owner, moved_to) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET moved_to = excluded.moved_to"""
MOVE_TURNS = "UPDATE turns SET session = ? WHERE session = ?"
MOVE_OVERHEARD = "UPDATE overheard SET session = ? WHERE session = ?"
MOVE_WORDS = "UPDATE outbox SET chat = ? WHERE channel = ? AND chat = ? AND state = 'open'"
SESSIONS = """SELECT session, count(*), max(started_at), sum(state = 'running') FROM turns
    GROUP BY session ORDER BY max(seq) DESC LIMIT ?"""
BEGINNINGS = "SELECT session, after_seq FROM beginnings"
BEGIN_ANEW = """INSERT INTO beginnings (session, after_seq) VALUES (?, ?)
    ON CONFLICT (session) DO UPDATE SET after_seq = max(after_seq, excluded.after_seq)"""
MOVE_BEGINNING = "UPDATE beginnings SET session = ? WHERE session = ?"

# -- who is let in, and bots that talk to each other --------------------------------------------------------------
HAS_PAIRED = "SELECT count(*) FROM sqlite_master WHERE name = 'paired'"
PAIRING_CODES = """SELECT channel, person, name, chat, code, until, told, told_at FROM pairing_codes
    WHERE until > ? ORDER BY until, channel, person"""
KEEP_CODE = """INSERT INTO pairing_codes (channel, person, name, chat, code, until, told, told_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, person) DO UPDATE SET name = excluded.name,
    chat = excluded.chat, code = excluded.code, until = excluded.until, told = excluded.told,
    told_at = excluded.told_at"""
DROP_CODE = "DELETE FROM pairing_codes WHERE channel = ? AND person = ?"
FORGET_CODES = "DELETE FROM pairing_codes WHERE until <= ?"
PAIRED = "SELECT channel, person, name, chat, approved_by, at FROM paired ORDER BY channel, person"
PAIR = """INSERT INTO paired (channel, person, name, chat, approved_by, at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (channel, person) DO UPDATE SET name = excluded.name, chat = excluded.chat,
    approved_by = excluded.approved_by, at = excluded.at"""
UNPAIR = "DELETE FROM paired WHERE channel = ? AND person = ?"
EXCHANGES = "SELECT chat, count, at FROM exchanges"
COUNT_EXCHANGE = """INSERT INTO exchanges (chat, count, at) VALUES (?, ?, ?)
    ON CONFLICT (chat) DO UPDATE SET count = excluded.count, at = excluded.at"""
END_EXCHANGES = "DELETE FROM exchanges WHERE chat = ?"

# -- retention --------------------------------------------------------------------------------------------------
# Each deletes at most as many rows as its last parameter says, so that nobody waits for the others.
FORGET_KEYS = "DELETE FROM dedupe WHERE key IN (SELECT key FROM dedupe WHERE seen_at < ? LIMIT ?)"
FORGET_EVENTS = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE at < ? LIMIT ?)"
FORGET_WAITERS = "DELETE FROM waiters WHERE session IN (SELECT session FROM waiters WHERE until < ? LIMIT ?)"
FORGET_AUDIT = """DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE seq < ? ORDER BY seq LIMIT ?)
    RETURNING seq"""
FORGET_OVERHEARD = """DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE state = 'done'
    AND received_at < ? AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.seq = inbox.seq) LIMIT ?)"""
FORGET_EXCHANGES = "DELETE FROM exchanges WHERE chat IN (SELECT chat FROM exchanges WHERE at < ? LIMIT ?)"
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

# -- what follows from runs -------------------------------------------------------------------------------------
FAILURES_OF = "SELECT mark, count, alerted, told_at FROM failures WHERE job_uid = ?"
KEEP_FAILURES = """INSERT INTO failures (job_uid, mark, count, alerted, told_at, at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (job_uid) DO UPDATE SET mark = excluded.mark, count = excluded.count,
    alerted = excluded.alerted, told_at = excluded.told_at, at = excluded.at"""
FAILING_JOBS = "SELECT job_uid FROM failures WHERE count >= ?"
FORGET_FAILURES = "DELETE FROM failures WHERE job_uid IN (SELECT job_uid FROM failures WHERE at < ? LIMIT ?)"
OCCURRENCE_OF_RUN = "SELECT occurrence FROM runs WHERE id = ?"
ADD_SPEND = """INSERT INTO spend (day, subject, input, output, money) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (day, subject) DO UPDATE SET input = input + excluded.input,
    output = output + excluded.output, money = money + excluded.money"""
SPENT = "SELECT input, output, money FROM spend WHERE day = ? AND subject = ?"
# What earlier attempts of runs that are not over have cost: it is booked with their end.
SPEND_OF_RUN = "SELECT input_tokens + output_tokens FROM runs WHERE id = ?"
OPEN_SPEND_OF_JOB = """SELECT coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0) FROM runs
    WHERE job_uid = ? AND status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"""
OPEN_SPEND_OF_OWNER = """SELECT coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0) FROM runs
    WHERE coalesce(owner, 'operator') = ? AND status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"""
SPENT_ON = "SELECT subject, input, output, money FROM spend WHERE day = ? ORDER BY input + output DESC, subject"
SPENT_SINCE = """SELECT coalesce(sum(input), 0), coalesce(sum(output), 0), coalesce(sum(money), 0) FROM spend
    WHERE day >= ? AND subject = ?"""
FORGET_SPEND = """DELETE FROM spend WHERE (day, subject) IN (SELECT day, subject FROM spend
    WHERE day < ? LIMIT ?)"""

# -- answers to reminders ---------------------------------------------------------------------------------------
REMINDER_STATE = "SELECT state FROM reminders WHERE run = ?"
REMINDER_OF_STAMP = "SELECT run FROM reminders WHERE stamp = ?"
ANSWER_REMINDER = """INSERT INTO reminders (run, job_uid, state, stamp, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (run) DO UPDATE SET state = excluded.state, stamp = excluded.stamp, at = excluded.at,
    next_at = NULL"""
LATEST_REMINDERS = """SELECT run FROM outbox WHERE channel = ? AND chat = ? AND thread = ? AND caller = 'reminder'
    AND run <> '' ORDER BY seq DESC LIMIT ?"""
BEGIN_NAG = """INSERT INTO reminders (run, job_uid, state, at, next_at, until) VALUES (?, ?, 'open', ?, ?, ?)
    ON CONFLICT (run) DO NOTHING"""
NEXT_NAG = "SELECT min(next_at) FROM reminders WHERE next_at IS NOT NULL"
DUE_NAGS = """SELECT run, said, next_at, until FROM reminders WHERE next_at IS NOT NULL AND next_at <= ?
    ORDER BY next_at LIMIT ?"""
PUT_OFF_NAG = "UPDATE reminders SET next_at = ?, said = ? WHERE run = ? AND next_at IS NOT NULL"
STOP_NAG = "UPDATE reminders SET next_at = NULL WHERE run = ?"
STOP_NAGS_OF = "UPDATE reminders SET next_at = NULL WHERE job_uid = ?"
FINISH_REMINDERS_OF = "UPDATE reminders SET state = 'done', at = ?, next_at = NULL WHERE job_uid = ?"
HAS_UNSENT_WORDS = "SELECT 1 FROM outbox WHERE run = ? AND run <> '' AND state = 'open'"
FORGET_REMINDERS = """DELETE FROM reminders WHERE run IN (SELECT run FROM reminders
    WHERE at < ? AND next_at IS NULL LIMIT ?)"""

# -- callbacks --------------------------------------------------------------------------------------------------
ADD_CALLBACK = """INSERT INTO callbacks (id, run, job_uid, kind, host, hook, body, trace_id, state, next_at, error,
    finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""
# Of each host only the first few: one that hangs with a thousand calls leaves room for the others.
DUE_CALLBACKS = """SELECT seq, id, run, job_uid, kind, host, hook, body, trace_id, attempts FROM (
    SELECT *, row_number() OVER (PARTITION BY host ORDER BY next_at, seq) AS place FROM callbacks
    WHERE state = 'open' AND next_at <= ?) WHERE place <= ? ORDER BY next_at, seq LIMIT ?"""
NEXT_CALLBACK = "SELECT min(next_at) FROM callbacks WHERE state = 'open' AND next_at > ?"
RETRY_CALLBACK = "UPDATE callbacks SET attempts = ?, next_at = ?, error = ? WHERE seq = ? AND state = 'open'"
END_CALLBACK = """UPDATE callbacks SET state = ?, attempts = ?, error = ?, finished_at = ?, hook = '', body = ''
    WHERE seq = ? AND state = 'open'"""
# The others for the same hook, which is gone.
END_CALLBACKS_OF_HOOK = """UPDATE callbacks SET state = 'failed', error = ?, finished_at = ?, hook = '', body = ''
    WHERE job_uid = ? AND hook = ? AND state = 'open'"""
COUNT_CALLBACKS = "SELECT state, count(*) FROM callbacks WHERE state = 'open' GROUP BY state"
CALLBACKS_OF_RUN = (
    "SELECT id, kind, host, state, attempts, error, finished_at FROM callbacks WHERE run = ? ORDER BY seq"
)
HOOK_IS_GONE = "SELECT at FROM hooks_gone WHERE job_uid = ? AND url = ?"
NOTE_GONE_HOOK = "INSERT INTO hooks_gone (job_uid, url, at) VALUES (?, ?, ?) ON CONFLICT (job_uid, url) DO NOTHING"
HOOK_IS_BACK = "DELETE FROM hooks_gone WHERE job_uid = ? AND url = ?"
FORGET_CALLBACKS = """DELETE FROM callbacks WHERE seq IN (SELECT seq FROM callbacks
    WHERE state <> 'open' AND finished_at < ? AND run NOT IN (SELECT id FROM runs) LIMIT ?)"""
FAILED_CALLBACKS = """SELECT job_uid, host, count(*), max(error) FROM callbacks WHERE state = 'failed'
    GROUP BY job_uid, host"""
COUNT_FAILED_CALLBACKS = "SELECT count(*) FROM callbacks WHERE state = 'failed'"
GONE_HOOKS = "SELECT job_uid, url, at FROM hooks_gone ORDER BY at"
FORGET_HOOKS = """DELETE FROM hooks_gone WHERE (job_uid, url) IN (SELECT job_uid, url FROM hooks_gone
    WHERE at < ? AND job_uid NOT IN (SELECT job_uid FROM runs) LIMIT ?)"""

# -- runs and cursors -------------------------------------------------------------------------------------------
CLAIM_RUN = """INSERT INTO runs (id, job_uid, occurrence, owner, job, status, cause, scheduled_at, late_by_ms,
    missed_count, trace_id, held) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)
    ON CONFLICT (job_uid, occurrence) DO NOTHING"""
RECORD_RUN = """INSERT INTO runs (id, job_uid, occurrence, owner, job, status, cause, scheduled_at, finished_at,
    missed_count, missed_until, trace_id, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (job_uid, occurrence) DO NOTHING"""
MOVE_CURSOR = """INSERT INTO cursors (job_uid, fingerprint, handled_until, next_at, runs) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (job_uid) DO UPDATE SET fingerprint = excluded.fingerprint,
    handled_until = excluded.handled_until, next_at = excluded.next_at, runs = excluded.runs"""
CURSORS = "SELECT job_uid, fingerprint, handled_until, next_at, runs FROM cursors"
CURSOR_OF = "SELECT fingerprint, handled_until, next_at, runs FROM cursors WHERE job_uid = ?"
COUNT_START = """INSERT INTO starts (job_uid, count) VALUES (?, 1)
    ON CONFLICT (job_uid) DO UPDATE SET count = count + 1"""
STARTS = "SELECT job_uid, count FROM starts"
STARTS_OF = "SELECT count FROM starts WHERE job_uid = ?"
DROP_STARTS = "DELETE FROM starts WHERE job_uid = ?"
COUNT_CURSORS = "SELECT count(*) FROM cursors"
DROP_CURSOR = "DELETE FROM cursors WHERE job_uid = ?"
START_RUN = """UPDATE runs SET status = 'running', started_at = coalesce(started_at, ?)
    WHERE id = ? AND status = 'queued' AND held = 0 RETURNING job_uid, attempt"""
ADD_ATTEMPT = "INSERT INTO attempts (run, n, started_at) VALUES (?, ?, ?) ON CONFLICT (run, n) DO NOTHING"
END_ATTEMPT = "UPDATE attempts SET finished_at = ?, error_class = ? WHERE run = ? AND finished_at IS NULL"
FINISH_RUN = """UPDATE runs SET status = ?, finished_at = ?, output = ?, error = ?, error_class = ?, held = 0,
    not_before = NULL, input_tokens = input_tokens + ?, output_tokens = output_tokens + ?
    WHERE id = ? AND status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"""
RUN_COLUMNS = """runs.id, runs.job_uid, runs.job, runs.occurrence, runs.status, runs.cause, runs.scheduled_at,
    runs.trace_id, runs.started_at, runs.finished_at, runs.late_by_ms, runs.missed_count, runs.missed_until,
    runs.output, runs.error, runs.error_class, runs.owner,
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'open'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'sent'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'unknown'),
    (SELECT count(*) FROM outbox WHERE outbox.run = runs.id AND outbox.run <> '' AND outbox.state = 'dead'),
    runs.attempt, runs.not_before, runs.input_tokens, runs.output_tokens,
    (SELECT count(*) FROM callbacks WHERE callbacks.run = runs.id AND callbacks.state = 'open'),
    (SELECT count(*) FROM callbacks WHERE callbacks.run = runs.id AND callbacks.state = 'sent'),
    (SELECT count(*) FROM callbacks WHERE callbacks.run = runs.id AND callbacks.state = 'failed'),
    (SELECT max(error) FROM callbacks WHERE callbacks.run = runs.id)"""
RUN_BY_ID = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.id = ?"
RUNS_OF_JOB = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.job_uid = ? ORDER BY runs.seq DESC LIMIT ?"
RECENT_RUNS = f"SELECT {RUN_COLUMNS} FROM runs ORDER BY runs.seq DESC LIMIT ?"
RECENT_RUNS_OF_OWNER = f"SELECT {RUN_COLUMNS} FROM runs WHERE runs.owner = ? ORDER BY runs.seq DESC LIMIT ?"
RUN_IDS_LIKE = "SELECT id FROM runs WHERE id LIKE ? || '%' LIMIT 3"
OPEN_RUNS = "SELECT job_uid, id FROM runs WHERE status IN ('queued', 'running', 'retry_wait', 'awaiting_approval')"
RUN_STATE = "SELECT status, job FROM runs WHERE id = ?"
LAST_START_OF_JOB = "SELECT max(started_at) FROM runs WHERE job_uid = ?"
LAST_END_OF_JOB = """SELECT status, error FROM runs WHERE job_uid = ? AND status IN ('succeeded', 'failed',
    'timed_out', 'cancelled', 'interrupted', 'abandoned') ORDER BY seq DESC LIMIT 1"""
LAST_STARTS = "SELECT job_uid, max(started_at) FROM runs GROUP BY job_uid"
LAST_ENDS = """SELECT job_uid, status, error FROM runs WHERE seq IN (SELECT max(seq) FROM runs WHERE status IN (
    'succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted', 'abandoned') GROUP BY job_uid)"""
COUNT_OPEN_RUNS = """SELECT status, count(*), sum(held) FROM runs WHERE status IN ('queued', 'running',
    'retry_wait', 'awaiting_approval') GROUP BY status"""
OPEN_RUNS_OF = """SELECT id, held = 1 AND status = 'queued' FROM runs WHERE job_uid = ?
    AND status IN ('queued', 'running', 'retry_wait', 'awaiting_approval') ORDER BY seq"""
# A partial index is used only where its own condition stands in the statement, word for word.
OPEN_WORK = """SELECT id, job, cause, held, not_before FROM runs WHERE status IN ('queued', 'running',
    'retry_wait', 'awaiting_approval') ORDER BY seq"""
HELD_RUNS = "SELECT id FROM runs WHERE held = 1 ORDER BY seq"
HELD_RUN = "SELECT id, job, cause, held, not_before FROM runs WHERE id = ? AND held = 1"
RELEASE_RUN = """UPDATE runs SET attempt = CASE status WHEN 'retry_wait' THEN attempt + 1 ELSE attempt END,
    status = 'queued', held = 0, not_before = NULL
    WHERE id = ? AND held = 1 AND status IN ('queued', 'retry_wait')
    RETURNING occurrence, job, cause, scheduled_at, late_by_ms, missed_count, trace_id, attempt"""
WAIT_RUN = """UPDATE runs SET status = 'retry_wait', held = 1, not_before = ?, output = ?, error = ?,
    error_class = ?, input_tokens = input_tokens + ?, output_tokens = output_tokens + ?
    WHERE id = ? AND status IN ('queued', 'running')"""
ATTEMPT_OF = "SELECT attempt FROM runs WHERE id = ?"
ATTEMPTS_OF = "SELECT n, started_at, finished_at, error_class FROM attempts WHERE run = ? ORDER BY n"
JOBS_OF_RUNS = "SELECT job FROM runs WHERE seq IN (SELECT max(seq) FROM runs GROUP BY job_uid)"

# -- jobs, of store = "sql" -------------------------------------------------------------------------------------
JOB_COLUMNS = "uid, id, name, body, state, format, owner, fingerprint, once, declared"
ALL_JOBS = f"SELECT {JOB_COLUMNS} FROM jobs ORDER BY seq"
# "+": by the index of changes, and sorted then; else a few rows are looked for in the order of all.
JOBS_SINCE = f"SELECT {JOB_COLUMNS} FROM jobs WHERE change > ? ORDER BY +seq"
JOB_BY_UID = f"SELECT {JOB_COLUMNS} FROM jobs WHERE uid = ?"
JOB_BY_ID = f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?"
JOB_BY_STAMP = f"SELECT {JOB_COLUMNS} FROM jobs WHERE stamp = ? AND stamp <> ''"
PUT_JOB = """INSERT INTO jobs (uid, id, owner, name, stamp, body, format, fingerprint, once, declared, state,
    change) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (uid) DO UPDATE SET id = excluded.id, owner = excluded.owner, name = excluded.name,
    stamp = excluded.stamp, body = excluded.body, format = excluded.format, fingerprint = excluded.fingerprint,
    once = excluded.once, declared = excluded.declared, change = excluded.change"""
SET_JOB_STATE = "UPDATE jobs SET state = ?, change = ? WHERE uid = ?"
REMOVE_JOB = "DELETE FROM jobs WHERE uid = ?"
NOTE_GONE_JOB = """INSERT INTO jobs_gone (uid, change) VALUES (?, ?)
    ON CONFLICT (uid) DO UPDATE SET change = excluded.change"""
JOBS_GONE_SINCE = "SELECT uid FROM jobs_gone WHERE change > ?"
FORGET_GONE_JOBS = "DELETE FROM jobs_gone WHERE change <= ?"
COUNT_JOB_CHANGE = """INSERT INTO meta (key, value) VALUES ('job_changes', 1)
    ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value"""
JOB_CHANGES = "SELECT value FROM meta WHERE key = 'job_changes'"
HAS_JOBS = "SELECT count(*) FROM sqlite_master WHERE name = 'jobs'"
