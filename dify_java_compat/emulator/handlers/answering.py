"""How the reply to a prompt is begun, sent whole, or stopped.

The handlers of the chat, completion and workflow apps share it.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ..apps.files import Attachment, attachments
from ..apps.inputs import event_values, form_values
from ..apps.knowledge import retrieve
from ..http.errors import ApiError, ServerCrash, bad_request, invalid_param, not_found
from ..http.ids import as_uuid
from ..http.reply import Reply, blocking_reply, error_reply, json_reply
from ..model.prose import tokens
from ..model.replies import StubbedReply
from ..model.speaker import ModelFailure, Speaker
from ..runs.run import Run
from ..runs.stream import ending, fail
from ..script.agent import AgentScript
from ..script.base import Script, Turn
from ..script.chat import ChatScript, CompletionScript, FixedScript, NewAgentScript
from ..script.flow import FlowScript
from ..script.raw import RawScript
from ..script.special import AgentNodeScript, LoopScript, SilentScript
from .call import Call, client_gone
from .history import own_conversation
from .streaming import refused_in_stream, start_in_background

S = TypeVar("S", bound=Script)

# Who wrote the annotations.
_AUTHOR = {"id": "0d6f9a21-47c8-4e5b-93d0-c8a1f27b6e0d", "name": "admin"}
NO_NAME = "New conversation"
_SCRIPTS: dict[str, type[Script]] = {
    "chat": ChatScript,
    "agent-chat": AgentScript,
    "advanced-chat": FlowScript,
    "completion": CompletionScript,
    "agent": NewAgentScript,
}
_SPECIAL: dict[str, type[Script]] = {
    "loop": LoopScript,
    "agent": AgentNodeScript,
    "silent": SilentScript,
}


@dataclass(frozen=True)
class Prompt:
    """What a request asks of its app: ``query`` is recorded, ``text`` is what the model gets."""

    query: str
    text: str
    inputs: dict[str, Any]
    files: list[dict[str, Any]]
    conversation_id: str | None = None
    """The conversation it belongs to; None for a new one."""
    conversation_name: str = NO_NAME
    """The name of a new conversation."""


class FixedReply(NamedTuple):
    """A reply that needs no model: by moderation, or by an annotation."""

    text: str
    annotation: dict[str, Any] | None


class Refusal(Exception):
    """A test's stub refuses the prompt with an error status."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message)
        self.error = error


# -- the beginning


@contextmanager
def new_run(call: Call) -> Iterator[Run]:
    """A run of the app, finished at once if the block raises.

    ``ApiError`` where the app has as many runs as it may have.
    """
    run = call.runs.start(call.app.id, call.user.id, call.app.max_runs)
    if run is None:
        raise invalid_param(
            "Too many requests. Please try again later. The current maximum concurrent requests"
            f" allowed for {call.app.id} is {call.app.max_runs}."
        )
    try:
        yield run
    except BaseException:
        call.runs.finish(run)
        raise


def begin_run(
    call: Call,
    mode: str | None,
    begin: Callable[[Run], S],
    check: Callable[[], None] = lambda: None,
) -> tuple[S, Run] | Reply:
    """A run, and the script that ``begin`` makes of it; or the stream that tells what is wrong.

    ``ApiError`` where there is no such stream, and for what ``check`` says of the app.
    """
    in_worker = call.app.flows and mode == "streaming" and call.version.refuses_in_stream
    try:
        with new_run(call) as run:
            check()
            try:
                return begin(run), run
            except (ApiError, ServerCrash) as error:
                if not in_worker:
                    raise
                call.runs.finish(run)
                return refused_in_stream(call, error)
    except Refusal as refusal:
        raise refusal.error from None


def check_version(call: Call, workflow_id: str) -> None:
    """``ApiError`` unless this is the id of a published workflow of the app."""
    found = as_uuid(workflow_id)
    if found is None:
        raise bad_request(f"Invalid workflow_id format: '{workflow_id}'. ")
    if not call.app.published or found != call.app.workflow_id:
        raise not_found(f"Workflow not found with id: {workflow_id}.", call.request.path)


def begin(call: Call, run: Run, prompt: Prompt) -> Script:
    """Record the message, in its conversation or a new one; the script of the reply to it."""
    state, app, host_url = call.state, call.app, call.request.host_url
    conversation = find_conversation(call, prompt.conversation_id)
    owner = call.user.id if call.version.guards_files else None
    files = attachments(state, app, prompt.files, owner)
    values = form_values(app, prompt.inputs)
    event_inputs = event_values(state, app, values, host_url, call.version, owner)
    reply = _find_reply(call, run, prompt)
    if conversation is None:
        conversation = _new_conversation(call, prompt.conversation_name, values)
    # Chosen before the message is recorded: a model gets the messages before this one.
    speaker = choose_speaker(call, prompt, reply, len(files), conversation["id"])
    message_id, created_at = record_message(call, conversation, prompt.query, files)
    turn = Turn(
        app=app,
        version=call.version,
        user=call.user,
        task_id=run.task_id,
        conversation_id=conversation["id"],
        message_id=message_id,
        query=prompt.query,
        speaker=speaker,
        inputs=event_inputs,
        files=[file.in_event(host_url, call.version) for file in files],
        listed_files=[file.in_message_end(host_url) for file in files],
        number=state.number_of(message_id),
        created_at=created_at,
        form_seconds=call.settings.form_seconds,
        resources=_resources(call, prompt.query, reply),
    )
    if turn.resources:
        state.set_resources(message_id, turn.resources)
    script = choose_script(turn, reply)
    script.begin(state)
    return script


def find_conversation(call: Call, conversation_id: str | None) -> sqlite3.Row | None:
    """The user's conversation of that id, None without an id; ``ApiError`` for an unknown one.

    For an unknown one of a chatflow it may be None, too: it gets a new one.
    """
    if conversation_id is None:
        return None
    if call.app.flows and call.version.begins_new_conversation:
        return call.state.conversation(conversation_id, call.app.id, call.user.id)
    return own_conversation(call, call.request.path, conversation_id)


def _new_conversation(call: Call, name: str, values: dict[str, Any]) -> sqlite3.Row:
    state, app, user = call.state, call.app, call.user
    conversation_id = state.add_conversation(
        app.id, user.id, name, values, app.introduction(values)
    )
    if app.mode == "advanced-chat":
        state.variables.declare(conversation_id)
    row = state.conversation(conversation_id, app.id, user.id)
    assert row is not None
    return row


def _find_reply(call: Call, run: Run, prompt: Prompt) -> FixedReply | StubbedReply:
    """The reply that needs no model, or else the one a test stubbed; ``ApiError`` if it refuses."""
    fixed = _fixed_reply(call, prompt.query)
    if fixed is not None:
        return fixed
    reply = call.replies.stub_for({**call.body, "query": prompt.text})
    if reply.refusal is not None:
        run.pause(reply.delay)
        raise Refusal(reply.refusal)
    return reply


def _fixed_reply(call: Call, query: str) -> FixedReply | None:
    moderation = call.app.moderation
    if moderation is not None and moderation.blocks(query):
        return FixedReply(moderation.input_reply, None)
    found = call.state.annotations.hit(call.app.id, query)
    if found is None:
        return None
    return FixedReply(found["answer"], {"id": found["id"], "account": _AUTHOR})


def choose_speaker(
    call: Call, prompt: Prompt, reply: FixedReply | StubbedReply, files: int, conversation_id: str
) -> Speaker:
    """The speaker of the reply to a prompt that came with so many files."""
    if isinstance(reply, FixedReply):
        return Speaker(tokens(reply.text))
    history = partial(_history, call, conversation_id)
    return call.replies.speaker(reply, prompt.text, files, history)


def _history(call: Call, conversation_id: str) -> list[tuple[str, str]]:
    """The queries and replies of a conversation so far, the oldest first."""
    rows = call.state.messages(conversation_id, None, -1)
    return [(row["query"], row["answer"]) for row in reversed(rows) if row["answer"]]


def record_message(
    call: Call, conversation: sqlite3.Row, query: str, files: list[Attachment]
) -> tuple[str, int]:
    """The id of the new message, and when it was created, in seconds since 1970."""
    described = [file.in_message(call.request.host_url) for file in files]
    message_id, created_at = call.state.add_message(conversation, query, described)
    for file in files:
        if file.file_id:
            call.state.use_file(file.file_id, message_id, call.app.id)
    return message_id, created_at


def _resources(call: Call, query: str, reply: FixedReply | StubbedReply) -> list[dict[str, Any]]:
    """The passages for the query, if the app has a knowledge base and the reply needs it."""
    if not call.app.knowledge or isinstance(reply, FixedReply):
        return []
    return retrieve(query, in_flow=call.app.mode == "advanced-chat")


def choose_script(turn: Turn, reply: FixedReply | StubbedReply) -> Script:
    if isinstance(reply, FixedReply):
        return FixedScript(turn, reply.annotation)
    if reply.events is not None:
        return RawScript(turn, reply.events)
    return _SPECIAL.get(turn.app.graph, _SCRIPTS[turn.app.mode])(turn)


# -- the reply, whole


def blocking(script: Script, make_body: Callable[[], Any], *, vary_cookie: bool) -> Reply:
    """The reply with the body that ``make_body`` makes, or the error if the model fails at it."""
    try:
        return blocking_reply(make_body(), vary_cookie=vary_cookie)
    except ModelFailure as failure:
        reported = script.reported(failure)
        error = ApiError(reported.status, reported.code, reported.message)
        return error_reply(error, vary_cookie=vary_cookie)


def whole(call: Call, script: Script, run: Run) -> dict[str, Any]:
    """The body of a blocking reply, after the time the tokens would have taken."""
    if script.pause_count:
        return _paused(call, script, run)
    text = play(call, script, run)
    events, final = ending(script, run, text, stopped=False)
    replaced = script.must_replace(text)
    # Stored before it is sent: a client that hung up meanwhile finds it in the history.
    script.store(call.state, final, stopped=False)
    script.conclude(call.state, events)
    return _body(script, "message", final, replaced=replaced)


def play(call: Call, script: Script, run: Run) -> str:
    """Play the reply at the pace of a stream; its text. ``ModelFailure`` where the model fails."""
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
    """The body where a flow waits for a person."""
    background = start_in_background(call, script, run)
    paused: dict[str, Any] = {}
    for frame in background.reader(client_gone(call.request), call.settings.ping_seconds):
        if frame.name == "workflow_paused":
            paused = frame.event()["data"]
    body = _body(script, "workflow_paused", "")
    body["metadata"] = script.metadata(None)
    body["workflow_run_id"] = script.run_id
    keys = ("id", "mode", "conversation_id", "message_id", "workflow_run_id", "answer", "metadata")
    data = {key: body[key] for key in (*keys, "created_at")}
    more = ("paused_nodes", "reasons", "status", "elapsed_time", "total_tokens", "total_steps")
    return body | {"data": data | {key: paused[key] for key in more}}


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
        "metadata": script.metadata(script.blocking_usage(replaced=replaced)),
        "created_at": turn.created_at,
    }


# -- the stop


def stop_run(call: Call) -> Reply:
    """Stop the run of the path's task. A success, whatever the task."""
    done = json_reply({"result": "success"})
    task_id, app_id = call.ids["task_id"], call.app.id
    if call.version.pauses_through_stop and call.runs.is_paused(task_id, app_id):
        return done
    if call.app.flows and call.version.stops_by_race:
        call.runs.stop_by_race(task_id, app_id, call.user.id)
        return done
    call.runs.stop(task_id, app_id, call.user.id, others_abort=call.app.flows)
    return done
