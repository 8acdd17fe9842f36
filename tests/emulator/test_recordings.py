"""Every recorded exchange of the emulator's operations, sent again and compared."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator, faults
from tests.support.client import Response

from .caller import Caller
from .recordings import Case, Stage, cases
from .staging import STAGES

CASES = [*cases("1.12"), *cases("1.14")]
# The nodes whose values are those of the recorder's own graphs.
_OWN_NODES = ("code", "template-transform", "iteration", "assigner")

# the keys whose values are words of Dify's own, by which a client tells one thing from another
TELLING = {
    *("event", "status", "reason", "index", "TYPE", "code", "mode", "node_type", "belongs_to"),
    *("type", "transfer_method", "display_in_ui", "submitted", "action_id", "is_final"),
    *("error_strategy", "completed_reason", "predecessor_node_id", "agent_strategy"),
}
SENTENCES = {
    *("Stopped by user.", "Stopped by output moderation.", "Aborted: User requested stop"),
    *("Unknown error", "Invalid upload file"),
}


def shape(value: Any) -> Any:
    """Keys in their order and the kinds of values, all the way down; Dify's words as they are."""
    if isinstance(value, dict):
        return [
            (key, item if key in TELLING and not isinstance(item, (dict, list)) else shape(item))
            for key, item in value.items()
        ]
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    if isinstance(value, str):
        return value if value in SENTENCES else "string"
    return "number"


def header_shape(answer: Response) -> list[tuple[str, str]]:
    """The headers in order, without the values that change from one answer to the next."""
    changing = {"Date", "Content-Length", "Location"}
    return [(name, "" if name in changing else value) for name, value in answer.headers]


def style(body: bytes) -> tuple[bool, bool, bool, bool]:
    """The dialect of a JSON body: spaces, escaped slashes, non-ASCII, closing newline."""
    return (
        b'": ' in body,
        re.search(rb"(?<!\\)/", body) is None,
        body.isascii(),
        body.endswith(b"\n"),
    )


def without_own_values(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a flow without what depends on the recorder's graph and not on the server."""
    data = dict(event.get("data") or {})
    if not data:
        return event
    own = data.get("node_type") in _OWN_NODES
    for key in ("inputs", "outputs", "process_data"):
        if own and data.get(key):
            data[key] = {}
    if event["event"] == "workflow_started" or data.get("node_type") == "start":
        for key in ("inputs", "outputs"):
            fields = (data.get(key) or {}).items()
            data[key] = {name: value for name, value in fields if name[:4] == "sys."}
    return event | {"data": data}


def event_shapes(answer: Response, version: str) -> dict[str, list[Any]]:
    """For each event name the shapes it comes in, each once."""
    found: dict[str, list[Any]] = {}
    events = answer.events
    if version != "1.12":
        events = [without_own_values(event) for event in events]
    for event in events:
        shapes = found.setdefault(event["event"], [])
        if shape(event) not in shapes:
            shapes.append(shape(event))
    return found


def order(answer: Response) -> list[str]:
    """The order of the events. Where between others speech and pings come is chance."""
    last = max((at for at, name in enumerate(answer.names) if name != "ping"), default=0)
    names = [name for at, name in enumerate(answer.names) if name != "ping" or at == 0 or at > last]
    end = names.index("message_end") if "message_end" in names else None
    between = [name for name in names[:end] if name != "tts_message"]
    found: list[str] = []
    for name in [*between, *names[end:]] if end is not None else between:
        if found[-1:] != [name]:
            found.append(name)
    return found


def compare_stream(recorded: Response, own: Response, version: str) -> None:
    if recorded.complete:
        assert order(own) == order(recorded)
        assert event_shapes(own, version) == event_shapes(recorded, version)
        # In what it was told of its failing, a model's own words count too.
        assert own.events[-1].get("message") == recorded.events[-1].get("message")
    else:
        # The recording client left in the middle, or the server closed without a length.
        assert own.names[: len(recorded.names)] == recorded.names
    if recorded.chunks is None:
        assert own.chunks is None
        return
    assert own.chunks is not None
    for chunk in own.chunks:
        assert chunk.endswith(b"\n\n")
        assert chunk.count(b"\n\n") == 1
        assert chunk.startswith(b"data: {") or chunk == b"event: ping\n\n"


def compare(recorded: Response, own: Response, stage: Stage) -> None:
    assert own.status_line == recorded.status_line
    assert header_shape(own) == header_shape(recorded)
    assert own.continued == recorded.continued
    assert (own.chunks is None) == (recorded.chunks is None)
    kind = recorded.header("Content-Type") or ""
    if kind.startswith("text/event-stream"):
        compare_stream(recorded, own, stage.case.version)
    elif kind.startswith("application/json") and recorded.body:
        assert shape(own.json()) == shape(recorded.json())
        assert stage.case.spaced or style(own.body) == style(recorded.body)
        if stage.case.about["path"].startswith("/parameters"):
            assert own.body == recorded.body
        if recorded.status >= 400:
            expected = recorded.body
            for theirs, ours in stage.ids.items():
                expected = expected.replace(theirs.encode(), ours.encode())
            if stage.case.spaced:
                assert own.json() == json.loads(expected)
            else:
                assert own.body == expected
    elif kind.startswith("text/html"):
        port = str(stage.caller.emulator.port).encode()
        assert own.body == recorded.body.replace(b"5001", port)
    else:
        assert [len(chunk) for chunk in own.chunks or []][:1] == [
            len(chunk) for chunk in recorded.chunks or []
        ][:1]


def demand(stage: Stage, recorded: Response) -> None:
    """Ask the emulator for what went wrong when the recording was made."""
    emulator = stage.caller.emulator
    # One app retries by itself, until it gives up.
    if b"MAGIC_FAIL" in stage.body and stage.case.key != "app-retry":
        said, error = failure(recorded)
        emulator.reply("MAGIC_FAIL", answer=said, error=f"completion_request_error: {error}")
    if b"MAGIC_SLOWFIRST" in stage.body:
        emulator.reply("MAGIC_SLOWFIRST", delay=0.5)
    if not (recorded.header("Server") or "").startswith("nginx"):
        return
    if recorded.status >= 400:
        emulator.fault(faults.Status(recorded.status, html=True))
    elif recorded.complete:
        emulator.fault(faults.Proxied())
    else:
        emulator.fault(faults.Proxied(), faults.Cut(after_events=len(recorded.events)))


def failure(recorded: Response) -> tuple[list[str] | None, str]:
    """What the model had said when it failed, and what it, or its provider, told of that."""
    if recorded.status == 500:
        return None, "not told"
    told = recorded.events if recorded.chunks else [recorded.json()]
    said = ["word " for one in told if one.get("event") in ("message", "text_chunk")]
    last = told[-1]
    error = last["data"]["error"] if last.get("event") == "workflow_finished" else last["message"]
    return said or None, str(error).removeprefix("Run failed: ")


SLOW = {
    "1.12": ("chatflow-stop-run", "concurrent"),
    "1.14": ("stop", "concurrent", "early", "late", "running", "then-events"),
}


def play(case: Case) -> None:
    # Slow enough that a stop, or a second request, always comes before the end.
    told_to_end = "stop_sent_ms" in case.about and "other-user" not in case.name
    slow = told_to_end or any(word in case.name for word in SLOW[case.version])
    recorded = case.response()
    pinged = recorded.body.removeprefix(b"event: ping").count(b"event: ping")
    with DifyEmulator(
        version=case.version,
        token_pause=0.1 if slow else 0.0,
        ping_seconds=0.2 if pinged else 10.0,
        linger_seconds=0.5,
        quirks=True,
        cors="origin" in case.name,
    ) as emulator:
        stage = STAGES[case.version](case, Caller(emulator, case.key or ""))
        try:
            stage.prepare()
            demand(stage, recorded)
            compare(recorded, stage.play(), stage)
        finally:
            stage.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.version}-{case.name}")
def test_agrees(case: Case, record_property: Callable[[str, object], None]) -> None:
    try:
        play(case)
    except BaseException:
        record_property("differs", f"{case.version} {case.name}")
        raise
    record_property("agrees", f"{case.version} {case.name}")
