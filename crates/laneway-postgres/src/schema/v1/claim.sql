-- Handing out jobs.

-- A job that a claim took or holds. The first row of an answer is no job: its `token` is the time
-- of the claim, its `seq` the time at which a claim like this one finds something next.
CREATE TYPE claimed AS (
    id uuid,
    seq bigint,
    token bigint,
    task integer,
    policy integer,
    queue_place integer,
    lane smallint,
    urgency smallint,
    failures integer,
    interrupts integer,
    handbacks integer,
    ready_at bigint,
    args bytea
);

-- Takes ready jobs for a session: of the queues in their order, at most so many for each lane.
-- `LW001` says that the session is not open.
CREATE FUNCTION claim_jobs(p_session uuid, p_call bigint, p_queues text[], p_lanes smallint[],
    p_counts integer[], p_now bigint) RETURNS SETOF claimed
LANGUAGE plpgsql ROWS 100
SET search_path = {schema}, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_bitmapscan = off AS $$
DECLARE
    v_now bigint := time_of(p_now);
    -- A place of `job_seq` from before this transaction has a number, see `advance_mark`.
    v_last bigint := (SELECT last_value FROM job_seq
        WHERE pg_current_xact_id_if_assigned() IS NULL);
    v_session integer;
    v_room integer[] := ARRAY[0, 0, 0];
    v_lines integer[];
    v_promoted integer := 0;
    v_next bigint;
    v_held boolean := false;
    v_taken boolean := false;
    v_skipped boolean := false;
    v_places tid[];
    v_first bigint;
    l record;
BEGIN
    SELECT id INTO v_session FROM session WHERE uuid = p_session AND NOT is_ended;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'session % is not open', p_session USING ERRCODE = 'LW001';
    END IF;
    -- The repetition of a call whose answer was lost waits here until the first has ended: what
    -- that one took is locked until then, and would look like nothing.
    PERFORM pg_advisory_xact_lock(hashtextextended(p_session::text || ':' || p_call, 0));
    v_lines := ARRAY(SELECT c.id FROM claim_lines(p_queues, p_lanes) AS c);
    IF EXISTS (SELECT FROM claim_call WHERE session = v_session AND call = p_call) THEN
        RETURN QUERY SELECT r.id, r.seq, r.token, j.task, j.policy,
            array_position(p_queues, q.name), n.lane, n.urgency, r.failures, r.interrupts,
            r.handbacks, r.ready_at, j.args
        FROM running r JOIN job j ON j.seq = r.seq JOIN line n ON n.id = r.line
        JOIN queue q ON q.id = n.queue
        WHERE r.session = v_session AND r.call = p_call;
    ELSE
        -- The session comes before the marks that due jobs lower: whoever ends it takes both, too.
        IF EXISTS (SELECT FROM scheduled WHERE due_at <= v_now) THEN
            PERFORM hold_session(v_session, p_session);
            v_held := true;
            v_promoted := promote(2000, v_now);
        END IF;
        FOR i IN 1 .. cardinality(p_lanes) LOOP
            v_room[p_lanes[i] + 1] := p_counts[i];
        END LOOP;
        IF EXISTS (SELECT FROM gate_line WHERE line = ANY (v_lines) AND next_at <= v_now) THEN
            FOR l IN SELECT * FROM take_limited(p_queues, p_lanes, v_lines, v_room, v_now) LOOP
                v_skipped := v_skipped OR l.places IS NULL;
                v_places := v_places || l.places;
                v_room := l.room;
            END LOOP;
            IF v_places IS NOT NULL THEN
                IF NOT v_held THEN
                    PERFORM hold_session(v_session, p_session);
                END IF;
                v_held := true;
                v_taken := true;
                RETURN QUERY SELECT * FROM start_limited(v_places, v_session, p_call, p_queues,
                    v_now);
            END IF;
        END IF;
        FOR l IN SELECT * FROM claim_lines(p_queues, p_lanes) LOOP
            CONTINUE WHEN v_room[l.lane + 1] <= 0;
            SELECT array_agg(r.ctid), min(r.seq) INTO v_places, v_first FROM (
                SELECT ready.ctid, ready.seq FROM ready
                WHERE ready.line = l.id AND ready.seq >= l.low
                ORDER BY ready.seq LIMIT v_room[l.lane + 1] FOR UPDATE SKIP LOCKED) AS r;
            IF v_places IS NOT NULL THEN
                IF NOT v_held THEN
                    PERFORM hold_session(v_session, p_session);
                END IF;
                v_held := true;
                v_taken := true;
                v_room[l.lane + 1] := v_room[l.lane + 1] - cardinality(v_places);
                RETURN QUERY WITH gone AS MATERIALIZED (
                    DELETE FROM ready WHERE ready.ctid = ANY (v_places) RETURNING ready.*
                ), held AS MATERIALIZED (
                    SELECT g.seq, g.line, next_token(g.token) AS token, g.failures, g.interrupts,
                        g.handbacks, g.marks, g.ready_at, j.id, j.task, j.policy, j.args,
                        later(v_now, p.deadline_after) AS deadline
                    FROM gone g JOIN job j ON j.seq = g.seq LEFT JOIN policy p ON p.id = j.policy
                ), fresh AS (
                    DELETE FROM progress USING held h WHERE progress.seq = h.seq
                        AND h.marks & 4 <> 0
                ), started AS (
                    INSERT INTO running (id, seq, call, token, ready_at, claimed_at, deadline,
                        session, line, failures, interrupts, handbacks, marks)
                    SELECT h.id, h.seq, p_call, h.token, h.ready_at, v_now, h.deadline, v_session,
                        h.line, h.failures, h.interrupts, h.handbacks, h.marks & ~4 FROM held h
                )
                SELECT h.id, h.seq, h.token, h.task, h.policy, l.place, l.lane, l.urgency,
                    h.failures, h.interrupts, h.handbacks, h.ready_at, h.args FROM held h;
            END IF;
            -- How far the claim had to walk is not known, so marks are moved now and then: about
            -- once for 500 jobs, and sooner when much of the line may be dead.
            IF v_last - l.low > 200 AND random() < 0.06 + coalesce(cardinality(v_places), 0) / 500.0
                + coalesce(v_first - l.low, 0) / 20000.0
            THEN
                PERFORM advance_mark(l.id, v_last);
            END IF;
        END LOOP;
        IF v_taken THEN
            INSERT INTO claim_call (session, call, called_at) VALUES (v_session, p_call, v_now);
        END IF;
    END IF;
    SELECT min(due.at) INTO v_next FROM (
        SELECT CASE WHEN v_promoted = 2000 THEN v_now END AS at
        UNION ALL SELECT (SELECT s.due_at FROM scheduled s WHERE s.line = n AND s.due_at > v_now
            ORDER BY s.due_at LIMIT 1) FROM unnest(v_lines) AS n
        UNION ALL SELECT (SELECT greatest(g.next_at, v_now + v_skipped::integer * 5000)
            FROM gate_line g WHERE g.line = n ORDER BY g.next_at LIMIT 1) FROM unnest(v_lines) AS n
    ) AS due;
    RETURN NEXT ROW(NULL, v_next, v_now, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL)::claimed;
END
$$;

-- The token of the next claim, also of a job whose token somebody has made one that cannot be.
CREATE FUNCTION next_token(p_token bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(greatest(p_token, 0), 9223372036854775806) + 1
$$;

-- Keeps `forget_sessions` from a session that just gets jobs. A claim that finds none need not
-- write, and so waits for no disk.
CREATE FUNCTION hold_session(p_id integer, p_session uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM session WHERE id = p_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'session % is not open', p_session USING ERRCODE = 'LW001';
    END IF;
END
$$;

-- The lines that a claim may take from, in its order.
CREATE FUNCTION claim_lines(p_queues text[], p_lanes smallint[], OUT id integer, OUT lane smallint,
    OUT urgency smallint, OUT place integer, OUT low bigint) RETURNS SETOF record
LANGUAGE sql STABLE ROWS 10 AS $$
    SELECT l.id, l.lane, l.urgency, q.place::integer, m.low
    FROM unnest(p_queues) WITH ORDINALITY AS q (name, place)
    JOIN queue ON queue.name = q.name AND NOT queue.is_paused
    JOIN line l ON l.queue = queue.id JOIN mark m ON m.line = l.id
    WHERE l.lane = ANY (p_lanes) ORDER BY q.place, l.urgency, l.lane
$$;

-- Takes permits, the gate first that has waited longest, and picks the rows of `limited` that get
-- them. A row of the answer is a gate; one without places is a gate at which somebody else is.
CREATE FUNCTION take_limited(p_queues text[], p_lanes smallint[], p_lines integer[],
    p_room integer[], p_now bigint, OUT places tid[], OUT room integer[]) RETURNS SETOF record
LANGUAGE plpgsql AS $$
DECLARE
    g record;
    v gate;
    v_start bigint;
    v_budget bigint;
    v_tat bigint;
    v_open integer[];
    v_counts integer[];
BEGIN
    room := p_room;
    FOR g IN SELECT gl.gate, min(gl.next_at) AS open_at FROM gate_line gl
        WHERE gl.line = ANY (p_lines) AND gl.next_at <= p_now GROUP BY gl.gate ORDER BY 2, 1
    LOOP
        EXIT WHEN room[1] <= 0 AND room[2] <= 0 AND room[3] <= 0;
        -- Of thousands of limits most may have jobs only for a lane that is full by now. They are
        -- left alone, since what is locked here is lost to every other claim.
        v_open := ARRAY(SELECT n.id FROM line n WHERE n.id = ANY (p_lines)
            AND room[n.lane + 1] > 0);
        CONTINUE WHEN NOT EXISTS (SELECT FROM gate_line x
            WHERE x.gate = g.gate AND x.line = ANY (v_open));
        -- Not `FOR UPDATE`: that would pass over a gate for as long as anybody's transaction has
        -- added a job to it.
        SELECT * INTO v FROM gate WHERE id = g.gate FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND AND EXISTS (SELECT FROM gate WHERE id = g.gate) THEN
            places := NULL;
            RETURN NEXT;
            CONTINUE;
        ELSIF NOT FOUND THEN
            -- Somebody has deleted it: nothing tells how fast its jobs may run, and they still do.
            v := ROW(g.gate, '', 1, 1, 1, 0)::gate;
        END IF;
        -- Rounded as in `laneway_core::limit`: once a grant, and never in favour of the caller.
        v_start := greatest(v.tat, p_now);
        v_budget := least(1000000, greatest(0,
            v.burst + floor((p_now - v_start)::numeric * v.count / v.per)))::bigint;
        IF v_budget > 0 THEN
            WITH candidate AS MATERIALIZED (
                SELECT r.place, r.seq, r.line, l.lane, l.urgency, l.place AS rank,
                    row_number() OVER (PARTITION BY l.lane
                        ORDER BY l.place, l.urgency, r.seq) AS nth
                FROM claim_lines(p_queues, p_lanes) AS l CROSS JOIN LATERAL (
                    SELECT w.ctid AS place, w.seq, w.line FROM limited w
                    WHERE w.gate = g.gate AND w.line = l.id
                    ORDER BY w.seq LIMIT least(v_budget, room[l.lane + 1]) FOR UPDATE SKIP LOCKED
                ) AS r
            ), picked AS MATERIALIZED (
                SELECT * FROM candidate WHERE nth <= room[lane + 1]
                ORDER BY rank, urgency, seq LIMIT v_budget
            )
            SELECT array_agg(place), ARRAY[
                count(*) FILTER (WHERE lane = 0), count(*) FILTER (WHERE lane = 1),
                count(*) FILTER (WHERE lane = 2)]::integer[]
            INTO places, v_counts FROM picked;
        ELSE
            places := NULL;
        END IF;
        v_tat := v_start
            + ceil(coalesce(cardinality(places), 0)::numeric * v.per / v.count)::bigint;
        IF places IS NOT NULL THEN
            UPDATE gate SET tat = v_tat WHERE id = g.gate;
            FOR i IN 1 .. 3 LOOP
                room[i] := room[i] - v_counts[i];
            END LOOP;
            RETURN NEXT;
        ELSIF v_budget > 0 THEN
            -- Whoever took the last of a line away may have found it locked. It is still locked
            -- where an application adds a job in a transaction that goes on: a look now and then
            -- is enough there.
            PERFORM close_gate_line(g.gate, n) FROM unnest(v_open) AS n;
            UPDATE gate_line SET next_at = p_now + 100000
            WHERE gate = g.gate AND line = ANY (v_open);
            CONTINUE;
        END IF;
        UPDATE gate_line SET next_at = next_permit_at(g.gate, p_now) WHERE gate = g.gate;
    END LOOP;
END
$$;

-- Makes jobs running that have a permit.
CREATE FUNCTION start_limited(p_places tid[], p_session integer, p_call bigint, p_queues text[],
    p_now bigint) RETURNS SETOF claimed LANGUAGE plpgsql AS $$
DECLARE
    v_gone limited[];
    l record;
BEGIN
    WITH gone AS (DELETE FROM limited WHERE ctid = ANY (p_places) RETURNING limited.*)
    SELECT array_agg(gone::limited) INTO v_gone FROM gone;
    DELETE FROM progress USING unnest(v_gone) AS g WHERE progress.seq = g.seq AND g.marks & 4 <> 0;
    RETURN QUERY WITH started AS (
        INSERT INTO running (id, seq, call, token, ready_at, claimed_at, deadline, session, line,
            failures, interrupts, handbacks, marks)
        SELECT j.id, g.seq, p_call, next_token(g.token), g.ready_at, p_now,
            later(p_now, p.deadline_after),
            p_session, g.line, g.failures, g.interrupts, g.handbacks, g.marks & ~4
        FROM unnest(v_gone) AS g JOIN job j ON j.seq = g.seq LEFT JOIN policy p ON p.id = j.policy
        RETURNING running.*
    )
    SELECT r.id, r.seq, r.token, j.task, j.policy, array_position(p_queues, q.name), n.lane,
        n.urgency, r.failures, r.interrupts, r.handbacks, r.ready_at, j.args
    FROM started r JOIN job j ON j.seq = r.seq JOIN line n ON n.id = r.line
    JOIN queue q ON q.id = n.queue;
    FOR l IN SELECT DISTINCT gate, line FROM unnest(v_gone) ORDER BY gate, line LOOP
        PERFORM close_gate_line(l.gate, l.line);
    END LOOP;
END
$$;
