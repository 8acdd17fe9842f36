"""The emulator's SQLite tables, in memory or in a file that outlives the server."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..http.clock import monotonic

_VERSION = 3
# How long a writer waits for the others, in seconds.
_LOCK_TIMEOUT = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS end_users (
    id TEXT PRIMARY KEY, app_id TEXT, name TEXT, created_at REAL, UNIQUE (app_id, name));
CREATE TABLE IF NOT EXISTS conversations (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, name TEXT, inputs TEXT,
    introduction TEXT, created_at REAL, updated_at REAL);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, id TEXT UNIQUE, app_id TEXT, user_id TEXT, conversation_id TEXT,
    inputs TEXT, query TEXT, answer TEXT, thoughts TEXT, files TEXT, error TEXT,
    resources TEXT DEFAULT '[]', created_at REAL);
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
    finished_at INTEGER, elapsed_time REAL, finished TEXT, over INTEGER DEFAULT 0, server TEXT,
    log_id TEXT, message_id TEXT);
CREATE INDEX IF NOT EXISTS runs_of ON workflow_runs (message_id);
CREATE TABLE IF NOT EXISTS forms (
    token TEXT, id TEXT UNIQUE, app_id TEXT, run_id TEXT, definition TEXT, mailed INTEGER,
    expires_at REAL, action TEXT, inputs TEXT);
"""


def new_id() -> str:
    return str(uuid.uuid4())


def rows_before(page: int, limit: int) -> int:
    """How many rows come before a page, at most what SQLite can count."""
    return min((page - 1) * limit, 2**63 - 1)


class Database:
    """One connection behind a lock: SQLite would serialise writers anyway.

    Several processes may have the same file open. Nothing is kept beside it, so each sees at
    once what the others wrote; a writer waits for its turn.
    """

    def __init__(self, path: str = ":memory:") -> None:
        self._lock = threading.RLock()
        # Transactions are opened by hand and take the write lock at once: one that asks for it
        # later may fail instead of waiting.
        self._db = sqlite3.connect(
            path, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
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
        # Data lost in a crash of the machine does not matter here; a disk access per write does.
        self._db.execute("PRAGMA synchronous = OFF")
        self._share()
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _share(self) -> None:
        """Let readers and a writer use a file at once. SQLite does not wait to switch to it."""
        end = monotonic() + _LOCK_TIMEOUT
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if monotonic() >= end:
                    raise
                time.sleep(0.01)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction around the block. May be nested."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def write(self, sql: str, *values: Any) -> int:
        """Run one statement, in a transaction of its own or in the one around it; the row count."""
        with self.transaction():
            return self._db.execute(sql, values).rowcount

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def count(self, table: str, where: str, *values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {where}", *values)[0][0])
