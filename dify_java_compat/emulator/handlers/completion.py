"""The completion app: one answer at a time, without a conversation."""

from typing import Any

from ..apps.app import App
from ..http.errors import app_unavailable
from ..http.payload import Model
from ..http.reply import EVENT_STREAM, Reply
from .call import Call
from .messages import NO_NAME, at_once, begin, start_run, stop, told_by, whole


def _need_completion(app: App) -> None:
    if app.mode != "completion":
        raise app_unavailable()


def complete(call: Call) -> Reply:
    """POST /completion-messages, blocking or streamed: a message, but no conversation to see."""
    _need_completion(call.app)
    payload = Model("CompletionRequestPayload", call.body)
    inputs = payload.mapping("inputs")
    query = payload.string("query", default="")
    given_files = payload.mappings("files")
    mode = payload.choice("response_mode", ("blocking", "streaming"), None)
    payload.string("retriever_from", default="dev")
    payload.check()
    query = (query or "").replace("\0", "")
    run = start_run(call)
    try:
        # The prompt of such an app is made of its form.
        prompt = query or " ".join(str(value) for value in inputs.values())
        script = begin(call, run, query or "", prompt, inputs, given_files, None, NO_NAME)
    except BaseException:
        call.runs.finish(run)
        raise
    if mode == "streaming":
        return Reply(200, told_by(call, script, run), EVENT_STREAM)

    def body() -> dict[str, Any]:
        made = whole(call, script, run)
        del made["conversation_id"]
        return made

    return at_once(script, body, vary_cookie=True)


def stop_completion(call: Call) -> Reply:
    """POST /completion-messages/{task_id}/stop: a success, whatever the task."""
    _need_completion(call.app)
    return stop(call)
