"""Sending a message and stopping its answer."""

import json
from functools import partial
from typing import Any

from .answers import title, tokens
from .calls import Call, client_left
from .errors import ApiError, bad_request, invalid_param, not_found
from .files import attachments
from .flow import FlowScript
from .inputs import event_values, form_values
from .live import LiveRun
from .models import Scripted
from .raw import RawScript
from .replies import EVENT_STREAM, Reply, blocking_reply, error_reply, json_reply
from .runs import Run
from .scripts import AgentScript, ChatScript, FixedScript, Script, Turn
from .speakers import ModelFailure, Speaker
from .streams import Frames, fail, steps
from .validation import Model, as_uuid

# Who wrote the annotations.
_AUTHOR = {"id": "0d6f9a21-47c8-4e5b-93d0-c8a1f27b6e0d", "name": "admin"}
_NO_NAME = "New conversation"
_SCRIPTS: dict[str, type[Script]] = {
    "chat": ChatScript,
    "agent-chat": AgentScript,
    "advanced-chat": FlowScript,
}


def send(call: Call) -> Reply:
    """POST /chat-messages, blocking or streamed."""
    payload = Model("ChatRequestPayload", call.body)
    inputs = payload.mapping("inputs")
    query = payload.string("query", required=True)
    given_files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    bad_id = "conversation_id must be a valid UUID"
    conversation_id = payload.identifier("conversation_id", fault=bad_id)
    payload.string("retriever_from")
    named = payload.boolean("auto_generate_name", True)
    workflow_id = payload.string("workflow_id")
    payload.check()

    run = call.runs.start(call.app.id, call.user.id, call.app.at_once)
    if run is None:
        raise invalid_param(
            "Too many requests. Please try again later. The current maximum concurrent requests"
            f" allowed for {call.app.id} is {call.app.at_once}."
        )
    try:
        _check_app(call, mode, workflow_id)
        if not query:
            raise invalid_param("query is required")
        name = title(query) if named else _NO_NAME
        script = _begin(call, run, query, inputs, given_files, conversation_id, name)
    except BaseException:
        call.runs.finish(run)
        raise
    # Naming a new conversation touches the session on the real server, in this one mode.
    vary = call.app.mode == "chat" and conversation_id is None and script.names_conversation
    if mode == "streaming":
        return Reply(200, _told(call, script, run), EVENT_STREAM, vary_cookie=vary)
    try:
        return blocking_reply(_whole(call, script, run), vary_cookie=vary)
    except ModelFailure as failure:
        told = script.reported(failure)
        error = ApiError(told.status, told.code, told.message)
        return error_reply(error, vary_cookie=vary)


def stop(call: Call) -> Reply:
    """POST /chat-messages/{task_id}/stop: a success, whatever the task."""
    call.runs.stop(
        call.ids["task_id"],
        call.app.id,
        call.user.id,
        by_anyone_aborts=call.app.mode == "advanced-chat",
    )
    return json_reply({"result": "success"})


def _check_app(call: Call, mode: str | None, workflow_id: str | None) -> None:
    """Whether the app can answer in this mode, and with this workflow."""
    if call.app.mode == "agent-chat" and mode != "streaming":
        raise invalid_param("Agent Chat App does not support blocking mode")
    if not call.app.published:
        raise invalid_param("Workflow not published")
    if call.app.mode != "advanced-chat" or not workflow_id:
        return
    found = as_uuid(workflow_id)
    if found is None:
        raise bad_request(f"Invalid workflow_id format: '{workflow_id}'. ")
    if found != call.app.workflow_id:
        raise not_found(f"Workflow not found with id: {workflow_id}.", call.request.path)


def _begin(
    call: Call,
    run: Run,
    query: str,
    inputs: dict[str, Any],
    given_files: list[dict[str, Any]],
    conversation_id: str | None,
    name: str,
) -> Script:
    """Record the message, in its conversation or a new one, and get ready to answer it."""
    state, app, user = call.state, call.app, call.user
    conversation = None
    if conversation_id is not None:
        conversation = state.conversation(conversation_id, app.id, user.id)
        if conversation is None:
            raise not_found("Conversation Not Exists.", call.request.path)
    host_url = call.request.host_url
    files = attachments(state, app, given_files)
    values = form_values(app, inputs)
    seen_values = event_values(state, app, values, host_url)
    fixed = _fixed_answer(call, query)
    reply = Scripted() if fixed else call.model.scripted(call.body)
    if reply.refusal is not None:
        run.pause(reply.delay)
        raise reply.refusal
    if conversation is None:
        introduction = app.introduction(values)
        conversation_id = state.add_conversation(app.id, user.id, name, values, introduction)
        conversation = state.conversation(conversation_id, app.id, user.id)
        assert conversation is not None
        if app.mode == "advanced-chat":
            state.variables.declare(conversation_id)
    said = (
        Speaker(tokens(fixed[0]))
        if fixed
        else call.model.speaker(reply, query, len(files), partial(_talk, call, conversation["id"]))
    )
    told = [file.in_message(host_url) for file in files]
    message_id, created_at = state.add_message(conversation, query, told)
    for file in files:
        if file.file_id:
            state.use_file(file.file_id, message_id, app.id)
    turn = Turn(
        app=app,
        user=user,
        task_id=run.task_id,
        conversation_id=conversation["id"],
        message_id=message_id,
        query=query,
        speaker=said,
        inputs=seen_values,
        files=[file.in_event(host_url) for file in files],
        number=state.count_messages(conversation["id"]),
        created_at=created_at,
        form_seconds=call.settings.form_seconds,
    )
    script: Script
    if fixed:
        script = FixedScript(turn, fixed[1])
    elif reply.events is not None:
        script = RawScript(turn, reply.events)
    else:
        script = _SCRIPTS[app.mode](turn)
    script.begin(state)
    return script


def _talk(call: Call, conversation_id: str) -> list[tuple[str, str]]:
    """What was asked and answered in a conversation so far."""
    rows = call.state.messages(conversation_id, None, -1)
    return [(row["query"], row["answer"]) for row in reversed(rows) if row["answer"]]


def _fixed_answer(call: Call, query: str) -> tuple[str, dict[str, Any] | None] | None:
    """What is said without asking the model, and the annotation it comes from."""
    moderation = call.app.moderation
    if moderation is not None and moderation.blocks(query):
        return moderation.input_reply, None
    found = call.state.annotations.hit(call.app.id, query)
    if found is None:
        return None
    return found["answer"], {"id": found["id"], "account": _AUTHOR}


def _told(call: Call, script: Script, run: Run) -> Frames:
    """The events of the answer, told by this connection or by a run with a life of its own."""
    left, settings = client_left(call.request), call.settings
    if script.lives_on:
        live = _live(call, script, run)
        return Frames(live.reader(left, settings.ping_seconds), lambda: None)
    told = steps(
        script,
        run,
        call.runs,
        call.state,
        token_pause=settings.token_pause,
        ping_seconds=settings.ping_seconds,
        left=lambda stopped: stopped and left(),
        gone=left,
    )
    return Frames(told, lambda: call.runs.finish(run))


def _live(call: Call, script: Script, run: Run) -> LiveRun:
    live = LiveRun(run, lambda: script.waits(call.state), call.settings.form_seconds)
    call.lives.add(script.run_id, live)
    pause = call.settings.token_pause
    live.play(steps(script, run, call.runs, call.state, token_pause=pause, left=live.left))
    return live


def _whole(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The blocking answer, after the time the tokens would have taken."""
    if script.pauses:
        return _paused(call, script, run)
    speaker = script.turn.speaker
    try:
        run.pause(speaker.delay)
        for piece in script.pieces:
            if run.closed:
                break
            if piece is not None and not speaker.own_pace:
                run.pause(call.settings.token_pause)
    except ModelFailure as failure:
        fail(script, call.state, failure)
        raise
    finally:
        speaker.close()
        call.runs.finish(run)
    # Stored before it is sent: a client that hung up meanwhile finds it in the history.
    script.store(call.state, script.whole, stopped=False)
    script.conclude(call.state, script.closing(script.whole))
    return _body(script, "message", script.whole)


def _paused(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The blocking answer of a flow that waits for a person. Not recorded, nor described."""
    live = _live(call, script, run)
    data: Any = None
    for step in live.reader(client_left(call.request), call.settings.ping_seconds):
        if step.name == "workflow_paused":
            data = json.loads(step.frame.removeprefix(b"data: "))["data"]
    body = _body(script, "workflow_paused", "")
    return body | {"workflow_run_id": script.run_id, "data": data}


def _body(script: Script, event: str, text: str) -> dict[str, Any]:
    turn = script.turn
    return {
        "event": event,
        "task_id": turn.task_id,
        "id": turn.message_id,
        "message_id": turn.message_id,
        "conversation_id": turn.conversation_id,
        "mode": turn.app.mode,
        "answer": text,
        "metadata": script.metadata(script.whole_usage()),
        "created_at": turn.created_at,
    }
