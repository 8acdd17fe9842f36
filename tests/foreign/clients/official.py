"""The official `dify-client`: hands out the response of requests as it is.

It has no method for stopping and deleting; its own request does both.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from dify_client import ChatClient

USER = "official"


def client_of(base_url: str, key: str) -> Any:
    client = ChatClient(key)
    client.base_url = base_url
    return client


def body(response: Any) -> Any:
    response.raise_for_status()
    return response.json()


def events(client: Any, query: str) -> Iterator[dict[str, Any]]:
    response = client.create_chat_message({}, query, USER, response_mode="streaming")
    response.raise_for_status()
    for line in response.iter_lines():
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def history(client: Any, conversation_id: str) -> list[dict[str, Any]]:
    return body(client.get_conversation_messages(USER, conversation_id))["data"]


def stop(client: Any, query: str) -> dict[str, Any]:
    heard = []
    for event in events(client, query):
        if not heard:
            path = f"/chat-messages/{event['task_id']}/stop"
            stopped = body(client._send_request("POST", path, {"user": USER}))
        heard.append(event)
    return {
        "events": heard,
        "result": stopped,
        "history": history(client, heard[0]["conversation_id"]),
    }


def conversations(client: Any) -> list[dict[str, Any]]:
    return body(client.get_conversations(USER))["data"]


def main(base_url: str, slow_url: str, key: str) -> dict[str, Any]:
    client = client_of(base_url, key)
    sent = body(client.create_chat_message({}, "One 一", USER))
    conversation_id = sent["conversation_id"]
    streamed = list(events(client, "Two 二"))
    renamed = body(client.rename_conversation(conversation_id, "名字", USER))
    rated = body(client.message_feedback(sent["message_id"], "like", USER))
    before, listed = history(client, conversation_id), conversations(client)
    path = f"/conversations/{conversation_id}"
    deleted = client._send_request("DELETE", path, {"user": USER})
    deleted.raise_for_status()
    return {
        "sent": sent,
        "streamed": {
            "events": streamed,
            "history": history(client, streamed[0]["conversation_id"]),
        },
        "stopped": stop(client_of(slow_url, key), "Three 三"),
        "history": before,
        "renamed": renamed,
        "rated": rated,
        "listed": listed,
        "left": conversations(client),
    }


print(json.dumps(main(*sys.argv[1:])))
