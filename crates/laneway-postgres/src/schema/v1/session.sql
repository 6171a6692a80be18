-- Workers' leases on life, and what time has overtaken.

-- Why the jobs of a session that is over were interrupted.
CREATE FUNCTION lease_lost(p_worker text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT failure_of('{runner_died}', format('the worker `%s` stopped renewing its lease',
        coalesce(p_worker, '?')))
$$;

CREATE FUNCTION attempt_of(r running) RETURNS attempt LANGUAGE sql IMMUTABLE AS $$
    SELECT ROW(ROW(r.seq, r.line, NULL, r.token, r.failures, r.interrupts, r.handbacks,
        r.marks)::standing, r.claimed_at, r.cancel_asked)::attempt
$$;

-- Opens a session, or renews the lease of an open one.
CREATE FUNCTION open_session(p_session uuid, p_worker text, p_lease bigint, p_now bigint)
RETURNS void LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
BEGIN
    LOOP
        UPDATE session SET expires_at = later(v_now, p_lease)
        WHERE uuid = p_session AND NOT is_ended;
        EXIT WHEN FOUND;
        PERFORM close_session(p_session, p_now);
        INSERT INTO session (uuid, worker, opened_at, expires_at)
        VALUES (p_session, p_worker, v_now, later(v_now, p_lease)) ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
END
$$;

-- Extends a lease, and tells which attempts somebody wants cancelled. The first row is no attempt:
-- its `token` is the version of the schema, which tells an older worker that it was migrated.
CREATE FUNCTION renew_session(p_session uuid, p_lease bigint, p_condition text, p_now bigint)
RETURNS TABLE (id uuid, token bigint) LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_session integer;
BEGIN
    UPDATE session SET expires_at = later(time_of(p_now), p_lease), condition = p_condition
    WHERE uuid = p_session AND NOT is_ended RETURNING session.id INTO v_session;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'session % is not open', p_session USING ERRCODE = 'LW001';
    END IF;
    RETURN QUERY SELECT NULL::uuid, max(m.version)::bigint FROM migration m;
    RETURN QUERY SELECT r.id, r.token FROM running r
        WHERE r.session = v_session AND r.cancel_asked;
END
$$;

-- Ends a session; what it holds counts as interrupted. Tells whether it held anything.
CREATE FUNCTION close_session(p_session uuid, p_now bigint) RETURNS boolean LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off AS $$
DECLARE
    s session;
    v_held running[];
    r running;
    v_now bigint := time_of(p_now);
BEGIN
    SELECT * INTO s FROM session WHERE uuid = p_session FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    v_held := ARRAY(SELECT x FROM running x WHERE x.session = s.id ORDER BY x.id FOR UPDATE);
    DELETE FROM running WHERE session = s.id;
    PERFORM announce(ARRAY(SELECT x.seq FROM unnest(v_held) AS x));
    FOR r IN SELECT * FROM unnest(v_held) AS x ORDER BY x.seq LOOP
        PERFORM interrupt(attempt_of(r), lease_lost(s.worker), NULL, v_now);
    END LOOP;
    DELETE FROM claim_call WHERE session = s.id;
    DELETE FROM session WHERE id = s.id;
    RETURN v_held <> '{}';
END
$$;

-- Ends expired sessions, interrupts what they held and what has passed its deadline, and makes due
-- jobs ready.
CREATE FUNCTION sweep(p_jobs_max integer, p_now bigint, OUT expired integer, OUT released integer,
    OUT parked integer, OUT failed integer, OUT promoted integer, OUT more boolean)
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    v_over integer[];
    v_left integer := p_jobs_max;
    v_held running[];
    r running;
    v_failure text;
    v_state smallint;
BEGIN
    released := 0; parked := 0; failed := 0; promoted := 0;
    UPDATE session SET is_ended = true WHERE NOT is_ended AND expires_at <= v_now;
    GET DIAGNOSTICS expired = ROW_COUNT;
    v_over := ARRAY(SELECT id FROM session WHERE is_ended);
    -- Without an ended session nobody looks at all that runs, however many dead rows are there.
    IF v_over <> '{}' THEN
        v_held := ARRAY(SELECT x FROM running x WHERE x.session = ANY (v_over)
            ORDER BY x.seq LIMIT p_jobs_max + 1 FOR UPDATE SKIP LOCKED);
    END IF;
    v_held := coalesce(v_held, '{}') || ARRAY(SELECT x FROM running x WHERE x.deadline <= v_now
        AND NOT x.session = ANY (v_over) LIMIT p_jobs_max + 1 FOR UPDATE SKIP LOCKED);
    more := cardinality(v_held) > p_jobs_max;
    -- All that may come back below, so that two sweeps wait for each other in one order.
    PERFORM announce(ARRAY(SELECT x.seq FROM unnest(v_held) AS x) || ARRAY(
        SELECT seq FROM scheduled WHERE due_at <= v_now ORDER BY due_at, seq LIMIT p_jobs_max));
    FOR r IN SELECT * FROM unnest(v_held) AS x ORDER BY x.seq LIMIT p_jobs_max LOOP
        v_left := v_left - 1;
        v_failure := CASE WHEN r.session = ANY (v_over)
            THEN lease_lost((SELECT worker FROM session WHERE id = r.session))
            ELSE failure_of('{timed_out}', 'the attempt did not end although its time was over')
            END;
        DELETE FROM running WHERE id = r.id;
        v_state := interrupt(attempt_of(r), v_failure, NULL, v_now);
        released := released + (v_state = 1)::integer;
        parked := parked + (v_state = 6)::integer;
        failed := failed + (v_state = 4)::integer;
    END LOOP;
    IF v_over <> '{}' AND NOT more THEN
        PERFORM forget_sessions();
    END IF;
    IF v_left > 0 THEN
        promoted := promote(v_left, v_now);
    END IF;
    more := more OR EXISTS (SELECT FROM scheduled WHERE due_at <= v_now);
    -- A worker repeats only its latest claims.
    DELETE FROM claim_call WHERE ctid = ANY (ARRAY(SELECT ctid FROM claim_call
        WHERE called_at < v_now - 600000000 LIMIT 1000 FOR UPDATE SKIP LOCKED));
END
$$;

-- Forgets ended sessions that hold nothing. A claim that just gives one of them jobs locks its row.
CREATE FUNCTION forget_sessions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_over integer[];
BEGIN
    IF NOT sees_latest() THEN
        RETURN;
    END IF;
    v_over := ARRAY(SELECT id FROM session WHERE is_ended FOR UPDATE SKIP LOCKED);
    DELETE FROM session s WHERE s.id = ANY (v_over)
        AND NOT EXISTS (SELECT FROM running r WHERE r.session = s.id);
    DELETE FROM claim_call c WHERE c.session = ANY (v_over)
        AND NOT EXISTS (SELECT FROM session s WHERE s.id = c.session);
END
$$;
