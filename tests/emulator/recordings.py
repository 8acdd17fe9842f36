"""The recordings of a real server, and how an emulator is brought to where each was made."""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dify_java_compat.emulator.apps.catalog import APPS
from tests.support.client import Connection, Response

from .caller import Caller

_SHARED = Path(__file__).parents[3] / "shared"
_OWN = Path(__file__).parents[1] / "recordings"
# by version: the recordings beside this checkout where they are there, else its own copy
FOLDERS = {"1.12": ("recordings", "data"), "1.14": ("recordings-1.14", "data-1.14")}

KEYS = {
    "CHAT": "app-chat",
    "AGENT": "app-agent",
    "CHATFLOW": "app-chatflow",
    "CHATFLOW_SIMPLE": "app-chatflow",
    "CHATFLOW_MODERATED": "app-chatflow-moderated",
    "CHATFLOW_RAG": "app-chatflow-rag",
    "CHATFLOW_RETRY": "app-retry",
    "CHAT_RAG": "app-rag",
    "CHAT_TTS": "app-tts",
    "WORKFLOW": "app-workflow",
    "CHAT_PLAIN": "app-plain",
    "CHAT_REQUIRED": "app-required",
    "CHAT_MODERATED": "app-moderated",
    "CHAT_LIMITED": "app-limited",
    "CHAT_DISABLED": "app-disabled",
    "CHATFLOW_UNPUBLISHED": "app-unpublished",
    "COMPLETION": "app-completion",
}
KEYS_1_14 = {
    "CHATFLOW_SIMPLE": "app-chatflow-plain",
    "CHATFLOW_HUMAN": "app-human",
    "CHATFLOW_HUMAN2": "app-human-twice",
    "CHATFLOW_HUMAN_MAIL": "app-human-mail",
    "CHATFLOW_LOOP": "app-loop",
    "CHATFLOW_AGENT": "app-chatflow-agent",
    "CHATFLOW_TTS": "app-chatflow-tts",
    "WORKFLOW_HUMAN": "app-workflow-human",
    "NEWAGENT": "app-new-agent",
}
_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# The one recording of a chatflow's own long graph; the other chatflow has the short one.
_RICH = ("CHATFLOW", "/chat-messages")
_REPLY = {
    "score_threshold": 0.9,
    "embedding_provider_name": "some/some/some",
    "embedding_model_name": "some-embedding",
}


@dataclass(frozen=True)
class Case:
    """One recorded exchange."""

    folder: Path
    version: str
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def key(self) -> str | None:
        app = self.about["app"]
        if (app, self.about["path"]) == _RICH:
            return "app-rich"
        keys = KEYS if self.version == "1.12" else KEYS | KEYS_1_14
        return None if app is None else keys[app]

    @property
    def spaced(self) -> bool:
        """Whether its server lacked a part, so that its JSON is in another dialect."""
        return "without ujson" in self.about.get("note", "")

    def request(self) -> tuple[list[str], bytes]:
        head, _, body = (self.folder / "request.http").read_bytes().partition(b"\r\n\r\n")
        return head.decode().split("\r\n"), body

    def response(self) -> Response:
        raw = (self.folder / "response.raw").read_bytes()
        return Connection(io.BytesIO(raw)).response(self.about["method"])


def cases(version: str) -> list[Case]:
    """All recordings there are of a version."""
    shared, own = FOLDERS[version]
    folders = {
        file.parent.name: file.parent
        for root in (_OWN / own, _SHARED / shared)
        for file in sorted(root.glob("*/case.json"))
    }
    return [
        Case(folder, version, json.loads((folder / "case.json").read_text(encoding="utf-8")))
        for _, folder in sorted(folders.items())
    ]


class Stage:
    """An emulator brought to the point where a request was recorded.

    ``ids`` maps what the recorded request names to what the emulator has in its place.
    """

    def __init__(self, case: Case, caller: Caller) -> None:
        self.case = case
        self.caller = caller
        self.ids: dict[str, str] = {}
        self._open: list[Connection] = []
        head, self.body = case.request()
        self.head = head
        self._text = head[0] + self.body.decode("utf-8", "replace")
        user = re.search(r'user=([^& ]+)|"user": "([^"]+)"', self._text)
        if user:
            caller.user = user[1] or user[2]

    def prepare(self) -> None:
        """Make what the recorded request takes for granted, where the answer shows it was."""
        recorded = self.case.response()
        path, text = self.case.about["path"], self._text
        # The words that made the model of the recording say what output moderation forbids.
        self.ids["MAGIC_OUTMOD"] = "secret"
        for pattern, make in (
            (f"/apps/annotations(?:/({_ID}))?", self._annotate),
            (f"/apps/annotation-reply/(enable|disable)/status/({_ID})", self._switch),
            (f"/files/({_ID})/preview", self._attach),
            (f"/conversations/({_ID})/variables", self._vary),
            (f"/workflows/run/({_ID})", self._run),
            ("/app/feedbacks", self._rate),
        ):
            found = re.match(pattern, path)
            if found:
                make(found, recorded)
                return
        if "annotation-hit" in self.case.name:
            question = {"question": json.loads(self.body)["query"], "answer": "Paris 巴黎"}
            self.caller.post("/apps/annotations", question)
            self.caller.post("/apps/annotation-reply/enable", _REPLY)
        if "concurrent-limit" in self.case.name:
            first, chunks = self.caller.open_stream()
            next(chunks)
            self._open.append(first)
            app = next(app for app in APPS if app.key == self.caller.key)
            self.ids[re.findall(_ID, recorded.body.decode())[0]] = app.id
            return
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
        if self.case.name == "messages-after-error":
            self._fail(recorded)
            return
        conversation = re.search(f'conversation(?:s/|_id=|_id": ")({_ID})', text)
        if conversation:
            self._tell(conversation[1], recorded)
        elif path.startswith("/conversations"):
            self._tell_all(recorded)

    @property
    def stops(self) -> bool:
        """Whether the stream is stopped on its way."""
        return self.case.about["method"] == "POST" and "stop_sent_ms" in self.case.about

    def close(self) -> None:
        for reader in self._open:
            reader.close()

    def _annotate(self, found: re.Match[str], recorded: Response) -> None:
        if self.case.about["method"] == "POST" or recorded.status == 404:
            return
        total = recorded.json()["total"] if self.case.about["method"] == "GET" else 1
        for number in range(total):
            body = {"question": f"q{number}", "answer": "a"}
            made = self.caller.post("/apps/annotations", body).json()
            if found[1]:
                self.ids[found[1]] = made["id"]

    def _switch(self, found: re.Match[str], recorded: Response) -> None:
        if recorded.status == 200:
            made = self.caller.post(f"/apps/annotation-reply/{found[1]}", _REPLY).json()
            self.ids[found[2]] = made["job_id"]

    def _attach(self, found: re.Match[str], recorded: Response) -> None:
        if "unknown" in self.case.name:
            return
        picture = self._picture()
        self.ids[found[1]] = picture["upload_file_id"]
        if recorded.status == 200:
            self.caller.say(files=[picture])

    def _vary(self, found: re.Match[str], recorded: Response) -> None:
        if "unknown-conv" in self.case.name:
            return
        own_id = self.caller.say("a b").events[0]["conversation_id"]
        self.ids[found[1]] = own_id
        path = f"/conversations/{own_id}/variables?user={self.caller.user}"
        own = {one["name"]: one["id"] for one in self.caller.get(path).json()["data"]}
        answer = (self.case.folder.parent / "variables-list" / "response.raw").read_bytes()
        for one in json.loads(answer.partition(b"\r\n\r\n")[2])["data"]:
            if own:
                self.ids[one["id"]] = own[one["name"]]

    def _run(self, found: re.Match[str], recorded: Response) -> None:
        if recorded.status != 200 or recorded.json()["id"] is None:
            return
        reader, chunks = self.caller.open_stream()
        started = json.loads(next(chunks).removeprefix(b"data: "))
        self.ids[found[1]] = started["workflow_run_id"]
        if "stop" in self.case.name:
            self.caller.stop(started["task_id"])
        for _ in chunks:
            pass
        reader.close()

    def _rate(self, found: re.Match[str], recorded: Response) -> None:
        for one in recorded.json()["data"]:
            message_id = self.caller.say().events[0]["message_id"]
            body = {"user": self.caller.user, "rating": one["rating"], "content": one["content"]}
            self.caller.post(f"/messages/{message_id}/feedbacks", body)

    def _tell(self, conversation_id: str, recorded: Response) -> None:
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

    def _fail(self, recorded: Response) -> None:
        """One conversation whose only message the model could not answer."""
        (shown,) = recorded.json()["data"]
        error = f"completion_request_error: {shown['error']}"
        self.caller.emulator.reply(shown["query"], answer=["word "] * 12, error=error)
        told = self.caller.say(shown["query"]).events[0]
        self.ids[shown["conversation_id"]] = told["conversation_id"]

    def _picture(self) -> dict[str, str]:
        return {
            "type": "image",
            "transfer_method": "local_file",
            "upload_file_id": self.caller.upload().json()["id"],
        }

    def _tell_all(self, recorded: Response) -> None:
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
        }
        lines = [own_values.get(line, line) for line in self.head]
        head = "\r\n".join([*lines, "", ""])
        head = re.sub(
            "Host: 127.0.0.1:[0-9]+", f"Host: 127.0.0.1:{self.caller.emulator.port}", head
        )
        head = re.sub("Content-Length: [0-9]+", "Content-Length: {length}", head)
        for recorded, own in self.ids.items():
            head = head.replace(recorded, own)
            body = body.replace(recorded.encode(), own.encode())
        return head.replace("{length}", str(len(body))).encode() + body

    def play(self) -> Response:
        """Send the request; stop the stream where the recording did."""
        about = self.case.about
        if not self.stops:
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
                    path = f"{about['path']}/{task_id}/stop"
                    stopped = self.caller.post(path, {"user": stopper}).status == 200
            answer.body, answer.complete = b"".join(answer.chunks), True
            return answer
        finally:
            reader.close()
