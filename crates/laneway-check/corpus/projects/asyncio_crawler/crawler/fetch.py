import socket
import time
from functools import lru_cache
from urllib.robotparser import RobotFileParser


class Politeness:
    def __init__(self, pause):
        self.pause = pause
        self.last = 0.0

    def __enter__(self):
        self.wait()
        return self

    def __exit__(self, *_):
        self.last = time.monotonic()

    def wait(self):
        rest = self.last + self.pause - time.monotonic()
        if rest > 0:
            time.sleep(rest)  # expect: LW110:error


@lru_cache
def robots(host):
    parser = RobotFileParser(f"https://{host}/robots.txt")
    parser.read()  # expect: LW110:warning
    return parser


def allowed(host, path):
    return robots(host).can_fetch("crawler", path)


def address(host):
    return socket.getaddrinfo(host, 443)
