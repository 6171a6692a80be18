-- Schema 1. Every table is narrow and has one purpose, so that a claim touches only what can run.
-- Times are microseconds since the Unix epoch, spans are microseconds, identities are 16 bytes.
-- `urgency` is the priority times −1, so that one ascending key gives the order of a line.
-- `marks` says which other tables hold something for the job, see `standing.rs`.

-- What has happened so far, for other processes to compare with what they have seen.
CREATE TABLE bell (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ready INTEGER NOT NULL,
    control INTEGER NOT NULL,
    finished INTEGER NOT NULL
) STRICT;
INSERT INTO bell VALUES (1, 0, 0, 0);

CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE queue (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_paused INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1))
) STRICT;

CREATE TABLE policy (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL UNIQUE
) STRICT;

-- How many jobs of a queue are in a state.
CREATE TABLE census (
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
    jobs INTEGER NOT NULL CHECK (jobs >= 0),
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

-- What of a job never changes.
CREATE TABLE job (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    task INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    lane INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 2),
    urgency INTEGER NOT NULL CHECK (urgency BETWEEN -100 AND 100),
    policy INTEGER NOT NULL,
    gate INTEGER,
    enqueued_at INTEGER NOT NULL,
    unique_scope INTEGER CHECK (unique_scope IN (0, 1)),
    unique_key TEXT CHECK ((unique_key IS NULL) = (unique_scope IS NULL)),
    args BLOB NOT NULL
) STRICT;

CREATE TABLE unique_key (
    task INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    text TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (task, scope, text)
) STRICT, WITHOUT ROWID;

-- The lines of jobs that a claim may take at once.
CREATE TABLE ready (
    queue INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    interrupts INTEGER NOT NULL,
    handbacks INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    PRIMARY KEY (queue, lane, urgency, seq)
) STRICT, WITHOUT ROWID;

-- The budget of a limit. `jobs` counts the jobs that refer to it.
CREATE TABLE gate (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL CHECK (count > 0),
    per INTEGER NOT NULL CHECK (per > 0),
    burst INTEGER NOT NULL CHECK (burst > 0),
    tat INTEGER NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT;
CREATE INDEX gate_unused ON gate (tat) WHERE jobs = 0;

-- A row for every (limit, queue, lane) in which jobs may wait, with the time of the next permit.
CREATE TABLE line (
    gate INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    PRIMARY KEY (gate, queue, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX line_open ON line (queue, lane, next_at);

-- Ready jobs that need a permit first.
CREATE TABLE limited (
    gate INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    interrupts INTEGER NOT NULL,
    handbacks INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    PRIMARY KEY (gate, queue, lane, urgency, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE scheduled (
    seq INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    interrupts INTEGER NOT NULL,
    handbacks INTEGER NOT NULL,
    marks INTEGER NOT NULL
) STRICT;
CREATE INDEX scheduled_due ON scheduled (due_at);
CREATE INDEX scheduled_line ON scheduled (queue, lane, due_at);

CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
    worker TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    condition TEXT NOT NULL,
    -- It is over, but not all its jobs have been interrupted yet.
    is_ended INTEGER NOT NULL DEFAULT 0 CHECK (is_ended IN (0, 1)),
    -- The numbers of its latest claims, 8 bytes each.
    calls BLOB NOT NULL
) STRICT;

-- Jobs that a session holds. It stays small: a scan of it is cheaper than an index to keep.
CREATE TABLE running (
    id BLOB PRIMARY KEY,
    seq INTEGER NOT NULL,
    session INTEGER NOT NULL,
    call INTEGER NOT NULL,
    place INTEGER NOT NULL,
    queue INTEGER NOT NULL,
    token INTEGER NOT NULL CHECK (token > 0),
    failures INTEGER NOT NULL,
    interrupts INTEGER NOT NULL,
    handbacks INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL,
    deadline INTEGER,
    cancel_asked INTEGER NOT NULL DEFAULT 0 CHECK (cancel_asked IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX running_cancelled ON running (session) WHERE cancel_asked = 1;

-- Jobs that ended or were parked, in the order in which that happened; `n` is never used twice.
CREATE TABLE finished (
    n INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    id BLOB NOT NULL,
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 3 AND 6),
    token INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    interrupts INTEGER NOT NULL,
    handbacks INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    claimed_at INTEGER,
    finished_at INTEGER NOT NULL,
    wall INTEGER,
    failure BLOB,
    result BLOB CHECK ((result IS NOT NULL) = (state = 3))
) STRICT;
CREATE INDEX finished_unsuccessful ON finished (state, id) WHERE state > 3;

-- What is known of the last attempt of a job that has not ended.
CREATE TABLE trace (
    seq INTEGER PRIMARY KEY,
    claimed_at INTEGER,
    wall INTEGER,
    failure BLOB
) STRICT;

CREATE TABLE progress (
    seq INTEGER PRIMARY KEY,
    done REAL NOT NULL,
    total REAL,
    note TEXT NOT NULL
) STRICT;
