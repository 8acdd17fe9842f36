"""Sending a message to a chat app, and stopping the reply."""

from functools import partial

from ..http.errors import bad_request, invalid_param
from ..http.reply import EVENT_STREAM, Reply
from ..model.prose import title
from ..runs.run import Run
from ..script.base import Script
from .answering import (
    NO_NAME,
    Prompt,
    begin,
    begin_run,
    blocking,
    check_version,
    stop_run,
    whole,
)
from .call import Call
from .streaming import stream_of


def send(call: Call) -> Reply:
    """POST /chat-messages, blocking or streamed."""
    payload = call.payload("ChatRequestPayload")
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

    query = (query or "").replace("\0", "")
    name = title(query) if named else NO_NAME
    prompt = Prompt(query, query, inputs, files, conversation_id, name)
    check = partial(_check_app, call, mode, workflow_id)
    begun = begin_run(call, mode, lambda run: _begin(call, run, prompt), check)
    if isinstance(begun, Reply):
        return begun
    script, run = begun
    # Naming a new conversation touches the session on the real server, in this one mode.
    vary = call.app.mode == "chat" and conversation_id is None and script.names_conversation
    if mode == "streaming" or call.app.mode == "agent":
        return Reply(200, stream_of(call, script, run), EVENT_STREAM, vary_cookie=vary)
    return blocking(script, partial(whole, call, script, run), vary_cookie=vary)


def _begin(call: Call, run: Run, prompt: Prompt) -> Script:
    if not prompt.query:
        raise invalid_param("query is required")
    return begin(call, run, prompt)


def _check_app(call: Call, mode: str | None, workflow_id: str | None) -> None:
    """``ApiError`` where the app cannot reply in this mode, or with this workflow."""
    if call.app.mode == "agent" and mode == "blocking":
        raise bad_request("Agent App only supports streaming response mode.")
    if call.app.mode == "agent-chat" and mode != "streaming":
        raise invalid_param("Agent Chat App does not support blocking mode")
    if call.app.mode == "advanced-chat" and workflow_id:
        check_version(call, workflow_id)
    elif not call.app.published:
        raise invalid_param("Workflow not published")


def stop(call: Call) -> Reply:
    """POST /chat-messages/{task_id}/stop: a success, whatever the task."""
    return stop_run(call)
