"""The processes of a run: the servers, and one for each contender, asked a JSON line at a time."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.processes import Worker

Answer = dict[str, Any]


def _environment(authority: Path | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    if authority:
        # requests reads the one, OpenSSL and httpx the other
        kept |= dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(authority))
    return {**kept, "PYTHONDONTWRITEBYTECODE": ""}


def start_server(python: str) -> tuple[Worker, str]:
    """The process and the URL of the server, without /v1."""
    process = Worker([python, "-m", "tests.benchmarks.server"], _environment())
    return process, f"http://127.0.0.1:{int(process.first_line)}"


class PacedServer:
    """The server of paced and of short streams; over TLS where there is a `folder` for its keys."""

    def __init__(self, folder: Path | None = None) -> None:
        module = [sys.executable, "-m", "tests.benchmarks.paced_server"]
        self.authority: Path | None = None
        if folder:
            self.authority, pem = _certificates(folder)
            module.append(str(pem))
        self.process = Worker(module, _environment())
        scheme = "https" if folder else "http"
        self.url = f"{scheme}://127.0.0.1:{int(self.process.first_line)}"

    def report(self) -> Answer:
        """`cpu` and `clock`, of now, and the `punctuality` of the last group of paced streams."""
        self.process.write_line("")
        report: Answer = json.loads(self.process.read_line())
        return report


def _certificates(folder: Path) -> tuple[Path, Path]:
    """An authority, and what the server has from it."""
    import trustme

    authority, pem = trustme.CA(), folder / "server.pem"
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    return folder / "authority.pem", pem


class Runner:
    """A contender at work."""

    def __init__(
        self, name: str, command: Sequence[str], url: str, authority: Path | None = None
    ) -> None:
        self.name = name
        words = [part.replace("{url}", url) for part in command]
        self.process = Worker(words, _environment(authority))
        self.first: Answer = json.loads(self.process.first_line)
        self.versions: dict[str, str] = self.first["versions"]

    def ask(self, do: str, **order: Any) -> Answer:
        """The answer; `failed` in it says what went wrong."""
        self.process.write_line(json.dumps({"do": do, **order}))
        answer: Answer = json.loads(self.process.read_line())
        return answer


class ThreadCount:
    """Counts the threads of a process from outside, where /proc tells, while the block runs."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._over = threading.Event()
        self._counts: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._count, daemon=True)

    def _count(self) -> None:
        while not self._over.wait(0.02):
            try:
                status = self._status.read_text()
            except OSError:
                return
            count = int(status.partition("Threads:")[2].split(None, 1)[0])
            self._counts.append((time.monotonic(), count))

    def most(self, begin: float = 0.0) -> int:
        """From that time on, as time.monotonic() has it in every process."""
        return max((count for clock, count in self._counts if clock >= begin), default=0)

    def __enter__(self) -> ThreadCount:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
