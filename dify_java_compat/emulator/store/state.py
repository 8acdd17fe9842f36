"""Users, conversations, messages, feedback and files; the other records are parts of it."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from .annotations import Annotations
from .database import Database, new_id, rows_before
from .variables import Variables
from .workflow_runs import WorkflowRuns


@dataclass(frozen=True)
class EndUser:
    """A caller's user: one id per app and name."""

    id: str
    name: str


class State:
    """All records: annotations, variables and workflow runs in parts of their own."""

    def __init__(self, database: str = ":memory:") -> None:
        self._db = Database(database)
        self.annotations: Annotations = Annotations(self._db)
        self.variables: Variables = Variables(self._db)
        self.workflow_runs: WorkflowRuns = WorkflowRuns(self._db)

    def close(self) -> None:
        # The runs of this server end with it.
        self.workflow_runs.abandon()
        self._db.close()

    # -- users

    def end_user(self, app_id: str, name: str) -> EndUser:
        """The user of that name in that app, created when first used."""
        sql = "SELECT id FROM end_users WHERE app_id = ? AND name = ?"
        row = self._db.row(sql, app_id, name)
        if row is None:
            made = "INSERT OR IGNORE INTO end_users VALUES (?, ?, ?, ?)"
            self._db.write(made, new_id(), app_id, name, time.time())
            row = self._db.rows(sql, app_id, name)[0]
        return EndUser(row["id"], name)

    def known_user(self, user_id: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM end_users WHERE id = ? AND app_id = ?"
        return self._db.row(sql, user_id, app_id)

    # -- conversations

    def add_conversation(
        self, app_id: str, user_id: str, name: str, inputs: dict[str, Any], introduction: str
    ) -> str:
        conversation_id, now = new_id(), time.time()
        self._db.write(
            "INSERT INTO conversations (id, app_id, user_id, name, inputs, introduction,"
            " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            conversation_id, app_id, user_id, name, json.dumps(inputs), introduction, now, now,
        )  # fmt: skip
        return conversation_id

    def conversation(self, conversation_id: str, app_id: str, user_id: str) -> sqlite3.Row | None:
        """The conversation, if it is that user's in that app."""
        return self._db.row(
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
        return self._db.rows(
            f"SELECT * FROM conversations WHERE {where}"
            f" ORDER BY {column} {order}, seq {order} LIMIT ?",
            *values, limit,
        )  # fmt: skip

    def latest_conversations(self, limit: int) -> list[sqlite3.Row]:
        """Those of all apps and users, the last changed first, with user and message count."""
        return self._db.rows(
            "SELECT conversations.*, end_users.name AS user,"
            " (SELECT count(*) FROM messages WHERE conversation_id = conversations.id) AS messages"
            " FROM conversations JOIN end_users ON end_users.id = conversations.user_id"
            " ORDER BY updated_at DESC, conversations.seq DESC LIMIT ?",
            limit,
        )

    def rename_conversation(self, conversation_id: str, name: str) -> None:
        self._db.write(
            "UPDATE conversations SET name = ?, updated_at = ? WHERE id = ?",
            name, time.time(), conversation_id,
        )  # fmt: skip

    def delete_conversation(self, conversation_id: str) -> None:
        """Delete it with its messages, without checking the owner, as on the real server."""
        of_it = "IN (SELECT id FROM messages WHERE conversation_id = ?)"
        with self._db.transaction():
            for table in ("feedbacks", "file_uses"):
                self._db.write(f"DELETE FROM {table} WHERE message_id {of_it}", conversation_id)
            for table in ("messages", "variables"):
                self._db.write(f"DELETE FROM {table} WHERE conversation_id = ?", conversation_id)
            self._db.write("DELETE FROM conversations WHERE id = ?", conversation_id)

    # -- messages

    def add_message(
        self, conversation: sqlite3.Row, query: str, files: list[Any]
    ) -> tuple[str, int]:
        """Store a message, empty until ``finish_message``; its id and its second since 1970."""
        message_id = new_id()
        with self._db.transaction():
            # Read inside the transaction, so that times and rows have the same order.
            now = time.time()
            self._db.write(
                "INSERT INTO messages (id, app_id, user_id, conversation_id, inputs, query, answer,"
                " thoughts, files, created_at) VALUES (?, ?, ?, ?, ?, ?, '', '[]', ?, ?)",
                message_id, conversation["app_id"], conversation["user_id"], conversation["id"],
                conversation["inputs"], query, json.dumps(files), now,
            )  # fmt: skip
            sql = "UPDATE conversations SET updated_at = ? WHERE id = ?"
            self._db.write(sql, now, conversation["id"])
        return message_id, int(now)

    def finish_message(self, message_id: str, text: str) -> None:
        self._db.write("UPDATE messages SET answer = ? WHERE id = ?", text, message_id)

    def fail_message(self, message_id: str, error: str) -> None:
        """Store why there is no text."""
        self._db.write("UPDATE messages SET error = ? WHERE id = ?", error, message_id)

    def set_thoughts(self, message_id: str, thoughts: list[dict[str, Any]]) -> None:
        sql = "UPDATE messages SET thoughts = ? WHERE id = ?"
        self._db.write(sql, json.dumps(thoughts), message_id)

    def message(
        self, message_id: str, app_id: str | None = None, user_id: str | None = None
    ) -> sqlite3.Row | None:
        """The message, if it is that user's in that app, where these are named."""
        return self._db.row(
            "SELECT * FROM messages WHERE id = ? AND app_id = ifnull(?, app_id)"
            " AND user_id = ifnull(?, user_id)",
            message_id, app_id, user_id,
        )  # fmt: skip

    def number_of(self, message_id: str) -> int:
        """Which message of its conversation it is, counted from 1."""
        return self._db.count(
            "messages AS one JOIN messages AS all_of USING (conversation_id)",
            "one.id = ? AND all_of.seq <= one.seq",
            message_id,
        )

    def set_resources(self, message_id: str, resources: list[dict[str, Any]]) -> None:
        """Store the passages of the knowledge base that a message was given."""
        sql = "UPDATE messages SET resources = ? WHERE id = ?"
        self._db.write(sql, json.dumps(resources), message_id)

    def messages(
        self, conversation_id: str, before: sqlite3.Row | None, limit: int
    ) -> list[sqlite3.Row]:
        """The newest ``limit`` messages older than ``before``, newest first, with ratings."""
        return self._db.rows(
            "SELECT messages.*, feedbacks.rating FROM messages"
            " LEFT JOIN feedbacks ON feedbacks.message_id = messages.id"
            " WHERE conversation_id = ? AND messages.seq < ? ORDER BY messages.seq DESC LIMIT ?",
            conversation_id, before["seq"] if before is not None else 2**62, limit,
        )  # fmt: skip

    # -- feedback

    def has_feedback(self, message_id: str) -> bool:
        return bool(self._db.count("feedbacks", "message_id = ?", message_id))

    def set_feedback(self, message_id: str, rating: str | None, content: str | None) -> None:
        """Replace the feedback; a rating of None takes it away."""
        if rating is None:
            self._db.write("DELETE FROM feedbacks WHERE message_id = ?", message_id)
            return
        now = time.time()
        self._db.write(
            "INSERT INTO feedbacks (id, message_id, rating, content, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO UPDATE"
            " SET rating = excluded.rating, content = excluded.content,"
            " updated_at = excluded.updated_at",
            new_id(), message_id, rating, content, now, now,
        )  # fmt: skip

    def feedbacks(self, app_id: str, page: int, limit: int) -> list[sqlite3.Row]:
        """One page of all feedback on an app's messages, the newest first."""
        return self._db.rows(
            "SELECT feedbacks.*, app_id, conversation_id, user_id FROM feedbacks"
            " JOIN messages ON messages.id = message_id WHERE app_id = ?"
            " ORDER BY feedbacks.seq DESC LIMIT ? OFFSET ?",
            app_id, limit, rows_before(page, limit),
        )  # fmt: skip

    # -- files

    def add_file(self, user_id: str, name: str, mime_type: str, content: bytes) -> sqlite3.Row:
        file_id = new_id()
        self._db.write(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?)",
            file_id, user_id, name, mime_type, content, time.time(),
        )  # fmt: skip
        row = self.file(file_id)
        assert row is not None
        return row

    def file(self, file_id: str) -> sqlite3.Row | None:
        return self._db.row(
            "SELECT id, user_id, name, mime_type, length(content) AS size, created_at"
            " FROM files WHERE id = ?",
            file_id,
        )

    def content(self, file_id: str) -> bytes:
        return bytes(self._db.rows("SELECT content FROM files WHERE id = ?", file_id)[0][0])

    def use_file(self, file_id: str, message_id: str, app_id: str) -> None:
        """Store that a message has this file."""
        self._db.write("INSERT INTO file_uses VALUES (?, ?, ?)", file_id, message_id, app_id)

    def file_users(self, file_id: str) -> set[str]:
        """The ids of the apps with a message that has the file."""
        sql = "SELECT DISTINCT app_id FROM file_uses WHERE file_id = ?"
        return {row["app_id"] for row in self._db.rows(sql, file_id)}
