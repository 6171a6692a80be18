-- How long a call waits for others.
--
-- Who has given up a call tells the server to end it. Where that word cannot arrive, the call must
-- not wait for a lock for hours and then take jobs that nobody gets. What adds jobs is left out: it
-- may be part of a transaction of the application, whose own bound counts.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT oid FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace
        AND proname IN ('cancel_jobs', 'claim_jobs', 'close_session', 'open_session', 'prune',
            'put_profiles', 'register_tasks', 'renew_session', 'report_progress', 'requeue_jobs',
            'restore_jobs', 'set_paused', 'settle_attempts', 'sweep') LOOP
        EXECUTE format('ALTER FUNCTION %s SET lock_timeout = %L', v_function, '20s');
    END LOOP;
END
$$;
