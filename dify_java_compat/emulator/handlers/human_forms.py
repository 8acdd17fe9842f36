"""The forms for a person: to read one, and to submit it."""

import json
import sqlite3
import time

from ..apps.human_form import check
from ..http.errors import ApiError, not_found
from ..http.reply import Reply, json_reply
from .call import Call


def _open_form(call: Call) -> sqlite3.Row:
    """The form of the path; ``ApiError`` where it is unknown, submitted or expired."""
    row = call.state.workflow_runs.form_by_token(call.ids["form_token"], call.app.id)
    if row is None:
        raise not_found("Form not found", call.request.path)
    if row["action"] is not None:
        raise _submitted(row["id"])
    if row["expires_at"] <= time.time():
        call.background.resume(row["run_id"])
        message = f"This form has expired, form_id={row['id']}"
        raise ApiError(412, "human_input_form_expired", message)
    return row


def _submitted(form_id: str) -> ApiError:
    message = f"This form has already been submitted by another user, form_id={form_id}"
    return ApiError(412, "human_input_form_submitted", message)


def show_form(call: Call) -> Reply:
    """GET /form/human_input/{form_token}."""
    row = _open_form(call)
    form = json.loads(row["definition"])
    body = {
        "form_content": form["form_content"],
        "inputs": form["inputs"],
        "resolved_default_values": form["resolved_default_values"],
        "user_actions": form["actions"],
        "expiration_time": int(row["expires_at"]),
    }
    return Reply(200, json.dumps(body, ensure_ascii=False).encode())


def submit_form(call: Call) -> Reply:
    """POST /form/human_input/{form_token}: once, by any user; the run goes on."""
    payload = call.payload("HumanInputFormSubmitPayload")
    inputs = payload.mapping("inputs")
    action = payload.string("action", required=True)
    payload.check()
    row = _open_form(call)
    check(inputs, action or "")
    if not call.state.workflow_runs.fill_form(row["id"], action or "", inputs):
        raise _submitted(row["id"])
    call.background.resume(row["run_id"])
    return json_reply({})
