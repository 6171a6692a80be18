-- Schema 2: whose a task is, what is known of it, and what was measured; limits by lasting numbers.

-- The number of a limit is never given to another one: where somebody has deleted a limit, jobs may
-- still refer to it, and would wait in the line of whichever limit had its number next.
CREATE TABLE lasting_gate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL CHECK (count > 0),
    per INTEGER NOT NULL CHECK (per > 0),
    burst INTEGER NOT NULL CHECK (burst > 0),
    tat INTEGER NOT NULL,
    jobs INTEGER NOT NULL CHECK (jobs >= 0)
) STRICT;
INSERT INTO sqlite_sequence (name, seq) SELECT 'lasting_gate', coalesce(max(gate), 0) FROM job;
INSERT INTO lasting_gate SELECT id, key, count, per, burst, tat, jobs FROM gate;
DROP TABLE gate;
ALTER TABLE lasting_gate RENAME TO gate;
CREATE INDEX gate_unused ON gate (tat) WHERE jobs = 0;

-- A task belongs to the application whose worker said so first: jobs carry only the name of their
-- task, so two applications on one database must not use one name for two functions. `facts` is
-- what is known of it without running it.
ALTER TABLE task ADD COLUMN application TEXT;
ALTER TABLE task ADD COLUMN facts BLOB;

-- What lanes cost where an application's worker ran.
CREATE TABLE calibration (
    application TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- What was measured of a task in a period; `key` is lane, size of the arguments and interpreter.
CREATE TABLE profile (
    period INTEGER NOT NULL,
    task INTEGER NOT NULL,
    key BLOB NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (period, task, key)
) STRICT;

-- The number of the last profiles that a session added, so that a repetition is recognised.
ALTER TABLE session ADD COLUMN profile_call INTEGER NOT NULL DEFAULT 0;
