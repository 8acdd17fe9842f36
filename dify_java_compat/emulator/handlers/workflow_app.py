"""The workflow app: its inputs go in, its outputs come out, and nobody chats."""

import json
import time
from typing import Any

from ..apps.files import attachments
from ..apps.inputs import event_values, form_values
from ..http.errors import not_workflow_app
from ..http.payload import Model
from ..http.reply import EVENT_STREAM, PING, Reply, blocking_reply
from ..model.speaker import ModelFailure
from ..runs.run import Run
from ..runs.stream import ending
from ..script.base import Event, Turn
from ..script.workflow import WorkflowScript
from .call import Call
from .messages import check_version, play, start_run, stop, told_by

_BLOCKING = (
    "id", "workflow_id", "status", "outputs", "error", "elapsed_time", "total_tokens",
    "total_steps", "created_at", "finished_at",
)  # fmt: skip


def _need_workflow(call: Call) -> None:
    if call.app.mode != "workflow":
        raise not_workflow_app()


def run_workflow(call: Call) -> Reply:
    """POST /workflows/run, blocking or streamed."""
    _need_workflow(call)
    return _run(call, "WorkflowRunPayload")


def run_version(call: Call) -> Reply:
    """POST /workflows/{workflow_id}/run: one published version of it; there is but one."""
    _need_workflow(call)
    check_version(call, call.ids["workflow_id"])
    return _run(call, "WorkflowRunPayload")


def stop_workflow(call: Call) -> Reply:
    """POST /workflows/tasks/{task_id}/stop: a success, whatever the task."""
    _need_workflow(call)
    return stop(call)


def _run(call: Call, model: str) -> Reply:
    payload = Model(model, call.body)
    inputs = payload.mapping("inputs")
    given_files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    payload.check()
    run = start_run(call)
    try:
        script = _begin(call, run, inputs, given_files)
    except BaseException:
        call.runs.finish(run)
        raise
    if mode == "streaming":
        return Reply(200, told_by(call, script, run), EVENT_STREAM)
    return blocking_reply(_whole(call, script, run), vary_cookie=False)


def _begin(
    call: Call, run: Run, inputs: dict[str, Any], given_files: list[dict[str, Any]]
) -> WorkflowScript:
    host_url = call.request.host_url
    files = attachments(call.state, call.app, given_files)
    values = form_values(call.app, inputs)
    query = " ".join(value for value in values.values() if isinstance(value, str))
    reply = call.model.scripted({**call.body, "query": query})
    if reply.refusal is not None:
        raise reply.refusal
    turn = Turn(
        app=call.app,
        user=call.user,
        task_id=run.task_id,
        conversation_id="",
        message_id="",
        query=query,
        speaker=call.model.speaker(reply, query, len(files), tuple),
        inputs=event_values(call.state, call.app, values, host_url),
        files=[file.in_event(host_url) for file in files],
        number=0,
        created_at=int(time.time()),
        form_seconds=call.settings.form_seconds,
    )
    script = WorkflowScript(turn)
    script.begin(call.state)
    return script


def _whole(call: Call, script: WorkflowScript, run: Run) -> Event:
    """The blocking answer: how the run ended, or that it waits for a person."""
    data: Event = {}
    if script.pauses:
        for frame in told_by(call, script, run):
            if frame != PING:
                data = json.loads(frame.removeprefix(b"data: "))["data"]
    else:
        try:
            events, _ = ending(script, run, play(call, script, run), stopped=False)
            script.conclude(call.state, events)
        except ModelFailure as failure:
            # A run that failed is an answer like any other.
            events = script.failed(failure)
        data = next(one["data"] for one in events if one["event"] == "workflow_finished")
        data = {key: data[key] for key in _BLOCKING}
    ids = {"task_id": run.task_id, "workflow_run_id": script.run_id}
    return ids | {"data": data}
