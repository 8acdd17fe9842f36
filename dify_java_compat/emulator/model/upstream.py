"""A model behind the emulator: any OpenAI-compatible ``/chat/completions``, streamed."""

import http.client
import json
import queue
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .speaker import ModelFailure, Speaker

_CONNECT_SECONDS = 10.0
# Seconds to wait for the next piece before None is given.
_POLL_SECONDS = 0.05
_JOIN_SECONDS = 0.5
# Of an error, of one line of the answer, and of what is told of an error.
_MOST_BYTES, _LONGEST_REASON = 1024 * 1024, 300


@dataclass(frozen=True)
class Upstream:
    """A model behind the emulator: the base URL of its API, its name, and a key if it needs one.

    ``ValueError`` where the URL cannot be that of an API.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("upstream: a URL such as http://localhost:11434/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("upstream: no user, password or query; a key goes to upstream_key")

    def masked(self, text: str) -> str:
        """The text without the key, as it is or as JSON may write it."""
        if not self.key:
            return text
        for spelling in (self.key, json.dumps(self.key)[1:-1], self.key.replace("/", "\\/")):
            text = text.replace(spelling, "***")
        return text

    def connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        https = parts.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=_CONNECT_SECONDS)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path.rstrip("/") + "/chat/completions"


class UpstreamSpeaker(Speaker):
    """Speaks what the model streams to the last query of ``history``, as it arrives."""

    own_pace = True

    def __init__(
        self, upstream: Upstream, history: Sequence[tuple[str, str]], delay: float = 0.0
    ) -> None:
        super().__init__((), delay)
        self._upstream = upstream
        self._history = history
        self._received: queue.SimpleQueue[str | ModelFailure | None] = queue.SimpleQueue()
        self._connection = upstream.connect()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[str | None]:
        name = "dify-emulator-upstream"
        self._thread = threading.Thread(target=self._receive, name=name, daemon=True)
        self._thread.start()
        while True:
            try:
                piece = self._received.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                yield None
                continue
            if piece is None:
                return
            if isinstance(piece, ModelFailure):
                raise piece
            self.text += piece
            yield piece

    def close(self) -> None:
        self._closed.set()
        sock: socket.socket | None = self._connection.sock
        if sock is not None:
            # Wakes the thread that reads, at once.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _receive(self) -> None:
        try:
            self._request()
            self._received.put(None)
        except ModelFailure as failed:
            self._received.put(failed)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            self._received.put(self._failed("the model answered with something else than events"))
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            self._received.put(self._failed(f"the model cannot be reached: {reason}"))
        finally:
            self._connection.close()

    def _failed(self, message: str) -> ModelFailure:
        return ModelFailure("completion_request_error", self._upstream.masked(message), 400)

    def _request(self) -> None:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._upstream.key:
            headers["Authorization"] = f"Bearer {self._upstream.key}"
        self._connection.connect()
        if self._closed.is_set():
            return
        # A model may think for minutes, for which the client gets pings.
        self._connection.sock.settimeout(None)
        body = json.dumps(self._body()).encode()
        self._connection.request("POST", self._upstream.path, body, headers)
        with self._connection.getresponse() as response:
            if response.status != 200:
                # masked while it is whole: a cut could leave half a key
                reason = self._upstream.masked(_reason(response.read(_MOST_BYTES)))[
                    :_LONGEST_REASON
                ]
                raise self._failed(f"the model answered {response.status}: {reason}")
            self._read(response)

    def _body(self) -> dict[str, Any]:
        messages: list[dict[str, str]] = []
        for query, reply in self._history[:-1]:
            messages.append({"role": "user", "content": query})
            messages.append({"role": "assistant", "content": reply})
        messages.append({"role": "user", "content": self._history[-1][0]})
        return {
            "model": self._upstream.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _read(self, response: http.client.HTTPResponse) -> None:
        ended = False
        while line := response.readline(_MOST_BYTES):
            data = line.strip()
            if not data.startswith(b"data:"):
                continue
            data = data.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            ended = self._take(json.loads(data)) or ended
        if not ended:
            raise self._failed("the model broke off in the middle of its answer")

    def _take(self, event: Any) -> bool:
        """Handle one event of the model; whether the reply ends with it."""
        if event.get("error"):
            raise self._failed(f"the model failed: {_error_text(event['error'])}")
        usage = event.get("usage")
        if isinstance(usage, dict):
            prompt, reply = usage.get("prompt_tokens"), usage.get("completion_tokens")
            if isinstance(prompt, int) and isinstance(reply, int):
                self.counts = (prompt, reply)
        ended = False
        for choice in (event.get("choices") or [])[:1]:
            piece = (choice.get("delta") or {}).get("content")
            if piece:
                self._received.put(str(piece))
            ended = bool(choice.get("finish_reason"))
        return ended


def _reason(body: bytes) -> str:
    """The error text in the body of an error, whatever its form."""
    text = body.decode("utf-8", "replace").strip()
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict) and "error" in found:
            return _error_text(found["error"])
    return text


def _error_text(error: Any) -> str:
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)
