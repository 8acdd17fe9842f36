"""Schemathesis, fed with Dify's own description, finds no request that the emulator fails on.

The description is not part of this repository: the test needs it beside the checkout.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.contract.spec.facts import WHOLE
from tests.emulator.caller import Caller

from .environments import python_with

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.skipif(not WHOLE.exists(), reason=f"NOT RUN, there is no {WHOLE}"),
]

SCHEMATHESIS = "schemathesis==4.32.5"
EXAMPLES = 30
SEED = 1
SECONDS = 600


def check(
    dify: DifyEmulator, key: str, folder: Path, request: pytest.FixtureRequest, *options: str
) -> dict[str, Any]:
    """Ask all that the description allows and some that it does not; what was found."""
    assert request.config.cache is not None
    command = python_with(SCHEMATHESIS, request.config.cache).with_name("schemathesis")
    report = folder / "report.json"
    ended = subprocess.run(
        [
            command, "run", str(WHOLE), "--url", dify.base_url,
            "--header", f"Authorization: Bearer {key}",
            "--checks", "not_a_server_error", "--continue-on-failure",
            "--max-examples", str(EXAMPLES), "--seed", str(SEED),
            "--suppress-health-check", "all", "--warnings", "off",
            "--report", "json", "--report-json-path", str(report), *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    assert found["complete"]
    assert (found["failures"], found["errors"]) == ([], [])
    return found


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_no_request_makes_it_fail(
    dify_emulator: DifyEmulator, key: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found = check(dify_emulator, key, tmp_path, request)
    assert found["operations"]["tested"] == found["operations"]["total"]
    assert found["test_cases"]["generated"] > 1000


def test_nor_one_about_what_exists(
    dify_emulator: DifyEmulator, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The ids are of things that are there, which no random id would find."""
    caller = Caller(dify_emulator, "app-chatflow")
    [event, *_] = [each for each in caller.say("Hello").events if "conversation_id" in each]
    talk = event["conversation_id"]
    paused = caller.say("[human]").events
    [form] = [each["data"] for each in paused if each["event"] == "human_input_required"]
    of_it = caller.get(f"/conversations/{talk}/variables?user=ann").json()["data"]
    file_id = caller.upload().json()["id"]
    sent = [{"type": "image", "transfer_method": "local_file", "upload_file_id": file_id}]
    caller.say("Look", files=sent)
    note = caller.post("/apps/annotations", {"question": "Q", "answer": "A"}).json()
    job = {"embedding_provider_name": "p", "embedding_model_name": "m", "score_threshold": 0.5}
    known = {
        "query.user": "ann",
        "query.conversation_id": talk,
        "path.conversation_id": talk,
        "path.message_id": event["message_id"],
        "path.workflow_run_id": event["workflow_run_id"],
        "path.form_token": form["form_token"],
        "path.file_id": file_id,
        "path.variable_id": of_it[0]["id"],
        "path.annotation_id": note["id"],
        "path.job_id": caller.post("/apps/annotation-reply/enable", job).json()["job_id"],
    }
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in known.items()]
    settings = tmp_path / "schemathesis.toml"
    settings.write_text("\n".join(["[parameters]", *lines]), encoding="utf-8")
    check(dify_emulator, "app-chatflow", tmp_path, request, "--exclude-method", "DELETE")
    reached = {seen.path for seen in dify_emulator.requests}
    assert any(talk in path for path in reached)
