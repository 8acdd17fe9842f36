"""What a streamed event costs: ours, typed and through the Observable, against a bare floor.

The floor is a raw socket, chunk framing and `orjson.loads` of each event. Both read the same bytes
from one server in a process of its own, in turn; the medians of CPU time are compared.

Run: python -m tests.benchmarks
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import orjson

from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat

EVENTS = 20_000
RUNS = 9

_IDS = (
    b'"conversation_id":"3decd98a-4830-4850-b5ff-0e9ac89d6e23",'
    b'"message_id":"a4c478a7-bb2a-49c2-bdb1-68a9b10ee85f","created_at":1795167080,'
    b'"task_id":"004b6a91-ecf8-4576-81d3-d533ffb74a93",'
    b'"id":"a4c478a7-bb2a-49c2-bdb1-68a9b10ee85f"'
)
_MESSAGE = b'data: {"event":"message",' + _IDS + b',"answer":" word","from_variable_selector":null}'
_END = b'data: {"event":"message_end",' + _IDS + b',"metadata":{},"files":null}'
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


def _chunk(frame: bytes) -> bytes:
    return b"%X\r\n%b\n\n\r\n" % (len(frame) + 2, frame)


def serve(port: Connection) -> None:
    """Answer each request with the same stream."""
    answer = _HEAD + _chunk(_MESSAGE) * (EVENTS - 1) + _chunk(_END) + b"0\r\n\r\n"
    listener = socket.create_server(("127.0.0.1", 0))
    port.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, answer), daemon=True).start()


def _answer(connection: socket.socket, answer: bytes) -> None:
    with connection, contextlib.suppress(OSError):  # the floor leaves with bytes unread
        while connection.recv(65536):
            connection.sendall(answer)


def floor(port: int) -> int:
    """Count the events with nothing but what must be done."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\n\r\n")
        block = connection.recv(65536)
        block = block[block.index(b"\r\n\r\n") + 4 :]
        count = 0
        while True:
            position = 0
            while (line_end := block.find(b"\r\n", position)) >= 0:
                size = int(block[position:line_end], 16)
                if size == 0:
                    return count
                end = line_end + 2 + size
                if len(block) < end + 2:
                    break
                frame = block[line_end + 2 : end]
                if frame.startswith(b"data: "):
                    orjson.loads(frame[6:-2])
                    count += 1
                position = end + 2
            block = block[position:] + connection.recv(65536)


def ours(chat: RequestsDifyChat) -> int:
    count = 0
    done = threading.Event()

    def on_next(item: object) -> None:
        nonlocal count
        count += 1

    request = ChatMessageSendRequest(content="x", user_id="u")
    chat.sendChatMessageStream(request).subscribe(on_next, on_completed=done.set)
    done.wait()
    return count


def cost(read: Callable[[], int]) -> float:
    """CPU microseconds an event."""
    started = time.process_time()
    count = read()
    spent = time.process_time() - started
    assert count == EVENTS, count
    return spent / EVENTS * 1e6


def main() -> None:
    ours_end, server_end = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(server_end,), daemon=True)
    server.start()
    port: int = ours_end.recv()
    with RequestsDifyChat(f"http://127.0.0.1:{port}", api_key="app-benchmark") as chat:
        floors, streams = [], []
        for _ in range(RUNS):
            floors.append(cost(lambda: floor(port)))
            streams.append(cost(lambda: ours(chat)))
    server.terminate()
    server.join()
    low, typed = statistics.median(floors), statistics.median(streams)
    print(f"floor                        {low:6.2f} us an event")
    print(f"typed, through an Observable {typed:6.2f} us an event, {typed / low:.2f} x the floor")
