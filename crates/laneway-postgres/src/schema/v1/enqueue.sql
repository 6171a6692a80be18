-- Adding jobs.

CREATE FUNCTION task_number(p_name text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
BEGIN
    LOOP
        SELECT id INTO v_id FROM task WHERE name = p_name;
        EXIT WHEN FOUND;
        INSERT INTO task (name) VALUES (p_name) ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_id;
END
$$;

-- The places of texts in the order of the texts.
CREATE FUNCTION in_order(p_texts text[]) RETURNS SETOF integer LANGUAGE sql IMMUTABLE AS $$
    SELECT t.place::integer FROM unnest(p_texts) WITH ORDINALITY AS t (text, place)
    ORDER BY t.text COLLATE "C", t.place
$$;

CREATE FUNCTION queue_number(p_name text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
BEGIN
    LOOP
        SELECT id INTO v_id FROM queue WHERE name = p_name;
        EXIT WHEN FOUND;
        INSERT INTO queue (name) VALUES (p_name) ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_id;
END
$$;

CREATE FUNCTION known_line(p_queue text, p_lane smallint, p_urgency smallint) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT l.id FROM queue q JOIN line l ON l.queue = q.id
    WHERE q.name = p_queue AND l.lane = p_lane AND l.urgency = p_urgency
$$;

CREATE FUNCTION line_number(p_queue text, p_lane smallint, p_urgency smallint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
    v_queue integer;
BEGIN
    LOOP
        v_id := known_line(p_queue, p_lane, p_urgency);
        EXIT WHEN v_id IS NOT NULL;
        v_queue := queue_number(p_queue);
        INSERT INTO line (queue, lane, urgency) VALUES (v_queue, p_lane, p_urgency)
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        IF FOUND THEN
            INSERT INTO mark (line) VALUES (v_id);
            EXIT;
        END IF;
    END LOOP;
    RETURN v_id;
END
$$;

CREATE FUNCTION policy_number(p_body text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_id integer;
    v_digest bytea := sha256(convert_to(p_body, 'UTF8'));
    v json;
BEGIN
    LOOP
        SELECT id INTO v_id FROM policy WHERE digest = v_digest;
        EXIT WHEN FOUND;
        v := p_body::json;
        INSERT INTO policy (digest, body, parks_on_interrupt, interrupts_max, deadline_after)
        VALUES (v_digest, p_body, v->>'on_interrupt' = 'park', (v->>'interrupts_max')::bigint,
            later(60000000, later(span_of(v->'timeout'), span_of(v->'grace'))))
        ON CONFLICT DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_id;
END
$$;

-- A span of a policy in microseconds; none for none.
CREATE FUNCTION span_of(p_span json) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(9223372036854775807, (p_span->>'secs')::numeric * 1000000
        + (p_span->>'nanos')::bigint / 1000)::bigint
    WHERE json_typeof(p_span) = 'object'
$$;

-- Adds jobs; those whose id or unique key is known are not added again. Jobs of one batch mostly
-- share a kind: task, queue, lane, urgency, policy and limit, given once. Answers with the places
-- of the jobs that were not added and the ids of the jobs that were there before.
CREATE FUNCTION enqueue_jobs(p_ids uuid[], p_kinds integer[], p_args bytea[], p_dues bigint[],
    p_waits bigint[], p_scopes smallint[], p_keys bytea[], k_tasks text[], k_queues text[],
    k_lanes smallint[], k_urgencies smallint[], k_policies text[], k_limits text[],
    k_counts bigint[], k_pers bigint[], k_bursts bigint[], p_now bigint,
    OUT places integer[], OUT holders uuid[])
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_tasks integer[];
    v_lines integer[];
    v_policies integer[];
    v_seqs bigint[];
    v_added bigint;
    v_is_plain boolean := p_keys IS NULL AND k_limits IS NULL;
    k integer;
BEGIN
    -- A place is taken only by a transaction that has its number, see `advance_mark`.
    PERFORM pg_current_xact_id();
    -- Two callers that bring the same new names wait for each other in one order.
    FOR k IN SELECT in_order(k_tasks) LOOP
        v_tasks[k] := task_number(k_tasks[k]);
    END LOOP;
    FOR k IN SELECT in_order(k_policies) LOOP
        v_policies[k] := policy_number(k_policies[k]);
    END LOOP;
    FOR k IN SELECT e.place FROM unnest(k_queues, k_lanes, k_urgencies) WITH ORDINALITY
        AS e (queue, lane, urgency, place) ORDER BY e.queue COLLATE "C", e.lane, e.urgency
    LOOP
        v_lines[k] := known_line(k_queues[k], k_lanes[k], k_urgencies[k]);
        -- A job that is not added does not bring its queue.
        IF v_lines[k] IS NULL AND v_is_plain AND EXISTS (
            SELECT FROM unnest(p_ids, p_kinds) AS e (id, kind)
            WHERE e.kind = k AND NOT EXISTS (SELECT FROM job WHERE job.id = e.id))
        THEN
            v_lines[k] := line_number(k_queues[k], k_lanes[k], k_urgencies[k]);
        END IF;
    END LOOP;
    v_seqs := ARRAY(SELECT nextval('job_seq') FROM generate_series(1, cardinality(p_ids)));
    IF NOT v_is_plain THEN
        SELECT * INTO places, holders FROM enqueue_apart(p_ids, p_kinds, p_args, p_dues, p_waits,
            p_scopes, p_keys, k_queues, k_lanes, k_urgencies, k_limits, k_counts, k_pers, k_bursts,
            v_tasks, v_policies, v_seqs, v_now);
        RETURN;
    END IF;
    WITH added AS (
        INSERT INTO job (seq, id, task, line, policy, enqueued_at, asked_for, args)
        SELECT e.seq, e.id, v_tasks[e.kind], coalesce(v_lines[e.kind], 0), v_policies[e.kind],
            v_now, nullif(greatest(v_now, e.due, later(v_now, e.wait)), v_now), e.args
        FROM unnest(p_ids, v_seqs, p_kinds, p_args, p_dues, p_waits)
            AS e (id, seq, kind, args, due, wait)
        -- Two callers that add the same jobs wait for each other in one order.
        ORDER BY e.id, e.seq
        ON CONFLICT (id) DO NOTHING
        RETURNING job.seq, job.line, job.asked_for
    ), into_ready AS (
        INSERT INTO ready (line, seq, token, ready_at, failures, interrupts, handbacks, marks)
        SELECT line, seq, 0, v_now, 0, 0, 0, 0 FROM added WHERE asked_for IS NULL
    ), into_scheduled AS (
        INSERT INTO scheduled (seq, line, due_at, token, failures, interrupts, handbacks, marks)
        SELECT seq, line, asked_for, 0, 0, 0, 0, 0 FROM added WHERE asked_for IS NOT NULL
    )
    SELECT count(*) INTO v_added FROM added;
    IF v_added < cardinality(p_ids) THEN
        SELECT array_agg(e.place), array_agg(e.id) INTO places, holders
        FROM unnest(p_ids, v_seqs) WITH ORDINALITY AS e (id, seq, place)
        JOIN job ON job.id = e.id WHERE job.seq <> e.seq;
    END IF;
END
$$;

-- The places of the jobs that a batch will add, as far as can be seen before it takes its keys. The
-- rest, of which only the first may be added or somebody else's, brings what it needs as it comes.
CREATE FUNCTION places_to_add(p_ids uuid[], p_tasks integer[], p_scopes smallint[], p_keys bytea[])
RETURNS SETOF integer LANGUAGE sql STABLE AS $$
    SELECT c.place::integer FROM (
        SELECT e.*, count(*) OVER (PARTITION BY e.id) AS namesakes,
            row_number() OVER (PARTITION BY e.task, e.scope, e.key ORDER BY e.place) AS nth
        FROM unnest(p_ids, p_tasks, p_scopes, p_keys) WITH ORDINALITY
            AS e (id, task, scope, key, place)
    ) AS c
    WHERE c.namesakes = 1 AND NOT EXISTS (SELECT FROM job WHERE job.id = c.id)
        AND (c.key IS NULL OR c.nth = 1 AND NOT EXISTS (SELECT FROM unique_key u
            WHERE u.task = c.task AND u.scope = c.scope AND u.text = c.key))
$$;

-- Frees a unique key whose job somebody has deleted by hand: who takes the key would look for the
-- job for ever.
CREATE FUNCTION free_deleted(p_task integer, p_scope smallint, p_key bytea) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM unique_key u WHERE u.task = p_task AND u.scope = p_scope AND u.text = p_key
        AND NOT EXISTS (SELECT FROM job WHERE job.seq = u.seq)
$$;

-- Adds jobs of which some have a unique key or a limit, one by one.
CREATE FUNCTION enqueue_apart(p_ids uuid[], p_kinds integer[], p_args bytea[], p_dues bigint[],
    p_waits bigint[], p_scopes smallint[], p_keys bytea[], k_queues text[], k_lanes smallint[],
    k_urgencies smallint[], k_limits text[], k_counts bigint[], k_pers bigint[], k_bursts bigint[],
    p_tasks integer[], p_policies integer[], p_seqs bigint[], p_now bigint,
    OUT places integer[], OUT holders uuid[])
LANGUAGE plpgsql AS $$
DECLARE
    e record;
    k integer;
    v_holder uuid;
    v_gate integer;
    v_gates integer[];
    v_line integer;
    v_lines integer[];
    v_due bigint;
    v_marks smallint;
    -- The place of the last job of each kind that was added.
    v_used bigint[];
BEGIN
    -- Two callers that bring the same new queues and limits wait for each other in one order, also
    -- while one of them waits for a key. Where the key is then another job's, the new name stays.
    FOR e IN SELECT k_queues[c.kind] COLLATE "C" AS queue, k_lanes[c.kind] AS lane,
            k_urgencies[c.kind] AS urgency, c.kind
        FROM (SELECT DISTINCT p_kinds[p.place] AS kind
            FROM places_to_add(p_ids, ARRAY(SELECT p_tasks[n.kind] FROM unnest(p_kinds)
                WITH ORDINALITY AS n (kind, place) ORDER BY n.place), p_scopes, p_keys)
                AS p (place)) AS c
        ORDER BY 1, 2, 3
    LOOP
        v_lines[e.kind] := line_number(e.queue, e.lane, e.urgency);
    END LOOP;
    FOR e IN SELECT k_limits[n] COLLATE "C" AS key, array_agg(n) AS kinds
        FROM generate_subscripts(v_lines, 1) AS n
        WHERE v_lines[n] IS NOT NULL AND k_limits[n] IS NOT NULL GROUP BY 1 ORDER BY 1
    LOOP
        k := e.kinds[1];
        v_gate := hold_gate(k_limits[k], k_counts[k], k_pers[k], k_bursts[k]);
        FOREACH k IN ARRAY e.kinds LOOP
            v_gates[k] := v_gate;
        END LOOP;
    END LOOP;
    -- Two callers that take the same keys, too. Jobs that share a key keep their order: the first
    -- of them gets it.
    FOR e IN SELECT * FROM unnest(p_ids, p_seqs, p_kinds, p_args, p_dues, p_waits, p_scopes, p_keys)
        WITH ORDINALITY AS e (id, seq, kind, args, due, wait, scope, key, place)
        ORDER BY scope, key, p_tasks[kind], place
    LOOP
        v_holder := NULL;
        v_marks := 0;
        IF EXISTS (SELECT FROM job WHERE id = e.id) THEN
            v_holder := e.id;
        ELSIF e.key IS NOT NULL THEN
            LOOP
                INSERT INTO unique_key (task, scope, text, seq)
                VALUES (p_tasks[e.kind], e.scope, e.key, e.seq) ON CONFLICT DO NOTHING;
                EXIT WHEN FOUND;
                SELECT j.id INTO v_holder FROM unique_key u JOIN job j ON j.seq = u.seq
                WHERE u.task = p_tasks[e.kind] AND u.scope = e.scope AND u.text = e.key;
                EXIT WHEN FOUND;
                PERFORM free_deleted(p_tasks[e.kind], e.scope, e.key);
            END LOOP;
            v_marks := CASE e.scope WHEN 0 THEN 1 ELSE 0 END;
        END IF;
        IF v_holder IS NULL THEN
            v_gate := v_gates[e.kind];
            IF k_limits[e.kind] IS NOT NULL AND v_gate IS NULL THEN
                v_gate := hold_gate(k_limits[e.kind], k_counts[e.kind], k_pers[e.kind],
                    k_bursts[e.kind]);
                v_gates[e.kind] := v_gate;
            END IF;
            v_line := coalesce(v_lines[e.kind],
                line_number(k_queues[e.kind], k_lanes[e.kind], k_urgencies[e.kind]));
            v_due := greatest(p_now, e.due, later(p_now, e.wait));
            INSERT INTO job (seq, id, task, line, policy, gate, enqueued_at, asked_for,
                unique_scope, unique_key, args)
            VALUES (e.seq, e.id, p_tasks[e.kind], v_line, p_policies[e.kind], v_gate, p_now,
                nullif(v_due, p_now), CASE WHEN e.key IS NOT NULL THEN e.scope END, e.key, e.args)
            ON CONFLICT (id) DO NOTHING;
            IF NOT FOUND THEN
                DELETE FROM unique_key WHERE task = p_tasks[e.kind] AND scope = e.scope
                    AND text = e.key AND seq = e.seq;
                v_holder := e.id;
            END IF;
        END IF;
        IF v_holder IS NULL THEN
            v_used[e.kind] := greatest(v_used[e.kind], e.place);
        END IF;
        IF v_holder IS NOT NULL THEN
            places := places || e.place::integer;
            holders := holders || v_holder;
        ELSIF v_due > p_now THEN
            PERFORM make_scheduled(ROW(e.seq, v_line, v_gate, 0, 0, 0, 0, v_marks)::standing,
                v_due);
        ELSIF v_gate IS NOT NULL THEN
            PERFORM make_ready(ROW(e.seq, v_line, v_gate, 0, 0, 0, 0, v_marks)::standing, p_now,
                p_now);
        ELSE
            INSERT INTO ready (line, seq, token, ready_at, failures, interrupts, handbacks, marks)
            VALUES (v_line, e.seq, 0, p_now, 0, 0, 0, v_marks);
        END IF;
    END LOOP;
    -- Of several rates that one batch gives a key, the last counts.
    FOR k IN SELECT DISTINCT ON (k_limits[n] COLLATE "C") n FROM generate_subscripts(v_used, 1) AS n
        WHERE k_limits[n] IS NOT NULL AND v_used[n] IS NOT NULL
        ORDER BY k_limits[n] COLLATE "C", v_used[n] DESC
    LOOP
        PERFORM set_rate(k_limits[k], k_counts[k], k_pers[k], k_bursts[k], p_now);
    END LOOP;
END
$$;
