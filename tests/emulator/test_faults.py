"""Faults on demand, as a client meets them on its socket."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator, faults
from dify_java_compat.emulator.faults.option import parse, spelled
from tests.support.client import request_bytes

from .caller import Caller

PING = b"event: ping\n\n"
STREAMS = pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])


def everything(caller: Caller, request: bytes) -> bytes:
    """All bytes that come, to the end of the connection; it is asked to end after the answer."""
    reader = caller.connect()
    reader.send(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    received = b""
    try:
        while block := reader.sock.recv(65536):
            received += block
    finally:
        reader.close()
    return received


def message(caller: Caller, mode: str = "streaming") -> bytes:
    return request_bytes("POST", "/v1/chat-messages", caller.key, caller.message(mode=mode))


def body(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


@STREAMS
@pytest.mark.parametrize("count", [1, 4])
def test_cut_after_events(app: Callable[[str], Caller], key: str, count: int) -> None:
    caller = app(key)
    caller.emulator.fault(faults.Cut(after_events=count))
    answer = caller.say()
    assert not answer.complete
    assert len(answer.events) == count
    assert caller.say().complete


@STREAMS
@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_body_can_end_well_without_its_end(
    app: Callable[[str], Caller], key: str, count: int
) -> None:
    caller = app(key)
    caller.emulator.fault(faults.Cut(after_events=count, final_chunk=True))
    answer = caller.say()
    assert answer.complete
    assert len(answer.events) == count


@pytest.mark.parametrize("count", [0, 1, 17, 400, 777])
def test_cut_after_bytes_of_the_body(emulator: DifyEmulator, chat: Caller, count: int) -> None:
    """In the middle of a chunk, as a broken connection does."""
    emulator.fault(faults.Cut(after_bytes=count))
    raw = everything(chat, message(chat))
    assert not raw.endswith(b"0\r\n\r\n")
    framed, said = body(raw), b""
    while framed:
        size, _, framed = framed.partition(b"\r\n")
        chunk = framed[: int(size, 16)]
        said, framed = said + chunk, framed[len(chunk) + 2 :]
    assert len(said) == count
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("count", [0, 1, 17, 400])
def test_any_answer_can_be_cut_after_bytes(
    emulator: DifyEmulator, chat: Caller, count: int
) -> None:
    emulator.fault(faults.Cut(after_bytes=count))
    raw = everything(chat, request_bytes("GET", "/v1/parameters", "app-chat"))
    length = int(re.search(rb"Content-Length: (\d+)", raw)[1])  # type: ignore[index]
    assert len(body(raw)) == count < length
    emulator.fault(faults.Cut(after_bytes=count, final_chunk=True))
    answer = chat.get("/parameters")
    assert answer.complete
    assert len(answer.body) == count
    assert answer.header("Content-Length") is None


def test_a_border_beyond_the_end_is_not_met(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Cut(after_events=10_000))
    assert chat.say().names == ["message", "message_end"]
    emulator.fault(faults.Cut(after_bytes=10_000_000))
    assert chat.say().complete


@pytest.mark.parametrize("border", [{"after_events": 2}, {"after_bytes": 300}])
def test_reset(emulator: DifyEmulator, chat: Caller, border: dict[str, int]) -> None:
    emulator.fault(faults.Reset(**border))
    reader = chat.connect()
    reader.send(message(chat))
    with pytest.raises(ConnectionResetError):
        list(iter(lambda: reader.sock.recv(65536), b""))
    reader.close()
    assert chat.say().complete


def test_a_stall_holds_the_connection_in_silence() -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, ping_seconds=0.05) as emulator:
        caller = Caller(emulator)
        emulator.fault(faults.Stall(after_events=2))
        reader, chunks = caller.open_stream()
        assert b"answer" in next(chunks)
        assert b"answer" in next(chunks)
        reader.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            next(chunks)
        reader.close()


@pytest.mark.parametrize("border", [{"after_events": 2}, {"after_bytes": 333}])
def test_a_stall_may_end(emulator: DifyEmulator, chat: Caller, border: dict[str, int]) -> None:
    whole = chat.say().text
    emulator.fault(faults.Stall(seconds=0.2, **border))
    started = time.monotonic()
    answer = chat.say()
    assert time.monotonic() - started >= 0.2
    assert answer.complete
    assert answer.text == whole


def test_delay_is_every_byte() -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, ping_seconds=0.05) as emulator:
        caller = Caller(emulator, "app-chatflow")
        emulator.fault(faults.Delay(0.2), times=2)
        for request in (message(caller), request_bytes("GET", "/v1/info", "app-chatflow")):
            started = time.monotonic()
            reader = caller.connect()
            reader.send(request)
            assert reader.head().status == 200
            assert time.monotonic() - started >= 0.2
            reader.close()


def test_pings_come_before_the_first_event(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Pings(3))
    chunks = chat.say().chunks or []
    assert chunks[:3] == [PING] * 3
    assert PING not in chunks[3:]
    assert b'"message"' in chunks[3]


@pytest.mark.parametrize("after", [0, 3])
def test_garbage_is_one_frame_more(emulator: DifyEmulator, chat: Caller, after: int) -> None:
    whole = chat.say()
    emulator.fault(faults.Garbage(after), faults.Garbage(after, ": 你好\n\n"))
    chunks = chat.say().chunks or []
    # The later one counts the frame of the earlier one.
    assert chunks[after : after + 2] == [": 你好\n\n".encode(), b"data: {not json\n\n"]
    assert len(chunks) == len(whole.events) + 2


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_slow_bytes_are_the_same_bytes(emulator: DifyEmulator, chat: Caller, size: int) -> None:
    emulator.fault(faults.Slow(size), times=2)
    assert chat.get("/info").json()["mode"] == "chat"
    answer = chat.say()
    assert answer.complete
    assert answer.names == ["message", "message_end"]


def test_slow_bytes_take_their_time(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Slow(100, pause=0.02))
    started = time.monotonic()
    raw = everything(chat, request_bytes("GET", "/v1/info", "app-chat"))
    assert time.monotonic() - started >= 0.02 * (len(raw) // 100)


@pytest.mark.parametrize("path", ["/info", "/parameters"])
def test_close_delimited(emulator: DifyEmulator, chat: Caller, path: str) -> None:
    usual = chat.get(path).body
    emulator.fault(faults.CloseDelimited())
    raw = everything(chat, request_bytes("GET", f"/v1{path}", "app-chat"))
    assert raw.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Content-Length" not in raw
    assert b"Connection: close" in raw
    assert body(raw) == usual


def test_an_old_client_is_not_left_waiting(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Cut(after_bytes=9, final_chunk=True))
    keep = ("Connection: keep-alive",)
    answer = chat.raw(request_bytes("GET", "/v1/info", "app-chat", None, keep, "HTTP/1.0"))
    assert (answer.header("Connection"), len(answer.body)) == ("close", 9)


@STREAMS
def test_a_stream_may_end_with_its_connection(app: Callable[[str], Caller], key: str) -> None:
    caller = app(key)
    caller.emulator.fault(faults.CloseDelimited())
    answer = caller.say()
    assert (answer.status_line, answer.chunks) == ("HTTP/1.0 200 OK", None)
    assert answer.names[-1] == "message_end"
    caller.emulator.fault(faults.CloseDelimited(), faults.Cut(after_events=2))
    assert len(caller.say().events) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_status_in_place_of_the_app(
    emulator: DifyEmulator, chat: Caller, method: str, status: int, html: bool
) -> None:
    emulator.fault(faults.Status(status, html=html, retry_after=7))
    request = message(chat) if method == "POST" else request_bytes(method, "/v1/info", "app-chat")
    reader = chat.connect()
    reader.send(request)
    answer = reader.response(method)
    assert answer.status == status
    assert answer.header("Content-Type") == ("text/html" if html else "application/json")
    if not (status == 401 and not html):
        assert answer.header("Retry-After") == "7"
    if method != "HEAD":
        assert (b"<html>" in answer.body) == html
        assert html or answer.json()["status"] == status
    if answer.header("Connection") == "close":
        assert reader.at_end()
    else:
        reader.send(request_bytes("GET", "/v1/conversations?user=ann", "app-chat"))
        assert reader.response().json()["data"] == []
    reader.close()


def test_faults_go_together(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(
        faults.Proxied(), faults.Slow(5), faults.Pings(1), faults.Garbage(1),
        faults.Cut(after_events=3), faults.Delay(0.01),
    )  # fmt: skip
    answer = chat.say()
    assert not answer.complete
    assert (answer.header("Server") or "").startswith("nginx")
    chunks = answer.chunks or []
    assert (chunks[0], chunks[2]) == (PING, b"data: {not json\n\n")
    assert len(chunks) == 4


def test_rules_go_one_after_the_other(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Status(502))
    emulator.fault(faults.Status(429), times=2)
    statuses = [chat.get("/info").status for _ in range(4)]
    assert statuses == [502, 429, 429, 200]
    rule = emulator.fault(faults.Status(503), times=None)
    assert [chat.get("/info").status for _ in range(3)] == [503] * 3
    rule.remove()
    assert rule.used == 3
    assert chat.get("/info").status == 200


def test_faults_of_streams_wait_for_one(emulator: DifyEmulator, chat: Caller) -> None:
    rule = emulator.fault(faults.Cut(after_events=1))
    assert chat.get("/info").complete
    assert chat.say(mode="blocking").complete
    assert chat.say("").status == 400
    assert rule.used == 0
    assert not chat.say().complete
    assert rule.used == 1


def test_a_fault_for_a_prompt(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Status(500), when="boom", times=None)
    emulator.fault(faults.Status(501), when=re.compile("^b+$"), times=None)
    emulator.fault(faults.Status(502), when=lambda body: body.get("user") == "bob", times=None)
    assert [chat.say(query).status for query in ("a boom", "bbb", "b b", "x")] == [
        500,
        501,
        200,
        200,
    ]
    assert Caller(emulator, user="bob").say().status == 502
    assert chat.get("/info").status == 200


def test_the_stream_of_a_run_can_be_cut_too(app: Callable[[str], Caller]) -> None:
    flow = app("app-chatflow")
    run_id = flow.say().events[0]["workflow_run_id"]
    flow.emulator.fault(faults.Cut(after_events=1))
    assert not flow.follow(run_id).complete


@pytest.mark.parametrize(
    "fault",
    [faults.Stall(after_events=1), faults.Delay(60.0), faults.Pings(1, 60.0), faults.Slow(1, 60.0)],
)
def test_one_that_waits_ends_with_the_emulator_and_with_the_client(fault: faults.Fault) -> None:
    emulator = DifyEmulator(version="1.12", token_pause=0.0).start()
    limited = Caller(emulator, "app-limited")
    emulator.fault(fault, when="wait", times=2)
    for leave in (True, False):
        reader = limited.connect()
        body = limited.message("wait")
        reader.send(request_bytes("POST", "/v1/chat-messages", "app-limited", body))
        if leave:
            reader.close()
            # Its place is free again: a stream that was left has ended.
            wait_until(lambda: limited.say(mode="blocking").status == 200)
    started = time.monotonic()
    emulator.close()
    assert time.monotonic() - started < 5.0
    reader.close()


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


WRONG: list[Callable[[], object]] = [
    lambda: faults.Cut(),
    lambda: faults.Cut(1, 1),
    lambda: faults.Stall(after_events=-1),
    lambda: faults.Status(200),
    lambda: faults.Status(799),
    lambda: faults.Slow(0),
    lambda: DifyEmulator().fault(faults.Delay(1), times=0),
]


@pytest.mark.parametrize("make", WRONG)
def test_nonsense_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"after_events|status|byte|at least"):
        make()


@pytest.mark.parametrize("given", [(), ("cut",), (faults.Cut,)])
def test_what_is_no_fault_is_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"faults\.Cut"):
        DifyEmulator().fault(*given)


SPELLED: list[tuple[str, faults.Fault, str | None, int | None]] = [
    ("cut:after_events=3", faults.Cut(after_events=3), None, 1),
    ("cut:3,final_chunk=true,times=all", faults.Cut(3, final_chunk=True), None, None),
    ("reset:after_bytes=9,times=2", faults.Reset(after_bytes=9), None, 2),
    ("stall:1,seconds=0.5", faults.Stall(1, seconds=0.5), None, 1),
    ("delay:2.5", faults.Delay(2.5), None, 1),
    ("status:502,html=true,when=a, b", faults.Status(502, html=True), "a, b", 1),
    ("status:429,retry_after=3", faults.Status(429, retry_after=3), None, 1),
    ("garbage:2,data=a,b", faults.Garbage(2, "a,b"), None, 1),
    ("slow:size=2,pause=0.1", faults.Slow(2, 0.1), None, 1),
    ("pings", faults.Pings(), None, 1),
    ("close-delimited", faults.CloseDelimited(), None, 1),
    ("proxied:times=all", faults.Proxied(), None, None),
]


@pytest.mark.parametrize(("text", "fault", "when", "times"), SPELLED)
def test_a_fault_in_letters(
    text: str, fault: faults.Fault, when: str | None, times: int | None
) -> None:
    found = parse(text)
    assert (found.fault, found.when, found.times) == (fault, when, times)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there are"),
        ("cutt:3", "did you mean cut?"),
        ("cut:after_evnts=3", "did you mean after_events?"),
        ("cut:x", "type int, not 'x'"),
        ("cut", "either after_events or after_bytes"),
        ("delay", "delay needs seconds"),
        ("status:502,html=perhaps", "type bool"),
        ("status:200", "not the status of an error"),
        ("proxied:1", "no option of proxied"),
        ("garbage:data=x,y=z", "no option of garbage is called 'y'"),
        ("cut:3,times=often", "type int"),
    ],
)
def test_a_fault_misspelt(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse(text)


def test_the_help_names_every_fault_and_option() -> None:
    for name in faults.__all__:
        if name != "Fault":
            kind = getattr(faults, name)
            assert all(field in spelled() for field in kind.__dataclass_fields__)
