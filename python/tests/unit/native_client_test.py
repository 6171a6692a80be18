"""The native client on a real SQLite file: what it answers, when, and what it refuses."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from laneway._bridge import Client, JobTemplate, Mailbox, NativeError, raise_in_thread, to_public
from laneway.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from laneway._bridge import NewJob

    Added = list[tuple[str, bool]]

UNKNOWN_JOB = "01JD3Z7Q6W8X9YK2M4N5P6R7S8"
NO_ARGS = b"\x80"


def template(task: str = "shop.mail", **options: object) -> JobTemplate:
    given: dict[str, Any] = {
        "queue": "default",
        "lane": "async",
        "priority": 0,
        "retry": None,
        "timeout": None,
        "grace": None,
        "on_interrupt": "retry",
        "interrupts_max": None,
        "limit": None,
    }
    given.update(options)
    return JobTemplate(task, **given)


def jobs(count: int, args: bytes = NO_ARGS) -> list[NewJob]:
    return [(template(), args, None, None, None)] * count


def enqueue(client: Client, count: int = 1) -> list[str]:
    added = client.enqueue(jobs(count))
    assert added is not None
    return [job for job, _ in added]


def next_answers(mailbox: Mailbox, count: int) -> list[tuple[int, object, NativeError | None]]:
    answers: list[tuple[int, object, NativeError | None]] = []
    while len(answers) < count:
        readable, *_ = select.select([mailbox.fileno()], [], [], 10)
        assert readable, f"{len(answers)} of {count} answers came"
        answers += mailbox.drain()
    return answers


def has_answers(mailbox: Mailbox) -> bool:
    return bool(select.select([mailbox.fileno()], [], [], 0)[0])


def run(program: str, *args: str) -> str:
    """Runs a program in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    client = Client(url)
    yield client
    client.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


class TestEnqueue:
    def test_a_job_is_kept_as_it_was_given(self, client: Client) -> None:
        args = msgspec.msgpack.encode({"order": 42})
        mail = template(queue="mail", lane="thread", priority=7)
        [(job, created)] = client.enqueue([(mail, args, None, None, None)]) or []
        assert created
        record = client.job(job)
        assert record is not None
        expected = {
            "id": job,
            "task": "shop.mail",
            "queue": "mail",
            "lane": "thread",
            "priority": 7,
            "state": "ready",
            "failures": 0,
            "args": {"order": 42},
            "result": None,
            "failure": None,
        }
        assert {name: record[name] for name in expected} == expected

    def test_a_call_larger_than_a_batch_is_one_answer_in_order(self, client: Client) -> None:
        ids = enqueue(client, 2_345)
        assert len(set(ids)) == 2_345
        assert ids == sorted(ids)
        record = client.job(ids[-1])
        assert record is not None
        assert record["state"] == "ready"

    def test_no_jobs_are_no_work(self, client: Client) -> None:
        assert client.enqueue([]) == []

    def test_ids_grow_from_call_to_call(self, client: Client) -> None:
        ids = [enqueue(client)[0] for _ in range(50)]
        assert ids == sorted(ids)

    def test_a_delay_or_an_instant_schedules(self, client: Client) -> None:
        at = 4_000_000_000.5
        late: list[NewJob] = [
            (template(), NO_ARGS, 3_600.0, None, None),
            (template(), NO_ARGS, None, at, None),
        ]
        delayed, due = [client.job(job) or {} for job, _ in client.enqueue(late) or []]
        assert (delayed["state"], due["state"]) == ("scheduled", "scheduled")
        assert due["due_at"] == "2096-10-02T07:06:40.5Z"

    @pytest.mark.parametrize("scope", ["unfinished", "kept"])
    def test_a_unique_key_exists_once(self, client: Client, scope: str) -> None:
        job: NewJob = (template(), NO_ARGS, None, None, (scope, "order-42"))
        [(first, created)] = client.enqueue([job]) or []
        assert created
        assert client.enqueue([job]) == [(first, False)]

    def test_arguments_over_the_limit_name_task_and_sizes(self, client: Client) -> None:
        assert client.payload_max == 1 << 20
        with pytest.raises(NativeError) as caught:
            client.enqueue(jobs(1, bytes((1 << 20) + 1)))
        assert caught.value.code == "LW3003"
        assert "`shop.mail` have 1048577 bytes" in caught.value.what
        assert "1048576" in caught.value.why
        public = to_public(caught.value)
        assert isinstance(public, PayloadError)
        assert (public.code, public.what) == ("LW3003", caught.value.what)
        assert client.enqueue(jobs(1, bytes(1 << 20))) is not None

    @pytest.mark.parametrize(
        "job",
        [
            (template(), NO_ARGS, -1.0, None, None),
            (template(), NO_ARGS, float("nan"), None, None),
            (template(), NO_ARGS, None, -1.0, None),
            (template(), NO_ARGS, None, 1e15, None),
            (template(), NO_ARGS, 1.0, 1.0, None),
            (template(), NO_ARGS, None, None, ("forever", "k")),
        ],
    )
    def test_impossible_times_and_scopes_are_coded(self, client: Client, job: NewJob) -> None:
        with pytest.raises(NativeError) as caught:
            client.enqueue([job])
        assert caught.value.code == "LW1036"

    @pytest.mark.parametrize("job", [None, (), (template(), "text", None, None, None)])
    def test_what_is_no_job_is_a_type_error(self, client: Client, job: object) -> None:
        with pytest.raises((TypeError, ValueError)):
            client.enqueue([cast("NewJob", job)])


class TestControl:
    def test_cancel_and_requeue_answer_for_each_job(self, client: Client) -> None:
        [job] = enqueue(client)
        assert client.cancel([job, UNKNOWN_JOB]) == ["done", "unknown"]
        assert client.cancel([job]) == ["too_late"]
        assert client.requeue([job, UNKNOWN_JOB]) == ["done", "unknown"]
        assert client.requeue([job]) == ["refused"]

    def test_an_unknown_job_is_none(self, client: Client) -> None:
        assert client.job(UNKNOWN_JOB) is None

    def test_what_is_no_id_is_coded(self, client: Client) -> None:
        with pytest.raises(NativeError) as caught:
            client.job("r-42")
        assert caught.value.code == "LW1023"


class TestWait:
    def test_the_end_of_a_job_is_its_state_and_failure(self, client: Client) -> None:
        [job] = enqueue(client)
        client.cancel([job])
        end = client.wait(job)
        assert end is not None
        state, result, failure = end
        assert (state, result) == ("cancelled", None)
        assert failure is not None
        assert failure[0] == "LW2009"

    def test_the_time_may_be_over_first(self, client: Client) -> None:
        [job] = enqueue(client)
        assert client.wait(job, 0.0) is None
        started = time.monotonic()
        assert client.wait(job, 0.12) is None
        assert 0.12 <= time.monotonic() - started < 2

    def test_other_threads_go_on_and_end_the_wait(self, client: Client) -> None:
        ids = enqueue(client, 20)
        ends: list[object] = []

        def wait(job: str) -> None:
            ends.append(client.wait(job, 10))

        threads = [threading.Thread(target=wait, args=(job,)) for job in ids]
        for thread in threads:
            thread.start()
        client.cancel(ids)
        for thread in threads:
            thread.join()
        assert [end[0] for end in ends if isinstance(end, tuple)] == ["cancelled"] * 20

    def test_another_process_ends_the_wait(self, client: Client, url: str) -> None:
        [job] = enqueue(client)
        program = """
            import sys
            from laneway._bridge import Client
            client = Client(sys.argv[1])
            print(client.cancel([sys.argv[2]]))
            client.close()
        """
        canceller = threading.Timer(0.1, run, [program, url, job])
        canceller.start()
        end = client.wait(job, 10)
        canceller.join()
        assert end is not None
        assert end[0] == "cancelled"

    def test_a_signal_interrupts_it(self, client: Client) -> None:
        def interrupt(*_: object) -> None:
            raise InterruptedError

        [job] = enqueue(client)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            started = time.monotonic()
            with pytest.raises(InterruptedError):
                client.wait(job, 20)
            assert time.monotonic() - started < 2
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class TestMailbox:
    def test_answers_carry_their_tickets(self, client: Client, mailbox: Mailbox) -> None:
        [known] = enqueue(client)
        assert not has_answers(mailbox)
        assert client.enqueue(jobs(3), mailbox, 1) is None
        assert client.job(known, mailbox, 2) is None
        assert client.cancel([UNKNOWN_JOB], mailbox, 3) is None
        assert client.requeue([UNKNOWN_JOB], mailbox, -4) is None
        answers = {ticket: (value, error) for ticket, value, error in next_answers(mailbox, 4)}
        added, record = answers[1][0], answers[2][0]
        assert [created for _, created in cast("Added", added)] == [True] * 3
        assert isinstance(record, dict)
        assert record["id"] == known
        assert answers[3] == (["unknown"], None)
        assert answers[-4] == (["unknown"], None)
        assert not has_answers(mailbox)
        assert mailbox.drain() == []

    def test_a_thousand_calls_answer_once_each(self, client: Client, mailbox: Mailbox) -> None:
        for ticket in range(1_000):
            client.enqueue(jobs(1), mailbox, ticket)
        tickets = [ticket for ticket, _, error in next_answers(mailbox, 1_000) if error is None]
        assert sorted(tickets) == list(range(1_000))

    def test_a_closed_mailbox_drops_what_comes(self, client: Client) -> None:
        mailbox = Mailbox()
        client.enqueue(jobs(1), mailbox, 1)
        mailbox.close()
        client.enqueue(jobs(1), mailbox, 2)
        assert mailbox.drain() == []
        with pytest.raises(ValueError, match="closed"):
            mailbox.fileno()

    def test_subscriptions_tell_each_end_once(self, client: Client, mailbox: Mailbox) -> None:
        ids = enqueue(client, 300)
        for ticket, job in enumerate(ids):
            client.subscribe(job, mailbox, ticket)
        client.subscribe(ids[0], mailbox, 1_000)
        client.unsubscribe(mailbox, 7)
        client.unsubscribe(mailbox, 7)
        client.cancel(ids)
        ends = next_answers(mailbox, 300)
        assert sorted(ticket for ticket, *_ in ends) == [*range(7), *range(8, 300), 1_000]
        assert {value[0] for _, value, _ in ends if isinstance(value, tuple)} == {"cancelled"}

    def test_a_subscription_may_come_after_the_end(self, client: Client, mailbox: Mailbox) -> None:
        [job] = enqueue(client)
        client.cancel([job])
        for ticket in range(3):
            client.subscribe(job, mailbox, ticket)
            [(answered, *_)] = next_answers(mailbox, 1)
            assert answered == ticket

    def test_an_end_in_another_process_is_told(
        self, client: Client, mailbox: Mailbox, url: str
    ) -> None:
        ids = enqueue(client, 5)
        for ticket, job in enumerate(ids):
            client.subscribe(job, mailbox, ticket)
        program = """
            import sys
            from laneway._bridge import Client
            client = Client(sys.argv[1])
            client.cancel(sys.argv[2:])
            client.close()
        """
        run(program, url, *ids)
        assert sorted(ticket for ticket, *_ in next_answers(mailbox, 5)) == [0, 1, 2, 3, 4]


class TestLife:
    def test_close_waits_for_what_is_under_way(self, url: str, mailbox: Mailbox) -> None:
        client = Client(url)
        client.enqueue(jobs(5_000), mailbox, 1)
        client.close()
        [(_, added, error)] = mailbox.drain()
        assert error is None
        assert len(cast("Added", added)) == 5_000
        client.close()
        with pytest.raises(NativeError) as caught:
            client.enqueue(jobs(1))
        assert caught.value.code == "LW1008"
        assert "closed" in caught.value.what

    def test_closing_ends_waits_and_silences_subscriptions(
        self, url: str, mailbox: Mailbox
    ) -> None:
        client = Client(url)
        [job] = enqueue(client)
        client.subscribe(job, mailbox, 1)
        errors: list[str] = []

        def wait() -> None:
            try:
                client.wait(job, 10)
            except NativeError as error:
                errors.append(error.code)

        waiting = threading.Thread(target=wait)
        waiting.start()
        # It has begun to wait, or will find the client closed: both end it.
        client.close()
        waiting.join(5)
        assert errors == ["LW1008"]
        assert mailbox.drain() == []

    def test_a_fork_needs_a_client_of_its_own(self, url: str) -> None:
        program = """
            import os, sys
            from laneway._bridge import Client, JobTemplate, Mailbox, NativeError
            template = JobTemplate(
                "t", queue="q", lane="async", priority=0, retry=None, timeout=None, grace=None,
                on_interrupt="retry", interrupts_max=None, limit=None,
            )
            job = (template, b"", None, None, None)
            client, mailbox = Client(sys.argv[1]), Mailbox()
            [(before, _)] = client.enqueue([job])
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                codes = []
                for call in (lambda: client.enqueue([job]), client.close, mailbox.drain):
                    try:
                        call()
                    except NativeError as error:
                        codes.append(error.code)
                del client
                [(own, _)] = Client(sys.argv[1]).enqueue([job])
                os.write(writer, " ".join([own, *codes]).encode())
                os._exit(0)
            [(after, _)] = client.enqueue([job])
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            own, *codes = os.read(reader, 999).decode().split()
            assert len({before, own, after}) == 3
            client.close()
            print(*codes)
        """
        assert run(program, url) == "LW1008 LW1008 LW1008\n"

    def test_an_exit_in_the_middle_of_calls_is_clean(self, url: str) -> None:
        program = """
            import sys
            from laneway._bridge import Client, JobTemplate, Mailbox
            template = JobTemplate(
                "t", queue="q", lane="async", priority=0, retry=None, timeout=None, grace=None,
                on_interrupt="retry", interrupts_max=None, limit=None,
            )
            client, mailbox = Client(sys.argv[1]), Mailbox()
            for ticket in range(100):
                client.enqueue([(template, b"", None, None, None)] * 10, mailbox, ticket)
            [(job, _)] = client.enqueue([(template, b"", None, None, None)])
            client.subscribe(job, mailbox, 1000)
        """
        assert run(program, url) == ""


class TestConfiguration:
    def test_a_url_in_the_program_wins(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANEWAY_STORE", "sqlite:////nowhere/else.db")
        with contextlib.closing(Client(url)) as client:
            assert client.store == url
            assert client.store_origin == "the program"

    def test_the_environment_names_the_store(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LANEWAY_STORE", url)
        with contextlib.closing(Client()) as client:
            assert client.store_origin == "LANEWAY_STORE"

    def test_the_file_upwards_of_the_folder_names_the_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LANEWAY_STORE", raising=False)
        (tmp_path / "laneway.toml").write_text('store = "sqlite:///mine.db"\npayload_max = 2048\n')
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        with contextlib.closing(Client(folder=os.fspath(deep))) as client:
            enqueue(client)
            assert client.payload_max == 2048
            assert client.store_origin == f"{tmp_path / 'laneway.toml'}:1"
        assert (tmp_path / "mine.db").exists()

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("jobs.db", "LW1001"),
            ("amqp://host", "LW1001"),
            ("sqlite:////proc/nowhere/jobs.db", "LW1008"),
        ],
    )
    def test_a_store_that_cannot_be_is_coded(self, url: str, code: str) -> None:
        with pytest.raises(NativeError) as caught:
            Client(url)
        assert caught.value.code == code


class TestTemplate:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"queue": ""}, "queue"),
            ({"lane": "asink"}, "asink"),
            ({"priority": 101}, "101"),
            ({"retry": (0, 1.0, 2.0, 9.0, 0.5)}, "retry.attempts"),
            ({"retry": (3, -1.0, 2.0, 9.0, 0.5)}, "retry.first"),
            ({"retry": (3, 1.0, 0.5, 9.0, 0.5)}, "retry.factor"),
            ({"retry": (3, 1.0, 2.0, float("inf"), 0.5)}, "retry.cap"),
            ({"retry": (3, 1.0, 2.0, 9.0, 1.5)}, "retry.jitter"),
            ({"timeout": 0.0}, "timeout"),
            ({"timeout": float("nan")}, "timeout"),
            ({"grace": -1.0}, "grace"),
            ({"on_interrupt": "prak"}, "on_interrupt"),
            ({"interrupts_max": 0}, "interrupts_max"),
            ({"limit": ("", 1, 1.0, 1)}, "limit.key"),
            ({"limit": ("k", 0, 1.0, 1)}, "limit.count"),
            ({"limit": ("k", 1, 0.0, 1)}, "limit.per"),
            ({"limit": ("k", 1, 1.0, 0)}, "limit.burst"),
            ({"limit": ("k", 10_000_000, 1.0, 1)}, "rate"),
        ],
    )
    def test_an_impossible_option_is_named(self, options: dict[str, Any], named: str) -> None:
        with pytest.raises(NativeError) as caught:
            template(**options)
        assert caught.value.code == "LW1036"
        assert "`shop.mail`" in caught.value.what
        assert named in caught.value.what

    def test_every_option_at_its_bounds_is_taken(self) -> None:
        template(
            priority=-100,
            lane="process",
            retry=(1, 0.0, 1.0, 0.0, 0.0),
            timeout=0.001,
            grace=0.0,
            on_interrupt="park",
            interrupts_max=1,
            limit=("smtp", 1_000_000, 1.0, 1),
        )


class TestRaiseInThread:
    def test_the_thread_sees_the_exception(self) -> None:
        class Stop(BaseException):
            pass

        seen: list[type[BaseException]] = []
        running = threading.Event()

        def work() -> None:
            try:
                running.set()
                while True:
                    time.sleep(0.001)
            except Stop as stop:
                seen.append(type(stop))

        thread = threading.Thread(target=work)
        thread.start()
        running.wait()
        assert thread.ident is not None
        assert raise_in_thread(thread.ident, Stop)
        thread.join(5)
        assert seen == [Stop]
        assert not raise_in_thread(12_345, Stop)

    def test_only_exceptions_are_raised(self) -> None:
        with pytest.raises(TypeError):
            raise_in_thread(threading.get_ident(), int)  # pyright: ignore[reportArgumentType]
