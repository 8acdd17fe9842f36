"""Recoup's one operation: to stop the reply of a chat.

It belongs to another server than Dify: the path is at the root, key and errors have a form of
their own. After the published description of the operation.
"""

import json
import threading
from types import MappingProxyType

from werkzeug.wrappers import Request

from ..http.ids import as_uuid
from ..http.reply import Reply

RECOUP_KEY = "recoup-key"
CHATS = MappingProxyType(
    {
        "running": "7d3c9b52-1f84-4e06-a5d7-c20e8b64f901",
        "idle": "7d3c9b52-1f84-4e06-a5d7-c20e8b64f902",
        "foreign": "7d3c9b52-1f84-4e06-a5d7-c20e8b64f903",
        "stuck": "7d3c9b52-1f84-4e06-a5d7-c20e8b64f904",
        "slow": "7d3c9b52-1f84-4e06-a5d7-c20e8b64f905",
    }
)
_REFUSED = {
    CHATS["foreign"]: (403, "This chat belongs to a different account"),
    CHATS["stuck"]: (502, "The response could not be stopped"),
    CHATS["slow"]: (504, "Stopping the response took too long"),
}


class Recoup:
    """The state of its chats, one of which is running until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = {CHATS["running"]}

    def stop(self, chat_id: str) -> bool:
        """Stop a chat; whether it was running."""
        with self._lock:
            running = chat_id in self._running
            self._running.discard(chat_id)
        return running


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status, json.dumps(body, separators=(",", ":")).encode(), dify=False)


def _error(status: int, message: str) -> Reply:
    return _reply(status, {"status": "error", "error": message})


def stop_chat(request: Request, chat_id: str, recoup: Recoup) -> Reply:
    """POST /api/chat/{chatId}/stop, which may be repeated."""
    if request.headers.get("x-api-key") != RECOUP_KEY:
        return _error(401, "Invalid or missing API key")
    known = as_uuid(chat_id)
    if known is None:
        return _error(400, "chatId must be a valid UUID")
    if known in _REFUSED:
        return _error(*_REFUSED[known])
    if known not in CHATS.values():
        return _error(404, "Chat not found")
    return _reply(200, {"success": True, "stopped": recoup.stop(known)})
