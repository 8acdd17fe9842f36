"""The two generations of Dify that the emulator can be, and all in which they differ.

A ``Version`` is the list of the differences: one field each, which the rest of the emulator asks,
and what the field means in either of them, which is a row of the table on the emulator's page.
"""

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """One row of the table: what it is about, and what 1.12 and 1.14 do."""

    name: str
    about: str
    old: str
    new: str


def _differs(about: str, old: str, new: str) -> Any:
    return field(default=False, metadata={"row": (about, old, new)})


@dataclass(frozen=True)
class Version:
    """One generation: ``name`` as an argument has it, ``full`` as the server says it.

    ``pydantic``: the version in its validation errors. All other fields are False in 1.12 and
    True in 1.14.
    """

    name: str
    full: str
    pydantic: str

    varies_by_cookie: bool = _differs(
        "The header `Vary: Cookie`", "where a new chat is named, and on few more", "on all"
    )
    welcomes: bool = _differs("`GET /v1/`", "404", "a welcome with the server's version")
    has_new_agent: bool = _differs(
        "The New Agent app, key `app-new-agent`", "its key is unknown", "there, mode `agent`"
    )
    pings_first: bool = _differs(
        "The first bytes of a chatflow's or workflow's stream",
        "its first event",
        "a ping at once",
    )
    refuses_in_stream: bool = _differs(
        "A flow's stream whose query, inputs or files are wrong",
        "an error status",
        "200, an `error` event without code and ids, and no end for `linger_seconds`",
    )
    lingers: bool = _differs(
        "A chatflow's stream without a run: moderated input, an annotation",
        "ends after `message_end`",
        "stays open without pings for `linger_seconds`",
    )
    begins_new_conversation: bool = _differs(
        "An unknown `conversation_id` in a chatflow", "404", "a new conversation, silently"
    )
    fails_without_error_event: bool = _differs(
        "The end of a chatflow's stream that fails",
        "`workflow_finished` (`failed`), then `error`",
        "`workflow_finished` (`failed`) and nothing else",
    )
    ends_message_first: bool = _differs(
        "`message_end` of a chatflow",
        "after `workflow_finished`, also when it was stopped or its output moderated",
        "before `workflow_finished`; none when it was stopped or its output moderated",
    )
    stops_by_race: bool = _differs(
        "A chatflow that its own user stops",
        "ends `stopped`, and keeps what came",
        "ends `stopped` and keeps what came, or, every second time, ends `failed` with `Aborted:"
        " User requested stop` and keeps nothing",
    )
    keeps_running: bool = _differs(
        "A chatflow whose client disconnects",
        "goes on, but the answer is not stored",
        "goes on, and the whole answer is stored",
    )
    publishes_live: bool = _differs(
        "`GET /workflow/{id}/events`",
        "all events that no reader got yet; with a snapshot the states before them",
        "what is published from then on; with a snapshot the stored text and the states before it;"
        " with `continue_on_pause` and no snapshot it stays open after the end, with pings",
    )
    checks_run_id_late: bool = _differs(
        "`GET /workflow/{id}/events` where the id is no UUID",
        "404, an HTML page",
        "404 in JSON, with `quirks` 500",
    )
    pauses_through_stop: bool = _differs(
        "The stop of a run that is paused", "ends it", "a success that does nothing"
    )
    cuts_speech: bool = _differs(
        "Speech of a chatflow",
        "its rest and `tts_message_end` behind the last event",
        "cut at `workflow_finished`",
    )
    shows_node_inputs: bool = _differs(
        "What nodes show",
        "the start node the system variables; the model's node no inputs, the end node neither",
        "the start node the form alone; the model's node provider and model; the end node its"
        " texts",
    )
    reasons_start: bool = _differs(
        "`workflow_started`",
        "once, without `reason`",
        "with `reason`: `initial`; after a form `resumption`, and the form's `node_started` again",
    )
    speaks_constants_early: bool = _differs(
        "The constant text of an answer node",
        "when the model is done",
        "as soon as it is known: before the model's where it stands before it",
    )
    next_after_last: bool = _differs(
        "`loop_next`", "between two rounds", "after the last round, too"
    )
    keeps_default_silent: bool = _differs(
        "The default text of a model that failed",
        "a `message`, and in the outputs",
        "in the outputs alone",
    )
    sends_file_chats_as_message: bool = _differs(
        "The text of a chat with a file",
        "in `message_file` events; `message_end.files` is null",
        "in `message` events; `message_end.files` lists the user's files",
    )
    references_files: bool = _differs(
        "Files in events and in the response of an upload",
        "with `tenant_id`, without `reference`",
        "with `reference`; in events without `tenant_id`",
    )
    guards_files: bool = _differs(
        "Another user's file in a message", "accepted", "refused as unknown"
    )
    knows_conversations: bool = _differs(
        "`DELETE /conversations/{id}` of an unknown one", "204", "404"
    )
    knows_runs: bool = _differs(
        "`GET /workflows/run/{id}`",
        "nulls for an unknown run; `outputs` is a string",
        "404 for an unknown run; `outputs` is an object",
    )
    shows_forms_in_history: bool = _differs(
        "A message in the history",
        "without `extra_contents`; its status is `normal` or `error`",
        "with `extra_contents`, the forms of its run; its status may be `paused`",
    )
    checks_annotation_pages: bool = _differs(
        "`GET /apps/annotations` with a page or limit of 0", "the default page", "400"
    )


def differences() -> list[Difference]:
    """The rows of the table, in the order of the fields."""
    return [Difference(one.name, *one.metadata["row"]) for one in fields(Version) if one.metadata]


V1_12 = Version("1.12", "1.12.1", "2.11")
_NEW = {one.name: True for one in differences()}
V1_14 = Version("1.14", "1.14.2", "2.12", **_NEW)
VERSIONS = {one.name: one for one in (V1_12, V1_14)}
NEWEST = V1_14.name
