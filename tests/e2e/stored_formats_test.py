"""What an earlier build left in a store is still read, and run, by this one.

Each fixture was written by the build that first had that version of the stored format, by `python
tests/e2e/stored_formats_test.py > tests/e2e/stored_formats/redis_1.json` in its environment; it is
never written again. SQLite's are in `crates/laneway-sqlite/tests/fixtures`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stories import Story, jobs_of_every_state, told
from wire import Wire

from servers import RedisServer

pytestmark = pytest.mark.timeout(60)
FIXTURES = Path(__file__).with_name("stored_formats")

#: Everything that a server holds; as hexadecimal, because most of it is not text.
DUMP = """
local function hex(text)
  return (string.gsub(text, '.', function(sign) return string.format('%02x', sign:byte()) end))
end
local readers = {
  hash = { 'HGETALL' },
  list = { 'LRANGE', 0, -1 },
  set = { 'SMEMBERS' },
  zset = { 'ZRANGE', 0, -1, 'WITHSCORES' },
}
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local reader = readers[kind]
  local entry = { kind, hex(key) }
  for _, value in ipairs(redis.call(reader[1], key, unpack(reader, 2))) do
    entry[#entry + 1] = hex(value)
  end
  found[#found + 1] = entry
end
return found
"""
WRITERS = {"hash": "HSET", "list": "RPUSH", "set": "SADD", "zset": "ZADD"}


@pytest.mark.parametrize("name", [path.name for path in sorted(FIXTURES.glob("redis_*.json"))])
def test_what_an_earlier_build_left_in_redis_is_read_and_run(tmp_path: Path, name: str) -> None:
    fixture = json.loads((FIXTURES / name).read_text())
    jobs = fixture["jobs"]
    with RedisServer() as server, Wire(server.port, server.password) as wire:
        for kind, key, *values in fixture["keys"]:
            items = [bytes.fromhex(value) for value in values]
            if kind == "zset":
                items = [
                    item for pair in zip(items[1::2], items[::2], strict=True) for item in pair
                ]
            wire.ask(WRITERS[kind], bytes.fromhex(key), *items)
        story = Story(tmp_path, url=server.url)
        try:
            assert told(story.run("export").stdout) == fixture["export"]
            assert story.delay("greet('another')", key="grace") == jobs["ready"]
            story.worker("--queue", "default", "--queue", "slow")
            assert story.wait_for(jobs["ready"], "succeeded")["result"] == "hello Grace"
            # Its worker is long gone, so it was interrupted, and runs again.
            assert story.wait_for(jobs["running"], "running")["token"] == 2
            assert story.job(jobs["scheduled"])["state"] == "scheduled"
            assert story.run("queues", "resume", "slow").returncode == 0
            assert story.wait_for(jobs["paused"], "succeeded")["result"] == "hello Barbara"
            assert story.run("jobs", "retry", jobs["cancelled"]).returncode == 0
            story.wait_for(jobs["cancelled"], "succeeded")
        finally:
            story.end()


def fixture_of_this_build(folder: Path) -> dict[str, Any]:
    """A job in every state, the export of them, and every key of the server."""
    with RedisServer() as server, Wire(server.port, server.password) as wire:
        story = Story(folder, url=server.url)
        try:
            jobs = jobs_of_every_state(story)
            export = told(story.run("export").stdout)
            keys = cast("list[list[str]]", wire.ask("EVAL", DUMP, 0))
            # Scripts are written anew by every build that opens the store.
            keys = [entry for entry in keys if bytes.fromhex(entry[1]) != b"{laneway}:scripts"]
        finally:
            story.end()
    return {"jobs": jobs, "export": export, "keys": sorted(keys)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        json.dump(fixture_of_this_build(Path(place)), sys.stdout, indent=1)
