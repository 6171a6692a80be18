-- The interface for SQL: what programs in any language may call, inside their own transactions.

-- Wakes the workers. To be called after the transaction that adds jobs, never in it: a transaction
-- that notifies holds a lock of the whole database while it commits. Without a call, workers find
-- new jobs within a second.
CREATE FUNCTION wake() RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify({channel}, '7:')
$$;

-- An identity as people read it, such as `01JD3Z7Q6W8X9YK2M4N5P6R7S8`.
CREATE FUNCTION ulid_of(p_id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
        1 + substring(b.bits FROM 1 + 5 * n FOR 5)::bit(5)::integer, 1), '' ORDER BY n)
    FROM (SELECT '00' || ('x' || replace(p_id::text, '-', ''))::bit(128)::text AS bits) AS b,
        generate_series(0, 25) AS n
$$;

-- A new identity: the time in milliseconds and 80 random bits.
CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(substring(int8send(time_of(NULL) / 1000) FROM 3)
        || substring(r.bytes FOR 6) || substring(r.bytes FROM 10 FOR 4), 'hex')::uuid
    FROM (SELECT uuid_send(gen_random_uuid()) AS bytes) AS r
$$;

-- The head of a MessagePack value with a length.
CREATE FUNCTION packed_head(p_length integer, p_short integer, p_short_max integer,
    p_kinds bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN p_length <= p_short_max THEN set_byte('\x00', 0, p_short + p_length)
        WHEN p_length < 256 AND length(p_kinds) = 3
            THEN substring(p_kinds FOR 1) || substring(int4send(p_length) FROM 4)
        WHEN p_length < 65536
            THEN substring(p_kinds FROM length(p_kinds) - 1 FOR 1)
                || substring(int4send(p_length) FROM 3)
        ELSE substring(p_kinds FROM length(p_kinds)) || int4send(p_length)
    END
$$;

-- A value as MessagePack. Whole numbers of up to 64 bits stay whole.
CREATE FUNCTION packed(p_value jsonb) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_text text := p_value #>> '{}';
    v_bytes bytea;
BEGIN
    CASE jsonb_typeof(p_value)
    WHEN 'null' THEN
        RETURN '\xc0';
    WHEN 'boolean' THEN
        RETURN CASE WHEN v_text = 'true' THEN '\xc3'::bytea ELSE '\xc2'::bytea END;
    WHEN 'number' THEN
        IF v_text ~ '^-?[0-9]{1,19}$'
            AND v_text::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
            RETURN '\xd3'::bytea || int8send(v_text::bigint);
        END IF;
        RETURN '\xcb'::bytea || float8send(v_text::double precision);
    WHEN 'string' THEN
        v_bytes := convert_to(v_text, 'UTF8');
        RETURN packed_head(length(v_bytes), 160, 31, '\xd9dadb') || v_bytes;
    WHEN 'array' THEN
        RETURN packed_head(jsonb_array_length(p_value), 144, 15, '\xdcdd') || coalesce((
            SELECT string_agg(packed(e.value), ''::bytea ORDER BY e.place)
            FROM jsonb_array_elements(p_value) WITH ORDINALITY AS e (value, place)), '');
    ELSE
        RETURN packed_head((SELECT count(*)::integer FROM jsonb_object_keys(p_value)), 128, 15,
            '\xdedf') || coalesce((
            SELECT string_agg(packed(to_jsonb(e.key)) || packed(e.value), ''::bytea)
            FROM jsonb_each(p_value) AS e), '');
    END CASE;
END
$$;

-- Adds one job that Laneway's own clients describe; tells its id, or that of the job that was there
-- before. It belongs to the transaction that calls it.
CREATE FUNCTION enqueue_job(p_job json, p_args bytea, OUT id text, OUT created boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
DECLARE
    v_id uuid := (p_job->>'id')::uuid;
    v_holders uuid[];
    l json := p_job->'limit';
BEGIN
    SELECT holders INTO v_holders FROM enqueue_jobs(ARRAY[v_id], ARRAY[1], ARRAY[p_args],
        ARRAY[(p_job->>'due')::bigint], ARRAY[(p_job->>'wait')::bigint],
        CASE WHEN p_job->>'key' IS NOT NULL THEN ARRAY[(p_job->>'scope')::smallint] END,
        CASE WHEN p_job->>'key' IS NOT NULL
            THEN ARRAY[convert_to(p_job->>'key', 'UTF8')] END,
        ARRAY[p_job->>'task'], ARRAY[p_job->>'queue'], ARRAY[(p_job->>'lane')::smallint],
        ARRAY[(p_job->>'urgency')::smallint], ARRAY[p_job->>'policy'],
        CASE WHEN l->>'key' IS NOT NULL THEN ARRAY[l->>'key'] END,
        CASE WHEN l->>'key' IS NOT NULL THEN ARRAY[(l->>'count')::bigint] END,
        CASE WHEN l->>'key' IS NOT NULL THEN ARRAY[(l->>'per')::bigint] END,
        CASE WHEN l->>'key' IS NOT NULL THEN ARRAY[(l->>'burst')::bigint] END, NULL);
    created := v_holders IS NULL;
    id := ulid_of(coalesce(v_holders[1], v_id));
END
$$;

-- Adds a job by hand: a task by its name, its arguments by theirs. The lane is the task's own, once
-- a worker that knows the task has used this store; `async` before. `key` is taken for as long as
-- the job is kept. Tells the job's id.
CREATE FUNCTION enqueue(task text, args jsonb DEFAULT '{}', queue text DEFAULT 'default',
    lane text DEFAULT NULL, priority integer DEFAULT 0, after interval DEFAULT NULL,
    at timestamptz DEFAULT NULL, key text DEFAULT NULL, attempts integer DEFAULT 1,
    timeout interval DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    v_lane integer := coalesce(array_position(ARRAY['async', 'thread', 'process'], lane) - 1,
        (SELECT t.lane FROM task t WHERE t.name = enqueue.task), 0);
    v_timeout json := CASE WHEN timeout IS NULL THEN NULL ELSE json_build_object(
        'secs', floor(extract(epoch FROM timeout))::bigint, 'nanos', 0) END;
    v_policy text := json_build_object('retry', json_build_object('attempts_max', attempts,
            'first', json_build_object('secs', 1, 'nanos', 0), 'factor', 2.0,
            'cap', json_build_object('secs', 600, 'nanos', 0), 'jitter', 0.5),
        'timeout', v_timeout, 'grace', json_build_object('secs', 5, 'nanos', 0),
        'on_interrupt', 'retry', 'interrupts_max', 3)::text;
BEGIN
    IF lane IS NOT NULL AND lane NOT IN ('async', 'thread', 'process') THEN
        RAISE EXCEPTION '% is not a lane', quote_literal(lane)
            USING HINT = 'The lanes are async, thread and process.';
    ELSIF jsonb_typeof(args) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the arguments of a job are an object, by the names of the parameters';
    ELSIF priority NOT BETWEEN -100 AND 100 OR attempts < 1 THEN
        RAISE EXCEPTION 'a priority is from -100 to 100, and attempts are at least 1';
    ELSIF NOT (is_name(task) AND is_name(queue)) THEN
        RAISE EXCEPTION 'a name has 1 to 200 bytes, no control characters, no blanks at its ends';
    END IF;
    RETURN (SELECT e.id FROM enqueue_job(json_build_object('id', new_id(), 'task', task,
        'queue', queue, 'lane', v_lane, 'urgency', -priority, 'policy', v_policy,
        'wait', (extract(epoch FROM after) * 1000000)::bigint,
        'due', (extract(epoch FROM at) * 1000000)::bigint, 'scope', 1, 'key', key),
        packed(args)) AS e);
END
$$;

CREATE FUNCTION is_name(p_name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT octet_length(p_name) BETWEEN 1 AND 200 AND p_name = btrim(p_name)
        AND p_name !~ '[[:cntrl:]]'
$$;
