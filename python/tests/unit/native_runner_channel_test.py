"""The runner's end of the socket, each case in a process of its own.

A channel ties its process to the supervisor at the other end, here the test, so it is opened by a
small program whose standard input is the socket.
"""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from laneway._bridge import version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[[str], "Supervisor"]

JOB = "01JD3Z7Q6W8X9YK2M4N5P6R7S8"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HEADER = struct.Struct("<I")
PRELUDE = """
import sys
from laneway._bridge import RunnerChannel
channel = RunnerChannel(0)
"""


def job_bytes(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 32 + CROCKFORD.index(letter)
    return number.to_bytes(16, "big")


def frame(message: object) -> bytes:
    body = msgspec.msgpack.encode(message)
    return HEADER.pack(len(body)) + body


def run(attempt: int, args: bytes = b"\x80") -> list[object]:
    return [attempt, 3, "thread", job_bytes(JOB), "mail", 2, args]


@dataclass
class Supervisor:
    """The test's end of the socket, and the program at the other."""

    process: subprocess.Popen[str]
    socket: socket.socket
    spare: socket.socket
    """A duplicate of the program's end, as a supervisor keeps it to take commands back."""

    def send(self, *messages: object) -> None:
        self.socket.sendall(b"".join(map(frame, messages)))

    def receive(self) -> Any:  # noqa: ANN401 - a message of any shape
        (length,) = HEADER.unpack(self._exactly(HEADER.size))
        return msgspec.msgpack.decode(self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            assert part, "the runner closed its end"
            parts += part
        return bytes(parts)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def finish(self) -> str:
        out, err = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, err
        return out


@pytest.fixture
def start() -> Iterator[Start]:
    supervisors: list[Supervisor] = []

    def start(program: str) -> Supervisor:
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        process = subprocess.Popen(
            [sys.executable, "-uc", PRELUDE + textwrap.dedent(program)],
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        supervisors.append(Supervisor(process, ours, theirs))
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        supervisor.process.kill()
        supervisor.process.communicate()
        supervisor.socket.close()
        supervisor.spare.close()


def test_hello_tells_what_was_imported(start: Start) -> None:
    supervisor = start("""
        tasks = [
            ("mail", "thread", "default", (False, False, None, None, [])),
            ("fetch", "async", "web", (True, None, None, None, ["requests.get", "json"])),
            ("scale", "process", "web", (False, False, "", None, [])),
            ("plot", "process", "web", (False, False, "", None, ["tkinter.Tk"])),
            ("trust", "process", "web", (False, False, "", True, ["tkinter.Tk"])),
            ("count", "process", "web", (False, False, "it counts", False, [])),
        ]
        channel.hello(("shop.py", "shop:app"), None, "CPython 3.12.1", tasks)
        channel.flush()
    """)
    held = {"held": ["it uses `tkinter`, which is not thread-safe"]}
    assert supervisor.receive() == {
        "Hello": [
            6,
            version,
            supervisor.process.pid,
            "CPython 3.12.1",
            [
                "shop.py",
                "shop:app",
                None,
                [
                    ["mail", "thread", "default", "def", False, None, False, []],
                    ["fetch", "async", "web", "async_def", None, None, False, ["requests.get"]],
                    ["scale", "process", "web", "def", False, "movable", False, []],
                    ["plot", "process", "web", "def", False, held, True, ["tkinter.Tk"]],
                    ["trust", "process", "web", "def", False, "movable", False, ["tkinter.Tk"]],
                    ["count", "process", "web", "def", False, {"held": ["it counts"]}, True, []],
                ],
            ],
        ]
    }
    supervisor.finish()


def test_a_refusal_carries_its_code(start: Start) -> None:
    supervisor = start("""
        channel.refuse("LW1031", "`shop` \\udcff cannot be imported", "why", "fix")
        channel.flush()
    """)
    [[kind, parts]] = supervisor.receive().items()
    assert kind == "Refused"
    assert parts[0] == "LW1031"
    assert parts[1].endswith("cannot be imported")
    assert parts[2:] == ["why", "fix"]
    supervisor.finish()


def test_commands_come_as_tuples(start: Start) -> None:
    supervisor = start("""
        while True:
            runs, stops, pings, drain = channel.receive(block=True, frames_max=9)
            print(runs, stops, pings, drain, flush=True)
            if drain:
                break
    """)
    supervisor.send({"Run": [run(7, b"abc"), run(8)]})
    expected = [(7, 3, "thread", JOB, "mail", 2, b"abc"), (8, 3, "thread", JOB, "mail", 2, b"\x80")]
    assert supervisor.line() == f"{expected} [] [] False"
    supervisor.send({"Stop": [7, "timeout"]})
    assert supervisor.line() == "[] [(7, 'timeout')] [] False"
    supervisor.send({"Ping": 5})
    assert supervisor.line() == "[] [] [5] False"
    supervisor.send("Drain")
    assert supervisor.line() == "[] [] [] True"
    supervisor.finish()


def test_nothing_to_receive_is_nothing_at_once(start: Start) -> None:
    supervisor = start("print(channel.receive(block=False))")
    assert supervisor.finish() == "([], [], [], False)\n"


def test_what_is_not_asked_for_stays_in_the_socket_and_can_be_taken_back(start: Start) -> None:
    supervisor = start("""
        runs, *_ = channel.receive(block=True, frames_max=2)
        channel.started([run[0] for run in runs])
        channel.flush()
        import signal
        signal.pause()
    """)
    supervisor.send(*({"Run": [run(attempt)]} for attempt in range(5)))
    assert supervisor.receive() == {"Started": [0, 1]}
    left = b"".join(frame({"Run": [run(attempt)]}) for attempt in range(2, 5))
    assert supervisor.spare.recv(1 << 20) == left


def test_a_torn_frame_is_completed(start: Start) -> None:
    supervisor = start("""
        import select
        poll = select.poll()
        poll.register(channel.fileno(), select.POLLIN)
        poll.poll()
        print(channel.receive(block=False, frames_max=9))
        print(len(channel.receive(block=True, frames_max=9)[0][0][6]))
    """)
    torn = frame({"Run": [run(1, b"x" * 3_000_000)]})
    supervisor.socket.sendall(torn[:7])
    assert supervisor.line() == "([], [], [], False)"
    supervisor.socket.sendall(torn[7:])
    assert supervisor.finish() == "3000000\n"


def test_a_supervisor_of_another_kind_is_a_coded_error(start: Start) -> None:
    supervisor = start("""
        from laneway._bridge import NativeError
        try:
            channel.receive(block=True)
        except NativeError as error:
            print(error.code)
    """)
    supervisor.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert supervisor.finish() == "LW1034\n"


def test_each_kind_of_end_is_reported(start: Start) -> None:
    supervisor = start("""
        failure = ("LW2010", "ValueError", "bad \\udcff", "Traceback", True, 1.5, True)
        channel.done([(1, (10, 5), b"result"), (2, (20, None), failure), (3, None, "cancel")])
        channel.flush()
    """)
    unsayable = "bad " + "\N{REPLACEMENT CHARACTER}" * 3
    assert supervisor.receive() == {
        "Done": [
            [1, {"Returned": b"result"}, 10, 5, None],
            [
                2,
                {
                    "Raised": [
                        ["LW2010", "ValueError", unsayable, "Traceback"],
                        True,
                        [1, 500_000_000],
                        True,
                    ]
                },
                20,
                None,
                None,
            ],
            [3, {"Stopped": "cancel"}, None, None, None],
        ]
    }
    supervisor.finish()


def test_a_long_message_is_shortened(start: Start) -> None:
    supervisor = start("""
        failure = ("LW2010", "ValueError", "\\u00fc" * 100_000, "", False, None, False)
        channel.done([(1, None, failure)])
        channel.flush()
    """)
    [[_, end, *_]] = supervisor.receive()["Done"]
    message = end["Raised"][0][2]
    assert message == "ü" * (32 << 10) + "…"
    supervisor.finish()


@pytest.mark.parametrize(
    "end", ["'tired'", "('LW2010', '', '', '', False, -1.0)", "('LW2010', '', '')", "17"]
)
def test_an_end_that_is_none_is_refused(start: Start, end: str) -> None:
    supervisor = start(f"""
        try:
            channel.done([(1, None, {end})])
        except (TypeError, ValueError) as error:
            print("refused")
    """)
    assert supervisor.finish() == "refused\n"


def test_reports_wait_for_a_busy_supervisor_and_the_runner_does_not(start: Start) -> None:
    supervisor = start("""
        channel.done([(n, None, bytes([n]) * 1_000_000) for n in range(40)])
        channel.progress([(1, 2.0, None, "superseded")])
        channel.started([99])
        print("reported", flush=True)
        channel.flush()
        print("flushed")
    """)
    assert supervisor.line() == "reported"
    ends: dict[int, bytes] = {}
    while len(ends) < 40:
        for attempt, end, *_ in supervisor.receive()["Done"]:
            ends[attempt] = end["Returned"]
    assert ends == {n: bytes([n]) * 1_000_000 for n in range(40)}
    assert supervisor.receive() == {"Started": [99]}
    assert supervisor.finish() == "flushed\n"


def test_progress_and_pongs_are_reported(start: Start) -> None:
    supervisor = start("""
        channel.progress([(4, 1.0, 10.0, "page 1"), (5, 0.5, None, "")])
        channel.pong(12)
        channel.flush()
    """)
    assert supervisor.receive() == {"Progress": [[4, 1.0, 10.0, "page 1"], [5, 0.5, None, ""]]}
    assert supervisor.receive() == {"Pong": 12}
    supervisor.finish()


def test_a_runner_ends_with_its_supervisor_even_while_it_holds_the_gil(start: Start) -> None:
    supervisor = start("""
        import ctypes
        print("busy", flush=True)
        ctypes.PyDLL(None).sleep(60)
    """)
    assert supervisor.line() == "busy"
    # What waits unread must not keep it alive, and neither must the spare end.
    supervisor.send({"Ping": 1})
    supervisor.socket.close()
    assert supervisor.process.wait(timeout=5) == 1


def test_a_dropped_channel_no_longer_ends_its_process(start: Start) -> None:
    supervisor = start("""
        del channel
        print("dropped", flush=True)
        import os, time
        for _ in range(50):
            time.sleep(0.01)
        print("alive")
    """)
    assert supervisor.line() == "dropped"
    supervisor.socket.close()
    assert supervisor.finish() == "alive\n"


def test_a_signal_interrupts_the_wait_for_commands(start: Start) -> None:
    supervisor = start("""
        import signal
        def stop(*_):
            raise InterruptedError
        signal.signal(signal.SIGUSR1, stop)
        try:
            print("waiting", flush=True)
            channel.receive(block=True)
        except InterruptedError:
            print("interrupted")
    """)
    assert supervisor.line() == "waiting"
    # The signal may come before the wait, during it, or between the two: it is seen in each case.
    supervisor.process.send_signal(signal.SIGUSR1)
    assert supervisor.finish() == "interrupted\n"


def test_standard_input_of_tasks_is_empty(start: Start) -> None:
    supervisor = start("""
        import os
        print(sys.stdin.read() == "", channel.fileno() > 2, os.get_inheritable(channel.fileno()))
    """)
    assert supervisor.finish() == "True True False\n"


def test_a_forked_child_cannot_speak_for_its_parent(start: Start) -> None:
    supervisor = start("""
        import os
        from laneway._bridge import NativeError
        child = os.fork()
        if child == 0:
            try:
                channel.pong(666)
            except NativeError as error:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        channel.pong(1)
        channel.flush()
    """)
    assert supervisor.receive() == {"Pong": 1}
    supervisor.finish()


def test_a_number_that_is_no_descriptor_is_refused(start: Start) -> None:
    supervisor = start("""
        for number in (-1, 987):
            try:
                RunnerChannel(number)
            except OSError as error:
                print(error)
    """)
    assert supervisor.finish() == "Bad file descriptor (os error 9)\n" * 2
