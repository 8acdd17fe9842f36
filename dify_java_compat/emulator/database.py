"""The emulator's memory: SQLite tables, in memory or in a file that outlives the server."""

import sqlite3
import threading
import uuid
from typing import Any

_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS end_users (
    id TEXT PRIMARY KEY, app_id TEXT, name TEXT, created_at REAL, UNIQUE (app_id, name));
CREATE TABLE IF NOT EXISTS conversations (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, name TEXT, inputs TEXT,
    introduction TEXT, created_at REAL, updated_at REAL);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, conversation_id TEXT,
    inputs TEXT, query TEXT, answer TEXT, thoughts TEXT, files TEXT, error TEXT,
    created_at REAL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (conversation_id, seq);
CREATE TABLE IF NOT EXISTS feedbacks (
    seq INTEGER PRIMARY KEY, id TEXT, message_id TEXT UNIQUE, rating TEXT, content TEXT,
    created_at REAL, updated_at REAL);
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, user_id TEXT, name TEXT, mime_type TEXT, content BLOB, created_at REAL);
CREATE TABLE IF NOT EXISTS file_uses (file_id TEXT, message_id TEXT, app_id TEXT);
CREATE INDEX IF NOT EXISTS uses_of ON file_uses (file_id);
CREATE TABLE IF NOT EXISTS variables (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, conversation_id TEXT, name TEXT, value_type TEXT,
    value TEXT, description TEXT, created_at REAL, updated_at REAL);
CREATE TABLE IF NOT EXISTS annotations (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, question TEXT, answer TEXT,
    hit_count INTEGER DEFAULT 0, created_at REAL);
CREATE TABLE IF NOT EXISTS annotation_replies (app_id TEXT PRIMARY KEY, published TEXT);
CREATE TABLE IF NOT EXISTS annotation_jobs (
    id TEXT PRIMARY KEY, action TEXT, looks INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS workflow_runs (
    id TEXT PRIMARY KEY, app_id TEXT, user_id TEXT, workflow_id TEXT, status TEXT, inputs TEXT,
    outputs TEXT, error TEXT, total_steps INTEGER, total_tokens INTEGER, created_at INTEGER,
    finished_at INTEGER, elapsed_time REAL, finished TEXT);
CREATE TABLE IF NOT EXISTS forms (
    token TEXT, id TEXT UNIQUE, app_id TEXT, run_id TEXT, content TEXT, expires_at REAL,
    action TEXT, inputs TEXT);
"""


def new_id() -> str:
    return str(uuid.uuid4())


class Database:
    """One connection behind a lock: SQLite would serialise writers anyway."""

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: str) -> None:
        self._db.row_factory = sqlite3.Row
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise ValueError(f"{path} was written by another version of the emulator")
        # What a crash of the machine may cost does not weigh up a disk access per write.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def write(self, sql: str, *values: Any) -> int:
        """Run one statement in a transaction of its own; how many rows it touched."""
        with self._lock, self._db:
            return self._db.execute(sql, values).rowcount

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def count(self, table: str, where: str, *values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {where}", *values)[0][0])
