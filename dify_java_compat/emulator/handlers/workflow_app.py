"""The workflow app: a run with inputs and outputs, and without a conversation."""

import json
import time
from typing import Any

from ..apps.files import attachments
from ..apps.inputs import event_values, form_values
from ..http.errors import not_workflow_app
from ..http.reply import EVENT_STREAM, PING, Reply, blocking_reply
from ..model.speaker import ModelFailure
from ..runs.run import Run
from ..runs.stream import ending
from ..script.base import JsonObject, Turn
from ..script.workflow import WorkflowScript
from .answering import (
    Refusal,
    begin_run,
    check_version,
    play,
    stop_run,
)
from .call import Call
from .streaming import stream_of

# What a blocking response has of a finished run.
_BLOCKING = (
    "id", "workflow_id", "status", "outputs", "error", "elapsed_time", "total_tokens",
    "total_steps", "created_at", "finished_at",
)  # fmt: skip


def _require_workflow(call: Call) -> None:
    if call.app.mode != "workflow":
        raise not_workflow_app()


def run_workflow(call: Call) -> Reply:
    """POST /workflows/run, blocking or streamed."""
    _require_workflow(call)
    return _run(call)


def run_version(call: Call) -> Reply:
    """POST /workflows/{workflow_id}/run: one published version of it; there is but one."""
    _require_workflow(call)
    check_version(call, call.ids["workflow_id"])
    return _run(call)


def stop_workflow(call: Call) -> Reply:
    """POST /workflows/tasks/{task_id}/stop: a success, whatever the task."""
    _require_workflow(call)
    return stop_run(call)


def _run(call: Call) -> Reply:
    payload = call.payload("WorkflowRunPayload")
    inputs = payload.mapping("inputs")
    files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    payload.check()
    begun = begin_run(call, mode, lambda run: _begin(call, run, inputs, files))
    if isinstance(begun, Reply):
        return begun
    script, run = begun
    if mode == "streaming":
        return Reply(200, stream_of(call, script, run), EVENT_STREAM)
    data = _paused(call, script, run) if script.pause_count else _finished(call, script, run)
    ids = {"task_id": run.task_id, "workflow_run_id": script.run_id}
    return blocking_reply(ids | {"data": data}, vary_cookie=False)


def _begin(
    call: Call, run: Run, inputs: dict[str, Any], named: list[dict[str, Any]]
) -> WorkflowScript:
    """Record the run; the script of it. ``named``: the files as the request names them."""
    host_url = call.request.host_url
    owner = call.user.id if call.version.guards_files else None
    files = attachments(call.state, call.app, named, owner)
    values = form_values(call.app, inputs)
    # There is no query: the texts of the form stand in for one.
    query = " ".join(value for value in values.values() if isinstance(value, str))
    reply = call.replies.stub_for({**call.body, "query": query})
    if reply.refusal is not None:
        raise Refusal(reply.refusal)
    turn = Turn(
        app=call.app,
        version=call.version,
        user=call.user,
        task_id=run.task_id,
        conversation_id="",
        message_id="",
        query=query,
        speaker=call.replies.speaker(reply, query, len(files), tuple),
        inputs=event_values(call.state, call.app, values, host_url, call.version, owner),
        files=[file.in_event(host_url, call.version) for file in files],
        number=0,
        created_at=int(time.time()),
        form_seconds=call.settings.form_seconds,
    )
    script = WorkflowScript(turn)
    script.begin(call.state)
    return script


def _paused(call: Call, script: WorkflowScript, run: Run) -> JsonObject:
    """The data of the event that ends the stream: the run waits for a person."""
    data: JsonObject = {}
    for frame in stream_of(call, script, run):
        if frame != PING:
            data = json.loads(frame.removeprefix(b"data: "))["data"]
    return data


def _finished(call: Call, script: WorkflowScript, run: Run) -> JsonObject:
    """The data of a blocking response: how the run ended."""
    try:
        events, _ = ending(script, run, play(call, script, run), stopped=False)
        script.conclude(call.state, events)
    except ModelFailure as failure:
        # For Dify the request succeeds although the run failed.
        events = script.failed(failure)
    data = next(one["data"] for one in events if one["event"] == "workflow_finished")
    return {key: data[key] for key in _BLOCKING}
