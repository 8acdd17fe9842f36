"""The variables a chatflow keeps in each conversation."""

import json
import re
import sqlite3
from typing import Any

from ..http.errors import ServerCrash, bad_request, invalid_param, not_found
from ..http.reply import Reply, json_reply
from .call import Call
from .history import own_conversation, page_of

_MARKS = re.compile("[-_.]")
# What the real server refuses in a name that has only good characters.
_FORBIDDEN = ("--", "xp_", "sp_")
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "float", dict: "object"}


def _data(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "value_type": row["value_type"],
        # Always a string; lists and objects as Python's repr, not as JSON.
        "value": str(json.loads(row["value"])),
        "description": row["description"],
        "created_at": int(row["created_at"]),
        "updated_at": int(row["updated_at"]),
    }


def _problem(name: str) -> str:
    """What is wrong with the name of a variable; empty where nothing is."""
    if not _MARKS.sub("", name).isalnum():
        return (
            "Variable name can only contain letters, numbers, hyphens (-), underscores (_),"
            " and periods (.)"
        )
    forbidden = next((one for one in _FORBIDDEN if one in name.lower()), "")
    return forbidden and f"Variable name contains invalid characters: {forbidden}"


def list_variables(call: Call) -> Reply:
    """GET /conversations/{id}/variables."""
    query = call.query("ConversationVariablesQuery")
    last_id = query.identifier("last_id")
    limit = query.limit()
    name = query.string("variable_name")
    if name is not None and (text := _problem(name)):
        query.reject("variable_name", f"Value error, {text}", "value_error", name)
    elif name is not None:
        query.short_string("variable_name", 255)
    query.check()
    conversation = own_conversation(call, call.request.path)
    variables = call.state.variables
    if name is not None and call.settings.quirks:
        raise ServerCrash("PostgreSQL does not understand the filter")
    after = None
    if last_id is not None:
        after = variables.get(last_id, conversation["id"])
        if after is None:
            raise invalid_param("")
    # The real server compares times of creation, which are the same for all variables.
    by_time = call.settings.quirks
    rows = variables.list(conversation["id"], name, after, limit + 1, by_time=by_time)
    return page_of(limit, rows, [_data(row) for row in rows[:limit]])


def _kind(value: Any) -> str:
    """The type of a value, as the server names it."""
    if value is None:
        return "none"
    if isinstance(value, list):
        kinds = {"number" if _kind(item) in ("integer", "float") else _kind(item) for item in value}
        return f"array[{kinds.pop() if len(kinds) == 1 else 'any'}]"
    return _KINDS[type(value)]


def _has_kind(value: Any, kind: str) -> bool:
    if kind == "number":
        return _kind(value) in ("integer", "float")
    return _kind(value) == kind or (value == [] and kind.startswith("array"))


def update_variable(call: Call) -> Reply:
    """PUT /conversations/{id}/variables/{id}: a value of the variable's type."""
    payload = call.payload("ConversationVariableUpdatePayload")
    value = payload.anything("value")
    payload.check()
    conversation = own_conversation(call)
    variables = call.state.variables
    row = variables.get(call.ids["variable_id"], conversation["id"])
    if row is None:
        raise not_found("Conversation Variable Not Exists.")
    kind = row["value_type"]
    if not _has_kind(value, kind):
        raise bad_request(
            f"Type mismatch: variable '{row['name']}' expects {kind}, but got {_kind(value)} type"
        )
    if isinstance(value, float) and call.settings.quirks:
        raise bad_request("not supported value type integer")
    variables.set(row["id"], value)
    changed = variables.get(row["id"], conversation["id"])
    assert changed is not None
    return json_reply(_data(changed))
