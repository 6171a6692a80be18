-- Ends of attempts.

-- An attempt that has left `running`.
CREATE TYPE attempt AS (
    job standing,
    claimed_at bigint,
    cancel_asked boolean
);

-- Ends the attempt of a job that no longer stands in `running`, and tells the state that follows.
-- A job that somebody wants cancelled does not come back.
CREATE FUNCTION end_attempt(a attempt, p_state smallint, p_wall bigint, p_failure text,
    p_result bytea, p_due_at bigint, p_now bigint) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    v_state smallint := p_state;
    v_failure text := p_failure;
    s standing := a.job;
BEGIN
    IF v_state < 2 AND a.cancel_asked THEN
        v_state := 5;
        v_failure := failure_of('{cancelled}', 'somebody asked to cancel it');
    END IF;
    IF v_state > 2 THEN
        PERFORM make_finished(s, v_state, a.claimed_at, p_wall, v_failure, p_result, p_now);
        RETURN v_state;
    END IF;
    INSERT INTO trace (seq, claimed_at, wall, failure)
    VALUES (s.seq, a.claimed_at, p_wall, v_failure)
    ON CONFLICT (seq) DO UPDATE SET claimed_at = excluded.claimed_at,
        wall = coalesce(excluded.wall, trace.wall),
        failure = coalesce(excluded.failure, trace.failure);
    s.marks := s.marks | 2;
    SELECT gate INTO s.gate FROM job WHERE seq = s.seq;
    IF v_state = 0 THEN
        PERFORM make_scheduled(s, p_due_at);
    ELSE
        PERFORM make_ready(s, p_now, p_now);
    END IF;
    RETURN v_state;
END
$$;

-- Ends an attempt that ended without a word, and tells what became of the job.
CREATE FUNCTION interrupt(a attempt, p_failure text, p_wall bigint, p_now bigint) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
    p policy;
    v_cause text := p_failure::json->>'message';
    v_failure text := p_failure;
    v_state smallint := 1;
    s standing := a.job;
BEGIN
    s.interrupts := counted(s.interrupts, true);
    a.job := s;
    SELECT policy.* INTO p FROM job JOIN policy ON policy.id = job.policy WHERE job.seq = s.seq;
    IF p.parks_on_interrupt THEN
        v_state := 6;
        v_failure := failure_of('{unknown}', v_cause);
    ELSIF s.interrupts >= p.interrupts_max THEN
        v_state := 4;
        v_failure := failure_of('{poisonous}',
            format('interrupted %s times, at last: %s', s.interrupts, v_cause));
    END IF;
    RETURN end_attempt(a, v_state, p_wall, v_failure, NULL, p_now, p_now);
END
$$;

-- Ends attempts of one session; an entry that is stale changes nothing. Outcomes are 1 succeed,
-- 2 retry, 3 fail, 4 cancel, 5 release, 6 hand back, 7 interrupt, 8 park. Answers with the places
-- of the stale entries, and with those of the jobs that came back.
CREATE FUNCTION settle_attempts(p_session uuid, p_jobs uuid[], p_tokens bigint[],
    p_outcomes smallint[], p_waits bigint[], p_walls bigint[], p_failures text[],
    p_results bytea[], p_now bigint, OUT stale integer[], OUT back integer[])
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_session integer := (SELECT id FROM session WHERE uuid = p_session AND NOT is_ended);
    v_accepted integer[];
    v_apart running[];
    v_places integer[];
    x record;
    a attempt;
    v_state smallint;
BEGIN
    -- The entries come sorted by job, so that two transactions lock rows in one order. Most ends
    -- concern no other table.
    WITH gone AS (
        DELETE FROM running r
        USING unnest(p_jobs, p_tokens, p_outcomes, p_walls, p_failures, p_results) WITH ORDINALITY
            AS e (job, token, outcome, wall, failure, result, place)
        WHERE r.id = e.job AND r.token = e.token AND r.session = v_session
        RETURNING r AS held, e.place::integer, e.outcome, e.wall, e.failure, e.result
    ), ended AS (
        INSERT INTO finished (seq, finished_at, token, claimed_at, wall, line, failures,
            interrupts, handbacks, state, marks, failure, result)
        SELECT (held).seq, v_now, (held).token, (held).claimed_at, wall, (held).line,
            counted((held).failures, outcome = 3), (held).interrupts, (held).handbacks,
            CASE outcome WHEN 1 THEN 3 WHEN 3 THEN 4 WHEN 4 THEN 5 ELSE 6 END, (held).marks,
            failure, CASE outcome WHEN 1 THEN result END
        FROM gone WHERE outcome IN (1, 3, 4, 8) AND (held).marks & 3 = 0
    )
    SELECT array_agg(place),
        array_agg(held) FILTER (WHERE outcome NOT IN (1, 3, 4, 8) OR (held).marks & 3 <> 0),
        array_agg(place) FILTER (WHERE outcome NOT IN (1, 3, 4, 8) OR (held).marks & 3 <> 0)
    INTO v_accepted, v_apart, v_places FROM gone;
    IF coalesce(cardinality(v_accepted), 0) < cardinality(p_jobs) THEN
        stale := ARRAY(SELECT n FROM generate_series(1, cardinality(p_jobs)) AS n
            WHERE v_accepted IS NULL OR NOT EXISTS (SELECT FROM unnest(v_accepted) AS y
                WHERE y = n));
    END IF;
    IF v_apart IS NOT NULL THEN
        PERFORM announce(ARRAY(SELECT y.seq FROM unnest(v_apart, v_places) AS y
            WHERE p_outcomes[y.unnest] IN (5, 7)));
    END IF;
    FOR x IN SELECT * FROM unnest(v_apart, v_places) LOOP
        a := ROW(ROW(x.seq, x.line, NULL, x.token,
            counted(x.failures, p_outcomes[x.unnest] IN (2, 3)), x.interrupts,
            counted(x.handbacks, p_outcomes[x.unnest] = 6), x.marks)::standing,
            x.claimed_at, x.cancel_asked)::attempt;
        IF p_outcomes[x.unnest] = 7 THEN
            v_state := interrupt(a, p_failures[x.unnest], p_walls[x.unnest], v_now);
        ELSE
            v_state := end_attempt(a, (ARRAY[3, 0, 4, 5, 1, 0, NULL, 6])[p_outcomes[x.unnest]]
                ::smallint, p_walls[x.unnest], p_failures[x.unnest],
                CASE p_outcomes[x.unnest] WHEN 1 THEN p_results[x.unnest] END,
                later(v_now, p_waits[x.unnest]), v_now);
        END IF;
        IF v_state < 2 THEN
            back := back || x.unnest;
        END IF;
    END LOOP;
END
$$;

-- Stores how far attempts are; what is stale is dropped.
CREATE FUNCTION report_progress(p_session uuid, p_jobs uuid[], p_tokens bigint[],
    p_dones double precision[], p_totals double precision[], p_notes text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    e record;
    v_marks smallint;
BEGIN
    FOR e IN SELECT r.seq, r.id, r.token, n.done, n.total, n.note
        FROM unnest(p_jobs, p_tokens, p_dones, p_totals, p_notes) AS n (job, token, done, total,
            note)
        JOIN running r ON r.id = n.job AND r.token = n.token
        JOIN session s ON s.id = r.session
        WHERE s.uuid = p_session AND NOT s.is_ended ORDER BY r.id
    LOOP
        -- Meanwhile the job may have come back, and another attempt of it may run.
        SELECT marks INTO v_marks FROM running WHERE id = e.id AND token = e.token
            FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF v_marks & 4 = 0 THEN
            UPDATE running SET marks = marks | 4 WHERE id = e.id;
        END IF;
        INSERT INTO progress (seq, done, total, note) VALUES (e.seq, e.done, e.total, e.note)
        ON CONFLICT (seq) DO UPDATE SET done = excluded.done, total = excluded.total,
            note = excluded.note;
    END LOOP;
END
$$;
