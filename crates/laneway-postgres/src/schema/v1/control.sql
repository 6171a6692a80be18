-- What people decide about jobs, queues and tasks; and what is no longer wanted.

-- The standing of a row of `ready`, `limited` or `scheduled` that is taken out.
CREATE FUNCTION leave_waiting(p_seq bigint, p_line integer, p_gate integer) RETURNS standing
LANGUAGE plpgsql AS $$
DECLARE
    s standing;
BEGIN
    DELETE FROM scheduled WHERE seq = p_seq
    RETURNING seq, line, gate, token, failures, interrupts, handbacks, marks INTO s;
    IF NOT FOUND AND p_gate IS NULL THEN
        DELETE FROM ready WHERE line = p_line AND seq = p_seq
        RETURNING seq, line, NULL, token, failures, interrupts, handbacks, marks INTO s;
    ELSIF NOT FOUND THEN
        DELETE FROM limited WHERE gate = p_gate AND line = p_line AND seq = p_seq
        RETURNING seq, line, gate, token, failures, interrupts, handbacks, marks INTO s;
    END IF;
    RETURN s;
END
$$;

-- Cancels jobs. Answers in their order: 0 done, 1 asked, 2 too late, 3 unknown.
CREATE FUNCTION cancel_jobs(p_jobs uuid[], p_now bigint) RETURNS smallint[] LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_answers smallint[] := array_fill(3::smallint, ARRAY[cardinality(p_jobs)]);
    e record;
    j job;
    f finished;
    s standing;
    v_left standing[];
BEGIN
    FOR e IN SELECT * FROM unnest(p_jobs) WITH ORDINALITY AS e (id, place) ORDER BY id, place LOOP
        SELECT * INTO j FROM job WHERE id = e.id;
        CONTINUE WHEN NOT FOUND;
        -- A job that changes its place meanwhile is found at its new one.
        FOR i IN 1 .. 1000 LOOP
            UPDATE running SET cancel_asked = true WHERE id = e.id;
            IF FOUND THEN
                v_answers[e.place] := 1;
                EXIT;
            END IF;
            s := leave_waiting(j.seq, j.line, j.gate);
            IF s.seq IS NOT NULL THEN
                v_left := v_left || s;
                PERFORM make_finished(s, 5::smallint, NULL, NULL, failure_of('{cancelled}',
                    'somebody asked to cancel it'), NULL, v_now);
                v_answers[e.place] := 0;
                EXIT;
            END IF;
            SELECT * INTO f FROM finished WHERE seq = j.seq FOR UPDATE;
            IF FOUND AND f.state <> 6 THEN
                v_answers[e.place] := 2;
                EXIT;
            ELSIF FOUND THEN
                DELETE FROM finished WHERE seq = j.seq;
                s := ROW(f.seq, f.line, NULL, f.token, f.failures, f.interrupts, f.handbacks,
                    f.marks)::standing;
                PERFORM make_finished(s, 5::smallint, f.claimed_at, f.wall,
                    failure_of('{cancelled}', 'somebody asked to cancel it'), NULL, v_now);
                v_answers[e.place] := 0;
                EXIT;
            END IF;
            EXIT WHEN NOT EXISTS (SELECT FROM job WHERE seq = j.seq);
        END LOOP;
    END LOOP;
    -- Last of all: a claim that holds a job which this waits for writes to the line of its limit.
    PERFORM close_gate_line(l.gate, l.line) FROM (SELECT DISTINCT gate, line FROM unnest(v_left)
        WHERE gate IS NOT NULL ORDER BY gate, line) AS l;
    RETURN v_answers;
END
$$;

-- Makes failed, cancelled and parked jobs ready again. Answers in their order: -1 done,
-- -2 unknown, otherwise the state that does not allow it.
CREATE FUNCTION requeue_jobs(p_jobs uuid[], p_now bigint) RETURNS smallint[] LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_answers smallint[] := array_fill((-2)::smallint, ARRAY[cardinality(p_jobs)]);
    v_ended bigint[] := '{}';
    v_back bigint[];
    v_live smallint;
    e record;
    j job;
BEGIN
    FOR e IN SELECT * FROM unnest(p_jobs) WITH ORDINALITY AS e (id, place) ORDER BY id, place LOOP
        SELECT * INTO j FROM job WHERE id = e.id;
        CONTINUE WHEN NOT FOUND;
        FOR i IN 1 .. 1000 LOOP
            PERFORM FROM finished WHERE seq = j.seq FOR UPDATE;
            IF FOUND THEN
                v_ended := v_ended || j.seq;
                EXIT;
            END IF;
            v_live := live_state(j);
            IF v_live IS NOT NULL THEN
                v_answers[e.place] := v_live;
                EXIT;
            END IF;
            EXIT WHEN NOT EXISTS (SELECT FROM job WHERE seq = j.seq);
        END LOOP;
    END LOOP;
    -- The marks come last: a key may be in the transaction of an application, which stays open for
    -- as long as it likes, and whoever makes another job of the line ready needs its mark.
    v_back := take_keys(v_ended);
    PERFORM announce(v_back);
    FOR e IN SELECT n.place, job, ended FROM unnest(p_jobs) WITH ORDINALITY AS n (id, place)
        JOIN job ON job.id = n.id JOIN finished AS ended ON ended.seq = job.seq
        WHERE job.seq = ANY (v_ended) ORDER BY n.id, n.place
    LOOP
        j := e.job;
        v_answers[e.place] := CASE WHEN j.seq = ANY (v_back)
            THEN requeue_ended(j, e.ended, v_now) ELSE (e.ended).state END;
    END LOOP;
    RETURN v_answers;
END
$$;

-- Takes the unique keys that ended jobs need to come back; they were freed when the jobs ended, and
-- other jobs may have them meanwhile. Answers with the jobs whose state and key allow it. Two
-- callers that take the same keys wait for each other in one order.
CREATE FUNCTION take_keys(p_ended bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_back bigint[];
BEGIN
    WITH ended AS MATERIALIZED (
        SELECT job.seq, job.id, job.task, job.unique_scope, job.unique_key,
            coalesce(job.unique_scope = 0 AND f.marks & 1 = 0, false) AS needs_key
        FROM job JOIN finished f ON f.seq = job.seq
        WHERE job.seq = ANY (p_ended) AND f.state > 3
    ), taken AS (
        INSERT INTO unique_key (task, scope, text, seq)
        SELECT task, unique_scope, unique_key, seq FROM ended WHERE needs_key
        ORDER BY unique_key, task, id
        ON CONFLICT DO NOTHING RETURNING unique_key.seq
    )
    SELECT array_agg(ended.seq) INTO v_back FROM ended
    WHERE NOT needs_key OR ended.seq IN (SELECT taken.seq FROM taken);
    RETURN coalesce(v_back, '{}');
END
$$;

CREATE FUNCTION live_state(j job) RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (SELECT FROM running WHERE id = j.id) THEN 2
        WHEN EXISTS (SELECT FROM scheduled WHERE seq = j.seq) THEN 0
        WHEN EXISTS (SELECT FROM ready WHERE line = j.line AND seq = j.seq) THEN 1
        WHEN EXISTS (SELECT FROM limited WHERE seq = j.seq) THEN 1
    END::smallint
$$;

-- Makes a job ready that ended or was parked, and that has its unique key.
CREATE FUNCTION requeue_ended(j job, f finished, p_now bigint) RETURNS smallint
LANGUAGE plpgsql AS $$
DECLARE
    v_marks smallint := f.marks | 2 | (j.unique_scope IS NOT DISTINCT FROM 0)::integer;
BEGIN
    DELETE FROM finished WHERE seq = f.seq;
    IF NOT FOUND THEN
        -- It was named twice.
        RETURN live_state(j);
    END IF;
    INSERT INTO trace (seq, claimed_at, wall, failure)
    VALUES (f.seq, f.claimed_at, f.wall, f.failure)
    ON CONFLICT (seq) DO UPDATE SET claimed_at = excluded.claimed_at, wall = excluded.wall,
        failure = excluded.failure;
    PERFORM make_ready(ROW(j.seq, j.line, j.gate, f.token, 0, 0, 0, v_marks)::standing, p_now,
        p_now);
    RETURN -1;
END
$$;

-- Pauses or resumes a queue; one that nobody has used yet is made known.
CREATE FUNCTION set_paused(p_queue text, p_is_paused boolean) RETURNS void LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off AS $$
DECLARE
    v_queue integer := queue_number(p_queue);
BEGIN
    UPDATE queue SET is_paused = p_is_paused WHERE id = v_queue AND is_paused <> p_is_paused;
END
$$;

-- Makes tasks belong to an application, unless some belong to another one. Answers with these.
CREATE FUNCTION register_tasks(p_application text, p_tasks text[], p_facts bytea[],
    p_lanes smallint[], p_calibration bytea, p_take_over boolean)
RETURNS TABLE (task text, application text) LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    v_others boolean;
BEGIN
    PERFORM pg_advisory_xact_lock({lock}, -1);
    RETURN QUERY SELECT t.name, t.application FROM task t
        WHERE t.name = ANY (p_tasks) AND t.application <> p_application ORDER BY t.name;
    v_others := FOUND;
    IF v_others AND NOT p_take_over THEN
        RETURN;
    END IF;
    PERFORM task_number(n) FROM unnest(p_tasks) AS n ORDER BY n COLLATE "C";
    -- A worker that starts again changes nothing, and so writes nothing.
    UPDATE task t SET application = p_application, facts = e.facts, lane = e.lane
    FROM unnest(p_tasks, p_facts, p_lanes) AS e (name, facts, lane) WHERE t.name = e.name
        AND (t.application, t.facts) IS DISTINCT FROM (p_application, e.facts);
    IF p_calibration IS NOT NULL THEN
        INSERT INTO calibration (application, body) VALUES (p_application, p_calibration)
        ON CONFLICT (application) DO UPDATE SET body = excluded.body;
    END IF;
END
$$;

-- Deletes ended jobs that are old enough, the oldest first, and tells how many.
CREATE FUNCTION prune(p_older_than bigint, p_jobs_max integer, p_now bigint) RETURNS integer
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_seqs bigint[];
    v_gates integer[];
BEGIN
    WITH gone AS (
        DELETE FROM finished WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM finished WHERE state <> 6 AND finished_at < v_now - p_older_than
            ORDER BY finished_at, seq LIMIT p_jobs_max FOR UPDATE SKIP LOCKED))
        RETURNING seq
    )
    SELECT array_agg(seq) INTO v_seqs FROM gone;
    DELETE FROM unique_key u USING unnest(v_seqs) AS n JOIN job j ON j.seq = n
    WHERE u.task = j.task AND u.scope = j.unique_scope AND u.text = j.unique_key AND u.seq = n;
    DELETE FROM progress USING unnest(v_seqs) AS n WHERE progress.seq = n;
    DELETE FROM job USING unnest(v_seqs) AS n WHERE job.seq = n;
    -- A gate whose budget is full again and that no job refers to is as good as a new one.
    v_gates := ARRAY(SELECT id FROM gate g WHERE sees_latest() AND g.tat <= v_now
        AND NOT EXISTS (SELECT FROM job WHERE job.gate = g.id) LIMIT 100 FOR UPDATE SKIP LOCKED);
    -- The last to leave a line may have found it locked, and have left its row.
    WITH gone AS (
        DELETE FROM gate g WHERE g.id = ANY (v_gates)
            AND NOT EXISTS (SELECT FROM job WHERE job.gate = g.id) RETURNING g.id
    )
    DELETE FROM gate_line l USING gone WHERE l.gate = gone.id;
    RETURN coalesce(cardinality(v_seqs), 0);
END
$$;
