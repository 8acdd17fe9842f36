"""What answers are made of besides text: rounds, retries, tools, knowledge, speech."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Connection, Response, event_of

from .caller import Caller

FLOWS = ["app-chatflow", "app-rich", "app-retry", "app-chatflow-rag"]


def told(answer: Response, *names: str) -> list[dict[str, Any]]:
    return [one["data"] for one in answer.events if one["event"] in names]


def stored(caller: Caller, answer: Response) -> dict[str, Any]:
    """The message the answer belongs to, as the history has it."""
    (found,) = caller.messages(answer.events[0]["conversation_id"])
    return found


@pytest.mark.parametrize("key", FLOWS)
@pytest.mark.parametrize("prompt", ["one two", "[loop] x", "[迭代] 一 二", "[retry x2] [循环 x2]"])
def test_a_run_is_whole(app: Callable[[str], Caller], key: str, prompt: str) -> None:
    """Whatever it is made of: each node ends, the end counts them, and the answer is one."""
    flow = app(key)
    answer = flow.say(prompt)
    begun, ended = told(answer, "node_started"), told(answer, "node_finished")
    assert sorted(one["id"] for one in begun) == sorted(one["id"] for one in ended)
    assert len({one["id"] for one in begun}) == len(begun)
    (finished,) = told(answer, "workflow_finished")
    outer = [one for one in begun if one["iteration_id"] is None and one["loop_id"] is None]
    containers = told(answer, "iteration_started", "loop_started")
    retries = told(answer, "node_retry")
    assert finished["total_steps"] == len(outer) + len(containers) + len(retries)
    gave_up = [one for one in ended if one["status"] == "exception"]
    assert finished["exceptions_count"] == len(retries) + len(gave_up)
    failed = finished["exceptions_count"] > 0
    assert finished["status"] == ("partial-succeeded" if failed else "succeeded")
    whole = finished["outputs"]["answer"]
    assert stored(flow, answer)["answer"] == whole
    if not retries:
        assert answer.text == whole
    else:
        # The words of the tries that failed are told, but are no part of the answer.
        assert answer.text.endswith(whole)
        assert len(answer.text) > len(whole)
    run = flow.get(f"/workflows/run/{finished['id']}").json()
    assert json.loads(run["outputs"])["answer"] == whole
    assert (run["status"], run["total_steps"]) == (finished["status"], finished["total_steps"])
    assert flow.follow(finished["id"]).names == ["workflow_finished"]
    blocking = flow.say(prompt, "blocking")
    assert blocking.json()["answer"] == whole


def test_rounds_of_an_iteration(app: Callable[[str], Caller]) -> None:
    answer = app("app-chatflow").say("[iteration] tea", inputs={"topic": "cups"})
    (begun,) = told(answer, "iteration_started")
    words = ["[iteration]", "tea"]
    assert begun["inputs"] == {"iterator_selector": words}
    assert begun["metadata"] == {"iteration_length": 2}
    assert [one["index"] for one in told(answer, "iteration_next")] == [0, 1]
    within = [one for one in told(answer, "node_finished") if one["iteration_id"] == begun["id"]]
    assert [one["execution_metadata"]["iteration_index"] for one in within] == [0, 1]
    (done,) = told(answer, "iteration_completed")
    assert done["outputs"] == {"output": ["[ITERATION]#0", "TEA#1"]}
    assert answer.text.startswith("Words: - [ITERATION]#0\n- TEA#1 / topic=cups\nYou said")
    assert answer.text.endswith("\n-- turns 1")


@pytest.mark.parametrize(("prompt", "rounds"), [("[loop]", 3), ("[LOOP x1]", 1), ("[循环 x5]", 5)])
def test_rounds_of_a_loop(app: Callable[[str], Caller], prompt: str, rounds: int) -> None:
    answer = app("app-chatflow").say(prompt)
    # The first round is told by the start alone.
    assert [one["index"] for one in told(answer, "loop_next")] == list(range(1, rounds))
    within = [one for one in told(answer, "node_finished") if one["loop_id"] == "loop"]
    assert [one["outputs"]["i"] for one in within] == list(range(1, rounds + 1))
    (done,) = told(answer, "loop_completed")
    assert (done["steps"], done["outputs"]["i"]) == (rounds, rounds)
    assert len(done["execution_metadata"]["loop_duration_map"]) == rounds


def test_a_person_between_the_parts(app: Callable[[str], Caller]) -> None:
    flow = app("app-chatflow")
    answer = flow.say("[human] [loop]")
    assert answer.names[-1] == "workflow_paused"
    (asked,) = told(answer, "human_input_required")
    body = {"inputs": {"comment": "", "priority": "low"}, "action": "approve", "user": "ann"}
    flow.post(f"/form/human_input/{asked['form_token']}", body)
    # Start, form, loop, model and answer.
    (finished,) = told(flow.follow(answer.events[0]["workflow_run_id"]), "workflow_finished")
    assert (finished["status"], finished["total_steps"]) == ("succeeded", 5)


@pytest.mark.parametrize("prompt", ["[iteration] x", "[retry x3] x"])
def test_a_stop_in_the_midst(prompt: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.05) as emulator:
        flow = Caller(emulator, "app-chatflow")
        reader, chunks = flow.open_stream(prompt)
        seen = []
        for chunk in chunks:
            seen.append(event_of(chunk.decode().strip("\n")))
            if seen[-1]["event"] == "message" and len(seen) > 12:
                flow.stop(seen[-1]["task_id"])
        assert [one["event"] for one in seen[-2:]] == ["workflow_finished", "message_end"]
        assert seen[-2]["data"]["status"] == "stopped"
        said = "".join(one.get("answer", "") for one in seen)
        (kept,) = flow.messages(seen[0]["conversation_id"])
        assert kept["answer"] == said
        reader.close()


@pytest.mark.parametrize("prompt", ["[tool] x", "【x】[工具]", "What time is it?", "现在几点"])
def test_a_tool(app: Callable[[str], Caller], prompt: str) -> None:
    agent = app("app-agent")
    answer = agent.say(prompt)
    thoughts = [one for one in answer.events if one["event"] == "agent_thought"]
    assert [one["position"] for one in thoughts] == [1, 1, 1, 2, 2]
    assert len({one["id"] for one in thoughts}) == 2
    assert [bool(one["tool"]) for one in thoughts] == [False, True, True, False, False]
    assert [bool(one["observation"]) for one in thoughts] == [False, False, True, False, False]
    kept = stored(agent, answer)
    assert [one["thought"] for one in kept["agent_thoughts"]] == [
        thoughts[2]["thought"], thoughts[4]["thought"],
    ]  # fmt: skip
    assert answer.text == thoughts[2]["thought"] + thoughts[4]["thought"]
    assert kept["answer"] == f"{thoughts[2]['thought']}\n{thoughts[4]['thought']}"


@pytest.mark.parametrize(
    ("query", "found"),
    [("Where does the quick fox live?", 2), ("狐狸住在哪里？", 1), ("什么是 Dify?", 0), ("...", 0)],
)
@pytest.mark.parametrize(("key", "by"), [("app-rag", "api"), ("app-chatflow-rag", "workflow")])
def test_knowledge(app: Callable[[str], Caller], key: str, by: str, query: str, found: int) -> None:
    caller = app(key)
    answer = caller.say(query)
    cited = answer.events[-1]["metadata"]["retriever_resources"]
    assert [one["position"] for one in cited] == list(range(1, found + 1))
    assert [one["score"] for one in cited] == sorted((one["score"] for one in cited), reverse=True)
    for one in cited:
        assert one["retriever_from"] == by
        assert (one["word_count"] is None) == (by == "api")
    assert stored(caller, answer)["retriever_resources"] == cited
    whole = caller.say(query, "blocking").json()
    assert whole["metadata"]["retriever_resources"] == cited


@pytest.mark.parametrize("key", ["app-tts", "app-chatflow-tts"])
def test_speech_in_a_stream(app: Callable[[str], Caller], key: str) -> None:
    answer = app(key).say("Hello")
    events = [one["event"] for one in answer.events]
    last = events.index("message_end")
    assert "tts_message" in events[:last]
    assert set(events[last + 1 :]) == {"tts_message", "tts_message_end"}
    assert events[-1] == "tts_message_end"
    assert answer.events[-1]["audio"] == ""
    for one in answer.events:
        if one["event"] == "tts_message":
            assert base64.b64decode(one["audio"]).startswith(b"\xff\xfb")


@pytest.mark.parametrize("mode", ["streaming", "blocking"])
def test_moderated_flows(app: Callable[[str], Caller], mode: str) -> None:
    flow = app("app-chatflow-moderated")
    answer = flow.say("a secret", mode)
    if mode == "blocking":
        assert answer.json()["answer"] == "OUTPUT REPLACED 已替换"
        assert answer.json()["metadata"]["usage"]["total_price"] == "0.0"
        return
    assert answer.names[-3:] == ["message_replace", "workflow_finished", "message_end"]
    assert answer.events[-3]["reason"] == "output_moderation"
    finished = answer.events[-2]["data"]
    assert (finished["status"], finished["error"]) == ("stopped", "Stopped by output moderation.")
    refused = flow.say("it is forbidden")
    assert refused.names == ["message", "message_end"]


def test_a_completion(app: Callable[[str], Caller]) -> None:
    caller = app("app-completion")
    body = {"inputs": {"query": "tea"}, "user": "ann", "response_mode": "streaming"}
    answer = caller.post("/completion-messages", body)
    assert answer.names == ["message", "message_end"]
    assert '"tea"' in answer.text
    assert all("conversation_id" not in one for one in answer.events)
    whole = caller.post("/completion-messages", body | {"response_mode": "blocking"}).json()
    assert (whole["answer"], whole["mode"]) == (answer.text, "completion")
    rated = {"user": "ann", "rating": "like"}
    assert caller.post(f"/messages/{whole['id']}/feedbacks", rated).status == 200
    missing = caller.post("/completion-messages", body | {"inputs": {}}).json()
    assert missing["message"] == "query is required in input form"


def run(caller: Caller, query: str, mode: str = "streaming") -> Response:
    body = {"inputs": {"query": query}, "user": "ann", "response_mode": mode}
    return caller.post("/workflows/run", body)


def test_a_workflow(app: Callable[[str], Caller]) -> None:
    caller = app("app-workflow")
    answer = run(caller, "tea")
    assert answer.names == [
        "workflow_started", "node_started", "node_finished", "node_started", "text_chunk",
        "node_finished", "node_started", "node_finished", "workflow_finished",
    ]  # fmt: skip
    assert all("conversation_id" not in one for one in answer.events)
    said = "".join(one["text"] for one in told(answer, "text_chunk"))
    finished = answer.events[-1]["data"]
    assert finished["outputs"] == {"text": said}
    whole = run(caller, "tea", "blocking").json()
    assert whole["data"]["outputs"] == {"text": said}
    logged = caller.get("/workflows/logs?status=succeeded&keyword=tea").json()
    assert (logged["total"], logged["has_more"]) == (2, False)
    ids = [one["workflow_run"]["id"] for one in logged["data"]]
    assert ids == [whole["workflow_run_id"], finished["id"]]
    assert caller.get("/workflows/logs?status=failed").json()["total"] == 0
    assert caller.get(f"/workflows/run/{finished['id']}").json()["status"] == "succeeded"
    assert {"loop_next", "iteration_next"} <= set(run(caller, "[loop] [iteration]").names)
    version = f"/workflows/{finished['workflow_id']}/run"
    body = {"inputs": {"query": "x"}, "user": "ann"}
    assert caller.post(version, body).status == 200
    assert caller.post("/workflows/banana/run", body).json()["code"] == "bad_request"


@pytest.mark.parametrize("user", ["ann", "bob"])
def test_a_workflow_is_stopped(user: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        caller = Caller(emulator, "app-workflow")
        reader: Connection = caller.connect()
        body = json.dumps({"inputs": {"query": "x"}, "user": "ann", "response_mode": "streaming"})
        head = f"POST /v1/workflows/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.key}"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        reader.send(f"{head}\r\n{kind}\r\n\r\n{body}".encode())
        assert reader.head().status == 200
        seen = []
        for chunk in reader.chunks():
            seen.append(event_of(chunk.decode().strip("\n")))
            if seen[-1]["event"] == "text_chunk":
                caller.post(f"/workflows/tasks/{seen[-1]['task_id']}/stop", {"user": user})
        assert seen[-1]["event"] == "workflow_finished"
        assert seen[-1]["data"]["status"] == ("stopped" if user == "ann" else "failed")
        reader.close()
