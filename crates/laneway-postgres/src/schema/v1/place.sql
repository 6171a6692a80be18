-- How a job comes to a place, and what is kept true around it.

-- The time that counts: the server's, unless a test brings its own.
CREATE FUNCTION time_of(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
$$;

-- So much later; the far end of time when that overflows.
CREATE FUNCTION later(p_now bigint, p_wait bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_wait > 9223372036854775807 - p_now THEN 9223372036854775807
                ELSE p_now + p_wait END
$$;

-- A failure that the store itself found.
CREATE FUNCTION failure_of(p_code text, p_message text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT json_build_object('code', p_code, 'kind', '', 'message', p_message,
        'traceback', '')::text
$$;

-- Announces that a job with an old place enters a line: nobody may move the line's mark past it
-- until this transaction has ended. To be called before the row is added.
--
-- New jobs need not do this: their places are higher than what `advance_mark` looks at until the
-- transactions that took them have ended.
CREATE FUNCTION come_back(p_line integer, p_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({lock}, p_line);
    UPDATE mark SET low = p_seq WHERE line = p_line AND low > p_seq;
END
$$;

-- Whether a statement sees what others have committed before it. Where a transaction sees one
-- moment only, its statements do not see what came before a lock was granted, and prove nothing.
CREATE FUNCTION sees_latest() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')
$$;

-- Moves the mark of a line forward, if nobody announces anything for it at this moment.
--
-- `p_last` is a number of `job_seq` that was taken before this transaction got its own number. Who
-- holds a place up to `p_last` had a number before that, and so an older one: once all older
-- transactions have ended, every row below `p_last` that there will ever be is visible, but for
-- those that `come_back` announces, and these cannot be under way while the lock is held. A row
-- that another claim is just taking is still visible and holds the mark.
CREATE FUNCTION advance_mark(p_line integer, p_last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v mark;
    v_low bigint;
BEGIN
    IF p_last IS NULL OR NOT sees_latest()
        OR NOT pg_try_advisory_xact_lock({lock}, p_line) THEN
        RETURN;
    END IF;
    -- The statements from here on see what had been committed when the lock was granted.
    SELECT * INTO v FROM mark WHERE line = p_line;
    -- The numbers of a server from whose dump this was restored may be far ahead.
    IF v.next IS NULL OR v.horizon > pg_current_xact_id() THEN
        UPDATE mark SET next = p_last, horizon = pg_current_xact_id() WHERE line = p_line;
    ELSIF pg_snapshot_xmin(pg_current_snapshot()) >= v.horizon THEN
        SELECT r.seq INTO v_low FROM ready r
        WHERE r.line = p_line AND r.seq >= v.low AND r.seq < v.next ORDER BY r.seq LIMIT 1;
        UPDATE mark SET low = coalesce(v_low, greatest(v.low, v.next)), next = p_last,
            horizon = pg_current_xact_id() WHERE line = p_line;
    END IF;
END
$$;

-- The next permit of a gate: now, where somebody has deleted it.
CREATE FUNCTION next_permit_at(p_gate integer, p_now bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT greatest(p_now, least(9223372036854775807,
        greatest(tat, p_now)::numeric - floor((burst - 1)::numeric * per / count)))::bigint
    FROM gate WHERE id = p_gate), p_now)
$$;

-- A count of attempts after one more, or not; it stays where a column has its end.
CREATE FUNCTION counted(p_count integer, p_is_more boolean) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(p_count::bigint + p_is_more::integer, 2147483647)::integer
$$;

-- Sees to it that a line in which a job waits for a limit is known. The lock on a row, or the row
-- of its own, keeps a claim that has just emptied the line from forgetting it. It waits for nobody.
CREATE FUNCTION open_gate_line(p_gate integer, p_line integer, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM gate_line WHERE gate = p_gate AND line = p_line LIMIT 1 FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND THEN
        INSERT INTO gate_line (gate, line, next_at)
        VALUES (p_gate, p_line, next_permit_at(p_gate, p_now));
    END IF;
END
$$;

-- Forgets a line in which nobody waits for a limit any more; of a line that goes on, the rows that
-- are one too many. A row that somebody else has locked, or has just added, stays with its job.
CREATE FUNCTION close_gate_line(p_gate integer, p_line integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_openings bigint[];
    v_kept integer := 0;
BEGIN
    IF NOT sees_latest() THEN
        RETURN;
    END IF;
    v_openings := ARRAY(SELECT opening FROM gate_line WHERE gate = p_gate AND line = p_line
        ORDER BY next_at FOR UPDATE SKIP LOCKED);
    IF EXISTS (SELECT FROM limited WHERE gate = p_gate AND line = p_line) THEN
        v_kept := 1;
    END IF;
    IF cardinality(v_openings) > v_kept THEN
        DELETE FROM gate_line WHERE gate = p_gate AND line = p_line
            AND opening = ANY (v_openings[v_kept + 1:]);
    END IF;
END
$$;

-- The gate of a limit, made where there is none. The lock on its row keeps `prune` from forgetting
-- it before the job that needs it is there, and is in nobody's way otherwise: claims take permits
-- and others change the rate while whoever called this waits for something else.
CREATE FUNCTION hold_gate(p_key text, p_count bigint, p_per bigint, p_burst bigint)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
BEGIN
    LOOP
        SELECT id INTO v_id FROM gate WHERE key = p_key FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO gate (key, count, per, burst, tat) VALUES (p_key, p_count, p_per, p_burst, 0)
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN v_id;
END
$$;

-- Sets the rate of a limit that the caller holds; the latest counts. Claims pass by the limit until
-- the transaction ends: only for jobs that were added, and with nothing left to wait for but the
-- next limit.
CREATE FUNCTION set_rate(p_key text, p_count bigint, p_per bigint, p_burst bigint, p_now bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
BEGIN
    UPDATE gate SET count = p_count, per = p_per, burst = p_burst
    WHERE key = p_key AND (count, per, burst) <> (p_count, p_per, p_burst) RETURNING id INTO v_id;
    IF FOUND THEN
        UPDATE gate_line SET next_at = next_permit_at(v_id, p_now) WHERE gate = v_id;
    END IF;
END
$$;

-- What changes in the life of a job and travels with it from table to table.
CREATE TYPE standing AS (
    seq bigint,
    line integer,
    gate integer,
    token bigint,
    failures integer,
    interrupts integer,
    handbacks integer,
    marks smallint
);

-- Puts a job that was elsewhere before into its line: that of its limit, or that of its queue.
CREATE FUNCTION make_ready(s standing, p_ready_at bigint, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF s.gate IS NULL THEN
        PERFORM come_back(s.line, s.seq);
        INSERT INTO ready (line, seq, token, ready_at, failures, interrupts, handbacks, marks)
        VALUES (s.line, s.seq, s.token, p_ready_at, s.failures, s.interrupts, s.handbacks, s.marks);
    ELSE
        PERFORM open_gate_line(s.gate, s.line, p_now);
        INSERT INTO limited (gate, line, seq, token, ready_at, failures, interrupts, handbacks,
            marks)
        VALUES (s.gate, s.line, s.seq, s.token, p_ready_at, s.failures, s.interrupts, s.handbacks,
            s.marks);
    END IF;
END
$$;

-- Announces all jobs that may come back in one go. What changes several lines calls this before it
-- looks at the jobs one by one: two such calls then wait for each other's marks in one order.
CREATE FUNCTION announce(p_seqs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM come_back(l.line, l.seq) FROM (SELECT line, min(seq) AS seq FROM job
        WHERE seq = ANY (p_seqs) AND gate IS NULL GROUP BY line ORDER BY line) AS l;
END
$$;

-- Puts a job aside until a time.
CREATE FUNCTION make_scheduled(s standing, p_due_at bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scheduled (seq, line, gate, due_at, token, failures, interrupts, handbacks, marks)
    VALUES (s.seq, s.line, s.gate, p_due_at, s.token, s.failures, s.interrupts, s.handbacks,
        s.marks)
$$;

-- Ends a job that has left the table where it stood, or parks it. Time and duration of its last
-- attempt come from its trace where the caller does not know them.
CREATE FUNCTION make_finished(s standing, p_state smallint, p_claimed_at bigint, p_wall bigint,
    p_failure text, p_result bytea, p_now bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v trace;
BEGIN
    IF s.marks & 2 <> 0 THEN
        DELETE FROM trace WHERE seq = s.seq RETURNING * INTO v;
        s.marks := s.marks & ~2;
    END IF;
    IF s.marks & 1 <> 0 AND p_state <> 6 THEN
        DELETE FROM unique_key u USING job j
        WHERE j.seq = s.seq AND u.task = j.task AND u.scope = j.unique_scope
            AND u.text = j.unique_key AND u.seq = s.seq;
        s.marks := s.marks & ~1;
    END IF;
    INSERT INTO finished (seq, finished_at, token, claimed_at, wall, line, failures, interrupts,
        handbacks, state, marks, failure, result)
    VALUES (s.seq, p_now, s.token, coalesce(p_claimed_at, v.claimed_at), coalesce(p_wall, v.wall),
        s.line, s.failures, s.interrupts, s.handbacks, p_state, s.marks, p_failure, p_result);
END
$$;

-- Makes at most so many due jobs ready. They count as ready since they were due.
CREATE FUNCTION promote(p_jobs_max integer, p_now bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_due scheduled[];
BEGIN
    WITH gone AS (
        DELETE FROM scheduled WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM scheduled WHERE due_at <= p_now ORDER BY due_at, seq
            LIMIT p_jobs_max FOR UPDATE SKIP LOCKED))
        RETURNING scheduled.*
    )
    SELECT array_agg(gone::scheduled) INTO v_due FROM gone;
    IF v_due IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM come_back(l.line, l.seq) FROM (SELECT line, min(seq) AS seq FROM unnest(v_due)
        WHERE gate IS NULL GROUP BY line ORDER BY line) AS l;
    PERFORM open_gate_line(l.gate, l.line, p_now) FROM (SELECT DISTINCT gate, line
        FROM unnest(v_due) WHERE gate IS NOT NULL ORDER BY gate, line) AS l;
    INSERT INTO ready (line, seq, token, ready_at, failures, interrupts, handbacks, marks)
    SELECT line, seq, token, due_at, failures, interrupts, handbacks, marks
    FROM unnest(v_due) WHERE gate IS NULL;
    INSERT INTO limited (gate, line, seq, token, ready_at, failures, interrupts, handbacks, marks)
    SELECT gate, line, seq, token, due_at, failures, interrupts, handbacks, marks
    FROM unnest(v_due) WHERE gate IS NOT NULL;
    RETURN cardinality(v_due);
END
$$;
