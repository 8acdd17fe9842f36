"""mypy and pyright know of which class the items are, and what is no list or no request of it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = """\
from collections.abc import Iterator

from typing_extensions import assert_type

from dify_java_compat import (
    DifyChat,
    MessageConversationsRequest,
    MessageConversationsResponse,
    MessagesRequest,
    MessagesResponseVO,
    RequestsDifyChat,
    pages,
)


def inferred(chat: DifyChat, client: RequestsDifyChat) -> None:
    conversations = MessageConversationsRequest()
    assert_type(pages(chat.conversations, conversations), Iterator[MessageConversationsResponse])
    assert_type(pages(client.conversations, conversations), Iterator[MessageConversationsResponse])
    assert_type(pages(chat.messages, MessagesRequest()), Iterator[MessagesResponseVO])
    for message in pages(client.messages, MessagesRequest(conversationId="c")):
        assert_type(message.answer, str | None)
        message.answers  # error
    pages(chat.messages, conversations)  # error
    pages(chat.parameters, conversations)  # error
    pages(chat.send, conversations)  # error
"""
MARKED = {number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.endswith("# error")}


def output_of(tmp_path: Path, *command: str) -> str:
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", *command, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_by_mypy(tmp_path: Path) -> None:
    output = output_of(tmp_path, "mypy", "--output=json", "--follow-imports=silent")
    reports = [json.loads(line) for line in output.splitlines()]
    assert {r["line"] for r in reports if r["severity"] == "error"} == MARKED, reports


def test_by_pyright(tmp_path: Path) -> None:
    output = output_of(tmp_path, "pyright", "--outputjson", "--pythonpath", sys.executable)
    errors = [r for r in json.loads(output)["generalDiagnostics"] if r["severity"] == "error"]
    assert {r["range"]["start"]["line"] + 1 for r in errors} == MARKED, errors
