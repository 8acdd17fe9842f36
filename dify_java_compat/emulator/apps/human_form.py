"""The form that a flow has for a person: fields, buttons, the check of what is submitted."""

import random
import string
from typing import Any

from ..http.errors import ApiError

TITLE = "Approval"
INPUTS: list[dict[str, Any]] = [
    {
        "output_variable_name": "comment",
        "type": "paragraph",
        "default": {"type": "constant", "selector": [], "value": "looks good"},
    },
    {
        "output_variable_name": "priority",
        "type": "select",
        "option_source": {
            "type": "constant",
            "selector": [],
            "value": ["low", "medium", "high"],
        },
    },
]
ACTIONS = [
    {"id": "approve", "title": "Approve 同意", "button_style": "primary"},
    {"id": "reject", "title": "Reject", "button_style": "default"},
]
TIMEOUT = "__timeout"
QUERY = "{{#sys.query#}}"
_TEMPLATE = "Draft for {}\n\n{{{{#$output.comment#}}}}\n\n{{{{#$output.priority#}}}}"
_LETTERS = string.ascii_letters + string.digits


def new_token() -> str:
    """The token by which a form is read and submitted."""
    return "".join(random.SystemRandom().choices(_LETTERS, k=22))


def content(query: str) -> str:
    """The text above the form, with the places of its own values still open."""
    return _TEMPLATE.format(query)


def rendered(text: str, inputs: dict[str, Any]) -> str:
    """The text with what was submitted in its places."""
    for name, value in inputs.items():
        text = text.replace(f"{{{{#$output.{name}#}}}}", str(value))
    return text


def action_title(action: str) -> str:
    return next((known["title"] for known in ACTIONS if known["id"] == action), "")


def _invalid(message: str) -> ApiError:
    return ApiError(400, "invalid_form_data", message)


def check(inputs: dict[str, Any], action: str) -> None:
    """``ApiError`` where what a person submits does not fit the form.

    As on the real server a paragraph takes any value; the run fails at one that is no text.
    """
    if action not in [known["id"] for known in ACTIONS]:
        raise _invalid(f"Invalid action: {action}")
    names = [field["output_variable_name"] for field in INPUTS]
    missing = [name for name in names if name not in inputs]
    if missing:
        raise _invalid(f"Missing required inputs: {', '.join(missing)}")
    for field in INPUTS:
        name, value = field["output_variable_name"], inputs[field["output_variable_name"]]
        if field["type"] != "select":
            continue
        if not isinstance(value, str):
            raise _invalid(f"Invalid value for select input '{name}': expected string")
        if value not in field["option_source"]["value"]:
            raise _invalid(f"Invalid value for select input '{name}': {value}")


def misfit(inputs: dict[str, Any]) -> str:
    """Why a run fails at what was submitted to its form; empty where it does not."""
    return next(
        (
            f"Invalid value for paragraph input '{name}': expected string"
            for field in INPUTS
            if field["type"] == "paragraph"
            and not isinstance(inputs.get(name := field["output_variable_name"], ""), str)
        ),
        "",
    )
