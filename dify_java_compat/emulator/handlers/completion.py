"""The completion app: one reply at a time, without a conversation."""

from typing import Any

from ..apps.app import App
from ..http.errors import app_unavailable
from ..http.reply import EVENT_STREAM, Reply
from .answering import Prompt, Refusal, begin, blocking, new_run, stop_run, whole
from .call import Call
from .streaming import stream_of


def _require_completion(app: App) -> None:
    if app.mode != "completion":
        raise app_unavailable()


def complete(call: Call) -> Reply:
    """POST /completion-messages, blocking or streamed: a message whose conversation is hidden."""
    _require_completion(call.app)
    payload = call.payload("CompletionRequestPayload")
    inputs = payload.mapping("inputs")
    query = payload.string("query", default="")
    files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    payload.string("retriever_from", default="dev")
    payload.check()
    query = (query or "").replace("\0", "")
    # The prompt of such an app is made of its form.
    text = query or " ".join(str(value) for value in inputs.values())
    try:
        with new_run(call) as run:
            script = begin(call, run, Prompt(query, text, inputs, files))
    except Refusal as refusal:
        raise refusal.error from None
    if mode == "streaming":
        return Reply(200, stream_of(call, script, run), EVENT_STREAM)

    def body() -> dict[str, Any]:
        made = whole(call, script, run)
        del made["conversation_id"]
        return made

    return blocking(script, body, vary_cookie=True)


def stop_completion(call: Call) -> Reply:
    """POST /completion-messages/{task_id}/stop: a success, whatever the task."""
    _require_completion(call.app)
    return stop_run(call)
