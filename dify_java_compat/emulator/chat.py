"""Sending a message and stopping its answer."""

from collections.abc import Iterator
from typing import Any

from .answers import answer, title
from .calls import Call
from .errors import bad_request, invalid_param, not_found
from .files import attachments
from .flow import FlowScript
from .inputs import event_values, form_values
from .replies import EVENT_STREAM, Reply, blocking_reply, json_reply
from .runs import Run
from .scripts import AgentScript, ChatScript, Script, Turn
from .streams import stream
from .validation import Model, as_uuid

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

    if call.app.mode == "agent-chat" and mode != "streaming":
        raise invalid_param("Agent Chat App does not support blocking mode")
    if call.app.mode == "advanced-chat" and workflow_id:
        _check_workflow(call, workflow_id)
    if not query:
        raise invalid_param("query is required")
    name = title(query) if named else _NO_NAME
    script, run = _begin(call, query, inputs, given_files, conversation_id, name)
    # Naming a new conversation touches the session on the real server, in this one mode.
    vary = call.app.mode == "chat" and conversation_id is None
    if mode == "streaming":
        return Reply(200, _streamed(call, script, run), EVENT_STREAM, vary_cookie=vary)
    return blocking_reply(_whole(call, script, run), vary_cookie=vary)


def stop(call: Call) -> Reply:
    """POST /chat-messages/{task_id}/stop: a success, whatever the task."""
    call.runs.stop(
        call.ids["task_id"],
        call.app.id,
        call.user.id,
        by_anyone_aborts=call.app.mode == "advanced-chat",
    )
    return json_reply({"result": "success"})


def _check_workflow(call: Call, workflow_id: str) -> None:
    found = as_uuid(workflow_id)
    if found is None:
        raise bad_request(f"Invalid workflow_id format: '{workflow_id}'. ")
    if found != call.app.workflow_id:
        raise not_found(f"Workflow not found with id: {workflow_id}.", call.request.path)


def _begin(
    call: Call,
    query: str,
    inputs: dict[str, Any],
    given_files: list[dict[str, Any]],
    conversation_id: str | None,
    name: str,
) -> tuple[Script, Run]:
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
    if conversation is None:
        introduction = app.introduction(values)
        conversation_id = state.add_conversation(app.id, user.id, name, values, introduction)
        conversation = state.conversation(conversation_id, app.id, user.id)
        assert conversation is not None
    told = [file.in_message(host_url) for file in files]
    message_id, created_at = state.add_message(conversation, query, told)
    run = call.runs.start(app.id, user.id)
    turn = Turn(
        app=app,
        user=user,
        task_id=run.task_id,
        conversation_id=conversation["id"],
        message_id=message_id,
        query=query,
        answer=answer(query, len(files)),
        inputs=seen_values,
        files=[file.in_event(host_url) for file in files],
        number=state.count_messages(conversation["id"]),
        created_at=created_at,
    )
    script = _SCRIPTS[app.mode](turn)
    state.set_thoughts(message_id, script.thoughts(""))
    return script, run


def _streamed(call: Call, script: Script, run: Run) -> Iterator[bytes]:
    return stream(
        script,
        run,
        call.runs,
        call.state,
        token_pause=call.settings.token_pause,
        ping_seconds=call.settings.ping_seconds,
        client_left=call.request.environ.get("emulator.client_left", lambda: False),
    )


def _whole(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The blocking answer, after the time the tokens would have taken."""
    turn = script.turn
    try:
        run.pause(call.settings.token_pause * len(turn.tokens))
    finally:
        call.runs.finish(run)
    # Stored before it is sent: a client that hung up meanwhile finds it in the history.
    script.store(call.state, turn.answer, stopped=False)
    used = turn.usage(turn.elapsed, first=0.0)
    return {
        "event": "message",
        "task_id": turn.task_id,
        "id": turn.message_id,
        "message_id": turn.message_id,
        "conversation_id": turn.conversation_id,
        "mode": turn.app.mode,
        "answer": turn.answer,
        "metadata": {"annotation_reply": None, "retriever_resources": [], "usage": used},
        "created_at": turn.created_at,
    }
