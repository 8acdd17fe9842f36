"""Annotations: questions with fixed answers, and whether an app gives them."""

import sqlite3
from typing import Any

from ..http.errors import ServerCrash, invalid_param, not_found
from ..http.payload import Payload
from ..http.reply import Reply, json_reply
from ..store.database import new_id
from .call import Call, reject_nul

_ACTIONS = ("enable", "disable")
_MOST = 100


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    shown = {key: row[key] for key in ("id", "question", "answer", "hit_count")}
    return shown | {"created_at": int(row["created_at"])}


def _given(call: Call) -> tuple[str, str]:
    payload = Payload("AnnotationCreatePayload", call.body)
    question = payload.string("question", required=True)
    answer = payload.string("answer", required=True)
    payload.check()
    for text in (question or "", answer or ""):
        reject_nul(text)
    return question or "", answer or ""


def _known(call: Call) -> sqlite3.Row:
    row = call.state.annotations.get(call.ids["annotation_id"], call.app.id)
    if row is None:
        raise not_found("Annotation not found")
    return row


def list_annotations(call: Call) -> Reply:
    """GET /apps/annotations: pages by number; nonsense numbers are taken for the defaults."""
    args = call.request.args
    page, limit = args.get("page", 1, type=int), args.get("limit", 20, type=int)
    size = min(limit, _MOST) if limit > 0 else 20
    number, keyword = max(page, 1), args.get("keyword", "")
    rows, total = call.state.annotations.page(call.app.id, keyword, number, size)
    return json_reply(
        {
            "data": [_shown(row) for row in rows],
            "has_more": number * size < total,
            "limit": limit,
            "total": total,
            "page": page,
        }
    )


def create_annotation(call: Call) -> Reply:
    """POST /apps/annotations."""
    question, answer = _given(call)
    return json_reply(_shown(call.state.annotations.add(call.app.id, question, answer)), 201)


def update_annotation(call: Call) -> Reply:
    """PUT /apps/annotations/{id}: both texts, always."""
    question, answer = _given(call)
    call.state.annotations.change(_known(call)["id"], question, answer)
    return json_reply(_shown(_known(call)))


def delete_annotation(call: Call) -> Reply:
    """DELETE /apps/annotations/{id}: the one deletion that knows a 404, and needs no body."""
    call.state.annotations.delete(_known(call)["id"])
    return Reply(204, b"")


def switch_reply(call: Call) -> Reply:
    """POST /apps/annotation-reply/{action}: takes effect at once, whatever its job says."""
    payload = Payload("AnnotationReplyActionPayload", call.body)
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
    """GET /apps/annotation-reply/{action}/status/{job_id}: waiting at the first look, then done."""
    looks = call.state.annotations.look_at_job(call.ids["job_id"], call.ids["action"])
    if looks is None:
        raise invalid_param("The job does not exist.")
    status = "completed" if looks else "waiting"
    return json_reply({"job_id": call.ids["job_id"], "job_status": status, "error_msg": ""})
