"""A server of plain bytes, which answers what it was told to, and what it was asked."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

KEY = "app-0123456789abcdefghijklmn"
TASK, MESSAGE, CONVERSATION = "task-1", "message-1", "conversation-1"
_IDS = {"task_id": TASK, "message_id": MESSAGE, "conversation_id": CONVERSATION}
USAGE = {"total_tokens": 7, "total_price": "0.0000420", "currency": "USD", "latency": 1.25}


def event(name: str, **more: Any) -> bytes:
    """One event of a stream."""
    text = json.dumps({"event": name, **_IDS, **more}, ensure_ascii=False)
    return f"data: {text}\n\n".encode("utf-8", "surrogatepass")


def message(text: str) -> bytes:
    return event("message", answer=text)


def message_end(**usage: Any) -> bytes:
    return event("message_end", metadata={"usage": {**USAGE, **usage}})


def error_event(text: str) -> bytes:
    return event("error", status=400, code="completion_request_error", message=text)


def head(status: str = "200 OK", kind: str = "text/event-stream; charset=utf-8") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()


def stream(*events: bytes) -> bytes:
    return head() + b"".join(events)


def reply(status: str, body: str, kind: str = "application/json") -> bytes:
    return head(status, kind) + body.encode()


def dify_error(status: str, code: str, text: str) -> bytes:
    body = {"code": code, "message": text, "status": int(status.split()[0])}
    return reply(status, json.dumps(body))


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    line: str
    headers: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[["Server", socket.socket], None]


class Server:
    """Each request gets what `answers` has for the end of its path; a stop call, a success.

    An answer is bytes, or a function that writes to the connection; `stopped` is set once a stop
    call came.
    """

    def __init__(self, **answers: bytes | Answer) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[Asked] = []
        self.stopped = threading.Event()
        self.closed = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def env(self) -> dict[str, str]:
        """What makes it the command's server."""
        return {"DIFY_URL": self.url, "DIFY_API_KEY": KEY}

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.closed.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            line = incoming.readline().decode().strip()
            if not line:
                return
            headers = ""
            while header := incoming.readline().decode().strip():
                headers += header + "\n"
            sizes = [h.split()[1] for h in headers.lower().split("\n") if "content-length" in h]
            body = incoming.read(int(sizes[0]) if sizes else 0)
            self.asked.append(Asked(line.removesuffix(" HTTP/1.1"), headers, body))
            name = line.split()[1].rpartition("/")[2].replace("-", "_")
            answer = self._answers.get(name, reply("200 OK", '{"result":"success"}'))
            if name == "stop":
                self.stopped.set()
            try:
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                else:
                    answer(self, connection)
            except OSError:
                pass  # the command left

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed.set()
        self.stopped.set()
        with socket.create_connection(self._listener.getsockname()):
            pass
        for thread in self._threads:
            thread.join()
        self._listener.close()


def held(
    *first: bytes, until: Callable[[Server], threading.Event], then: tuple[bytes, ...] = ()
) -> Answer:
    """A stream that sends `first`, and `then` once an event has happened."""

    def answer(server: Server, connection: socket.socket) -> None:
        connection.sendall(stream(*first))
        while not until(server).wait(0.1) and not server.closed.is_set():
            pass  # a test that failed closes the server
        connection.sendall(b"".join(then))

    return answer
