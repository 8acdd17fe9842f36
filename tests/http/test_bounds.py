"""No body, packed or not, takes more memory than its bound."""

from __future__ import annotations

import contextlib
import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError

from dify_java_compat import (
    ClientConfig,
    DecodeException,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    MessagesRequest,
    RequestsDifyChat,
    StreamDecodeException,
    TextToAudioRequest,
    TimeoutException,
)
from dify_java_compat._http import connection
from dify_java_compat._http.body import IncompleteBody
from dify_java_compat._http.chunked import ChunkedBody
from dify_java_compat._http.decoding import UnknownEncodingError, body_decoder
from tests.support.frames import MESSAGE_END, STREAM_HEAD, chunk, message, response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

pytestmark = pytest.mark.usefixtures("each_way")

MIB = 1 << 20


def bomb(size: int, times: int = 1) -> bytes:
    """Packed zeros, of which there are `size` once it is unpacked so many times."""
    packer, block = zlib.compressobj(9, wbits=31), bytes(MIB)
    data = b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()
    for _ in range(times - 1):
        data = gzip.compress(data, 9)
    return data


BOMBS = {
    "gzip": bomb(256 * MIB),
    "gzip, gzip": bomb(256 * MIB, 2),
    "gzip, gzip, gzip": bomb(256 * MIB, 3),
}
EACH_BOMB = pytest.mark.parametrize("encoding", BOMBS)


def packed(encoding: str, status: str, content_type: str) -> bytes:
    line = f"Content-Encoding: {encoding}\r\n"
    return response(BOMBS[encoding], status, content_type, headers=line)


def peak_of(act: Callable[[], object]) -> tuple[int, BaseException | None]:
    """The bytes that were in use at most, and what it raised."""
    tracemalloc.start()
    error: BaseException | None = None
    try:
        act()
    except DifyException as caught:
        error = caught
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, error


def messages(chat: RequestsDifyChat) -> object:
    return chat.messages(MessagesRequest(user_id="u", conversation_id="c"))


@EACH_BOMB
def test_a_whole_answer(encoding: str) -> None:
    config = ClientConfig(max_body_bytes=4 * MIB)
    with (
        ScriptedServer(always(packed(encoding, "200 OK", "application/json"))) as server,
        RequestsDifyChat(server.url, config, api_key="app-k") as chat,
    ):
        peak, error = peak_of(lambda: messages(chat))
        assert isinstance(error, DecodeException)
        assert "max_body_bytes" in str(error)
        assert peak < 32 * MIB


@EACH_BOMB
def test_an_errors_page(encoding: str) -> None:
    with (
        ScriptedServer(always(packed(encoding, "400 X", "text/html"))) as server,
        RequestsDifyChat(server.url, api_key="app-k") as chat,
    ):
        peak, error = peak_of(lambda: messages(chat))
        assert isinstance(error, HttpClientException)
        assert peak < 32 * MIB
        peak, error = peak_of(lambda: list(chat.sendChatMessageStream(request())))
        assert isinstance(error, HttpClientException)
        assert peak < 32 * MIB
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        assert isinstance(watcher.error, HttpClientException)


@EACH_BOMB
@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain"])
def test_a_stream(encoding: str, content_type: str) -> None:
    config = ClientConfig(max_event_bytes=2 * MIB)
    with (
        ScriptedServer(always(packed(encoding, "200 OK", content_type))) as server,
        RequestsDifyChat(server.url, config, api_key="app-k") as chat,
    ):
        for read in (
            lambda: list(chat.sendChatMessageStream(request())),
            lambda: list(chat.sendChatMessageStream(request()).map(lambda item: item)),
        ):
            peak, error = peak_of(read)
            assert isinstance(error, (StreamDecodeException, DecodeException))
            assert peak < 32 * MIB


@pytest.mark.parametrize("chunks", [False, True])
def test_an_answer_without_end(chunks: bool) -> None:
    """The client hangs up: what the server got rid of is the bound, and what sockets hold."""
    sent = 0

    def script(peer: Peer) -> None:
        nonlocal sent
        peer.receive()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
        block = bytes(65536)
        peer.send(head + (b"Transfer-Encoding: chunked\r\n\r\n" if chunks else b"\r\n"))
        with contextlib.suppress(OSError):
            while sent < 128 * MIB:
                peer.send(chunk(block) if chunks else block)
                sent += len(block)

    config = ClientConfig(max_body_bytes=2 * MIB)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-k") as chat,
        pytest.raises(DecodeException, match="max_body_bytes"),
    ):
        chat.textToAudio(TextToAudioRequest(user_id="u", text="x"))
    assert 2 * MIB <= sent < 64 * MIB


def test_a_body_of_just_so_many_bytes_is_read() -> None:
    body = b'{"answer": "hi"}'
    with ScriptedServer(always(response(body))) as server:
        for size, is_read in ((len(body), True), (len(body) - 1, False)):
            config = ClientConfig(max_body_bytes=size)
            with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
                if is_read:
                    assert chat.send(request()).answer == "hi"
                else:
                    with pytest.raises(DecodeException, match="more than 15 bytes"):
                        chat.send(request())


def test_a_stream_has_any_length() -> None:
    whole = message("x" * 100) * 200 + MESSAGE_END
    with ScriptedServer(always(STREAM_HEAD + chunk(whole) + b"0\r\n\r\n")) as server:
        config = ClientConfig(max_body_bytes=1000)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            assert len(list(chat.sendChatMessageStream(request()))) == 201
            assert chat.send(request()).answer == "x" * 20000


@pytest.mark.parametrize("size", [0, -1, "1"])
def test_a_bound_that_cannot_be(size: object) -> None:
    with pytest.raises(IllegalArgumentException, match="max_body_bytes"):
        RequestsDifyChat("http://x", ClientConfig(max_body_bytes=size), api_key="app-k")  # type: ignore[arg-type]


def test_empty_blocks_of_gzip_are_silence() -> None:
    """However many come: `read_timeout` counts what they unpack to."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(start))
        while not peer.closing.wait(0.02):
            peer.send(chunk(b"\0\0\0\xff\xff"))

    with ScriptedServer(script) as server:
        config = ClientConfig(read_timeout=0.2, max_retries=0)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            with pytest.raises(TimeoutException) as caught:
                chat.send(request())
            assert caught.value.phase == "read"


# br and zstd are known where urllib3 has a library for them, and zstd is Python's from 3.14 on
UNKNOWN = ["compress", "gzip, lzma", "x" * 100, "gzip,,x"]
UNKNOWN += [name for name in ("br", "zstd") if name not in HTTPResponse.CONTENT_DECODERS]


@pytest.mark.parametrize("encoding", UNKNOWN)
def test_an_encoding_that_nobody_knows_is_named(encoding: str) -> None:
    with pytest.raises(UnknownEncodingError, match=encoding):
        body_decoder({"Content-Encoding": encoding})
    answer = response(b"\x28\xb5\x2f\xfd", headers=f"Content-Encoding: {encoding}\r\n")
    stream = answer.replace(b"application/json", b"text/event-stream")
    with (
        ScriptedServer(always(answer)) as server,
        ScriptedServer(always(stream)) as streaming,
        RequestsDifyChat(server.url, api_key="app-k") as chat,
        RequestsDifyChat(streaming.url, api_key="app-k") as other,
    ):
        with pytest.raises(DecodeException, match=encoding):
            chat.send(request())
        with pytest.raises(DifyException, match=encoding):
            list(other.sendChatMessageStream(request()))
        watcher = Watcher(other.sendChatMessageStream(request())).wait()
        assert encoding in str(watcher.error)


@pytest.mark.parametrize("encoding", ["", "identity", "Identity", " "])
def test_what_is_not_packed(encoding: str) -> None:
    assert body_decoder({"Content-Encoding": encoding}) is None
    assert body_decoder({}) is None


@given(st.binary(max_size=4000), st.integers(1, 3), st.integers(1, 300))
def test_whatever_is_packed_comes_out_again(data: bytes, times: int, size: int) -> None:
    wire = data
    for _ in range(times):
        wire = gzip.compress(wire)
    decoder = body_decoder({"Content-Encoding": ", ".join(["gzip"] * times)})
    assert decoder is not None
    out = b""
    for start in range(0, len(wire), size):
        out += decoder.decode(wire[start : start + size])
        while decoder.has_more:
            out += decoder.decode(b"")
    assert out + decoder.end() == data


def test_what_is_not_gzip() -> None:
    decoder = body_decoder({"Content-Encoding": "gzip"})
    assert decoder is not None
    with pytest.raises(DecodeError, match="gzip"):
        decoder.decode(b"not gzip at all")


@pytest.mark.parametrize("together", [False, True])
def test_trailers_have_a_bound(together: bool) -> None:
    body = ChunkedBody()
    assert body.feed(b"2\r\nab\r\n0\r\n") == b"ab"
    line, count = b"a: b\r\n", 0
    if together:
        body.feed(line * 1000)
    while not body.is_over and count < 1000:
        body.feed(line)
        count += 1
    assert count < 200
    with pytest.raises(IncompleteBody):
        body.end()


def test_a_connection_is_idle_from_the_end_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]

    def script(peer: Peer) -> None:
        while peer.receive():
            now[0] += 10.0  # longer than an idle connection is kept
            peer.send(response(b'{"answer": "a"}'))

    monkeypatch.setattr(connection, "monotonic", lambda: now[0])
    with ScriptedServer(script) as server:
        config = ClientConfig(keep_alive_seconds=5.0)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            for _ in range(3):
                chat.send(request())
            assert server.connections == 1
            now[0] += 5.0
            chat.send(request())
            assert server.connections == 2


def test_a_late_page_of_an_error_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dify_java_compat._http.response.MAX_ERROR_SECONDS", 0.1)
    left = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(b"HTTP/1.1 400 X\r\nContent-Length: 9\r\n\r\nhalf")
        peer.wait_closed()
        left.set()

    with ScriptedServer(script) as server, RequestsDifyChat(server.url, api_key="app-k") as chat:
        with pytest.raises(HttpClientException, match="half"):
            chat.send(request())
        assert left.wait(10)
