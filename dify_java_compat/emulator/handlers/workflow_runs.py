"""The runs of workflows and chatflows: their details, the log, their events."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Any

from werkzeug.exceptions import NotFound

from ..http.clock import monotonic
from ..http.errors import ServerCrash, invalid_param, not_found, not_workflow_app
from ..http.ids import as_uuid
from ..http.reply import EVENT_STREAM, Reply, json_reply
from ..runs.background import POLL_SECONDS, BackgroundRun
from ..runs.frames import Frames
from ..runs.pings import PING_FRAME
from ..runs.snapshot import snapshot
from .call import Call, client_gone

_DETAIL_KEYS = (
    "id", "workflow_id", "status", "inputs", "outputs", "error", "total_steps", "total_tokens",
    "created_at", "finished_at", "elapsed_time",
)  # fmt: skip
_SUMMARY_KEYS = (
    "status", "error", "elapsed_time", "total_tokens", "total_steps", "created_at", "finished_at",
)  # fmt: skip
_STATES = ("succeeded", "failed", "stopped")
_YEAR = re.compile("[0-9]{4}")
# Year, or year and month: forms of ISO 8601 that Python's parser does not take.
_SHORT_DATE = re.compile("[0-9]{4}(-?(0[1-9]|1[0-2]))?")


def show_run(call: Call) -> Reply:
    """GET /workflows/run/{id}: inputs as a string, outputs so in the older version."""
    if not call.app.flows:
        raise not_workflow_app()
    run_id = as_uuid(call.ids["run_id"])
    if run_id is None:
        raise ServerCrash("the id is not checked", not_found("Workflow run not found."))
    row = call.state.workflow_runs.get(run_id, call.app.id)
    if call.version.knows_runs:
        if row is None:
            raise not_found("Workflow run not found.")
        outputs = {"outputs": json.loads(row["outputs"])}
        return json_reply({key: row[key] for key in _DETAIL_KEYS} | outputs)
    return json_reply({key: row and row[key] for key in _DETAIL_KEYS})


def _check_moment(call: Call, name: str) -> None:
    value = call.request.args.get(name, "")
    if not value or _SHORT_DATE.fullmatch(value):
        return
    if len(value) < 4:
        raise invalid_param("ISO string too short")
    if not _YEAR.match(value):
        # The text of the real server's parser about the first four characters.
        reason = f"invalid literal for int() with base 10: {value[:4].encode()!r}"
        raise invalid_param(reason)
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise invalid_param(str(error)) from None


def list_logs(call: Call) -> Reply:
    """GET /workflows/logs: the runs of a workflow app; for a chatflow there are none."""
    query = call.query("WorkflowLogQuery")
    status = query.choice("status", _STATES, None)
    page, limit = query.integer("page", 1, 1, 99999), query.limit()
    query.check()
    for name in ("created_at__before", "created_at__after"):
        _check_moment(call, name)
    args = call.request.args
    if account := args.get("created_by_account"):
        raise invalid_param(f"Account not found: {account}")
    if call.settings.quirks and args.get("keyword") and args.get("created_by_end_user_session_id"):
        raise ServerCrash("the two filters do not go together")
    rows: list[sqlite3.Row] = []
    total = 0
    if call.app.mode == "workflow":
        session, keyword = args.get("created_by_end_user_session_id"), args.get("keyword", "")
        runs = call.state.workflow_runs
        rows, total = runs.page(call.app.id, status, keyword, session, page, limit)
    data = [_log_entry(row) for row in rows]
    more = total > page * limit
    return json_reply(
        {"page": page, "limit": limit, "total": total, "has_more": more, "data": data}
    )


def _log_entry(row: sqlite3.Row) -> dict[str, Any]:
    """One run in the log. Not recorded: after Dify's own description."""
    finished = json.loads(row["finished"])["data"] if row["over"] else {}
    summary = {"id": row["id"], "version": "1"} | {key: row[key] for key in _SUMMARY_KEYS}
    summary |= {"exceptions_count": finished.get("exceptions_count", 0)}
    user = {"id": row["user_id"], "type": "service_api", "is_anonymous": False}
    return {
        "id": row["log_id"],
        "workflow_run": summary | {"triggered_from": "app-run"},
        "details": None,
        "created_from": "service-api",
        "created_by_role": "end_user",
        "created_by_account": None,
        "created_by_end_user": user | {"session_id": row["user_name"]},
        "created_at": row["created_at"],
    }


def stream_events(call: Call) -> Reply:
    """GET /workflow/{id}/events: the events of a run that are still to come, for its own user."""
    run_id = as_uuid(call.ids["run_id"])
    if run_id is None and not call.version.checks_run_id_late:
        raise NotFound
    if not call.app.flows:
        raise not_workflow_app()
    if run_id is None:
        raise ServerCrash("the id is not checked", not_found("Workflow run not found"))
    row = call.state.workflow_runs.get(run_id, call.app.id)
    if row is None or row["user_id"] != call.user.id:
        raise not_found("Workflow run not found")
    run = call.background.get(row["id"])
    stream = None
    if run is not None and call.version.publishes_live:
        stream = _live(call, run, row)
    elif run is not None:
        stream = run.reader(
            client_gone(call.request),
            call.settings.ping_seconds,
            snapshot=_flag(call, "include_state_snapshot"),
            through_pauses=_flag(call, "continue_on_pause"),
        )
    elif not row["over"] and row["server"] != call.state.workflow_runs.server:
        stream = _wait_for_other_server(call, row["id"])
    return Reply(
        200, _followed(call, stream, row), EVENT_STREAM,
        early_headers=(("Cache-Control", "no-cache"),),
    )  # fmt: skip


def _live(call: Call, run: BackgroundRun, row: sqlite3.Row) -> Frames | None:
    """What the run publishes from now on, behind a snapshot where the request wants one.

    None where it has published its end.
    """
    message = call.state.message(row["message_id"]) if row["message_id"] else None
    made = None
    if _flag(call, "include_state_snapshot"):
        made = partial(snapshot, message["answer"] if message is not None else None)
    return run.live_reader(
        client_gone(call.request),
        call.settings.ping_seconds,
        call.settings.linger_seconds,
        snapshot=made,
        through_pauses=_flag(call, "continue_on_pause"),
    )


def _wait_for_other_server(call: Call, run_id: str) -> Frames:
    """Pings while the run goes on in another process, at most as long as a form waits."""
    gone, ping_seconds = client_gone(call.request), call.settings.ping_seconds
    start = last_ping = monotonic()
    while not gone() and monotonic() - start < call.settings.form_seconds:
        row = call.state.workflow_runs.get(run_id, call.app.id)
        if row is None or row["over"] or call.background.closed.wait(POLL_SECONDS):
            return
        if monotonic() - last_ping >= ping_seconds:
            last_ping = monotonic()
            yield PING_FRAME


def _flag(call: Call, name: str) -> bool:
    return call.request.args.get(name, "").lower() in ("true", "1")


def _followed(call: Call, stream: Frames | None, row: sqlite3.Row) -> Iterator[bytes]:
    """The bytes of ``stream``, then the run's last event unless it was in it or the run paused."""
    ended, run_id = stream is not None and call.version.publishes_live, row["id"]
    if stream is not None:
        with closing(stream):
            for event in stream:
                yield event.data
                ended = ended or event.name in ("workflow_finished", "workflow_paused")
    if not ended:
        over = call.state.workflow_runs.get(run_id, call.app.id)
        if over is not None:
            yield _finished(json.loads(over["finished"]))


def _finished(event: dict[str, Any]) -> bytes:
    """The last event of a run that is over, in the plainest dialect and without a conversation."""
    run_id = event["workflow_run_id"]
    ids = {"event": event["event"], "task_id": run_id, "workflow_run_id": run_id}
    return f"data: {json.dumps(ids | {'data': event['data']})}\n\n".encode()
