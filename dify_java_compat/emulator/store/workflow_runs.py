"""The runs of workflows and chatflows, and the forms for which they wait."""

import json
import sqlite3
from typing import Any

from .database import Database, new_id


class WorkflowRuns:
    """The runs of workflows and chatflows, and the forms for which they wait."""

    def __init__(self, database: Database) -> None:
        self._db = database
        # Servers may share the file, but a run goes on only in the one where it began.
        self.server: str = new_id()

    def add(
        self,
        app_id: str,
        user_id: str,
        message_id: str,
        inputs: Any,
        provisional: dict[str, Any],
    ) -> None:
        """Store a new run. ``provisional``: its last event if the server closes before the end."""
        data = provisional["data"]
        self._db.write(
            "INSERT INTO workflow_runs VALUES"
            " (?, ?, ?, ?, 'running', ?, '{}', NULL, 0, 0, ?, NULL, 0.0, ?, 0, ?, ?, ?)",
            data["id"], app_id, user_id, data["workflow_id"], json.dumps(inputs),
            data["created_at"], json.dumps(provisional), self.server, new_id(),
            message_id,
        )  # fmt: skip

    def get(self, run_id: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM workflow_runs WHERE id = ? AND app_id = ?"
        return self._db.row(sql, run_id, app_id)

    def page(
        self, app_id: str, status: str | None, keyword: str, user: str | None, page: int, limit: int
    ) -> tuple[list[sqlite3.Row], int]:
        """A page of an app's runs, the newest first, and how many they are."""
        source = "workflow_runs JOIN end_users ON end_users.id = user_id"
        where, values = "workflow_runs.app_id = ?", [app_id]
        if status:
            where, values = f"{where} AND status = ?", [*values, status]
        if user:
            where, values = f"{where} AND name = ?", [*values, user]
        if keyword:
            where += " AND (instr(inputs, ?) OR instr(outputs, ?))"
            # Both are stored as JSON, which is ASCII.
            values += [json.dumps(keyword)[1:-1]] * 2
        rows = self._db.rows(
            f"SELECT workflow_runs.*, name AS user_name FROM {source} WHERE {where}"
            " ORDER BY workflow_runs.created_at DESC, workflow_runs.rowid DESC LIMIT ? OFFSET ?",
            *values, limit, (page - 1) * limit,
        )  # fmt: skip
        return rows, self._db.count(source, where, *values)

    def status_of_message(self, message_id: str) -> str | None:
        """How the run of a message stands; None where it has none."""
        row = self._db.row("SELECT status FROM workflow_runs WHERE message_id = ?", message_id)
        return None if row is None else str(row["status"])

    def forms_of_message(self, message_id: str) -> list[sqlite3.Row]:
        """The forms of the run of a message, the oldest first."""
        return self._db.rows(
            "SELECT forms.* FROM forms JOIN workflow_runs ON workflow_runs.id = run_id"
            " WHERE message_id = ? ORDER BY forms.rowid",
            message_id,
        )

    def pause(self, run_id: str, steps: int) -> None:
        sql = "UPDATE workflow_runs SET status = 'paused', total_steps = ? WHERE id = ?"
        self._db.write(sql, steps, run_id)

    def set_status(self, run_id: str, status: str) -> None:
        self._db.write("UPDATE workflow_runs SET status = ? WHERE id = ?", status, run_id)

    def finish(self, run_id: str, event: dict[str, Any], *, lost: bool = False) -> None:
        """Store the run's last event, and its outcome unless the run was stopped.

        ``lost``: whether a stop ended it as if it had failed.
        """
        data = event["data"]
        sql = "UPDATE workflow_runs SET finished = ?, over = 1 WHERE id = ?"
        self._db.write(sql, json.dumps(event), run_id)
        if data["status"] == "stopped":
            # The real server never records a stop: such a run reads as running for ever.
            self.set_status(run_id, "running")
            return
        if lost:
            self.set_status(run_id, "stopped")
            return
        self._db.write(
            "UPDATE workflow_runs SET status = ?, outputs = ?, error = ?, total_steps = ?,"
            " total_tokens = ?, finished_at = ?, elapsed_time = ? WHERE id = ?",
            data["status"], json.dumps(data["outputs"]), data["error"], data["total_steps"],
            data["total_tokens"], data["finished_at"], data["elapsed_time"], run_id,
        )  # fmt: skip

    def add_form(
        self, app_id: str, run_id: str, definition: dict[str, Any], end: float, *, mailed: bool
    ) -> None:
        """Store a form that is open until ``end``, in seconds since 1970.

        ``definition``: the form as the history shows it. ``mailed``: whether its token is for
        those alone who got it by e-mail.
        """
        self._db.write(
            "INSERT INTO forms VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            definition["form_token"], definition["form_id"], app_id, run_id,
            json.dumps(definition), mailed, end,
        )  # fmt: skip

    def form(self, form_id: str) -> sqlite3.Row:
        return self._db.rows("SELECT * FROM forms WHERE id = ?", form_id)[0]

    def form_by_token(self, token: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM forms WHERE token = ? AND app_id = ? AND NOT mailed"
        return self._db.row(sql, token, app_id)

    def fill_form(self, form_id: str, action: str, inputs: dict[str, Any]) -> bool:
        """Submit a form; False where it was submitted before."""
        sql = "UPDATE forms SET action = ?, inputs = ? WHERE id = ? AND action IS NULL"
        return bool(self._db.write(sql, action, json.dumps(inputs), form_id))

    def expire_forms(self) -> list[str]:
        """Let all open forms expire; the ids of the runs that waited for them."""
        rows = self._db.rows("SELECT run_id FROM forms WHERE action IS NULL AND expires_at > 0")
        self._db.write("UPDATE forms SET expires_at = 0 WHERE action IS NULL")
        return [row["run_id"] for row in rows]

    def abandon(self) -> None:
        """End the runs of this server, and let their forms expire."""
        with self._db.transaction():
            self._db.write(
                "UPDATE forms SET expires_at = 0 WHERE action IS NULL"
                " AND run_id IN (SELECT id FROM workflow_runs WHERE server = ?)",
                self.server,
            )
            sql = "UPDATE workflow_runs SET over = 1 WHERE server = ? AND NOT over"
            self._db.write(sql, self.server)
