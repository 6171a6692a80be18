-- Adding jobs as they stand in another store.

-- Adds jobs with all that has happened to them; those whose id or held key is known are not added.
-- Answers as `enqueue_jobs` does.
CREATE FUNCTION restore_jobs(p_jobs json[], p_args bytea[], p_keys bytea[], p_results bytea[],
    p_now bigint, OUT places integer[], OUT holders uuid[])
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    j json;
    v_id uuid;
    v_task integer;
    v_seq bigint;
    v_scope smallint;
    v_holder uuid;
    v_gate integer;
    v_line integer;
    v_marks smallint;
BEGIN
    -- A place is taken only by a transaction that has its number, see `advance_mark`.
    PERFORM pg_current_xact_id();
    -- Two callers that bring the same new names wait for each other in one order.
    PERFORM task_number(t.name) FROM (SELECT DISTINCT x.job->>'task' COLLATE "C" AS name
        FROM unnest(p_jobs) AS x (job) ORDER BY 1) AS t;
    FOR i IN 1 .. cardinality(p_jobs) LOOP
        j := p_jobs[i];
        v_id := (j->>'id')::uuid;
        v_task := task_number(j->>'task');
        v_seq := nextval('job_seq');
        v_scope := (j->>'scope')::smallint;
        v_holder := NULL;
        v_gate := NULL;
        v_marks := 0;
        IF EXISTS (SELECT FROM job WHERE id = v_id) THEN
            v_holder := v_id;
        ELSIF (j->>'is_key_held')::boolean THEN
            LOOP
                INSERT INTO unique_key (task, scope, text, seq)
                VALUES (v_task, v_scope, p_keys[i], v_seq) ON CONFLICT DO NOTHING;
                EXIT WHEN FOUND;
                SELECT job.id INTO v_holder FROM unique_key u JOIN job ON job.seq = u.seq
                WHERE u.task = v_task AND u.scope = v_scope AND u.text = p_keys[i];
                EXIT WHEN FOUND;
            END LOOP;
            v_marks := CASE v_scope WHEN 0 THEN 1 ELSE 0 END;
        END IF;
        IF v_holder IS NULL THEN
            IF j->'limit'->>'key' IS NOT NULL THEN
                v_gate := put_gate(j->'limit'->>'key', (j->'limit'->>'count')::bigint,
                    (j->'limit'->>'per')::bigint, (j->'limit'->>'burst')::bigint, v_now);
            END IF;
            v_line := line_number(j->>'queue', (j->>'lane')::smallint, (j->>'urgency')::smallint);
            INSERT INTO job (seq, id, task, line, policy, gate, enqueued_at, unique_scope,
                unique_key, args)
            VALUES (v_seq, v_id, v_task, v_line, policy_number(j->>'policy'), v_gate,
                (j->>'enqueued_at')::bigint, v_scope, p_keys[i], p_args[i])
            ON CONFLICT (id) DO NOTHING;
            IF NOT FOUND THEN
                DELETE FROM unique_key WHERE task = v_task AND scope = v_scope
                    AND text = p_keys[i] AND seq = v_seq;
                v_holder := v_id;
            END IF;
        END IF;
        IF v_holder IS NOT NULL THEN
            places := places || i;
            holders := holders || v_holder;
        ELSE
            PERFORM restore_place(j, ROW(v_seq, v_line, v_gate, (j->>'token')::bigint,
                (j->>'failures')::integer, (j->>'interrupts')::integer,
                (j->>'handbacks')::integer, v_marks)::standing, p_results[i], v_now);
        END IF;
    END LOOP;
END
$$;

-- Puts a job where it stood.
CREATE FUNCTION restore_place(j json, s standing, p_result bytea, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_state smallint := (j->>'state')::smallint;
    v_due bigint := (j->>'due_at')::bigint;
BEGIN
    IF j->>'done' IS NOT NULL THEN
        INSERT INTO progress (seq, done, total, note)
        VALUES (s.seq, (j->>'done')::double precision, (j->>'total')::double precision,
            j->>'note');
        s.marks := s.marks | 4;
    END IF;
    IF v_state > 2 THEN
        INSERT INTO finished (seq, finished_at, token, claimed_at, wall, line, failures,
            interrupts, handbacks, state, marks, failure, result)
        VALUES (s.seq, coalesce((j->>'finished_at')::bigint, p_now), s.token,
            (j->>'claimed_at')::bigint, (j->>'wall')::bigint, s.line, s.failures, s.interrupts,
            s.handbacks, v_state, s.marks, j->>'failure',
            CASE v_state WHEN 3 THEN coalesce(p_result, '') END);
        RETURN;
    END IF;
    IF coalesce(j->>'claimed_at', j->>'wall', j->>'failure') IS NOT NULL THEN
        INSERT INTO trace (seq, claimed_at, wall, failure)
        VALUES (s.seq, (j->>'claimed_at')::bigint, (j->>'wall')::bigint, j->>'failure');
        s.marks := s.marks | 2;
    END IF;
    IF v_state = 0 AND v_due IS NOT NULL THEN
        PERFORM make_scheduled(s, v_due);
    ELSE
        PERFORM make_ready(s, p_now, p_now);
    END IF;
END
$$;
