"""The history: messages, conversations, feedback, suggested questions."""

import json
import sqlite3
from datetime import datetime, timezone
from typing import Any

from ..http.errors import ServerCrash, bad_request, invalid_param, not_found
from ..http.reply import Reply, json_reply
from ..model.prose import suggestions, title
from ..script.human_input import submission
from .call import Call, reject_nul

_SORTS = ("created_at", "-created_at", "updated_at", "-updated_at")
_MAX_NAME = 255
_NO_PARENT = "00000000-0000-0000-0000-000000000000"


def page_of(limit: int, rows: list[sqlite3.Row], data: list[Any]) -> Reply:
    """A page with ``data``; more than ``limit`` ``rows`` mean that another one follows."""
    return json_reply({"limit": limit, "has_more": len(rows) > limit, "data": data})


def _message_data(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    data = _plain_data(row)
    if not call.version.shows_forms_in_history:
        return data
    runs = call.state.workflow_runs
    if runs.status_of_message(row["id"]) == "paused":
        data["status"] = "paused"
    forms = [_form_data(form) for form in runs.forms_of_message(row["id"])]
    return data | {"extra_contents": forms}


def _form_data(form: sqlite3.Row) -> dict[str, Any]:
    """A form of the message's run, and what was submitted to it."""
    definition, submitted = json.loads(form["definition"]), form["action"] is not None
    values = None
    if submitted:
        node = {key: definition[key] for key in ("node_id", "node_title")}
        inputs = json.loads(form["inputs"])
        values = node | submission(form["definition"], form["action"], inputs)
        definition["form_token"] = None
    return {
        "workflow_run_id": form["run_id"],
        "submitted": submitted,
        "form_definition": definition,
        "form_submission_data": values,
        "type": "human_input",
    }


def _plain_data(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "conversation_id": row["conversation_id"],
        "parent_message_id": _NO_PARENT,
        "inputs": json.loads(row["inputs"]),
        "query": row["query"],
        "answer": row["answer"],
        "feedback": {"rating": row["rating"]} if row["rating"] else None,
        "retriever_resources": json.loads(row["resources"]),
        "created_at": int(row["created_at"]),
        "agent_thoughts": json.loads(row["thoughts"]),
        "message_files": json.loads(row["files"]),
        "status": "error" if row["error"] else "normal",
        "error": row["error"],
    }


def _conversation_data(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "inputs": json.loads(row["inputs"]),
        "status": "normal",
        "introduction": row["introduction"],
        "created_at": int(row["created_at"]),
        "updated_at": int(row["updated_at"]),
    }


def own_conversation(call: Call, path: str = "", conversation_id: str | None = None) -> sqlite3.Row:
    """The user's conversation of that id, by default that of the path.

    ``ApiError`` where the user has none of that id; ``path`` is for its text.
    """
    known = conversation_id or call.ids["conversation_id"]
    row = call.state.conversation(known, call.app.id, call.user.id)
    if row is None:
        raise not_found("Conversation Not Exists.", path)
    return row


def _own_message(call: Call) -> sqlite3.Row:
    row = call.state.message(call.ids["message_id"], call.app.id, call.user.id)
    if row is None:
        raise not_found("Message Not Exists.")
    return row


def list_messages(call: Call) -> Reply:
    """GET /messages: the newest page first, in each page the oldest message first."""
    query = call.query("MessageListQuery")
    conversation_id = query.identifier("conversation_id", required=True)
    first_id = query.identifier("first_id")
    limit = query.limit()
    query.check()
    if conversation_id is None:
        return page_of(limit, [], [])
    path = call.request.path
    conversation = own_conversation(call, path, conversation_id)
    before = None
    if first_id is not None:
        before = call.state.message(first_id, call.app.id, call.user.id)
        if before is None or before["conversation_id"] != conversation["id"]:
            raise not_found("First Message Not Exists.", path)
    rows = call.state.messages(conversation["id"], before, limit + 1)
    return page_of(limit, rows, [_message_data(call, row) for row in reversed(rows[:limit])])


def list_conversations(call: Call) -> Reply:
    """GET /conversations of one user, by default the last changed first."""
    query = call.query("ConversationListQuery")
    last_id = query.identifier("last_id")
    limit = query.limit()
    sort_by = query.choice("sort_by", _SORTS, "-updated_at") or "-updated_at"
    query.check()
    state, after = call.state, None
    if last_id is not None:
        after = state.conversation(last_id, call.app.id, call.user.id)
        if after is None:
            raise not_found("Last Conversation Not Exists.", call.request.path)
    rows = state.conversations(call.app.id, call.user.id, sort_by, after, limit + 1)
    return page_of(limit, rows, [_conversation_data(row) for row in rows[:limit]])


def rename_conversation(call: Call) -> Reply:
    """POST /conversations/{id}/name: to a name of the user's, or one made of its first message."""
    payload = call.payload("ConversationRenamePayload")
    name = payload.string("name")
    generated = payload.boolean("auto_generate", False)
    payload.check()
    if not generated and not (name or "").strip():
        text = "Value error, name is required when auto_generate is false"
        payload.reject("", text, "value_error", dict(call.body))
        payload.check()
    reject_nul(name or "")
    if len(name or "") > _MAX_NAME:
        correct = invalid_param(f"A name has at most {_MAX_NAME} characters.")
        raise ServerCrash("the column is too short", correct)
    row = own_conversation(call)
    if generated:
        messages = call.state.messages(row["id"], None, -1)
        name = title(messages[-1]["query"])
    call.state.rename_conversation(row["id"], name or "")
    return json_reply(_conversation_data(own_conversation(call)))


def delete_conversation(call: Call) -> Reply:
    """DELETE /conversations/{id}. The older server neither misses one nor checks whose it is."""
    conversation_id = call.ids["conversation_id"]
    if call.version.knows_conversations:
        call.state.delete_conversation(own_conversation(call)["id"])
        return Reply(204, b"")
    own = call.state.conversation(conversation_id, call.app.id, call.user.id)
    if own is not None or call.settings.quirks:
        call.state.delete_conversation(conversation_id)
    return Reply(204, b"")


def rate_message(call: Call) -> Reply:
    """POST /messages/{id}/feedbacks: like, dislike, or null to take it back."""
    payload = call.payload("MessageFeedbackPayload")
    rating = payload.choice("rating", ("like", "dislike"), None)
    content = payload.string("content")
    payload.check()
    row = _own_message(call)
    reject_nul(content or "")
    if rating is None and not call.state.has_feedback(row["id"]):
        raise invalid_param("rating cannot be None when feedback not exists")
    call.state.set_feedback(row["id"], rating, content)
    return json_reply({"result": "success"})


def _moment(timestamp: float) -> str:
    """``timestamp``, in seconds since 1970, as ISO 8601 in UTC without a zone."""
    return datetime.fromtimestamp(timestamp, timezone.utc).replace(tzinfo=None).isoformat()


def list_feedbacks(call: Call) -> Reply:
    """GET /app/feedbacks: those of all users of the app."""
    query = call.query("FeedbackListQuery")
    page, limit = query.integer("page", 1, 1, None), query.integer("limit", 20, 1, 101)
    query.check()
    data = [
        {
            "id": row["id"],
            "app_id": row["app_id"],
            "conversation_id": row["conversation_id"],
            "message_id": row["message_id"],
            "rating": row["rating"],
            "content": row["content"],
            "from_source": "user",
            "from_end_user_id": row["user_id"],
            "from_account_id": None,
            "created_at": _moment(round(row["created_at"])),
            "updated_at": _moment(row["updated_at"]),
        }
        for row in call.state.feedbacks(call.app.id, page, limit)
    ]
    return json_reply({"data": data})


def suggest_questions(call: Call) -> Reply:
    """GET /messages/{id}/suggested."""
    row = _own_message(call)
    if not call.app.enabled("suggested_questions_after_answer"):
        raise bad_request("Suggested Questions Is Disabled.")
    questions = suggestions(row["query"])
    return json_reply({"result": "success", "data": questions})
