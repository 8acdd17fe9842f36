"""The questions of a batch, from a file of JSON lines or CSV."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from .. import ChatMessageSendRequest
from .language import tr
from .terminal import read_json_from_stdin

_FILE_FIELDS = ("type", "transfer_method", "url", "upload_file_id", "mime_type")


_LONGEST_FIELD = 1 << 30
_BYTES = re.compile("[\udc80-\udcff]")  # as `surrogateescape` has those that are not UTF-8


class NotCsvError(Exception):
    """A file that is named .csv and is something else, or has no questions in it."""


@dataclass(frozen=True)
class Line:
    """One question: its number from 0, its id, and its request or what is wrong with it."""

    index: int
    id: Any
    request: ChatMessageSendRequest | None
    problem: str = ""

    @property
    def key(self) -> str | None:
        """By which it is known again whatever its number; None without an id."""
        return key_of(self.id)


def key_of(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)


@contextlib.contextmanager
def opened(path: str) -> Iterator[TextIO]:
    """The file, UTF-8 with or without a mark; `-` for stdin. Raises OSError."""
    if path == "-":
        read_json_from_stdin()
        yield sys.stdin
        return
    # what is not UTF-8 is a problem of its line
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield file


def count(path: str) -> int | None:
    """How many questions the file has; None where only reading it tells."""
    if path == "-":
        return None
    with opened(path) as file:
        return sum(1 for _ in _rows(file, path))


def lines(file: TextIO, path: str, user: str) -> Iterator[Line]:
    """The questions, one by one; `user` is for those that name none. Blank lines are none."""
    for index, row in enumerate(_rows(file, path)):
        values = row if isinstance(row, dict) else _parsed(row)
        if isinstance(values, str):
            yield Line(index, None, None, values)
            continue
        try:
            if _BYTES.search(row if isinstance(row, str) else "".join(row.values())):
                raise ValueError("the line is not UTF-8")
            yield Line(index, values.get("id"), _request(values, user))
        except ValueError as error:
            yield Line(index, values.get("id"), None, str(error))


def _rows(file: TextIO, path: str) -> Iterator[str | dict[str, Any]]:
    """The lines as they are, or of CSV the values by column."""
    if not path.lower().endswith(".csv"):
        yield from (line for line in file if line.strip())
        return
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        reader = csv.DictReader(file, strict=True)
        if reader.fieldnames and not {"content", "query"} & {*reader.fieldnames}:
            raise NotCsvError(tr("{path} has no column content, nor query", path=path))
        for row in reader:
            yield {name: value for name, value in row.items() if name is not None and value}
    except csv.Error as error:
        raise NotCsvError(tr("{path} is not CSV: {cause}", path=path, cause=error)) from None


def _parsed(text: str) -> dict[str, Any] | str:
    """The object of a line, or what is wrong with it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"the line is not JSON: {error}"
    return values if isinstance(values, dict) else "the line is not a JSON object"


def _request(values: dict[str, Any], user: str) -> ChatMessageSendRequest:
    """ValueError says what is wrong."""
    content = values.get("content", values.get("query"))
    if not isinstance(content, str) or not content.strip():
        raise ValueError("content must be a text that is not empty")
    inputs = _json_of(values, "inputs", dict) or {}
    inputs |= {
        name.partition(".")[2]: value
        for name, value in values.items()
        if name.startswith("inputs.")
    }
    files = [_file(each) for each in _json_of(values, "files", list) or ()]
    return ChatMessageSendRequest(
        content=content,
        inputs=inputs or None,
        files=files or None,
        user_id=_text(values, "user", "user_id", "userId") or user,
        conversation_id=_text(values, "conversation_id", "conversationId"),
    )


def _text(values: dict[str, Any], *names: str) -> str | None:
    for name in names:
        value = values.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise ValueError(f"{name} must be a text, not {value!r}")
            return value or None
    return None


def _json_of(values: dict[str, Any], name: str, kind: type) -> Any:
    """A value that is of a kind; in CSV it is JSON within the column."""
    value = values.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"{name} must be JSON") from None
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} must be a JSON {'object' if kind is dict else 'array'}")
    return value


def _file(value: Any) -> ChatMessageSendRequest.ChatMessageFile:
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        value = {"url": value}
    if not isinstance(value, dict) or not ({"url", "upload_file_id"} & value.keys()):
        raise ValueError("files must be URLs, or objects with a url or an upload_file_id")
    unknown = [name for name in value if name not in _FILE_FIELDS]
    if unknown:
        raise ValueError(f"files have no {unknown[0]!r}")
    return ChatMessageSendRequest.ChatMessageFile(**value)
