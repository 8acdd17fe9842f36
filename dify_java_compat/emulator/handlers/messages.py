"""Sending a message to a chat app, and stopping the reply."""

from functools import partial

from ..http.errors import invalid_param
from ..http.payload import Payload
from ..http.reply import EVENT_STREAM, Reply
from ..model.prose import title
from .answering import (
    NO_NAME,
    Prompt,
    begin,
    blocking,
    check_version,
    new_run,
    stop_run,
    stream_of,
    whole,
)
from .call import Call


def send(call: Call) -> Reply:
    """POST /chat-messages, blocking or streamed."""
    payload = Payload("ChatRequestPayload", call.body)
    inputs = payload.mapping("inputs")
    query = payload.string("query", required=True)
    files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    bad_id = "conversation_id must be a valid UUID"
    conversation_id = payload.identifier("conversation_id", message=bad_id)
    payload.string("retriever_from", default="dev")
    named = payload.boolean("auto_generate_name", True)
    workflow_id = payload.string("workflow_id")
    payload.check()

    with new_run(call) as run:
        _check_app(call, mode, workflow_id)
        if not query:
            raise invalid_param("query is required")
        query = query.replace("\0", "")
        name = title(query) if named else NO_NAME
        script = begin(call, run, Prompt(query, query, inputs, files, conversation_id, name))
    # Naming a new conversation touches the session on the real server, in this one mode.
    vary = call.app.mode == "chat" and conversation_id is None and script.names_conversation
    if mode == "streaming":
        return Reply(200, stream_of(call, script, run), EVENT_STREAM, vary_cookie=vary)
    return blocking(script, partial(whole, call, script, run), vary_cookie=vary)


def _check_app(call: Call, mode: str | None, workflow_id: str | None) -> None:
    """``ApiError`` where the app cannot reply in this mode, or with this workflow."""
    if call.app.mode == "agent-chat" and mode != "streaming":
        raise invalid_param("Agent Chat App does not support blocking mode")
    if call.app.mode == "advanced-chat" and workflow_id:
        check_version(call, workflow_id)
    elif not call.app.published:
        raise invalid_param("Workflow not published")


def stop(call: Call) -> Reply:
    """POST /chat-messages/{task_id}/stop: a success, whatever the task."""
    return stop_run(call)
