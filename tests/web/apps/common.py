"""What the applications have in common: a client of the server that a request names."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    RequestsDifyChat,
    RequestsDifyWorkflow,
    WorkflowRunRequest,
)

PAGE = """<!doctype html><meta charset="utf-8"><title>chat</title><script>
window.pieces = []; window.ended = false; window.failure = null;
window.ask = query => {
  window.source = new EventSource("/chat?" + query);
  window.source.onmessage = one => {
    const item = JSON.parse(one.data);
    if (item.event === "message") window.pieces.push([item.answer, performance.now()]);
    if (item.event === "message_end") { window.ended = true; window.source.close(); }
  };
  window.source.addEventListener("error", one => {
    if (one.data) window.failure = JSON.parse(one.data);
    window.source.close();
  });
};
</script>"""


@functools.cache
def client(url: str) -> RequestsDifyChat:
    return RequestsDifyChat(url, ClientConfig(stop_on_dispose=True, max_retries=0))


@functools.cache
def workflow_client(url: str) -> RequestsDifyWorkflow:
    return RequestsDifyWorkflow(url, ClientConfig(stop_on_dispose=True, max_retries=0))


def stream_of(query: Mapping[str, Any]) -> Any:
    key, user, text = query.get("key", "app-chat"), query.get("user", "u-1"), query.get("q", "Hi")
    if key == "app-workflow":
        run = WorkflowRunRequest(api_key=key, user_id=user, inputs={"query": text})
        return workflow_client(query["dify"]).runWorkflowStream(run)
    request = ChatMessageSendRequest(api_key=key, user_id=user, content=text)
    return client(query["dify"]).sendChatMessageStream(request)


def options_of(query: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: float(query[name]) for name in ("heartbeat", "first_timeout") if name in query
    }
    if "named" in query:
        options["named"] = True if query["named"] == "true" else query["named"]
    return options | {name: True for name in ("ndjson", "exclude_none") if name in query}
