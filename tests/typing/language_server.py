"""A client of pyright's language server, which editors ask for completions and hovers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
CAPABILITIES = {"workspace": {"configuration": True}}


class LanguageServer:
    """Pyright over stdio, with one file open, `sample.py` in a folder of its own."""

    def __init__(self, folder: Path, source: str) -> None:
        self._uri = (folder / "sample.py").as_uri()
        self._lines = source.splitlines()
        self._number = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pyright.langserver", "--stdio"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities=CAPABILITIES)
        self._send(method="initialized", params={})
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": source}
        self._send(method="textDocument/didOpen", params={"textDocument": document})

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def completions(self, code: str) -> list[str]:
        """What may follow `code`, a piece of the sample."""
        found = self.ask("textDocument/completion", **self._behind(code))
        return [item["label"] for item in found["items"]]

    def hover(self, code: str) -> str:
        """What is shown for the name that ends `code`, a piece of the sample."""
        found = self.ask("textDocument/hover", **self._behind(code))
        return str(found["contents"]["value"])

    def ask(self, method: str, **params: Any) -> Any:
        """The result of a request."""
        self._number += 1
        self._send(id=self._number, method=method, params=params)
        while (message := self._receive()).get("id") != self._number or "method" in message:
            if "id" in message:  # the server's own request
                self._send(id=message["id"], result=_answer(message))
        return message["result"]

    def _behind(self, code: str) -> dict[str, Any]:
        line = next(n for n, text in enumerate(self._lines) if code in text)
        position = {"line": line, "character": self._lines[line].index(code) + len(code)}
        return {"textDocument": {"uri": self._uri}, "position": position}

    def _send(self, **message: Any) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        length = 0
        while line := stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(stdout.read(length))
        return message


def _answer(message: dict[str, Any]) -> Any:
    """What the server asks of an editor: its settings, one for each section."""
    if message["method"] != "workspace/configuration":
        return None
    settings = {
        "python": {"pythonPath": sys.executable},
        "python.analysis": {"extraPaths": [str(ROOT)], "diagnosticMode": "openFilesOnly"},
    }
    return [settings.get(item.get("section")) for item in message["params"]["items"]]
