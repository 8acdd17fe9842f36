"""The results of a batch: JSON lines that a later run goes on from, and their sum."""

from __future__ import annotations

import collections
import contextlib
import json
import math
import os
import sys
from array import array
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from .. import DifyException, IllegalArgumentException
from ..batch import Answered
from .language import tr
from .questions import Line, key_of


class NotResultsError(Exception):
    """A file that has something else than results in it."""


@dataclass
class Done:
    """The questions whose results a file has."""

    indexes: set[int] = field(default_factory=set)  # of those without an id
    ids: collections.Counter[str] = field(default_factory=collections.Counter)
    count: int = 0
    failed: int = 0

    def take(self, line: Line) -> bool:
        """Whether the question is among them; each result is for one question."""
        if line.key is None:
            return line.index in self.indexes
        if not self.ids[line.key]:
            return False
        self.ids[line.key] -= 1
        return True

    def add(self, values: dict[str, Any]) -> None:
        key = key_of(values.get("id"))
        if key is None:
            self.indexes.add(values["index"])
        else:
            self.ids[key] += 1
        self.count += 1
        self.failed += "error" in values


def mended(path: str) -> Done:
    """The results in the file, whose last line is taken away where it is torn.

    NotResultsError for a file of something else; OSError.
    """
    done = Done()
    if not os.path.exists(path):
        return done
    with open(path, "r+b") as file:
        end = 0
        for number, line in enumerate(iter(file.readline, b""), 1):
            values = _result(line)
            is_torn = not line.endswith(b"\n")
            if values is None and not is_torn:
                raise NotResultsError(
                    tr("line {n} of {path} is not a result of a batch", n=number, path=path)
                )
            if values is not None:
                done.add(values)
                end += len(line)
        file.truncate(end)
        file.seek(end)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # only the end of the line was lost
                file.write(b"\n")
    return done


def _result(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_result = isinstance(values, dict) and isinstance(values.get("index"), int)
    return values if is_result and ("answer" in values or "error" in values) else None


def written(path: str) -> BinaryIO:
    """The file to append to; each write is with the system when it returns. `-` for stdout."""
    if path == "-":
        return open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    return open(path, "ab", buffering=0)


def write_result(out: BinaryIO, line: Line, result: Answered[Any, Any]) -> None:
    """One line: the whole of it, or an OSError."""
    values: dict[str, Any]
    if result.response is not None:
        values = {"answer": result.response.to_dict()}
    else:
        values = {"error": _described(result.error)}
    values |= {"seconds": round(result.seconds, 3), "tries": result.tries}
    if result.repeated:
        values["repeated"] = True
    _write(out, line, values)


def write_problem(out: BinaryIO, line: Line) -> None:
    """`write_result` for a question that cannot be asked."""
    error = _described(IllegalArgumentException(line.problem))
    _write(out, line, {"error": error, "seconds": 0.0, "tries": 0})


def _write(out: BinaryIO, line: Line, values: dict[str, Any]) -> None:
    values = {"id": line.id, "index": line.index, **values}
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    rest = memoryview(text.encode("utf-8", "backslashreplace") + b"\n")
    while rest:
        rest = rest[out.write(rest) :]


def _described(error: Exception | None) -> dict[str, Any]:
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    message = getattr(error, "message", None)
    return {
        "class": type(error).__name__,
        "code": getattr(error, "code", None),
        "status": status if isinstance(status, int) and status > 0 else None,
        "message": message if isinstance(error, DifyException) and message else str(error),
    }


class Sums:
    """What a batch came to so far."""

    def __init__(self) -> None:
        self.succeeded: int = 0
        self.failed: int = 0
        self.tokens: int = 0
        self._prices: dict[str, Decimal] = {}
        self._seconds = array("d")

    @property
    def count(self) -> int:
        return self.succeeded + self.failed

    def add(self, usage: Any, seconds: float, failed: bool) -> None:
        """One result; `usage` may be missing, or of a strange kind."""
        self.failed += failed
        self.succeeded += not failed
        if not failed:
            self._seconds.append(seconds)
        tokens, price = getattr(usage, "total_tokens", None), getattr(usage, "total_price", None)
        if isinstance(tokens, int):
            self.tokens += tokens
        with contextlib.suppress(InvalidOperation, TypeError, ValueError):
            amount = Decimal(price or "")
            if amount.is_finite():
                currency = str(getattr(usage, "currency", None) or "")
                self._prices[currency] = self._prices.get(currency, Decimal(0)) + amount

    def text(self, elapsed: float) -> str:
        """All of it in one line; `elapsed` is in seconds."""
        parts = [
            tr("{count} answered, {failed} failed", count=self.succeeded, failed=self.failed),
            tr(
                "{seconds:.1f} s, {rate:.1f} a second",
                seconds=elapsed,
                rate=self.count / max(elapsed, 0.001),
            ),
        ]
        costs = [tr("{count} tokens", count=self.tokens)] if self.tokens else []
        costs += [f"{price:f} {currency}".strip() for currency, price in self._prices.items()]
        if costs:
            parts.append(tr(", ").join(costs))
        if self._seconds:
            ranks = {f"p{rank}": self._percentile(rank) for rank in (50, 90, 99)}
            parts.append(
                tr("an answer took p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s", **ranks)
            )
        return tr("; ").join(parts)

    def _percentile(self, rank: int) -> float:
        """The nearest rank."""
        ordered = sorted(self._seconds)
        return ordered[math.ceil(rank / 100 * len(ordered)) - 1]
