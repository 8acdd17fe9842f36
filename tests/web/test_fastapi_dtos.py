"""A ported controller in FastAPI: Java's JSON comes in and goes out, and stands on its page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .servers import serving


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with serving("fastapi-uvicorn") as port:
        yield f"http://127.0.0.1:{port}"


def test_a_body_takes_either_spelling_and_the_answer_is_javas(api: str) -> None:
    for file in ({"transferMethod": "remote_url"}, {"transfer_method": "remote_url"}):
        for user in ("userId", "user_id"):
            answer = requests.post(f"{api}/ask", json={user: "u-1", "files": [file]}, timeout=30)
            assert answer.json()["messageId"] == "u-1"
            assert answer.json()["answer"] == "remote_url"
            assert "conversationId" in answer.json()


def test_within_a_model_and_a_list(api: str) -> None:
    question = {"tenant": "t", "request": {"conversation_id": "c-1", "content": "你好"}}
    answer = requests.post(f"{api}/nested", json=question, timeout=30)
    assert answer.json() == {
        "tenant": "t",
        "answers": [{"conversationId": "c-1", "answer": "你好"}],
    }
    [listed] = requests.get(f"{api}/listed", timeout=30).json()
    assert listed["messageId"] == "m-1"
    page = requests.get(f"{api}/page", timeout=30).json()
    assert (page["hasMore"], page["data"][0]["conversationId"]) == (True, "c-1")


def test_a_wrong_body_is_422_and_shows_no_key(api: str) -> None:
    wrong = {"apiKey": ["app-secret"], "userId": {}}
    answer = requests.post(f"{api}/ask", json=wrong, timeout=30)
    assert answer.status_code == 422
    where = [error["loc"] for error in answer.json()["detail"]]
    assert where == [["body", "apiKey"], ["body", "userId"]]
    assert "app-secret" not in answer.text


def test_the_openapi_page_has_javas_names(api: str) -> None:
    page: dict[str, Any] = requests.get(f"{api}/openapi.json", timeout=30).json()
    schemas = page["components"]["schemas"]
    assert "userId" in schemas["ChatMessageSendRequest"]["properties"]
    assert "messageId" in schemas["ChatMessageSendResponse"]["properties"]
    assert "nodeId" in schemas["NodeFinishedData"]["properties"]
    assert not [name for name in schemas if name.endswith(("-Input", "-Output"))]
    body = page["paths"]["/ask"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/ChatMessageSendRequest"}
    assert "user_id" not in json.dumps(page)
