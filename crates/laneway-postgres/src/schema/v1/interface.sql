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
        IF abs(v_text::numeric) > 1.797e308 THEN
            PERFORM refuse('a number in the arguments is too large');
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

-- Refuses a job that workers could not read, with the code of its page.
CREATE FUNCTION refuse(p_why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{unreadable}: %', p_why USING ERRCODE = 'LW013',
        HINT = 'Nothing was added. docs/errors/{unreadable}.md tells how a job is described.';
END
$$;

-- Whether a text is a name: 1 to 200 bytes, no control characters, no blanks at its ends. The bytes
-- of its UTF-8 are looked at: what a class of characters holds depends on the database's locale.
CREATE FUNCTION is_name(p_name text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(length(u.bytes) BETWEEN 2 AND 400
        AND u.bytes !~ '^(..)*([01].|7f|c2[89].)'
        AND u.bytes !~ ('^' || u.blank) AND u.bytes !~ (u.blank || '$'), false)
    FROM (SELECT encode(convert_to(p_name, 'UTF8'), 'hex') AS bytes,
        '(20|c2a0|e19a80|e2808[0-9a]|e280a[89f]|e2819f|e38080)' AS blank) AS u
$$;

-- Whether a value of a JSON object is a whole number within bounds, written as such.
CREATE FUNCTION is_whole(p_value json, p_least numeric, p_most numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(CASE WHEN p_value::text ~ '^-?(0|[1-9][0-9]{0,19})$' AND p_value::text <> '-0'
        THEN p_value::text::numeric BETWEEN p_least AND p_most END, false)
$$;

-- Whether a value is a span as policies have them.
CREATE FUNCTION is_span(p_span json) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN json_typeof(p_span) = 'object'
        THEN (SELECT count(*) = 2 FROM json_object_keys(p_span))
            AND is_whole(p_span->'secs', 0, 18446744073709551615)
            AND is_whole(p_span->'nanos', 0, 4294967295)
            AND (p_span->>'secs')::numeric + div((p_span->>'nanos')::numeric, 1000000000)
                <= 18446744073709551615
        ELSE false END
$$;

-- Whether an object has each of its names once, and of names that are not known only plain values.
CREATE FUNCTION is_plain_object(p_value json, p_known text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN json_typeof(p_value) = 'object'
        THEN (SELECT count(*) = count(DISTINCT e.key) AND coalesce(bool_and(e.key = ANY (p_known)
                OR json_typeof(e.value) NOT IN ('object', 'array')), true)
            FROM json_each(p_value) AS e)
        ELSE false END
$$;

-- What is wrong with a policy; nothing when workers can read it.
CREATE FUNCTION policy_flaw(p_policy text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v json;
    r json;
BEGIN
    IF p_policy IS NULL THEN
        RETURN 'the policy is missing';
    END IF;
    BEGIN
        v := p_policy::json;
    EXCEPTION WHEN OTHERS THEN
        RETURN 'the policy is not JSON';
    END;
    IF NOT is_plain_object(v, '{retry,timeout,grace}') THEN
        RETURN 'the policy is not an object that says everything once';
    END IF;
    r := v->'retry';
    IF NOT coalesce(is_plain_object(r, '{first,cap}'), false) THEN
        RETURN 'the retry of the policy is not an object that says everything once';
    ELSIF NOT is_whole(r->'attempts_max', 0, 4294967295) THEN
        RETURN 'the attempts of the policy are not a whole number';
    ELSIF NOT coalesce(is_span(r->'first') AND is_span(r->'cap'), false) THEN
        RETURN 'the waits of the policy are not spans';
    ELSIF NOT coalesce(is_finite(r->'factor') AND is_finite(r->'jitter'), false) THEN
        RETURN 'factor and jitter of the policy are not numbers';
    ELSIF json_typeof(v->'timeout') <> 'null' AND NOT is_span(v->'timeout') THEN
        RETURN 'the timeout of the policy is not a span';
    ELSIF NOT coalesce(is_span(v->'grace'), false) THEN
        RETURN 'the grace of the policy is not a span';
    ELSIF coalesce(json_typeof(v->'on_interrupt') <> 'string'
        OR v->>'on_interrupt' NOT IN ('retry', 'park'), true) THEN
        RETURN 'what the policy says of interruptions is neither retry nor park';
    ELSIF NOT is_whole(v->'interrupts_max', 0, 4294967295) THEN
        RETURN 'the interruptions of the policy are not a whole number';
    END IF;
    RETURN NULL;
END
$$;

-- Whether a value is a number that a program can have.
CREATE FUNCTION is_finite(p_value json) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN json_typeof(p_value) = 'number' AND (p_value::text)::double precision IS NOT NULL;
EXCEPTION WHEN numeric_value_out_of_range THEN
    RETURN false;
END
$$;

-- What is wrong with the description of a job; nothing when workers can read it.
CREATE FUNCTION job_flaw(p_job json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    l json := CASE WHEN json_typeof(p_job->'limit') <> 'null' THEN p_job->'limit' END;
    v_bound constant numeric := 9223372036854775807;
    v_no_name constant text :=
        ' is not a name: 1 to 200 bytes, no control characters, no blanks at its ends';
BEGIN
    IF NOT coalesce(p_job->>'id' ~ '^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$', false) THEN
        RETURN 'the id is not one';
    ELSIF NOT is_name(p_job->>'task') THEN
        RETURN 'the task' || v_no_name;
    ELSIF NOT is_name(p_job->>'queue') THEN
        RETURN 'the queue' || v_no_name;
    ELSIF NOT is_whole(p_job->'lane', 0, 2) THEN
        RETURN 'the lane is not 0, 1 or 2';
    ELSIF NOT is_whole(p_job->'urgency', -100, 100) THEN
        RETURN 'the urgency is not a whole number from -100 to 100';
    ELSIF p_job->>'due' IS NOT NULL AND NOT is_whole(p_job->'due', -v_bound - 1, v_bound) THEN
        RETURN 'the due time is not one in microseconds';
    ELSIF p_job->>'wait' IS NOT NULL AND NOT is_whole(p_job->'wait', 0, v_bound) THEN
        RETURN 'the wait is not one in microseconds';
    ELSIF p_job->>'key' IS NOT NULL AND (json_typeof(p_job->'key') <> 'string'
        OR NOT is_whole(p_job->'scope', 0, 1)) THEN
        RETURN 'the unique key is not a text with a scope of 0 or 1';
    ELSIF l IS NOT NULL AND NOT coalesce(json_typeof(l) = 'object'
        AND json_typeof(l->'key') = 'string' AND is_whole(l->'count', 1, 4294967295)
        AND is_whole(l->'burst', 1, 4294967295) AND is_whole(l->'per', 1, v_bound)
        AND (l->>'per')::numeric >= (l->>'count')::numeric, false) THEN
        RETURN 'the limit is not a key with a count, a time of a microsecond for each, and a burst';
    END IF;
    RETURN policy_flaw(p_job->>'policy');
END
$$;

-- Adds one job that Laneway's own clients describe; tells its id, or that of the job that was there
-- before. It belongs to the transaction that calls it.
CREATE FUNCTION enqueue_job(p_job json, p_args bytea, OUT id text, OUT created boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {schema}, pg_temp AS $$
DECLARE
    v_id uuid;
    v_holders uuid[];
    v_flaw text := job_flaw(p_job);
    l json := p_job->'limit';
BEGIN
    IF v_flaw IS NOT NULL OR p_args IS NULL THEN
        PERFORM refuse(coalesce(v_flaw, 'the arguments are missing'));
    END IF;
    v_id := (p_job->>'id')::uuid;
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

-- An interval or a time in microseconds; the far end of time when that overflows, nothing when it
-- has no end.
CREATE FUNCTION micros_of(p_seconds double precision) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_seconds IN ('Infinity', '-Infinity') THEN NULL
        WHEN p_seconds > 9000000000000 THEN 9000000000000000000
        ELSE round(p_seconds * 1000000)::bigint END
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
    v_wait bigint := micros_of(extract(epoch FROM after)::double precision);
    v_due bigint := micros_of(extract(epoch FROM at)::double precision);
    v_timeout bigint := micros_of(extract(epoch FROM timeout)::double precision);
    v_policy text := json_build_object('retry', json_build_object('attempts_max', attempts,
            'first', json_build_object('secs', 1, 'nanos', 0), 'factor', 2.0,
            'cap', json_build_object('secs', 600, 'nanos', 0), 'jitter', 0.5),
        'timeout', CASE WHEN v_timeout IS NOT NULL THEN json_build_object('secs',
            v_timeout / 1000000, 'nanos', v_timeout % 1000000 * 1000) END,
        'grace', json_build_object('secs', 5, 'nanos', 0),
        'on_interrupt', 'retry', 'interrupts_max', 3)::text;
BEGIN
    IF lane IS NOT NULL AND lane NOT IN ('async', 'thread', 'process') THEN
        PERFORM refuse(format('%L is not a lane: they are async, thread and process', lane));
    ELSIF jsonb_typeof(args) IS DISTINCT FROM 'object' THEN
        PERFORM refuse('the arguments are not an object, by the names of the parameters');
    ELSIF (priority BETWEEN -100 AND 100) IS NOT TRUE THEN
        PERFORM refuse('the priority is not from -100 to 100');
    ELSIF (attempts >= 1) IS NOT TRUE THEN
        PERFORM refuse('the attempts are not at least 1');
    ELSIF after IS NOT NULL AND (v_wait >= 0) IS NOT TRUE THEN
        PERFORM refuse(format('it cannot wait for %s', after));
    ELSIF at IS NOT NULL AND v_due IS NULL THEN
        PERFORM refuse(format('it cannot be due at %s', at));
    ELSIF timeout IS NOT NULL AND (v_timeout > 0) IS NOT TRUE THEN
        PERFORM refuse(format('%s is not a timeout', timeout));
    END IF;
    RETURN (SELECT e.id FROM enqueue_job(json_build_object('id', new_id(), 'task', task,
        'queue', queue, 'lane', v_lane, 'urgency', -priority, 'policy', v_policy,
        'wait', v_wait, 'due', v_due, 'scope', 1, 'key', key), packed(args)) AS e);
END
$$;
