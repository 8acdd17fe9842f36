"""The recordings of a real server, and how an emulator is brought to where each was made."""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .wire import Answer, Caller, Reader

SHARED = Path(__file__).parents[2].parent / "shared" / "recordings"
_OWN = Path(__file__).parent / "data"
FOLDER = SHARED if SHARED.is_dir() else _OWN

KEYS = {
    "CHAT": "app-chat",
    "AGENT": "app-agent",
    "CHATFLOW": "app-chatflow",
    "CHATFLOW_SIMPLE": "app-chatflow",
    "WORKFLOW": "app-workflow",
}
_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SERVED = re.compile(
    r"/(chat-messages(/[^/]+/stop)?|messages(/[^/]+/(feedbacks|suggested))?"
    r"|conversations(/[^/]+(/name)?)?|text-to-audio|audio-to-text|files/upload"
    r"|parameters|info|banana)?|//parameters"
)


@dataclass(frozen=True)
class Case:
    """One recorded exchange."""

    name: str
    about: dict[str, Any]

    @property
    def key(self) -> str | None:
        app = self.about["app"]
        return None if app is None else KEYS[app]

    def request(self) -> tuple[list[str], bytes]:
        head, _, body = (FOLDER / self.name / "request.http").read_bytes().partition(b"\r\n\r\n")
        return head.decode().split("\r\n"), body

    def answer(self) -> Answer:
        raw = (FOLDER / self.name / "response.raw").read_bytes()
        return Reader(io.BytesIO(raw)).answer(self.about["method"])


def cases() -> list[Case]:
    """The recordings of the operations and the apps there are."""
    found = []
    for about_file in sorted(FOLDER.glob("*/case.json")):
        about = json.loads(about_file.read_text(encoding="utf-8"))
        served = _SERVED.fullmatch(about["path"].partition("?")[0])
        if served and (about["app"] is None or about["app"] in KEYS):
            found.append(Case(about_file.parent.name, about))
    return found


class Stage:
    """An emulator brought to the point where a request was recorded.

    ``ids`` maps what the recorded request names to what the emulator has in its place.
    """

    def __init__(self, case: Case, caller: Caller) -> None:
        self.case = case
        self.caller = caller
        self.ids: dict[str, str] = {}
        head, self.body = case.request()
        self.head = head
        self._text = head[0] + self.body.decode("utf-8", "replace")
        user = re.search(r'user=([^& ]+)|"user": "([^"]+)"', self._text)
        if user:
            caller.user = user[1] or user[2]

    def prepare(self) -> None:
        """Make what the recorded request takes for granted, where the answer shows it was."""
        recorded = self.case.answer()
        path, text = self.case.about["path"], self._text
        if recorded.status in (404, 400) and "feedbacks" not in path:
            return
        upload = re.search(f'upload_file_id": "({_ID})"', text)
        if upload:
            self.ids[upload[1]] = self.caller.upload().json()["id"]
        workflow = re.search(f'workflow_id": "({_ID})"', text)
        if workflow:
            said = self.caller.say()
            self.ids[workflow[1]] = said.events[0]["data"]["workflow_id"]
        message = re.search(f"messages/({_ID})/(feedbacks|suggested)", path)
        if message and recorded.status != 404:
            self.ids[message[1]] = self.caller.say().events[0]["message_id"]
            if '"rating": null' in text and recorded.status == 200:
                rating = {"user": self.caller.user, "rating": "like"}
                self.caller.post(f"/messages/{self.ids[message[1]]}/feedbacks", rating)
        conversation = re.search(f'conversation(?:s/|_id=|_id": ")({_ID})', text)
        if conversation:
            self._tell(conversation[1], recorded)
        elif path.startswith("/conversations"):
            self._tell_all(recorded)

    def _tell(self, conversation_id: str, recorded: Answer) -> None:
        """One conversation, with the messages the answer shows around those of the request."""
        shown = recorded.json()["data"] if recorded.body.startswith(b'{"limit"') else [None]
        first = re.search(f"first_id=({_ID})", self._text)
        more = recorded.body.startswith(b'{"limit"') and recorded.json()["has_more"]
        queries = ["older"] * more + [one["query"] if one else "Hello" for one in shown]
        own_id = None
        for query, one in zip(queries, [None] * more + shown, strict=True):
            extra: dict[str, Any] = {"conversation_id": own_id} if own_id else {}
            if one and one["message_files"]:
                extra["files"] = [self._picture()]
            told = self.caller.say(query, **extra).events[0]
            own_id = told["conversation_id"]
            self.ids[conversation_id] = own_id
        if first and own_id:
            told = self.caller.say("newer", conversation_id=own_id).events[0]
            self.ids[first[1]] = told["message_id"]

    def _picture(self) -> dict[str, str]:
        return {
            "type": "image",
            "transfer_method": "local_file",
            "upload_file_id": self.caller.upload().json()["id"],
        }

    def _tell_all(self, recorded: Answer) -> None:
        """Conversations, as many as the answer shows, and those around the page."""
        page = recorded.json()
        last = re.search(f"last_id=({_ID})", self._text)
        for _ in range(len(page["data"]) + page["has_more"]):
            self.caller.say()
        if last:
            self.ids[last[1]] = self.caller.say().events[0]["conversation_id"]

    def request(self) -> bytes:
        """The recorded request with the emulator's key and ids."""
        body = self.body
        if "too-large" in self.case.name:
            # Only the first bytes of the 31 MiB were kept.
            boundary = b"------recboundary7MA4YWxkTrZu0gW--\r\n"
            body = body[:300] + bytes(31 * 1024 * 1024) + b"\r\n" + boundary
        own_values = {
            "Authorization: Bearer app-REDACTED": f"Authorization: Bearer {self.caller.key}",
            "Host: 127.0.0.1:5001": f"Host: 127.0.0.1:{self.caller.emulator.port}",
        }
        lines = [own_values.get(line, line) for line in self.head]
        head = "\r\n".join([*lines, "", ""])
        head = re.sub("Content-Length: [0-9]+", "Content-Length: {length}", head)
        for recorded, own in self.ids.items():
            head = head.replace(recorded, own)
            body = body.replace(recorded.encode(), own.encode())
        return head.replace("{length}", str(len(body))).encode() + body

    def play(self) -> Answer:
        """Send the request; stop the stream where the recording did."""
        about = self.case.about
        if about["method"] != "POST" or "stop_sent_ms" not in about:
            return self.caller.raw(self.request())
        stopper = "somebody-else" if "other-user" in self.case.name else self.caller.user
        reader = self.caller.connect()
        try:
            reader.send(self.request())
            answer = reader.head()
            answer.chunks = []
            stopped = False
            for chunk in reader.chunks():
                answer.chunks.append(chunk)
                if not stopped and b'"answer"' in chunk:
                    task_id = json.loads(chunk.removeprefix(b"data: "))["task_id"]
                    stopped = self.caller.stop(task_id, stopper).status == 200
            answer.body, answer.complete = b"".join(answer.chunks), True
            return answer
        finally:
            reader.close()
