"""The one operation of Recoup there is: to stop the answer of a chat.

It is another server's: a path at the root, a key in a header of its own, errors in a body of
its own. As the published description of that operation has it.
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
    """Its chats, one of which is being answered until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answering = {CHATS["running"]}

    def stop(self, chat_id: str) -> bool:
        """Whether there was an answer to stop."""
        with self._lock:
            answering = chat_id in self._answering
            self._answering.discard(chat_id)
        return answering


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status, json.dumps(body, separators=(",", ":")).encode(), dify=False)


def _error(status: int, message: str) -> Reply:
    return _reply(status, {"status": "error", "error": message})


def stop_chat(request: Request, chat_id: str, recoup: Recoup) -> Reply:
    """POST /api/chat/{chatId}/stop. May be repeated."""
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
