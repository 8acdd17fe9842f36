"""The forms for a person: to read one, and to submit it.

Not recorded: after Dify's own description of newer servers.
"""

import sqlite3
import time

from ..apps.human_form import ACTIONS, DEFAULTS, INPUTS, check
from ..http.errors import ApiError, not_found
from ..http.payload import Payload
from ..http.reply import Reply, json_reply
from .call import Call


def _open_form(call: Call) -> sqlite3.Row:
    """The form of the path; ``ApiError`` where it is unknown, submitted or expired."""
    row = call.state.workflow_runs.form_by_token(call.ids["form_token"], call.app.id)
    if row is None:
        raise not_found("Form not found")
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
    return json_reply(
        {
            "form_content": row["content"],
            "inputs": INPUTS,
            "resolved_default_values": DEFAULTS,
            "user_actions": ACTIONS,
            "expiration_time": int(row["expires_at"]),
        }
    )


def submit_form(call: Call) -> Reply:
    """POST /form/human_input/{form_token}: once, by any user; the run goes on."""
    payload = Payload("HumanInputFormSubmitPayload", call.body)
    inputs = payload.mapping("inputs")
    action = payload.string("action", required=True)
    payload.check()
    row = _open_form(call)
    check(inputs, action or "")
    if not call.state.workflow_runs.fill_form(row["id"], action or "", inputs):
        raise _submitted(row["id"])
    call.background.resume(row["run_id"])
    return json_reply({})
