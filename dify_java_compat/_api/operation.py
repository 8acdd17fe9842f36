"""What a row of `_operations` is, and the request it makes of a caller's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from .._http.multipart import MultipartForm
from .._http.request import ApiKey, HttpRequest
from ..errors import IllegalArgumentException
from ..models import BaseChatRequest
from .codec import encode
from .files import file_part

Convert = Callable[[Any], Any]


class Param(NamedTuple):
    """A value on the wire and the field it comes from; left out when it converts to None."""

    wire: str
    field: str
    convert: Convert | None = None
    keep_null: bool = False

    def of(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.field)
        return self.convert(value) if self.convert else value


class Operation(NamedTuple):
    """An operation of the Service API.

    `required` are the fields that may not be empty, `not_null` those that may.
    """

    operation: str
    method: str
    path: str
    query: tuple[Param, ...] = ()
    body: tuple[Param, ...] | None = None
    file: str | None = None
    required: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()
    takes: type[BaseChatRequest] | None = None
    streams: bool = False
    prefix: str = "/v1"

    def values(self, request: Any) -> dict[str, Any]:
        """The fields of a request DTO. IllegalArgumentException where it is another thing."""
        if self.takes is None or not isinstance(request, self.takes):
            expected = self.takes.__name__ if self.takes else "no request"
            raise IllegalArgumentException(
                f"request must be a {expected}, not {type(request).__name__}",
                operation=self.operation,
            )
        return vars(request)

    def request(self, key: ApiKey, values: Mapping[str, Any]) -> HttpRequest:
        """The request for `values`, by field name. IllegalArgumentException names a bad one."""
        for name in self.required:
            if values.get(name) in (None, "", [], {}):
                raise IllegalArgumentException(
                    f"{name} must not be empty", operation=self.operation
                )
        for name in self.not_null:
            if values.get(name) is None:
                raise IllegalArgumentException(f"{name} must not be null", operation=self.operation)
        headers = {"Accept": "text/event-stream" if self.streams else "application/json"}
        if self.streams:
            headers["Accept-Encoding"] = "identity"
        body: Any = None
        if self.file is not None:
            part = file_part(values[self.file], audio=self.operation == "audioToText")
            body = MultipartForm(self._given(self.body or (), values), part)
            headers["Content-Type"] = body.content_type
        elif self.body is not None:
            body = self._json(values)
            headers["Content-Type"] = "application/json"
        return HttpRequest(
            operation=self.operation,
            method=self.method,
            path=self._path(values),
            key=key,
            headers=headers,
            body=body,
            streams=self.streams,
            ids={
                name: value
                for name in ("task_id", "message_id", "conversation_id", "workflow_run_id")
                if isinstance(value := values.get(name), str) and value
            },
        )

    def _path(self, values: Mapping[str, Any]) -> str:
        def segment(name: str) -> str:
            value = values.get(name)
            value = value.value if isinstance(value, Enum) else value
            if not isinstance(value, str) or value in ("", ".", ".."):
                raise IllegalArgumentException(
                    f"{name} must be an id, not {value!r}", operation=self.operation
                )
            return quote(value, safe="")

        parts = self.path.split("/")
        path = self.prefix + "/".join(segment(p[1:-1]) if p.startswith("{") else p for p in parts)
        query = urlencode(self._given(self.query, values))
        return f"{path}?{query}" if query else path

    def _json(self, values: Mapping[str, Any]) -> bytes:
        try:
            return encode(self._given(self.body or (), values))
        except (TypeError, ValueError) as error:
            text = f"the request cannot be written as JSON: {error}"
            raise IllegalArgumentException(text, operation=self.operation) from error

    def _given(self, places: tuple[Param, ...], values: Mapping[str, Any]) -> dict[str, Any]:
        found = ((place, place.of(values)) for place in places)
        return {place.wire: value for place, value in found if value is not None or place.keep_null}
