"""Validation of bodies and queries, with the error texts of pydantic on the real server.

A ``Payload`` collects the errors of all fields and raises them as one 400, as pydantic does.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import ApiError, ServerCrash, invalid_param
from .ids import as_uuid

_MISSING = object()
_SURROGATE = re.compile("[\ud800-\udfff]")
# What pydantic takes for a whole number: also with an empty fraction or underscores.
_MOST_DIGITS = 4300  # that Python reads as an integer
_WHOLE = re.compile(r"([+-]?[0-9]+(?:_[0-9]+)*)(?:\.0*)?", re.ASCII)
_HELP = "For further information visit https://errors.pydantic.dev"


def _quoted(value: Any) -> str:
    """A value as pydantic quotes it: its repr, the middle cut out beyond 50 characters."""
    text = repr(value)
    return text if len(text) <= 50 else f"{text[:25]}...{text[-24:]}"


class Payload:
    """The values of one body or query: read each field, then call ``check``.

    ``name`` is that of the real server's model, ``pydantic`` the version of its validator; both
    are in the error text.
    """

    def __init__(self, name: str, values: Any, pydantic: str) -> None:
        self._name = name
        self._help = f"{_HELP}/{pydantic}/v"
        self._errors: list[str] = []
        if not isinstance(values, Mapping):
            text = f"Input should be a valid dictionary or instance of {name}"
            self.reject("", text, "model_type", values)
            raise self.error()
        self._values = values

    def reject(self, where: str, text: str, kind: str, value: Any) -> None:
        """Note one error; an empty ``where`` means the payload as a whole."""
        field = f"{where}\n" if where else ""
        self._errors.append(
            f"{field}  {text} [type={kind}, input_value={_quoted(value)},"
            f" input_type={type(value).__name__}]\n    {self._help}/{kind}"
        )

    def check(self) -> None:
        """``ApiError`` where a field was wrong."""
        if self._errors:
            raise self.error()

    def error(self) -> ApiError:
        count = len(self._errors)
        title = f"{count} validation error{'s' if count > 1 else ''} for {self._name}"
        return invalid_param("\n".join([title, *self._errors]))

    def _get(self, field: str, *, required: bool = False) -> Any:
        value = self._values.get(field, _MISSING)
        if value is _MISSING and required:
            self.reject(field, "Field required", "missing", dict(self._values))
        return value

    def string(
        self, field: str, *, required: bool = False, default: str | None = None
    ) -> str | None:
        """A string. It may be null where it is optional and has no default."""
        value = self._get(field, required=required)
        if isinstance(value, str):
            if _SURROGATE.search(value):
                text = (
                    "Input should be a valid string, unable to parse raw data as a unicode string"
                )
                self.reject(field, text, "string_unicode", value)
            return value
        if value is _MISSING:
            return default
        if required or default is not None or value is not None:
            self.reject(field, "Input should be a valid string", "string_type", value)
        return default

    def mapping(self, field: str) -> dict[str, Any]:
        """An object, which is required."""
        value = self._get(field, required=True)
        if isinstance(value, dict):
            return value
        if value is not _MISSING:
            self.reject(field, "Input should be a valid dictionary", "dict_type", value)
        return {}

    def mappings(self, field: str) -> list[dict[str, Any]]:
        """A list of objects; empty where it is null or absent."""
        value = self._get(field)
        if value is _MISSING or value is None:
            return []
        if not isinstance(value, list):
            self.reject(field, "Input should be a valid list", "list_type", value)
            return []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                where = f"{field}.{index}"
                self.reject(where, "Input should be a valid dictionary", "dict_type", item)
        return value

    def choice(self, field: str, options: Sequence[str], default: str | None) -> str | None:
        """One of several strings; ``default`` where it is null or absent."""
        value = self._get(field)
        if value is _MISSING or value is None:
            return default
        if value not in options:
            quoted = [f"'{option}'" for option in options]
            text = f"Input should be {', '.join(quoted[:-1])} or {quoted[-1]}"
            self.reject(field, text, "literal_error", value)
        return str(value)

    def boolean(self, field: str, default: bool) -> bool:
        """A boolean, or a number or word that means one."""
        value = self._get(field)
        if value is _MISSING:
            return default
        known = {"true": True, "1": True, "yes": True, "on": True, "t": True, "y": True}
        known |= {"false": False, "0": False, "no": False, "off": False, "f": False, "n": False}
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (int, str)) and str(value).lower() in known:
            return known[str(value).lower()]
        if isinstance(value, (int, str)):
            text = "Input should be a valid boolean, unable to interpret input"
            self.reject(field, text, "bool_parsing", value)
        else:
            self.reject(field, "Input should be a valid boolean", "bool_type", value)
        return default

    def optional_boolean(self, field: str) -> bool | None:
        """A boolean, or null."""
        return None if self._values.get(field) is None else self.boolean(field, False)

    def integer(self, field: str, default: int, least: int, most: int | None) -> int:
        """A whole number of a query, from ``least`` to ``most``."""
        value = self._values.get(field, str(default))
        found = _WHOLE.fullmatch(value.strip())
        if found is None:
            text = "Input should be a valid integer, unable to parse string as an integer"
            self.reject(field, text, "int_parsing", value)
            return default
        if len(found[1]) > _MOST_DIGITS:
            text = "Unable to parse input string as an integer, exceeded maximum size"
            self.reject(field, text, "int_parsing_size", value)
            return default
        number = int(found[1])
        if number < least:
            text = f"Input should be greater than or equal to {least}"
            self.reject(field, text, "greater_than_equal", value)
        if most is not None and number > most:
            text = f"Input should be less than or equal to {most}"
            self.reject(field, text, "less_than_equal", value)
        return number

    def limit(self) -> int:
        """The page size: 1 to 100, 20 by default."""
        return self.integer("limit", 20, 1, 100)

    def number(self, field: str) -> float:
        """A number, or a string that reads as one; required."""
        value = self._get(field, required=True)
        if value is _MISSING:
            return 0.0
        if isinstance(value, (int, float, str)):
            try:
                return float(value)
            except ValueError:
                text = "Input should be a valid number, unable to parse string as a number"
                self.reject(field, text, "float_parsing", value)
                return 0.0
        self.reject(field, "Input should be a valid number", "float_type", value)
        return 0.0

    def anything(self, field: str) -> Any:
        """A value of any type; required."""
        return self._get(field, required=True)

    def identifier(self, field: str, *, required: bool = False, message: str = "") -> str | None:
        """A UUID; None where it is empty or absent. ``message`` is the text for anything else."""
        value = self._get(field, required=required)
        if value is _MISSING or not value or (isinstance(value, str) and not value.strip()):
            return None
        found = as_uuid(value.strip() if isinstance(value, str) else value)
        if found is None:
            text = message or f"{value} is not a valid uuid."
            self.reject(field, f"Value error, {text}", "value_error", value)
            if not isinstance(value, str):
                raise ServerCrash("an id is taken for a string", self.error())
        return found

    def short_string(self, field: str, longest: int) -> str | None:
        """A string of at most ``longest`` characters."""
        value = self.string(field)
        if value is not None and len(value) > longest:
            text = f"String should have at most {longest} characters"
            self.reject(field, text, "string_too_long", value)
        return value
