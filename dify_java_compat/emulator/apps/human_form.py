"""The form that a flow has for a person: its fields, its buttons, the check of what is submitted.

Not recorded: after Dify's own description of newer servers.
"""

from typing import Any

from ..http.errors import ApiError

TITLE = "Approval"
INPUTS: list[dict[str, Any]] = [
    {
        "type": "paragraph",
        "output_variable_name": "comment",
        "default": {"type": "constant", "selector": [], "value": ""},
    },
    {
        "type": "select",
        "output_variable_name": "priority",
        "option_source": {
            "type": "constant",
            "selector": [],
            "value": ["low", "medium", "high"],
        },
    },
]
ACTIONS = [
    {"id": "approve", "title": "Approve", "button_style": "primary"},
    {"id": "reject", "title": "Request changes", "button_style": "default"},
]
DEFAULTS = {"comment": ""}
TIMEOUT = "__timeout"


def content(query: str) -> str:
    return f"Please review the draft: {query}"


def action_title(action: str) -> str:
    return next((known["title"] for known in ACTIONS if known["id"] == action), "")


def check(inputs: dict[str, Any], action: str) -> None:
    """``ApiError`` where what a person submits does not fit the form."""
    if action not in [known["id"] for known in ACTIONS]:
        raise ApiError(400, "invalid_form_data", f"Invalid action: {action}")
    names = [field["output_variable_name"] for field in INPUTS]
    missing = [name for name in names if name not in inputs]
    if missing:
        message = f"Missing required inputs: {', '.join(missing)}"
        raise ApiError(400, "invalid_form_data", message)
    for field in INPUTS:
        name = field["output_variable_name"]
        options = field.get("option_source", {}).get("value")
        if not isinstance(inputs[name], str) or (options and inputs[name] not in options):
            raise ApiError(400, "invalid_form_data", f"Invalid value for input '{name}'")
