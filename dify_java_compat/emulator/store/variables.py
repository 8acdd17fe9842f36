"""The variables of chatflow conversations."""

import json
import sqlite3
import time
from typing import Any

from .database import Database, new_id

# The variables of a new conversation of a chatflow: name, type, value, description.
_DECLARED: tuple[tuple[str, str, Any, str], ...] = (
    ("last_query", "string", "", "the last query"),
    ("turns", "number", 0, "number of turns"),
    ("items", "array[string]", ["a"], "array of strings"),
    ("obj", "object", {"k": 1}, "an object"),
)


class Variables:
    """The variables of chatflow conversations; a value is kept as JSON."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def declare(self, conversation_id: str) -> None:
        """Give a new conversation its variables."""
        now = time.time()
        with self._db.transaction():
            for name, kind, value, about in _DECLARED:
                self._add(conversation_id, name, kind, value, about, now)

    def count_turn(self, conversation_id: str, query: str, turns: int) -> None:
        """Set the variables that the flow itself assigns in each turn."""
        with self._db.transaction():
            self._set_by_name(conversation_id, "last_query", query)
            self._set_by_name(conversation_id, "turns", turns)

    def _add(
        self, conversation_id: str, name: str, kind: str, value: Any, about: str, now: float
    ) -> None:
        self._db.write(
            "INSERT INTO variables (id, conversation_id, name, value_type, value, description,"
            " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            new_id(), conversation_id, name, kind, json.dumps(value), about, now, now,
        )  # fmt: skip

    def get(self, variable_id: str, conversation_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM variables WHERE id = ? AND conversation_id = ?"
        return self._db.row(sql, variable_id, conversation_id)

    def set(self, variable_id: str, value: Any) -> None:
        sql = "UPDATE variables SET value = ?, updated_at = ? WHERE id = ?"
        self._db.write(sql, json.dumps(value), time.time(), variable_id)

    def _set_by_name(self, conversation_id: str, name: str, value: Any) -> None:
        self._db.write(
            "UPDATE variables SET value = ?, updated_at = ?"
            " WHERE conversation_id = ? AND name = ?",
            json.dumps(value), time.time(), conversation_id, name,
        )  # fmt: skip

    def list(
        self,
        conversation_id: str,
        name: str | None,
        after: sqlite3.Row | None,
        limit: int,
        *,
        by_time: bool,
    ) -> list[sqlite3.Row]:
        """Up to ``limit`` variables that follow ``after`` in the list.

        ``by_time``: only those created later, which are none, as all are created at once.
        """
        column = "created_at" if by_time else "seq"
        return self._db.rows(
            f"SELECT * FROM variables WHERE conversation_id = ? AND {column} > ?"
            " AND (? IS NULL OR name = ?) ORDER BY seq LIMIT ?",
            conversation_id, after[column] if after is not None else 0, name, name, limit,
        )  # fmt: skip
