"""The values for an app's input form: checked, and completed with its defaults."""

from typing import Any

from ..http.errors import ApiError, ServerCrash, invalid_param
from ..store.state import State
from ..version import Version
from .app import App, FormField
from .files import attachment

_TEXTS = ("text-input", "paragraph", "select")
_WORDS = {"true": True, "1": True, "yes": True, "on": True}
_WORDS |= {"false": False, "0": False, "no": False, "off": False}
_CRASH_MESSAGE = (
    "The server encountered an internal error and was unable to complete your request. Either"
    " the server is overloaded or there is an error in the application."
)


def form_values(app: App, inputs: dict[str, Any]) -> dict[str, Any]:
    """A value for each variable of the form, None where it has none; others are dropped.

    ``ApiError`` for a value that the form does not take.
    """
    values = {field.name: _value(field, inputs.get(field.name)) for field in app.form}
    odd = [field.name for field in app.form if _holds_mapping(field, values[field.name])]
    if odd:
        raise invalid_param(f"Invalid input type for {odd}")
    # The real server's database takes no NUL.
    return {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in values.items()
    }


def _holds_mapping(field: FormField, value: Any) -> bool:
    if field.kind == "file":
        return False
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) for item in items)


def event_values(
    state: State,
    app: App,
    values: dict[str, Any],
    host_url: str,
    version: Version,
    owner_id: str | None,
) -> dict[str, Any]:
    """The same values as the events of a chatflow show them, files in full."""
    described = dict(values)
    for field in app.form:
        value = values.get(field.name)
        if field.kind == "file" and isinstance(value, dict):
            file = attachment(state, app, field.uploads, value, owner_id)
            described[field.name] = file.in_event(host_url, version)
    return described


def _fault(field: FormField, text: str) -> ApiError:
    return invalid_param(f"{field.name} in input form must be {text}")


def _number(field: FormField, value: Any) -> int | float | None:
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        # The real server raises a TypeError here, which only its last handler catches.
        text = _fault(field, "a valid number").message
        raise ServerCrash(
            "neither a number nor a text", invalid_param(text),
            error=ApiError(500, "internal_server_error", _CRASH_MESSAGE),
        )  # fmt: skip
    if not value.strip():
        return None
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        raise _fault(field, "a valid number") from None


def _value(field: FormField, value: Any) -> Any:
    if value is None:
        if field.required:
            raise invalid_param(f"{field.name} is required in input form")
        value = field.default
        if value is None:
            return None
    if field.kind in _TEXTS and not isinstance(value, str):
        raise invalid_param(f"(type '{field.kind}') {field.name} in input form must be a string")
    if field.kind == "number":
        return _number(field, value)
    if field.kind == "select" and value not in field.options:
        raise _fault(field, f"one of the following: {list(field.options)}")
    if field.kind in ("text-input", "paragraph") and len(value) > (field.max_length or 2**31):
        raise _fault(field, f"less than {field.max_length} characters")
    if field.kind == "file":
        if value == "":
            return None
        if not isinstance(value, dict):
            raise _fault(field, "a file")
    if field.kind == "checkbox" and isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    if field.kind == "checkbox" and isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    return value
