"""How long after an edit does an editor have new findings? `laneway check --lsp` on real code.

    python bench/check_latency.py [--command PATH] [--source FOLDER] [--edits N]

The folders are those of `check_speed.py`. A real client of the protocol edits one file: each edit
adds a call or takes it away, and with it a finding in another file. Time is from sending the edit
to the findings, with the server's own wait for quiet in it.
"""

from __future__ import annotations

import asyncio
import functools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from check_speed import begin, build
from lsprotocol import types
from pygls.lsp.client import LanguageClient

SIZES = (50_000, 200_000, 800_000)
CALLED = "import time\n\n\ndef called():\n    time.sleep(1)\n"
CALLER = "from edited_callee import called\n\n\nasync def caller():\n    called()\n"


class Session:
    """A server on a folder, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("bench", "1")
        self.count = 0
        self.at = 0.0
        self.news = asyncio.Event()
        feature: Any = self.client.feature
        # The library marks what it is given, and a bound method cannot be marked.
        feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(functools.partial(Session._told, self))
        self.callee = (folder / "edited_callee.py").as_uri()
        self.caller = (folder / "edited_caller.py").as_uri()

    def _told(self, params: types.PublishDiagnosticsParams) -> None:
        if params.uri == self.callee:
            self.at = time.perf_counter()
            self.count = len(params.diagnostics)
            self.news.set()

    async def wait(self, count: int) -> float:
        """Waits until the server tells so many findings of the called file; gives the moment."""
        while self.count != count:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 60)
        return self.at

    async def start(self, command: list[str]) -> float:
        """Starts the server; gives the seconds until the first findings are there."""
        client: Any = self.client
        begun = time.perf_counter()
        await client.start_io(*command, "check", "--lsp", "--no-gitignore", cwd=self.folder)
        folder = types.WorkspaceFolder(uri=self.folder.as_uri(), name="bench")
        params = types.InitializeParams(types.ClientCapabilities(), workspace_folders=[folder])
        await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return await self.wait(1) - begun

    def edit(self, version: int, new: str) -> float:
        """Replaces the last line of the calling file; gives the moment."""
        whole = types.TextDocumentContentChangePartial(
            range=types.Range(types.Position(4, 0), types.Position(5, 0)), text=new
        )
        document = types.VersionedTextDocumentIdentifier(version=version, uri=self.caller)
        params = types.DidChangeTextDocumentParams(document, [whole])
        now = time.perf_counter()
        self.client.text_document_did_change(params)
        return now

    def peak_mib(self) -> float:
        """The memory of the server at its peak."""
        process: Any = getattr(self.client, "_server", None)
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():
            return float("nan")
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024

    async def end(self) -> None:
        """Says goodbye."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


async def measure(command: list[str], folder: Path, edits: int) -> tuple[float, list[float], float]:
    """Seconds until the first findings, seconds after each edit, and MiB."""
    (folder / "edited_callee.py").write_text(CALLED)
    (folder / "edited_caller.py").write_text(CALLER)
    session = Session(folder)
    started = await session.start(command)
    item = types.TextDocumentItem(session.caller, "python", 1, CALLER)
    session.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    waits: list[float] = []
    for number in range(edits):
        calls = number % 2 == 1
        sent = session.edit(number + 2, "    called()\n" if calls else "    pass\n")
        waits.append(await session.wait(1 if calls else 0) - sent)
    peak = session.peak_mib()
    await session.end()
    return started, waits, peak


def main() -> None:
    """Build the folders, measure them, and print a table."""
    options = begin("From an edit to its findings, by `laneway check --lsp`", "edits", 40)
    print(f"{'lines':>9}  {'start':>8}  {'median':>8}  {'slowest':>8}  {'memory':>8}")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            lines = build(options.packages, size, folder)
            started, waits, peak = asyncio.run(measure(options.command, folder, options.count))
        print(
            f"{lines:>9,}  {started:>6.2f} s  {statistics.median(waits) * 1000:>5.0f} ms"
            f"  {max(waits) * 1000:>5.0f} ms  {peak:>4.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
