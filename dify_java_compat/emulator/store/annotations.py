"""What the emulator remembers beside the talk: annotations, variables, workflow runs, forms."""

import json
import sqlite3
import time
from typing import Any

from .database import Database, new_id, rows_before


class Annotations:
    """Fixed answers to fixed questions, and whether an app gives them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, app_id: str, question: str, answer: str) -> sqlite3.Row:
        annotation_id = new_id()
        self._db.write(
            "INSERT INTO annotations (id, app_id, question, answer, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            annotation_id, app_id, question, answer, time.time(),
        )  # fmt: skip
        row = self.get(annotation_id, app_id)
        assert row is not None
        return row

    def get(self, annotation_id: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM annotations WHERE id = ? AND app_id = ?"
        return self._db.row(sql, annotation_id, app_id)

    def change(self, annotation_id: str, question: str, answer: str) -> None:
        sql = "UPDATE annotations SET question = ?, answer = ? WHERE id = ?"
        self._db.write(sql, question, answer, annotation_id)

    def delete(self, annotation_id: str) -> None:
        self._db.write("DELETE FROM annotations WHERE id = ?", annotation_id)

    def page(
        self, app_id: str, keyword: str, page: int, limit: int
    ) -> tuple[list[sqlite3.Row], int]:
        """One page of those that contain ``keyword``, the newest first, and how many there are."""
        where, values = "app_id = ?", [app_id]
        if keyword:
            where += " AND (instr(lower(question), ?) OR instr(lower(answer), ?))"
            values += [keyword.lower()] * 2
        rows = self._db.rows(
            f"SELECT * FROM annotations WHERE {where} ORDER BY seq DESC LIMIT ? OFFSET ?",
            *values, limit, rows_before(page, limit),
        )  # fmt: skip
        return rows, self._db.count("annotations", where, *values)

    def hit(self, app_id: str, query: str) -> sqlite3.Row | None:
        """The annotation that answers ``query``, counted as used."""
        if self.published(app_id) is None:
            return None
        sql = "SELECT * FROM annotations WHERE app_id = ? AND question = ? ORDER BY seq DESC"
        found = self._db.row(sql, app_id, query)
        if found is not None:
            sql = "UPDATE annotations SET hit_count = hit_count + 1 WHERE id = ?"
            self._db.write(sql, found["id"])
        return found

    def publish(self, app_id: str, settings: dict[str, Any] | None) -> None:
        """Let the app give annotated answers, by these settings, or no longer."""
        if settings is None:
            self._db.write("DELETE FROM annotation_replies WHERE app_id = ?", app_id)
        else:
            sql = "INSERT OR REPLACE INTO annotation_replies VALUES (?, ?)"
            self._db.write(sql, app_id, json.dumps(settings))

    def published(self, app_id: str) -> dict[str, Any] | None:
        sql = "SELECT published FROM annotation_replies WHERE app_id = ?"
        row = self._db.row(sql, app_id)
        return None if row is None else dict(json.loads(row["published"]))

    def add_job(self, action: str) -> str:
        job_id = new_id()
        self._db.write("INSERT INTO annotation_jobs (id, action) VALUES (?, ?)", job_id, action)
        return job_id

    def look_at_job(self, job_id: str, action: str) -> int | None:
        """How often the job was looked at before this time; None where there is none."""
        sql = "SELECT looks FROM annotation_jobs WHERE id = ? AND action = ?"
        with self._db.transaction():
            row = self._db.row(sql, job_id, action)
            if row is None:
                return None
            self._db.write("UPDATE annotation_jobs SET looks = looks + 1 WHERE id = ?", job_id)
        return int(row["looks"])


# What every conversation of a chatflow begins with: name, type, value, description.
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
        """What the flow itself assigns in each turn."""
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
        """Up to ``limit`` variables behind ``after``: those made later, or merely listed later."""
        column = "created_at" if by_time else "seq"
        return self._db.rows(
            f"SELECT * FROM variables WHERE conversation_id = ? AND {column} > ?"
            " AND (? IS NULL OR name = ?) ORDER BY seq LIMIT ?",
            conversation_id, after[column] if after is not None else 0, name, name, limit,
        )  # fmt: skip


class WorkflowRuns:
    """The runs of workflows, and the forms on which they wait."""

    def __init__(self, database: Database) -> None:
        self._db = database
        # Among those that share the file: a run goes on only where it began.
        self.server = new_id()

    def add(self, app_id: str, user_id: str, inputs: Any, lost: dict[str, Any]) -> None:
        """A new run. ``lost`` is its last event in case the server closes before its end."""
        data = lost["data"]
        self._db.write(
            "INSERT INTO workflow_runs VALUES"
            " (?, ?, ?, ?, 'running', ?, '{}', NULL, 0, 0, ?, NULL, 0.0, ?, 0, ?, ?)",
            data["id"], app_id, user_id, data["workflow_id"], json.dumps(inputs),
            data["created_at"], json.dumps(lost), self.server, new_id(),
        )  # fmt: skip

    def get(self, run_id: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM workflow_runs WHERE id = ? AND app_id = ?"
        return self._db.row(sql, run_id, app_id)

    def page(
        self, app_id: str, status: str | None, keyword: str, user: str | None, page: int, limit: int
    ) -> tuple[list[sqlite3.Row], int]:
        """One page of an app's runs, the newest first, and how many there are."""
        source = "workflow_runs JOIN end_users ON end_users.id = user_id"
        where, values = "workflow_runs.app_id = ?", [app_id]
        if status:
            where, values = f"{where} AND status = ?", [*values, status]
        if user:
            where, values = f"{where} AND name = ?", [*values, user]
        if keyword:
            where += " AND (instr(inputs, ?) OR instr(outputs, ?))"
            # Both are kept as JSON, in which no character is beyond ASCII.
            values += [json.dumps(keyword)[1:-1]] * 2
        rows = self._db.rows(
            f"SELECT workflow_runs.*, name AS user_name FROM {source} WHERE {where}"
            " ORDER BY workflow_runs.created_at DESC, workflow_runs.rowid DESC LIMIT ? OFFSET ?",
            *values, limit, (page - 1) * limit,
        )  # fmt: skip
        return rows, self._db.count(source, where, *values)

    def set_status(self, run_id: str, status: str) -> None:
        self._db.write("UPDATE workflow_runs SET status = ? WHERE id = ?", status, run_id)

    def finish(self, run_id: str, event: dict[str, Any]) -> None:
        """Keep the run's last event. What the run itself shows of a stop is nothing."""
        data = event["data"]
        sql = "UPDATE workflow_runs SET finished = ?, over = 1 WHERE id = ?"
        self._db.write(sql, json.dumps(event), run_id)
        if data["status"] == "stopped":
            # The real server never records it: such a run reads as running for ever.
            self.set_status(run_id, "running")
            return
        self._db.write(
            "UPDATE workflow_runs SET status = ?, outputs = ?, error = ?, total_steps = ?,"
            " total_tokens = ?, finished_at = ?, elapsed_time = ? WHERE id = ?",
            data["status"], json.dumps(data["outputs"]), data["error"], data["total_steps"],
            data["total_tokens"], data["finished_at"], data["elapsed_time"], run_id,
        )  # fmt: skip

    def add_form(
        self, form_id: str, token: str | None, app_id: str, run_id: str, content: str, end: float
    ) -> None:
        """A form that awaits its answer until ``end``."""
        self._db.write(
            "INSERT INTO forms VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            token, form_id, app_id, run_id, content, end,
        )  # fmt: skip

    def form(self, form_id: str) -> sqlite3.Row:
        return self._db.rows("SELECT * FROM forms WHERE id = ?", form_id)[0]

    def form_by_token(self, token: str, app_id: str) -> sqlite3.Row | None:
        return self._db.row("SELECT * FROM forms WHERE token = ? AND app_id = ?", token, app_id)

    def fill_form(self, form_id: str, action: str, inputs: dict[str, Any]) -> bool:
        """Answer a form; False where someone else was first."""
        sql = "UPDATE forms SET action = ?, inputs = ? WHERE id = ? AND action IS NULL"
        return bool(self._db.write(sql, action, json.dumps(inputs), form_id))

    def expire_forms(self) -> list[str]:
        """Make all open forms expire; the runs that waited for them."""
        rows = self._db.rows("SELECT run_id FROM forms WHERE action IS NULL AND expires_at > 0")
        self._db.write("UPDATE forms SET expires_at = 0 WHERE action IS NULL")
        return [row["run_id"] for row in rows]

    def abandon(self) -> None:
        """Close what this server leaves behind: its runs are over, their forms expired."""
        with self._db.transaction():
            self._db.write(
                "UPDATE forms SET expires_at = 0 WHERE action IS NULL"
                " AND run_id IN (SELECT id FROM workflow_runs WHERE server = ?)",
                self.server,
            )
            sql = "UPDATE workflow_runs SET over = 1 WHERE server = ? AND NOT over"
            self._db.write(sql, self.server)
