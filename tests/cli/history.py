"""An emulator in the place of a server, and what it keeps of a conversation."""

import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from dify_java_compat.emulator import DifyEmulator


def as_server(emulator: DifyEmulator, key: str) -> dict[str, str]:
    """What makes it the command's server."""
    return {"DIFY_URL": emulator.base_url, "DIFY_API_KEY": key}


def stored(
    emulator: DifyEmulator, conversation_id: str, *, app: str = "chat", user: str = "dify-chat"
) -> list[dict[str, Any]]:
    """The messages of a conversation, oldest first."""
    query = urlencode({"conversation_id": conversation_id, "user": user})
    request = Request(f"{emulator.base_url}/messages?{query}")
    request.add_header("Authorization", f"Bearer {emulator.keys[app]}")
    with build_opener(ProxyHandler({})).open(request) as answer:
        found = json.load(answer)["data"]
    assert isinstance(found, list)
    return found
