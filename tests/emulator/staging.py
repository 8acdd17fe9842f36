"""How an emulator of Dify 1.14 is brought to where its recordings were made."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.client import Response

from .caller import Caller
from .recordings import Case, Stage

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
FORM = {"comment": "fine 好", "priority": "low"}


def token_of(event: dict[str, Any]) -> str:
    return str(event["data"]["reasons"][0]["form_token"])


class NewerStage(Stage):
    """The stage of a recording of 1.14: of runs that pause, of a run's events, of refusals."""

    def __init__(self, case: Case, caller: Caller) -> None:
        super().__init__(case, caller)
        self.token = ""
        self.run_id = ""

    def prepare(self) -> None:
        recorded, path = self.case.response(), self.case.about["path"].partition("?")[0]
        self.ids["MAGIC_OUTMOD"] = "secret"
        for pattern, make in (
            ("/form/human_input/(.+)", self._form),
            (f"/workflow/({_ID})/events", self._events),
            (f"/workflows/run/({_ID})", self._old_run),
            (f"/chat-messages/({_ID})/stop", self._paused_task),
            ("/messages()$", self._history),
            (f"/conversations/({_ID})$", self._conversation),
            (f"/end-users/({_ID})", self._user),
            (f"/messages/({_ID})/suggested", self._said),
            ("/apps/annotations()$", lambda *_: None),
        ):
            found = re.match(pattern, path)
            if found:
                make(found[1], recorded)
                return
        upload = re.search(f'upload_file_id": "({_ID})"', self._text)
        if upload and "unknown" in self.case.name:
            return
        if "unknown-conversation" in self.case.name:
            return
        if self.case.name.endswith("stop-failed"):
            # every second stop ends so
            self._stopped()
        super().prepare()

    @property
    def stops(self) -> bool:
        return super().stops or "workflow_finished" in self._ends_stopped

    @property
    def _ends_stopped(self) -> str:
        text = self.case.response().body.decode("utf-8", "replace")
        if self.case.about["path"] != "/chat-messages":
            return ""
        last = text.rpartition("data: ")[2]
        told = ('"error":"Stopped by user."', '"error":"Aborted: User requested stop"')
        return last if any(one in last for one in told) else ""

    # -- what was there before

    def _pause(self, key: str | None = None) -> dict[str, Any]:
        """A run that pauses, with all its ids; its last event."""
        caller = Caller(self.caller.emulator, key or self.caller.key, self.caller.user)
        if caller.key == "app-workflow-human":
            body = {"inputs": {"query": "x"}, "user": caller.user, "response_mode": "streaming"}
            said = caller.post("/workflows/run", body)
        else:
            said = caller.say("Hello")
        last = said.events[-1]
        self.token, self.run_id = token_of(last), last["workflow_run_id"]
        return last

    def _submit(self, token: str) -> None:
        body = {"inputs": FORM, "action": "approve", "user": self.caller.user}
        assert self.caller.post(f"/form/human_input/{token}", body).status == 200

    def _form(self, token: str, recorded: Response) -> None:
        if "unknown" in self.case.name:
            return
        key = self.caller.key if self.case.about["app"] != "CHAT" else "app-human"
        paused = self._pause(key)
        self.ids[token] = self.token
        form_id = re.search(f"form_id=({_ID})", recorded.body.decode())
        if form_id:
            self.ids[form_id[1]] = paused["data"]["reasons"][0]["form_id"]
        if b"human_input_form_expired" in recorded.body:
            self.caller.emulator.expire_forms()
        elif b"human_input_form_submitted" in recorded.body:
            self._submit(self.token)

    def _events(self, run_id: str, recorded: Response) -> None:
        if recorded.status == 404 and "other-app" not in self.case.name:
            return
        if "running" in self.case.name:
            first, chunks = self.caller.open_stream()
            self._open.append(first)
            started = json.loads(self._past_ping(chunks).removeprefix(b"data: "))
            self.run_id = started["workflow_run_id"]
            self._read_to(chunks, b'"event":"message"')
        else:
            other = "app-human" if "other-app" in self.case.name else None
            self._pause(other)
        if recorded.status == 200 and len(recorded.events) == 1:
            self._submit(self.token)
            self._watch()
        self.ids[run_id] = self.run_id

    def _old_run(self, run_id: str, recorded: Response) -> None:
        if recorded.status != 200:
            return
        if recorded.json()["status"] == "paused":
            task = self._pause()["task_id"]
            if "stop" in self.case.name:
                self.caller.stop(task)
        elif recorded.json()["status"] == "running":
            self.run_id = self._stopped()["workflow_run_id"]
        elif "human" in self.case.name:
            self._pause()
            self._submit(self.token)
            self._watch()
        else:
            self.run_id = self.caller.say("Hello").events[1]["workflow_run_id"]
        self.ids[run_id] = self.run_id

    def _stopped(self) -> dict[str, Any]:
        reader, chunks = self.caller.open_stream()
        event: dict[str, Any] = {}
        for chunk in chunks:
            if chunk.startswith(b"data: "):
                event = json.loads(chunk.removeprefix(b"data: "))
                if event["event"] == "message":
                    self.caller.stop(event["task_id"])
        reader.close()
        return event

    def _paused_task(self, task_id: str, recorded: Response) -> None:
        self.ids[task_id] = self._pause()["task_id"]

    def _history(self, _: str, recorded: Response) -> None:
        (shown,) = recorded.json()["data"]
        if shown.get("extra_contents"):
            event = self._pause()
            if shown["extra_contents"][0]["submitted"]:
                self._submit(self.token)
                self._watch()
        elif self.case.name.endswith("stop-messages"):
            event = self._stopped()
        elif "messages-early" in self.case.name or "messages-late" in self.case.name:
            event = self._left(wait="late" in self.case.name)
        else:
            files: dict[str, Any] = {"files": [self._picture()]} if shown["message_files"] else {}
            event = self.caller.say("Hello", **files).events[-1]
        self.ids[shown["conversation_id"]] = event["conversation_id"]

    def _left(self, *, wait: bool) -> dict[str, Any]:
        """The first event of a stream that was left; with ``wait`` its run is over."""
        reader, chunks = self.caller.open_stream()
        event = dict(json.loads(self._past_ping(chunks).removeprefix(b"data: ")))
        if wait:
            self.run_id = event["workflow_run_id"]
            watcher, followed = self.caller.open_events(self.run_id)
            reader.close()
            self._read_to(followed, b"workflow_finished")
            watcher.close()
        else:
            reader.close()
        return event

    def _conversation(self, conversation_id: str, recorded: Response) -> None:
        if "unknown" in self.case.name or "again" in self.case.name:
            return
        owner = Caller(self.caller.emulator, self.caller.key, self.caller.user)
        if recorded.status == 404:
            owner.user = "owner"
        self.ids[conversation_id] = owner.say().events[0]["conversation_id"]

    def _said(self, message_id: str, recorded: Response) -> None:
        if recorded.status != 404:
            self.ids[message_id] = self.caller.say().events[0]["message_id"]

    def _user(self, user_id: str, recorded: Response) -> None:
        if recorded.status == 200:
            self.ids[user_id] = self.caller.upload().json()["created_by"]

    # -- the request

    def play(self) -> Response:
        if not re.match(f"/workflow/{_ID}/events", self.case.about["path"]) or not self.run_id:
            return super().play()
        recorded = self.case.response()
        if len(recorded.events) == 1 or recorded.status != 200 or "paused" in self.case.name:
            return self.caller.raw(self.request())
        if "submit-then-events-snapshot" in self.case.name:
            watcher, followed = self.caller.open_events(self.run_id)
            self._submit(self.token)
            self._read_to(followed, b'"event":"message"')
            self._open.append(watcher)
            return self.caller.raw(self.request())
        return self._followed()

    def _followed(self) -> Response:
        """The events of a run whose forms are submitted as they come."""
        reader = self.caller.connect()
        self._open.append(reader)
        reader.send(self.request())
        answer = reader.head()
        answer.chunks = []
        for chunk in reader.chunks():
            if not answer.chunks and self.token:
                self._submit(self.token)
            answer.chunks.append(chunk)
            if b'"event":"workflow_paused"' in chunk:
                self._submit(token_of(json.loads(chunk.removeprefix(b"data: "))))
        answer.body, answer.complete = b"".join(answer.chunks), True
        return answer

    # -- reading

    def _watch(self) -> None:
        """Wait until the run is over."""
        while True:
            shown = self.caller.get(f"/workflows/run/{self.run_id}").json()
            if shown["status"] not in ("running", "paused"):
                return

    @staticmethod
    def _past_ping(chunks: Iterator[bytes]) -> bytes:
        return next(chunk for chunk in chunks if chunk.startswith(b"data: "))

    @staticmethod
    def _read_to(chunks: Iterator[bytes], mark: bytes) -> None:
        next(chunk for chunk in chunks if mark in chunk)


STAGES: dict[str, Callable[[Case, Caller], Stage]] = {"1.12": Stage, "1.14": NewerStage}
