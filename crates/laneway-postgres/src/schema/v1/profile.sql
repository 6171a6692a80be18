-- What workers measured.

-- Stores sums of profiles, each made of what was there and what is new, and forgets old periods.
-- `p_seen` are the digests of what was there when the sums were made. Answers with false when
-- somebody else has added to them since; then nothing was changed, and the sums must be made anew.
-- `LW001` says that the session is not open. A call whose number is not new adds nothing.
CREATE FUNCTION put_profiles(p_session uuid, p_call bigint, p_period bigint, p_oldest bigint,
    p_tasks text[], p_keys bytea[], p_bodies bytea[], p_seen bytea[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = {schema}, pg_temp SET jit = off AS $$
DECLARE
    s session;
BEGIN
    PERFORM pg_advisory_xact_lock({lock}, -2);
    SELECT * INTO s FROM session WHERE uuid = p_session AND NOT is_ended FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'session % is not open', p_session USING ERRCODE = 'LW001';
    END IF;
    IF s.profile_call >= p_call THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM unnest(p_tasks, p_keys, p_seen) AS e (task, key, seen)
        LEFT JOIN task t ON t.name = e.task
        LEFT JOIN profile p ON p.task = t.id AND p.key = e.key AND p.period = p_period
        WHERE sha256(p.body) IS DISTINCT FROM e.seen)
    THEN
        RETURN false;
    END IF;
    UPDATE session SET profile_call = p_call WHERE id = s.id;
    INSERT INTO profile (period, task, key, body)
    SELECT p_period, task_number(e.task), e.key, e.body
    FROM unnest(p_tasks, p_keys, p_bodies) AS e (task, key, body)
    ON CONFLICT (period, task, key) DO UPDATE SET body = excluded.body;
    DELETE FROM profile WHERE period < p_oldest;
    RETURN true;
END
$$;
