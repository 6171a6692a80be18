-- Schema 1: the tables. Each is narrow and has one purpose. Where a job stands is told by the table
-- that has its row: a change of state is a row that leaves one table and enters another, so that
-- neither bodies nor results are ever rewritten, and a claim touches only what can run.
--
-- Times are microseconds since the Unix epoch, spans are microseconds. `urgency` is the priority
-- times -1, so that one ascending key gives the order of a line. `marks` says which other tables
-- hold something for the job: 1 a unique key that is freed at its end, 2 a trace, 4 progress.

CREATE TABLE task (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    -- Whose the task is, and what is known of it without running it.
    application text COLLATE "C",
    facts bytea,
    -- For jobs that are added by hand.
    lane smallint
);

CREATE TABLE calibration (
    application text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL
);

CREATE TABLE queue (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    is_paused boolean NOT NULL DEFAULT false
);

-- A line of jobs: those of one queue, lane and urgency, in the order of their acceptance.
CREATE TABLE line (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue integer NOT NULL,
    lane smallint NOT NULL CHECK (lane BETWEEN 0 AND 2),
    urgency smallint NOT NULL CHECK (urgency BETWEEN -100 AND 100),
    UNIQUE (queue, lane, urgency)
);

-- Up to where a line has been emptied: no row of `ready` with a smaller `seq` exists. A claim
-- begins there, so that it does not walk over the dead rows of earlier claims, which nobody may
-- remove while an old snapshot is held. `advance_mark` and `come_back` say why that is exact.
CREATE TABLE mark (
    line integer PRIMARY KEY,
    low bigint NOT NULL DEFAULT 0,
    -- The next value of `low`, if nothing below it is found once every transaction that might still
    -- add something there, all older than `horizon`, has ended.
    next bigint,
    horizon xid8
) WITH (fillfactor = 50);

CREATE TABLE policy (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    body text NOT NULL,
    parks_on_interrupt boolean NOT NULL,
    interrupts_max bigint NOT NULL,
    -- The time after its claim at which an attempt counts as hung.
    deadline_after bigint
);

-- The place of a job in the order of acceptance. A transaction has its own number before it takes
-- one here.
CREATE SEQUENCE job_seq;

-- What of a job never changes.
CREATE TABLE job (
    seq bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    task integer NOT NULL,
    line integer NOT NULL,
    policy integer NOT NULL,
    gate integer,
    enqueued_at bigint NOT NULL,
    -- When it was to run at first, if that was later.
    asked_for bigint,
    unique_scope smallint CHECK (unique_scope IN (0, 1)),
    unique_key bytea CHECK ((unique_key IS NULL) = (unique_scope IS NULL)),
    args bytea NOT NULL
);
CREATE INDEX job_of_gate ON job (gate) WHERE gate IS NOT NULL;

CREATE TABLE unique_key (
    task integer NOT NULL,
    scope smallint NOT NULL,
    text bytea NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (task, scope, text)
);

-- Jobs that a claim may take at once.
CREATE TABLE ready (
    line integer NOT NULL,
    seq bigint NOT NULL,
    token bigint NOT NULL,
    ready_at bigint NOT NULL,
    failures integer NOT NULL,
    interrupts integer NOT NULL,
    handbacks integer NOT NULL,
    marks smallint NOT NULL,
    PRIMARY KEY (line, seq)
);

-- The budget of a limit.
CREATE TABLE gate (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE,
    count bigint NOT NULL CHECK (count > 0),
    per bigint NOT NULL CHECK (per > 0),
    burst bigint NOT NULL CHECK (burst > 0),
    tat bigint NOT NULL
) WITH (fillfactor = 50);

-- Lines in which jobs may wait for a limit, with the time of its next permit. Mostly one row each,
-- but whoever adds a job and finds no row that is free to be locked adds one more: a row that all
-- share would make a claim wait for an application whose transaction has just opened the line.
CREATE TABLE gate_line (
    gate integer NOT NULL,
    line integer NOT NULL,
    opening bigint GENERATED ALWAYS AS IDENTITY,
    next_at bigint NOT NULL,
    PRIMARY KEY (gate, line, opening)
) WITH (fillfactor = 70);
CREATE INDEX gate_line_open ON gate_line (line, next_at);

-- Ready jobs that need a permit first.
CREATE TABLE limited (
    gate integer NOT NULL,
    line integer NOT NULL,
    seq bigint NOT NULL,
    token bigint NOT NULL,
    ready_at bigint NOT NULL,
    failures integer NOT NULL,
    interrupts integer NOT NULL,
    handbacks integer NOT NULL,
    marks smallint NOT NULL,
    PRIMARY KEY (gate, line, seq)
);
CREATE INDEX limited_seq ON limited (seq);

CREATE TABLE scheduled (
    seq bigint PRIMARY KEY,
    line integer NOT NULL,
    gate integer,
    due_at bigint NOT NULL,
    token bigint NOT NULL,
    failures integer NOT NULL,
    interrupts integer NOT NULL,
    handbacks integer NOT NULL,
    marks smallint NOT NULL
);
CREATE INDEX scheduled_due ON scheduled (due_at, seq);
CREATE INDEX scheduled_line ON scheduled (line, due_at);

-- Workers' leases on life. What a beat writes is in no index.
CREATE TABLE session (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL UNIQUE,
    worker text NOT NULL,
    opened_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    condition text NOT NULL DEFAULT '',
    -- It is over, but not all its jobs have been interrupted yet.
    is_ended boolean NOT NULL DEFAULT false,
    -- The number of the last profiles that it added.
    profile_call bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Claims that took something, so that a repetition is recognised.
CREATE TABLE claim_call (
    session integer NOT NULL,
    call bigint NOT NULL,
    called_at bigint NOT NULL,
    PRIMARY KEY (session, call)
);

-- Jobs that a session holds.
CREATE TABLE running (
    id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    call bigint NOT NULL,
    token bigint NOT NULL CHECK (token > 0),
    ready_at bigint NOT NULL,
    claimed_at bigint NOT NULL,
    deadline bigint,
    session integer NOT NULL,
    line integer NOT NULL,
    failures integer NOT NULL,
    interrupts integer NOT NULL,
    handbacks integer NOT NULL,
    marks smallint NOT NULL,
    cancel_asked boolean NOT NULL DEFAULT false
) WITH (fillfactor = 90);
CREATE INDEX running_deadline ON running (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX running_cancelled ON running (session) WHERE cancel_asked;

-- Jobs that ended or were parked.
CREATE TABLE finished (
    seq bigint PRIMARY KEY,
    finished_at bigint NOT NULL,
    token bigint NOT NULL,
    claimed_at bigint,
    wall bigint,
    line integer NOT NULL,
    failures integer NOT NULL,
    interrupts integer NOT NULL,
    handbacks integer NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 3 AND 6),
    marks smallint NOT NULL,
    failure text,
    result bytea CHECK ((result IS NOT NULL) = (state = 3))
);
CREATE INDEX finished_old ON finished (finished_at, seq) WHERE state <> 6;
CREATE INDEX finished_unsuccessful ON finished (state, seq) WHERE state > 3;

-- What is known of the last attempt of a job that has not ended.
CREATE TABLE trace (
    seq bigint PRIMARY KEY,
    claimed_at bigint,
    wall bigint,
    failure text
);

CREATE TABLE progress (
    seq bigint PRIMARY KEY,
    done double precision NOT NULL,
    total double precision,
    note text NOT NULL
) WITH (fillfactor = 70);

-- What was measured of a task in a period; `key` is lane, size of the arguments and interpreter.
CREATE TABLE profile (
    period bigint NOT NULL,
    task integer NOT NULL,
    key bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (period, task, key)
);

-- Rows of these tables live for seconds: what is dead must go at once, whatever the tables' size.
-- Inserts alone never make them worth a visit.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['ready', 'limited', 'scheduled', 'running', 'trace', 'progress',
        'mark', 'gate', 'gate_line', 'session', 'claim_call', 'unique_key'] LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.1,
            autovacuum_analyze_threshold = 5000, autovacuum_vacuum_cost_delay = 0)', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['job', 'finished'] LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.05,
            autovacuum_vacuum_threshold = 10000, autovacuum_analyze_scale_factor = 0.1)', v_table);
    END LOOP;
END
$$;
