-- Adding jobs as they stand in another store.

-- Adds jobs with all that has happened to them; those whose id or held key is known are not added.
-- Answers as `enqueue_jobs` does.
CREATE FUNCTION restore_jobs(p_jobs json[], p_args bytea[], p_keys bytea[], p_results bytea[],
    p_now bigint, OUT places integer[], OUT holders uuid[])
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_ids uuid[];
    v_tasks integer[];
    v_scopes smallint[];
    v_keys bytea[];
    v_seqs bigint[];
    v_lines integer[];
    v_gates integer[];
    e record;
    i integer;
    j json;
    v_holder uuid;
    v_gate integer;
    v_line integer;
    v_marks smallint;
    v_added integer[];
BEGIN
    -- A place is taken only by a transaction that has its number, see `advance_mark`.
    PERFORM pg_current_xact_id();
    -- Two callers that bring the same new names, or take the same keys, wait for each other in one
    -- order, which is that of `enqueue_jobs`.
    PERFORM task_number(t.name) FROM (SELECT DISTINCT x.job->>'task' COLLATE "C" AS name
        FROM unnest(p_jobs) AS x (job) ORDER BY 1) AS t;
    PERFORM policy_number(t.body) FROM (SELECT DISTINCT x.job->>'policy' COLLATE "C" AS body
        FROM unnest(p_jobs) AS x (job) ORDER BY 1) AS t;
    SELECT array_agg(x.id ORDER BY x.place), array_agg(task_number(x.task) ORDER BY x.place),
        array_agg(CASE WHEN x.is_held THEN x.scope END ORDER BY x.place),
        array_agg(CASE WHEN x.is_held THEN x.key END ORDER BY x.place)
    INTO v_ids, v_tasks, v_scopes, v_keys FROM (
        SELECT n.place, n.key, n.job->>'task' AS task, (n.job->>'id')::uuid AS id,
            (n.job->>'scope')::smallint AS scope, (n.job->>'is_key_held')::boolean AS is_held
        FROM unnest(p_jobs, p_keys) WITH ORDINALITY AS n (job, key, place)
    ) AS x;
    v_seqs := ARRAY(SELECT nextval('job_seq') FROM generate_series(1, cardinality(p_jobs)));
    FOR e IN SELECT x.job->>'queue' COLLATE "C" AS queue, (x.job->>'lane')::smallint AS lane,
            (x.job->>'urgency')::smallint AS urgency, array_agg(x.place::integer) AS places
        FROM unnest(p_jobs) WITH ORDINALITY AS x (job, place)
        JOIN places_to_add(v_ids, v_tasks, v_scopes, v_keys) AS p ON p = x.place
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    LOOP
        v_line := line_number(e.queue, e.lane, e.urgency);
        FOREACH i IN ARRAY e.places LOOP
            v_lines[i] := v_line;
        END LOOP;
    END LOOP;
    FOR e IN SELECT x.job->'limit'->>'key' COLLATE "C" AS key,
            array_agg(x.place::integer) AS places
        FROM unnest(p_jobs) WITH ORDINALITY AS x (job, place)
        WHERE v_lines[x.place::integer] IS NOT NULL AND x.job->'limit'->>'key' IS NOT NULL
        GROUP BY 1 ORDER BY 1
    LOOP
        v_gate := gate_of(p_jobs[e.places[1]]->'limit');
        FOREACH i IN ARRAY e.places LOOP
            v_gates[i] := v_gate;
        END LOOP;
    END LOOP;
    FOR i IN SELECT n.place FROM unnest(v_scopes, v_keys, v_tasks) WITH ORDINALITY
        AS n (scope, key, task, place) ORDER BY n.scope, n.key, n.task, n.place
    LOOP
        j := p_jobs[i];
        v_holder := NULL;
        v_marks := 0;
        IF EXISTS (SELECT FROM job WHERE id = v_ids[i]) THEN
            v_holder := v_ids[i];
        ELSIF v_keys[i] IS NOT NULL THEN
            LOOP
                INSERT INTO unique_key (task, scope, text, seq)
                VALUES (v_tasks[i], v_scopes[i], v_keys[i], v_seqs[i]) ON CONFLICT DO NOTHING;
                EXIT WHEN FOUND;
                SELECT job.id INTO v_holder FROM unique_key u JOIN job ON job.seq = u.seq
                WHERE u.task = v_tasks[i] AND u.scope = v_scopes[i] AND u.text = v_keys[i];
                EXIT WHEN FOUND;
                PERFORM free_deleted(v_tasks[i], v_scopes[i], v_keys[i]);
            END LOOP;
            v_marks := CASE v_scopes[i] WHEN 0 THEN 1 ELSE 0 END;
        END IF;
        IF v_holder IS NULL THEN
            v_gate := coalesce(v_gates[i], gate_of(j->'limit'));
            v_line := coalesce(v_lines[i], line_number(j->>'queue', (j->>'lane')::smallint,
                (j->>'urgency')::smallint));
            INSERT INTO job (seq, id, task, line, policy, gate, enqueued_at, unique_scope,
                unique_key, args)
            VALUES (v_seqs[i], v_ids[i], v_tasks[i], v_line, policy_number(j->>'policy'), v_gate,
                (j->>'enqueued_at')::bigint, (j->>'scope')::smallint, p_keys[i], p_args[i])
            ON CONFLICT (id) DO NOTHING;
            IF NOT FOUND THEN
                DELETE FROM unique_key WHERE task = v_tasks[i] AND scope = v_scopes[i]
                    AND text = v_keys[i] AND seq = v_seqs[i];
                v_holder := v_ids[i];
            END IF;
        END IF;
        IF v_holder IS NOT NULL THEN
            places := places || i;
            holders := holders || v_holder;
        ELSE
            v_added := v_added || i;
            PERFORM restore_place(j, ROW(v_seqs[i], v_line, v_gate, (j->>'token')::bigint,
                (j->>'failures')::integer, (j->>'interrupts')::integer,
                (j->>'handbacks')::integer, v_marks)::standing, p_results[i], v_now);
        END IF;
    END LOOP;
    -- Of several rates that one batch gives a key, the last counts.
    FOR e IN SELECT DISTINCT ON (1) x.job->'limit'->>'key' COLLATE "C" AS key,
            x.job->'limit' AS rate
        FROM unnest(p_jobs) WITH ORDINALITY AS x (job, place) JOIN unnest(v_added) AS a ON a = place
        WHERE x.job->'limit'->>'key' IS NOT NULL ORDER BY 1, x.place DESC
    LOOP
        PERFORM set_rate(e.key, (e.rate->>'count')::bigint, (e.rate->>'per')::bigint,
            (e.rate->>'burst')::bigint, v_now);
    END LOOP;
END
$$;

-- The gate of a limit as a description of a job has it, if it has one.
CREATE FUNCTION gate_of(p_limit json) RETURNS integer LANGUAGE sql AS $$
    SELECT hold_gate(p_limit->>'key', (p_limit->>'count')::bigint, (p_limit->>'per')::bigint,
        (p_limit->>'burst')::bigint) WHERE p_limit->>'key' IS NOT NULL
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
