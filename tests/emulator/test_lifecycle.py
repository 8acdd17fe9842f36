"""Start, serve, close: nothing is left behind, nothing takes long."""

import gc
import os
import socket
import threading
import time

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.processes import python

from .caller import Caller


def emulator_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("dify-emulator")]


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_it_serves_where_it_says() -> None:
    with DifyEmulator() as emulator:
        assert emulator.base_url == f"http://127.0.0.1:{emulator.port}/v1"
        assert Caller(emulator).get("/info").json()["mode"] == "chat"


def test_the_keys_are_fixed() -> None:
    assert dict(DifyEmulator.keys) == {
        "chat": "app-chat",
        "agent-chat": "app-agent",
        "advanced-chat": "app-chatflow",
        "workflow": "app-workflow",
    }


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        emulator = DifyEmulator(taken.getsockname()[1])
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            emulator.start()
        emulator.close()
    assert emulator_threads() == []


def test_it_starts_once_and_closes_often() -> None:
    emulator = DifyEmulator().start()
    with pytest.raises(RuntimeError, match="already"):
        emulator.start()
    emulator.close()
    emulator.close()
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.base_url


def test_it_starts_again_with_nothing_remembered() -> None:
    emulator = DifyEmulator(token_pause=0.0)
    for _ in range(2):
        with emulator:
            caller = Caller(emulator)
            assert caller.get("/conversations?user=ann").json()["data"] == []
            caller.say()


def test_a_nonsense_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="pauses"):
        DifyEmulator(token_pause=-1)
    with pytest.raises(ValueError, match="ping"):
        DifyEmulator(ping_seconds=0)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files the Linux way")
def test_closing_cuts_streams_and_idle_connections_and_leaves_nothing() -> None:
    before = open_files()
    emulator = DifyEmulator(token_pause=60.0).start()
    caller = Caller(emulator, "app-chatflow")
    streams = [caller.open_stream() for _ in range(5)]
    for _, chunks in streams:
        next(chunks)
    blocking = caller.connect()
    blocking.send(b"POST /v1/chat-messages HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf a bo")
    idle = [caller.connect() for _ in range(3)]
    started = time.monotonic()
    emulator.close()
    assert time.monotonic() - started < 1.0
    assert emulator_threads() == []
    for reader, chunks in streams:
        with pytest.raises(EOFError):
            list(chunks)
        reader.close()
    for connection in [blocking, *idle]:
        assert connection.at_end()
        connection.close()
    assert open_files() == before


def test_the_port_is_free_again_after_closing() -> None:
    with DifyEmulator() as first:
        port = first.port
        Caller(first).get("/info")
    with DifyEmulator(port) as second:
        assert second.port == port


def test_without_werkzeug_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['werkzeug'] = None\n"
        "from dify_java_compat.emulator import DifyEmulator"
    )
    with python("-c", code) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert 'ImportError: the Dify emulator needs Werkzeug: pip install "dify-java-compat[' in errors
