"""An editor: a real client of the Language Server Protocol, and the texts it has open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from stories import laneway_command

WATCHING = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
SHOWING = types.PublishDiagnosticsClientCapabilities(
    related_information=True, code_description_support=True, version_support=True
)


def capabilities(*, watches: bool, versions: bool = True) -> types.ClientCapabilities:
    """What the editor can do."""
    return types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            did_change_watched_files=WATCHING if watches else None,
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=versions),
        ),
        text_document=types.TextDocumentClientCapabilities(publish_diagnostics=SHOWING),
    )


def units(text: str) -> int:
    """How many units of UTF-16 a text has."""
    return len(text.encode("utf-16-le")) // 2


def place(text: str, at: int) -> types.Position:
    """The place of a character, as the protocol counts."""
    before = text[:at]
    line_start = before.rfind("\n") + 1
    return types.Position(line=before.count("\n"), character=units(before[line_start:]))


def span(text: str, piece: str) -> types.Range:
    """Where a piece of a text is."""
    at = text.index(piece)
    return types.Range(start=place(text, at), end=place(text, at + len(piece)))


def index(text: str, position: types.Position) -> int:
    """The character of a place."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: position.line])
    line = lines[position.line]
    length = len(line.encode("utf-16-le")[: 2 * position.character].decode("utf-16-le"))
    return start + length


def applied(text: str, edits: Sequence[types.TextEdit]) -> str:
    """A text after edits, which all speak of the text as it was."""
    pieces = [(index(text, it.range.start), index(text, it.range.end), it.new_text) for it in edits]
    numbered = sorted(enumerate(pieces), key=lambda it: (it[1][0], it[1][1], it[0]))
    for _, (start, end, new) in reversed(numbered):
        text = text[:start] + new + text[end:]
    return text


class Editor:
    """An editor with a folder open, and a server of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("an-editor", "1")
        self.told: dict[str, types.PublishDiagnosticsParams] = {}
        self.times_told: dict[str, int] = {}
        self.messages: list[str] = []
        self.registered: list[types.Registration] = []
        self.errors: list[Exception] = []
        self.news = asyncio.Condition()
        self.texts: dict[str, tuple[int, str]] = {}
        self._listen()

    def _listen(self) -> None:
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.told[params.uri] = params
            self.times_told[params.uri] = self.times_told.get(params.uri, 0) + 1

        def shown(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

        def registers(params: types.RegistrationParams) -> None:
            self.registered.extend(params.registrations)

        def failed(error: Exception, source: object) -> None:
            self.errors.append(error)

        feature: Any = self.client.feature
        feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
        feature(types.WINDOW_SHOW_MESSAGE)(shown)
        feature(types.CLIENT_REGISTER_CAPABILITY)(registers)
        client: Any = self.client
        client.report_server_error = failed

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The server."""
        process: asyncio.subprocess.Process | None = getattr(self.client, "_server", None)
        assert process is not None
        return process

    def uri(self, name: str) -> str:
        """The address of a file."""
        return (self.folder / name).as_uri()

    def write(self, name: str, text: str) -> None:
        """Writes a file, as another program would."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")

    async def start(
        self,
        *arguments: str,
        watches: bool = True,
        versions: bool = True,
        process_id: int | None = None,
        has_folder: bool = True,
    ) -> types.InitializeResult:
        """Starts the server and says hello."""
        command = [*laneway_command(), "check", "--lsp", *arguments]
        client: Any = self.client
        await client.start_io(*command, cwd=self.folder)
        folder = types.WorkspaceFolder(uri=self.folder.as_uri(), name="project")
        params = types.InitializeParams(
            capabilities=capabilities(watches=watches, versions=versions),
            process_id=process_id,
            workspace_folders=[folder] if has_folder else None,
        )
        result = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return result

    def open(self, name: str, text: str) -> None:
        """Opens a text, which need not be that of the file."""
        self.texts[name] = (1, text)
        item = types.TextDocumentItem(self.uri(name), "python", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def edit(self, name: str, piece: str, new: str) -> None:
        """Puts a text in the place of a piece, and says no more than that."""
        version, text = self.texts[name]
        change = types.TextDocumentContentChangePartial(range=span(text, piece), text=new)
        self._change(name, version + 1, text.replace(piece, new, 1), change)

    def put(self, name: str, text: str) -> None:
        """Replaces the whole text."""
        version, _ = self.texts[name]
        change = types.TextDocumentContentChangeWholeDocument(text=text)
        self._change(name, version + 1, text, change)

    def _change(
        self, name: str, version: int, text: str, change: types.TextDocumentContentChangeEvent
    ) -> None:
        self.texts[name] = (version, text)
        document = types.VersionedTextDocumentIdentifier(version=version, uri=self.uri(name))
        params = types.DidChangeTextDocumentParams(text_document=document, content_changes=[change])
        self.client.text_document_did_change(params)

    def save(self, name: str) -> None:
        """Writes an open text to its file."""
        self.write(name, self.texts[name][1])
        document = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(document))

    def close(self, name: str) -> None:
        """Closes a text without saving it."""
        del self.texts[name]
        document = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    def tell_of(self, *names: str) -> None:
        """Tells the server that files have changed on the disk."""
        changes = [types.FileEvent(self.uri(name), types.FileChangeType.Changed) for name in names]
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))

    async def until(self, condition: Callable[[], object], what: str = "it") -> None:
        """Waits for what the server says."""
        end = asyncio.get_running_loop().time() + 15
        while not condition():
            assert not self.errors, self.errors
            assert self.process.returncode is None, f"the server ended before {what}"
            assert asyncio.get_running_loop().time() < end, f"{what} did not happen: {self.told}"
            await asyncio.sleep(0.005)

    def shown(self, name: str) -> list[types.Diagnostic]:
        """What the server last said of a file."""
        told = self.told.get(self.uri(name))
        return list(told.diagnostics) if told else []

    def rules(self, name: str) -> list[object]:
        """The rules of which it said so."""
        return [it.code for it in self.shown(name)]

    async def settled(self, name: str) -> list[types.Diagnostic]:
        """What the server says of the version of a text that is open now."""
        version, _ = self.texts[name]
        uri = self.uri(name)
        await self.until(lambda: uri in self.told and self.told[uri].version == version, name)
        return self.shown(name)

    async def actions(
        self, name: str, at: types.Range, *only: str
    ) -> dict[str, list[types.TextEdit]]:
        """What the server offers there: titles, and the edits of this file."""
        context = types.CodeActionContext(diagnostics=[], only=list(only) or None)
        document = types.TextDocumentIdentifier(self.uri(name))
        params = types.CodeActionParams(text_document=document, range=at, context=context)
        offered = await self.client.text_document_code_action_async(params)
        actions = [it for it in offered or [] if isinstance(it, types.CodeAction)]
        return {it.title: self._edits(name, it) for it in actions}

    def _edits(self, name: str, action: types.CodeAction) -> list[types.TextEdit]:
        assert action.edit is not None
        if action.edit.changes is not None:
            return list(action.edit.changes[self.uri(name)])
        assert action.edit.document_changes is not None
        [change] = action.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.uri == self.uri(name)
        assert change.text_document.version == self.texts[name][0]
        return [it for it in change.edits if isinstance(it, types.TextEdit)]

    async def quit(self) -> int:
        """Says goodbye, and gives the server's exit status."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        return await asyncio.wait_for(self.process.wait(), 10)

    async def end(self) -> None:
        """Leaves nothing behind."""
        process: asyncio.subprocess.Process | None = getattr(self.client, "_server", None)
        if process is not None and process.returncode is None:
            process.kill()
        await self.client.stop()
        assert not self.errors, self.errors
