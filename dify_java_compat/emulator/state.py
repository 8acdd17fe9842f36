"""What the emulator remembers: users, conversations, messages, feedback and files, in SQLite."""

import json
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

_SCHEMA = """
CREATE TABLE end_users (id TEXT PRIMARY KEY, app_id TEXT, name TEXT, UNIQUE (app_id, name));
CREATE TABLE conversations (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, name TEXT, inputs TEXT,
    introduction TEXT, created_at REAL, updated_at REAL);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, conversation_id TEXT,
    inputs TEXT, query TEXT, answer TEXT, thoughts TEXT, files TEXT, created_at REAL);
CREATE INDEX messages_of ON messages (conversation_id, seq);
CREATE TABLE feedbacks (message_id TEXT PRIMARY KEY, rating TEXT, content TEXT);
CREATE TABLE files (
    id TEXT PRIMARY KEY, user_id TEXT, name TEXT, mime_type TEXT, content BLOB, created_at REAL);
"""


@dataclass(frozen=True)
class EndUser:
    """A caller's user: one id per app and name."""

    id: str
    name: str


def new_id() -> str:
    return str(uuid.uuid4())


class State:
    """All records. One connection behind a lock: SQLite would serialise writers anyway."""

    def __init__(self, database: str = ":memory:") -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(database, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _write(self, sql: str, *values: Any) -> None:
        with self._lock, self._db:
            self._db.execute(sql, values)

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        rows = self._rows(sql, *values)
        return rows[0] if rows else None

    # -- users

    def end_user(self, app_id: str, name: str) -> EndUser:
        """The user of that name in that app, made on first sight."""
        self._write("INSERT OR IGNORE INTO end_users VALUES (?, ?, ?)", new_id(), app_id, name)
        rows = self._rows("SELECT id FROM end_users WHERE app_id = ? AND name = ?", app_id, name)
        return EndUser(rows[0]["id"], name)

    # -- conversations

    def add_conversation(
        self, app_id: str, user_id: str, name: str, inputs: dict[str, Any], introduction: str
    ) -> str:
        conversation_id, now = new_id(), time.time()
        self._write(
            "INSERT INTO conversations (id, app_id, user_id, name, inputs, introduction,"
            " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            conversation_id, app_id, user_id, name, json.dumps(inputs), introduction, now, now,
        )  # fmt: skip
        return conversation_id

    def conversation(self, conversation_id: str, app_id: str, user_id: str) -> sqlite3.Row | None:
        """The conversation, if it is that user's in that app."""
        return self._row(
            "SELECT * FROM conversations WHERE id = ? AND app_id = ? AND user_id = ?",
            conversation_id, app_id, user_id,
        )  # fmt: skip

    def conversations(
        self, app_id: str, user_id: str, sort_by: str, after: sqlite3.Row | None, limit: int
    ) -> list[sqlite3.Row]:
        """Up to ``limit`` conversations that follow ``after`` in the order of ``sort_by``."""
        column = "created_at" if sort_by.endswith("created_at") else "updated_at"
        order, beyond = ("DESC", "<") if sort_by.startswith("-") else ("ASC", ">")
        where, values = "app_id = ? AND user_id = ?", [app_id, user_id]
        if after is not None:
            where += f" AND ({column}, seq) {beyond} (?, ?)"
            values += [after[column], after["seq"]]
        return self._rows(
            f"SELECT * FROM conversations WHERE {where}"
            f" ORDER BY {column} {order}, seq {order} LIMIT ?",
            *values, limit,
        )  # fmt: skip

    def rename_conversation(self, conversation_id: str, name: str) -> None:
        self._write(
            "UPDATE conversations SET name = ?, updated_at = ? WHERE id = ?",
            name, time.time(), conversation_id,
        )  # fmt: skip

    def delete_conversation(self, conversation_id: str) -> None:
        """Delete it with its messages, whoever asks: the real server checks no owner either."""
        of_it = "IN (SELECT id FROM messages WHERE conversation_id = ?)"
        self._write(f"DELETE FROM feedbacks WHERE message_id {of_it}", conversation_id)
        self._write("DELETE FROM messages WHERE conversation_id = ?", conversation_id)
        self._write("DELETE FROM conversations WHERE id = ?", conversation_id)

    # -- messages

    def add_message(
        self, conversation: sqlite3.Row, query: str, files: list[Any]
    ) -> tuple[str, int]:
        """A message's id and second; it reads as empty until ``finish_message``."""
        message_id, now = new_id(), time.time()
        self._write(
            "INSERT INTO messages (id, app_id, user_id, conversation_id, inputs, query, answer,"
            " thoughts, files, created_at) VALUES (?, ?, ?, ?, ?, ?, '', '[]', ?, ?)",
            message_id, conversation["app_id"], conversation["user_id"], conversation["id"],
            conversation["inputs"], query, json.dumps(files), now,
        )  # fmt: skip
        sql = "UPDATE conversations SET updated_at = ? WHERE id = ?"
        self._write(sql, now, conversation["id"])
        return message_id, int(now)

    def finish_message(self, message_id: str, answer: str) -> None:
        self._write("UPDATE messages SET answer = ? WHERE id = ?", answer, message_id)

    def set_thoughts(self, message_id: str, thoughts: list[dict[str, Any]]) -> None:
        sql = "UPDATE messages SET thoughts = ? WHERE id = ?"
        self._write(sql, json.dumps(thoughts), message_id)

    def message(self, message_id: str, app_id: str, user_id: str) -> sqlite3.Row | None:
        return self._row(
            "SELECT * FROM messages WHERE id = ? AND app_id = ? AND user_id = ?",
            message_id, app_id, user_id,
        )  # fmt: skip

    def count_messages(self, conversation_id: str) -> int:
        sql = "SELECT count(*) AS n FROM messages WHERE conversation_id = ?"
        return int(self._rows(sql, conversation_id)[0]["n"])

    def messages(
        self, conversation_id: str, before: sqlite3.Row | None, limit: int
    ) -> list[sqlite3.Row]:
        """The newest ``limit`` messages older than ``before``, newest first, with ratings."""
        return self._rows(
            "SELECT messages.*, feedbacks.rating FROM messages"
            " LEFT JOIN feedbacks ON feedbacks.message_id = messages.id"
            " WHERE conversation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            conversation_id, before["seq"] if before is not None else 2**62, limit,
        )  # fmt: skip

    # -- feedback

    def has_feedback(self, message_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM feedbacks WHERE message_id = ?", message_id))

    def set_feedback(self, message_id: str, rating: str | None, content: str | None) -> None:
        """Replace the feedback; a rating of None takes it away."""
        if rating is None:
            self._write("DELETE FROM feedbacks WHERE message_id = ?", message_id)
        else:
            sql = "INSERT OR REPLACE INTO feedbacks VALUES (?, ?, ?)"
            self._write(sql, message_id, rating, content)

    # -- files

    def add_file(self, user_id: str, name: str, mime_type: str, content: bytes) -> sqlite3.Row:
        file_id = new_id()
        self._write(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
            file_id, user_id, name, mime_type, content, time.time(),
        )  # fmt: skip
        row = self.file(file_id)
        assert row is not None
        return row

    def file(self, file_id: str) -> sqlite3.Row | None:
        return self._row(
            "SELECT id, user_id, name, mime_type, length(content) AS size, created_at"
            " FROM files WHERE id = ?",
            file_id,
        )
