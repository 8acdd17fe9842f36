"""Sending a message and stopping its answer."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ..apps.files import attachments
from ..apps.inputs import event_values, form_values
from ..apps.knowledge import retrieve
from ..http.errors import ApiError, bad_request, invalid_param, not_found
from ..http.payload import Model, as_uuid
from ..http.reply import EVENT_STREAM, Reply, blocking_reply, error_reply, json_reply
from ..model.prose import title, tokens
from ..model.replies import Scripted
from ..model.speaker import ModelFailure, Speaker
from ..runs.background import LiveRun
from ..runs.run import Run
from ..runs.speech import spoken
from ..runs.stream import Frames, ending, fail, steps
from ..script.agent import AgentScript
from ..script.base import Script, Turn
from ..script.chat import ChatScript, CompletionScript, FixedScript
from ..script.flow import FlowScript
from ..script.raw import RawScript
from .call import Call, client_left

# Who wrote the annotations.
_AUTHOR = {"id": "0d6f9a21-47c8-4e5b-93d0-c8a1f27b6e0d", "name": "admin"}
NO_NAME = "New conversation"
_SCRIPTS: dict[str, type[Script]] = {
    "chat": ChatScript,
    "agent-chat": AgentScript,
    "advanced-chat": FlowScript,
    "completion": CompletionScript,
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
    payload.string("retriever_from", default="dev")
    named = payload.boolean("auto_generate_name", True)
    workflow_id = payload.string("workflow_id")
    payload.check()

    run = start_run(call)
    try:
        _check_app(call, mode, workflow_id)
        if not query:
            raise invalid_param("query is required")
        query = query.replace("\0", "")
        name = title(query) if named else NO_NAME
        script = begin(call, run, query, query, inputs, given_files, conversation_id, name)
    except BaseException:
        call.runs.finish(run)
        raise
    # Naming a new conversation touches the session on the real server, in this one mode.
    vary = call.app.mode == "chat" and conversation_id is None and script.names_conversation
    if mode == "streaming":
        return Reply(200, told_by(call, script, run), EVENT_STREAM, vary_cookie=vary)
    return at_once(script, partial(whole, call, script, run), vary_cookie=vary)


def at_once(script: Script, make: Callable[[], Any], *, vary_cookie: bool) -> Reply:
    """The blocking answer that ``make`` makes, or how the model failed at it."""
    try:
        return blocking_reply(make(), vary_cookie=vary_cookie)
    except ModelFailure as failure:
        told = script.reported(failure)
        error = ApiError(told.status, told.code, told.message)
        return error_reply(error, vary_cookie=vary_cookie)


def start_run(call: Call) -> Run:
    """A run of the app, if it may have one more."""
    run = call.runs.start(call.app.id, call.user.id, call.app.at_once)
    if run is None:
        raise invalid_param(
            "Too many requests. Please try again later. The current maximum concurrent requests"
            f" allowed for {call.app.id} is {call.app.at_once}."
        )
    return run


def stop(call: Call) -> Reply:
    """POST /chat-messages/{task_id}/stop, and so for tasks: a success, whatever the task."""
    call.runs.stop(
        call.ids["task_id"],
        call.app.id,
        call.user.id,
        by_anyone_aborts=call.app.flows,
    )
    return json_reply({"result": "success"})


def _check_app(call: Call, mode: str | None, workflow_id: str | None) -> None:
    """Whether the app can answer in this mode, and with this workflow."""
    if call.app.mode == "agent-chat" and mode != "streaming":
        raise invalid_param("Agent Chat App does not support blocking mode")
    if call.app.mode == "advanced-chat" and workflow_id:
        check_version(call, workflow_id)
    elif not call.app.published:
        raise invalid_param("Workflow not published")


def check_version(call: Call, workflow_id: str) -> None:
    """Whether this is the id of a published workflow of the app."""
    found = as_uuid(workflow_id)
    if found is None:
        raise bad_request(f"Invalid workflow_id format: '{workflow_id}'. ")
    if not call.app.published or found != call.app.workflow_id:
        raise not_found(f"Workflow not found with id: {workflow_id}.", call.request.path)


def begin(
    call: Call,
    run: Run,
    query: str,
    prompt: str,
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
    reply = Scripted() if fixed else call.model.scripted({**call.body, "query": prompt})
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
        else call.model.speaker(reply, prompt, len(files), partial(_talk, call, conversation["id"]))
    )
    told = [file.in_message(host_url) for file in files]
    message_id, created_at = state.add_message(conversation, query, told)
    for file in files:
        if file.file_id:
            state.use_file(file.file_id, message_id, app.id)
    in_flow = app.mode == "advanced-chat"
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
        number=state.number_of(message_id),
        created_at=created_at,
        form_seconds=call.settings.form_seconds,
        resources=retrieve(query, in_flow=in_flow) if app.knowledge and not fixed else [],
    )
    if turn.resources:
        state.set_resources(message_id, turn.resources)
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


def told_by(call: Call, script: Script, run: Run) -> Frames:
    """The events of the answer, told by this connection or by a run with a life of its own."""
    left, settings = client_left(call.request), call.settings
    if script.lives_on:
        live = _live(call, script, run)
        return Frames(live.reader(left, settings.ping_seconds), lambda: None)
    stream = steps(
        script,
        run,
        call.runs,
        call.state,
        token_pause=settings.token_pause,
        ping_seconds=settings.ping_seconds,
        left=lambda stopped: stopped and left(),
        gone=left,
    )
    stream = spoken(stream, script) if call.app.speaks else stream
    return Frames(stream, lambda: call.runs.finish(run))


def _live(call: Call, script: Script, run: Run) -> LiveRun:
    live = LiveRun(run, lambda: script.waits(call.state), call.settings.form_seconds)
    call.lives.add(script.run_id, live)
    pause = call.settings.token_pause
    stream = steps(script, run, call.runs, call.state, token_pause=pause, left=live.left)
    live.play(spoken(stream, script) if call.app.speaks else stream)
    return live


def whole(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The blocking answer, after the time the tokens would have taken."""
    if script.pauses:
        return _paused(call, script, run)
    text = play(call, script, run)
    events, said = ending(script, run, text, stopped=False)
    replaced = script.must_replace(text)
    # Stored before it is sent: a client that hung up meanwhile finds it in the history.
    script.store(call.state, said, stopped=False)
    script.conclude(call.state, events)
    return _body(script, "message", said, replaced=replaced)


def play(call: Call, script: Script, run: Run) -> str:
    """The text of the whole answer, in the time it takes."""
    speaker, text = script.turn.speaker, ""
    try:
        for _ in (*script.opening(), *script.before_text()):
            pass
        run.pause(speaker.delay)
        for piece in script.pieces:
            if run.closed:
                break
            if isinstance(piece, str) and not speaker.own_pace:
                run.pause(call.settings.token_pause)
            if piece is not None:
                text += script.text_of(piece)
    except ModelFailure as failure:
        fail(script, call.state, failure)
        raise
    finally:
        speaker.close()
        call.runs.finish(run)
    return text


def _paused(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The blocking answer of a flow that waits for a person. Not recorded, nor described."""
    live = _live(call, script, run)
    data: Any = None
    for step in live.reader(client_left(call.request), call.settings.ping_seconds):
        if step.name == "workflow_paused":
            data = json.loads(step.frame.removeprefix(b"data: "))["data"]
    body = _body(script, "workflow_paused", "")
    return body | {"workflow_run_id": script.run_id, "data": data}


def _body(script: Script, event: str, text: str, *, replaced: bool = False) -> dict[str, Any]:
    turn = script.turn
    return {
        "event": event,
        "task_id": turn.task_id,
        "id": turn.message_id,
        "message_id": turn.message_id,
        "conversation_id": turn.conversation_id,
        "mode": turn.app.mode,
        "answer": text,
        "metadata": script.metadata(script.whole_usage(replaced=replaced)),
        "created_at": turn.created_at,
    }
