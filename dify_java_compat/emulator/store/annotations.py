"""Annotations, and whether an app replies with them."""

import json
import sqlite3
import time
from typing import Any

from .database import Database, new_id, rows_before


class Annotations:
    """Fixed replies to fixed questions, and which apps give them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, app_id: str, question: str, reply: str) -> sqlite3.Row:
        annotation_id = new_id()
        self._db.write(
            "INSERT INTO annotations (id, app_id, question, answer, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            annotation_id, app_id, question, reply, time.time(),
        )  # fmt: skip
        row = self.get(annotation_id, app_id)
        assert row is not None
        return row

    def get(self, annotation_id: str, app_id: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM annotations WHERE id = ? AND app_id = ?"
        return self._db.row(sql, annotation_id, app_id)

    def change(self, annotation_id: str, question: str, reply: str) -> None:
        sql = "UPDATE annotations SET question = ?, answer = ? WHERE id = ?"
        self._db.write(sql, question, reply, annotation_id)

    def delete(self, annotation_id: str) -> None:
        self._db.write("DELETE FROM annotations WHERE id = ?", annotation_id)

    def page(
        self, app_id: str, keyword: str, page: int, limit: int
    ) -> tuple[list[sqlite3.Row], int]:
        """A page of those that contain ``keyword``, the newest first, and how many they are."""
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
        """The annotation whose question is ``query``, counted as used, if the app gives them."""
        if self.published(app_id) is None:
            return None
        sql = "SELECT * FROM annotations WHERE app_id = ? AND question = ? ORDER BY seq DESC"
        found = self._db.row(sql, app_id, query)
        if found is not None:
            sql = "UPDATE annotations SET hit_count = hit_count + 1 WHERE id = ?"
            self._db.write(sql, found["id"])
        return found

    def publish(self, app_id: str, settings: dict[str, Any] | None) -> None:
        """Let the app reply with annotations, by these settings, or no longer."""
        if settings is None:
            self._db.write("DELETE FROM annotation_replies WHERE app_id = ?", app_id)
        else:
            sql = "INSERT OR REPLACE INTO annotation_replies VALUES (?, ?)"
            self._db.write(sql, app_id, json.dumps(settings))

    def published(self, app_id: str) -> dict[str, Any] | None:
        """The settings by which the app replies with annotations; None where it does not."""
        sql = "SELECT published FROM annotation_replies WHERE app_id = ?"
        row = self._db.row(sql, app_id)
        return None if row is None else dict(json.loads(row["published"]))

    def add_job(self, action: str) -> str:
        job_id = new_id()
        self._db.write("INSERT INTO annotation_jobs (id, action) VALUES (?, ?)", job_id, action)
        return job_id

    def look_at_job(self, job_id: str, action: str) -> int | None:
        """How often the job was read before this time; None where there is no such job."""
        sql = "SELECT looks FROM annotation_jobs WHERE id = ? AND action = ?"
        with self._db.transaction():
            row = self._db.row(sql, job_id, action)
            if row is None:
                return None
            self._db.write("UPDATE annotation_jobs SET looks = looks + 1 WHERE id = ?", job_id)
        return int(row["looks"])
