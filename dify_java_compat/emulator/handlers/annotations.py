"""Annotations: questions with fixed replies, and whether an app gives them."""

import sqlite3
from typing import Any

from ..http.errors import ServerCrash, invalid_param, not_found
from ..http.reply import Reply, json_reply
from ..store.database import new_id
from .call import Call, reject_nul

_ACTIONS = ("enable", "disable")
_MAX_LIMIT = 100


def _data(row: sqlite3.Row) -> dict[str, Any]:
    data = {key: row[key] for key in ("id", "question", "answer", "hit_count")}
    return data | {"created_at": int(row["created_at"])}


def _texts(call: Call) -> tuple[str, str]:
    """The question and the reply of the body."""
    payload = call.payload("AnnotationCreatePayload")
    question = payload.string("question", required=True)
    reply = payload.string("answer", required=True)
    payload.check()
    for text in (question or "", reply or ""):
        reject_nul(text)
    return question or "", reply or ""


def _known(call: Call) -> sqlite3.Row:
    row = call.state.annotations.get(call.ids["annotation_id"], call.app.id)
    if row is None:
        raise not_found("Annotation not found")
    return row


def list_annotations(call: Call) -> Reply:
    """GET /apps/annotations: pages by number."""
    args = call.request.args
    if call.version.checks_annotation_pages:
        query = call.query("AnnotationListQuery")
        page, limit = query.integer("page", 1, 1, None), query.integer("limit", 20, 1, None)
        query.check()
    else:
        page, limit = args.get("page", 1, type=int), args.get("limit", 20, type=int)
    size = min(limit, _MAX_LIMIT) if limit > 0 else 20
    number, keyword = max(page, 1), args.get("keyword", "")
    rows, total = call.state.annotations.page(call.app.id, keyword, number, size)
    return json_reply(
        {
            "data": [_data(row) for row in rows],
            "has_more": number * size < total,
            "limit": limit,
            "total": total,
            "page": page,
        }
    )


def create_annotation(call: Call) -> Reply:
    """POST /apps/annotations."""
    question, reply = _texts(call)
    return json_reply(_data(call.state.annotations.add(call.app.id, question, reply)), 201)


def update_annotation(call: Call) -> Reply:
    """PUT /apps/annotations/{id}: both texts are required."""
    question, reply = _texts(call)
    call.state.annotations.change(_known(call)["id"], question, reply)
    return json_reply(_data(_known(call)))


def delete_annotation(call: Call) -> Reply:
    """DELETE /apps/annotations/{id}: needs no body; 404 for an unknown id."""
    call.state.annotations.delete(_known(call)["id"])
    return Reply(204, b"")


def switch_reply(call: Call) -> Reply:
    """POST /apps/annotation-reply/{action}: takes effect at once, before its job is done."""
    payload = call.payload("AnnotationReplyActionPayload")
    threshold = payload.number("score_threshold")
    provider = payload.string("embedding_provider_name", required=True)
    model = payload.string("embedding_model_name", required=True)
    payload.check()
    action = call.ids["action"]
    if action not in _ACTIONS:
        raise ServerCrash("actions are not checked", invalid_param(f"Invalid action: {action}"))
    settings = {
        "id": new_id(),
        "enabled": True,
        "score_threshold": threshold,
        "embedding_model": {
            "embedding_provider_name": provider,
            "embedding_model_name": model,
        },
    }
    call.state.annotations.publish(call.app.id, settings if action == "enable" else None)
    job_id = call.state.annotations.add_job(action)
    return json_reply({"job_id": job_id, "job_status": "waiting"})


def reply_status(call: Call) -> Reply:
    """GET /apps/annotation-reply/{action}/status/{job_id}: at first waiting, then completed."""
    looks = call.state.annotations.look_at_job(call.ids["job_id"], call.ids["action"])
    if looks is None:
        raise invalid_param("The job does not exist.")
    status = "completed" if looks else "waiting"
    return json_reply({"job_id": call.ids["job_id"], "job_status": status, "error_msg": ""})
