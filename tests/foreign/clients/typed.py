"""`dify-client-python`: pydantic models and httpx.

It has no method for the history, the conversations, renaming and deleting; its own request does
them. Its answer to a blocking chat leaves the conversation's id out, so that the list must tell it.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from dify_client import Client, models

USER = "typed"


def call(client: Any, method: str, path: str, **more: Any) -> Any:
    return client.request(f"{client.api_base}{path}", method, **more)


def ask(client: Any, query: str, mode: str) -> Any:
    return client.chat_messages(models.ChatRequest(query=query, response_mode=mode, user=USER))


def events(client: Any, query: str) -> Iterator[dict[str, Any]]:
    for event in ask(client, query, "streaming"):
        yield event.model_dump(mode="json")


def history(client: Any, conversation_id: str) -> list[dict[str, Any]]:
    asked = {"user": USER, "conversation_id": conversation_id}
    return call(client, "GET", "/messages", params=asked).json()["data"]


def conversations(client: Any) -> list[dict[str, Any]]:
    return call(client, "GET", "/conversations", params={"user": USER}).json()["data"]


def stop(client: Any, query: str) -> dict[str, Any]:
    heard = []
    for event in events(client, query):
        if not heard:
            stopped = client.stop_chat_messages(event["task_id"], models.StopRequest(user=USER))
        heard.append(event)
    return {
        "events": heard,
        "result": stopped.model_dump(),
        "history": history(client, heard[0]["conversation_id"]),
    }


def main(base_url: str, slow_url: str, key: str) -> dict[str, Any]:
    client = Client(api_key=key, api_base=base_url)
    sent = ask(client, "One 一", "blocking").model_dump(mode="json")
    [begun] = conversations(client)
    path = f"/conversations/{begun['id']}"
    streamed = list(events(client, "Two 二"))
    naming = {"name": "名字", "user": USER}
    renamed = call(client, "POST", f"{path}/name", json=naming).json()
    liked = models.FeedbackRequest(rating="like", user=USER)
    rated = client.feedback_messages(sent["message_id"], liked).model_dump()
    before, listed = history(client, begun["id"]), conversations(client)
    call(client, "DELETE", path, json={"user": USER})
    return {
        "sent": {**sent, "conversation_id": begun["id"]},
        "streamed": {
            "events": streamed,
            "history": history(client, streamed[0]["conversation_id"]),
        },
        "stopped": stop(Client(api_key=key, api_base=slow_url), "Three 三"),
        "history": before,
        "renamed": renamed,
        "rated": rated,
        "listed": listed,
        "left": conversations(client),
    }


print(json.dumps(main(*sys.argv[1:])))
