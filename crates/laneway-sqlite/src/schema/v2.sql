-- Schema 2: whose a task is, what is known of it, and what was measured.

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
