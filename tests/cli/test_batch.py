"""Many questions, from a file to a file."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.cli.questions import lines
from dify_java_compat.cli.results import Done, NotResultsError, mended
from dify_java_compat.emulator import DifyEmulator, faults
from tests.batch.service import Service, answer
from tests.support import TIMEOUT
from tests.support.frames import STREAM_HEAD, chunks, data_frame

from .conftest import Ask
from .history import as_server
from .processes import Live, run


def jsonl(path: Path, values: Iterable[Any]) -> str:
    text = "".join(
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) + "\n"
        for value in values
    )
    path.write_text(text, encoding="utf-8")
    return str(path)


def results(text: str) -> list[dict[str, Any]]:
    return sorted(map(json.loads, text.splitlines()), key=lambda each: each["index"])


def asked(emulator: DifyEmulator) -> Counter[str]:
    """How often each question came."""
    return Counter(
        each.body["query"] for each in emulator.requests if each.path == "/v1/chat-messages"
    )


def test_a_file_to_a_file(ask: Ask, tmp_path: Path, dify_emulator: DifyEmulator) -> None:
    questions = [
        {"id": "a", "content": "你好", "user": "李", "inputs": {"x": 1}},
        {"id": 7, "content": "two"},
        {"content": "three", "expected": "not ours"},
    ]
    source, out = jsonl(tmp_path / "q.jsonl", questions), tmp_path / "a.jsonl"
    ended = ask("--batch", source, "--out", str(out), "--concurrency", "2")
    assert (ended.code, ended.out) == (0, "")
    (line,) = ended.lines
    assert line.startswith("3 answered, 0 failed; ")
    assert "tokens, " in line
    assert "p99" in line
    first, second, third = results(out.read_text(encoding="utf-8"))
    assert (first["id"], second["id"], third["id"]) == ("a", 7, None)
    assert "你好" in first["answer"]["answer"]
    assert first["answer"]["conversationId"]
    assert first["tries"] == 1
    assert first["seconds"] >= 0
    bodies = {each.body["query"]: each.body for each in dify_emulator.requests}
    assert (bodies["你好"]["user"], bodies["你好"]["inputs"]) == ("李", {"x": 1})
    assert bodies["two"]["user"] == "dify-chat"


def test_stdin_to_stdout(dify_emulator: DifyEmulator) -> None:
    env = as_server(dify_emulator, dify_emulator.keys["chat"])
    ended = run("--batch", "-", stdin=b'{"content": "one"}\n\n{"content": "two"}', env=env)
    assert ended.code == 0
    assert [each["index"] for each in results(ended.out)] == [0, 1]


def test_csv(ask: Ask, tmp_path: Path, dify_emulator: DifyEmulator) -> None:
    source = tmp_path / "q.csv"
    text = 'id,content,inputs.city,inputs,note\r\n1,"a, ""quoted""\nquestion",Köln,,x\r\n'
    text += '2,b,,"{""n"": 1}",\r\n'
    source.write_text(text, encoding="utf-8-sig", newline="")
    ended = ask("--batch", str(source))
    assert ended.code == 0
    assert [each["id"] for each in results(ended.out)] == ["1", "2"]
    bodies = {each.body["query"]: each.body["inputs"] for each in dify_emulator.requests}
    assert bodies == {'a, "quoted"\nquestion': {"city": "Köln"}, "b": {"n": 1}}


def test_failures_are_results(ask: Ask, tmp_path: Path, dify_emulator: DifyEmulator) -> None:
    dify_emulator.fault(faults.Status(502, html=True), when="three")
    questions = ["{torn", {"content": ""}, {"content": "three"}, {"content": "four"}, "[]"]
    ended = ask("--batch", jsonl(tmp_path / "q.jsonl", questions))
    assert ended.code == 1
    found = results(ended.out)
    assert [("error" in each) for each in found] == [True, True, True, False, True]
    assert "not JSON" in found[0]["error"]["message"]
    assert "content" in found[1]["error"]["message"]
    assert found[2]["error"]["class"] == "ServerErrorException"
    assert found[2]["error"]["status"] == 502
    assert [each["tries"] for each in found] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "content"),
        ({"content": 3}, "content"),
        ({"content": "a", "inputs": []}, "inputs must be a JSON object"),
        ({"content": "a", "inputs": "{"}, "inputs must be JSON"),
        ({"content": "a", "user": 3}, "user"),
        ({"content": "a", "files": {}}, "files must be a JSON array"),
        ({"content": "a", "files": ["plan.pdf"]}, "files must be URLs"),
        ({"content": "a", "files": [{"url": "http://x/y", "uri": 1}]}, "'uri'"),
    ],
)
def test_a_question_that_cannot_work_says_why(
    tmp_path: Path, values: dict[str, Any], problem: str
) -> None:
    with open(jsonl(tmp_path / "q.jsonl", [values]), encoding="utf-8") as file:
        (line,) = lines(file, "q.jsonl", "ann")
    assert line.request is None
    assert problem in line.problem


@pytest.mark.parametrize(
    ("name", "row"), [("q.csv", "{},2"), ("q.jsonl", '{{"content":"{}","id":"2"}}')]
)
def test_what_is_not_utf_8_is_not_asked(
    ask: Ask, tmp_path: Path, dify_emulator: DifyEmulator, name: str, row: str
) -> None:
    head = "content,id\n" if name == "q.csv" else ""
    rows = [head + row.format("你好"), row.format("Hi")]
    (tmp_path / name).write_bytes("\n".join(rows).encode("gb18030"))  # as Excel does in China
    ended = ask("--batch", str(tmp_path / name))
    assert ended.code == 1
    refused, answered = sorted(results(ended.out), key=lambda each: each["index"])
    assert (refused["id"], refused["error"]["message"]) == ("2", "the line is not UTF-8")
    assert "Hi" in answered["answer"]["answer"]
    assert len(dify_emulator.requests) == 1


def test_files_of_a_question(tmp_path: Path) -> None:
    files = ["https://example.org/a.png", {"upload_file_id": "u-1", "type": "document"}]
    with open(jsonl(tmp_path / "q.jsonl", [{"query": "a", "files": files}])) as file:
        (line,) = lines(file, "q.jsonl", "ann")
    assert line.request is not None
    assert line.request.files is not None
    assert [each.url or each.upload_file_id for each in line.request.files] == [files[0], "u-1"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--batch", "q.jsonl", "a prompt"), "a prompt does not go with --batch"),
        (("--batch", "q.jsonl", "--file", "x"), "--file does not go with --batch"),
        (("--batch", "q.jsonl", "--resume"), "--out"),
        (("--batch", "q.jsonl", "--concurrency", "0"), "--concurrency"),
        (("--batch", "q.jsonl", "--per-second", "nan"), "--per-second"),
        (("--batch", "none.jsonl"), "none.jsonl cannot be read"),
        (("--resume", "Hi"), "--resume is for --batch"),
        (("--out", "x", "Hi"), "--out is for --batch"),
        (("--batch", "q.jsonl", "--out", __file__), "is not empty"),
        (("--batch", "q.jsonl", "--out", __file__, "--resume"), "is not a result"),
        (("--batch", "nul.csv"), "is not CSV"),
        (("--batch", "semicolons.csv"), "semicolons.csv has no column content, nor query"),
        (("--batch", "q.jsonl", "--out", "no/where.jsonl"), "no/where.jsonl cannot be written"),
    ],
)
def test_usage(
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path / "q.jsonl", [{"content": "Hi"}])
    (tmp_path / "semicolons.csv").write_text("id;content\n1;Hi\n")
    (tmp_path / "nul.csv").write_bytes(b'content\n"' + b"torn")
    before = Path(__file__).read_bytes()
    ended = ask(*arguments)
    assert ended.code == 2
    assert problem in ended.err
    assert ended.out == ""
    assert Path(__file__).read_bytes() == before


# -- going on ------------------------------------------------------------------------------------


def result_line(index: int, **more: Any) -> str:
    return json.dumps({"id": None, "index": index, "answer": {}, "seconds": 0, "tries": 1} | more)


@pytest.mark.parametrize(
    ("text", "kept", "count"),
    [
        ("", "", 0),
        ("A\nB\n", "A\nB\n", 2),
        ("A\nB", "A\nB\n", 2),
        ('A\n{"id": nu', "A\n", 1),
        ('{"id"', "", 0),
    ],
)
def test_a_torn_last_line_is_mended(tmp_path: Path, text: str, kept: str, count: int) -> None:
    path = tmp_path / "a.jsonl"

    def spelled(short: str) -> str:
        return short.replace("A", result_line(0)).replace("B", result_line(1))

    path.write_text(spelled(text))
    assert mended(str(path)).count == count
    assert path.read_text() == spelled(kept)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine\n" + result_line(0))
    with pytest.raises(NotResultsError, match="line 1"):
        mended(str(path))
    assert path.read_text() == "mine\n" + result_line(0)


def test_what_is_there_is_known_by_its_id_else_by_its_number(tmp_path: Path) -> None:
    done = Done()
    for values in ({"id": "a", "index": 5}, {"id": None, "index": 1}, {"id": "b", "index": 0}):
        done.add(values)
    questions = [{"id": each, "content": "x"} for each in ("a", None, "b", "b", None)]
    with open(jsonl(tmp_path / "q.jsonl", questions), encoding="utf-8") as file:
        taken = [done.take(line) for line in lines(file, "q.jsonl", "ann")]
    assert taken == [True, True, True, False, False]


def test_what_is_in_the_output_is_not_asked_again(
    ask: Ask, tmp_path: Path, dify_emulator: DifyEmulator
) -> None:
    source = jsonl(tmp_path / "q.jsonl", ({"content": f"q{n}"} for n in range(10)))
    out = tmp_path / "a.jsonl"
    out.write_text(result_line(3) + "\n" + result_line(4) + '\n{"id":null,"ind')
    ended = ask("--batch", source, "--out", str(out), "--resume")
    assert ended.code == 0
    assert "2 results are there already" in ended.lines[0]
    assert [each["index"] for each in results(out.read_text())] == list(range(10))
    assert asked(dify_emulator) == {f"q{n}": 1 for n in range(10) if n not in (3, 4)}


def test_killed_in_the_middle_nothing_is_lost(tmp_path: Path) -> None:
    count, concurrency = 60, 4
    source = jsonl(tmp_path / "q.jsonl", ({"content": f"q{n}"} for n in range(count)))
    out = tmp_path / "a.jsonl"
    arguments = ("--batch", source, "--out", str(out), "--concurrency", str(concurrency))
    with DifyEmulator(token_pause=0.002) as emulator:
        env = as_server(emulator, emulator.keys["chat"])
        with Live(*arguments, env=env) as live:
            enough = threading.Event()
            for _ in range(3000):
                if out.exists() and out.read_bytes().count(b"\n") >= 15:
                    break
                assert not enough.wait(0.01)
            live.kill()
        before = out.read_bytes().count(b"\n")
        assert before < count
        ended = run(*arguments, "--resume", env=env)
        seen = asked(emulator)
    assert ended.code == 0
    assert [each["index"] for each in results(out.read_text())] == list(range(count))
    assert set(seen) == {f"q{n}" for n in range(count)}
    assert sum(seen.values()) - count <= concurrency
    assert max(seen.values()) <= 2


# -- Ctrl-C --------------------------------------------------------------------------------------


def test_ctrl_c_finishes_what_is_open(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "q.jsonl", ({"content": f"q{n}"} for n in range(9)))
    out = tmp_path / "a.jsonl"
    two, go_on = threading.Barrier(3), threading.Event()

    def respond(text: str, before: int) -> bytes:
        two.wait(TIMEOUT)
        assert go_on.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    arguments = ("--batch", source, "--out", str(out), "--concurrency", "2")
    with service.chat() as chat:
        env = {"DIFY_URL": chat.base_url, "DIFY_API_KEY": "app-key"}
        with Live(*arguments, env=env) as live:
            two.wait(TIMEOUT)
            live.interrupt()
            live.err("Ctrl-C again")
            go_on.set()
            ended = live.end()
    assert ended.code == 130
    assert "waiting for the 2 that are open" in ended.lines[0]
    assert ended.lines[-1].endswith("--resume")
    assert f"--batch {source} --out {out}" in ended.lines[-1]
    assert [each["index"] for each in results(out.read_text())] == [0, 1]
    assert set(service.times) == {"q0", "q1"}


def test_ctrl_c_twice_stops_it(tmp_path: Path) -> None:
    source = jsonl(tmp_path / "q.jsonl", [{"content": "q0"}])
    event = {"event": "message", "task_id": "task-q0", "answer": "so f"}
    begun = threading.Event()

    def respond(text: str, before: int) -> bytes:
        begun.set()
        return STREAM_HEAD + chunks(data_frame(event))

    service = Service(respond)
    with service.chat() as chat:
        env = {"DIFY_URL": chat.base_url, "DIFY_API_KEY": "app-key"}
        with Live("--batch", source, env=env) as live:
            assert begun.wait(TIMEOUT)
            live.interrupt()
            live.err("Ctrl-C again")
            live.interrupt()
            ended = live.end()
        assert service.stop_seen.wait(TIMEOUT)
    assert (ended.code, ended.out) == (130, "")
    assert service.stopped == {"task-q0"}


def test_progress_at_a_terminal(ask: Ask, tmp_path: Path) -> None:
    from dify_java_compat.cli.progress import Bar
    from dify_java_compat.cli.results import Sums

    sums = Sums()
    sums.add(None, 1.0, failed=False)
    sums.add(None, 1.0, failed=True)
    assert Bar(8, sums, 2).text(4.0) == "[############............] 4/8  0.5/s  1 failed  0 tokens"
    assert Bar(None, sums, 0).text(4.0) == "2  0.5/s  1 failed  0 tokens"
