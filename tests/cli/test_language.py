"""Chinese where the locale is Chinese, of everything that the command says."""

from __future__ import annotations

import ast
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import dify_java_compat.cli
from dify_java_compat.cli.chinese import CHINESE
from dify_java_compat.cli.chinese_foreign import FOREIGN
from dify_java_compat.cli.language import language, translated
from tests.support import sockets
from tests.support.frames import message, stream

from .processes import Live, run
from .servers import KEY, Server, message_end

CLI = Path(dify_java_compat.cli.__file__).parent
ZH = {"LC_ALL": "zh_CN.UTF-8"}
# what is spelt alike in both languages: options, variables, names of products and values
SAME = re.compile(
    r"JSON Lines|--?[a-z-]+|[A-Z_]{2,}|\{[\w,]+\}|https?://\S+|dify-chat( doctor)?|Dify"
    r"|\w+\.(jsonl?|pdf|md|csv)|git diff|tcp://\S+|prompt|stdin|stdout|chat|ci|doctor|token"
    r"|Agent|Chatflow|/\w+|Ctrl-\w|\.\w+"
)


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in names:
                    yield f"{file.name}:{node.lineno}", node


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{[\w:.]+\}", text))


def test_every_text_has_its_chinese_and_no_chinese_is_left_over() -> None:
    texts = set()
    for where, call in calls("tr", "N_"):
        argument = call.args[0]
        if isinstance(argument, ast.Constant):
            texts.add(argument.value)
        else:
            assert not isinstance(argument, ast.JoinedStr), f"{where}: name the values"
    assert texts == set(CHINESE)


def test_nothing_is_said_past_the_table() -> None:
    for where, call in calls("log_line", "error", "add_argument_group"):
        first = call.args[0] if call.args else None
        assert not isinstance(first, (ast.Constant, ast.JoinedStr)), where
    for where, call in calls("add", "add_argument", "add_argument_group"):
        for keyword in call.keywords:
            if keyword.arg in ("help", "description"):
                assert not isinstance(keyword.value, (ast.Constant, ast.JoinedStr)), where


@pytest.mark.parametrize("table", [CHINESE, FOREIGN])
def test_both_languages_have_the_same_values(table: dict[str, str]) -> None:
    for english, chinese in table.items():
        assert set(placeholders(chinese)) <= set(placeholders(english)), english
    for english, chinese in CHINESE.items():
        assert placeholders(chinese) == placeholders(english)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh-Hans"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.GB18030"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "zh_CN"}, "zh"),
        ({"LC_ALL": "en_US", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh"),
        ({"LANG": "en_US", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "zh_CN", "LANGUAGE": "en"}, "en"),
        ({"LANG": "zh_CN", "LANGUAGE": "de:zh"}, "zh"),
        ({"LANG": "zh_CN", "LANGUAGE": "de"}, "zh"),
        ({"LC_ALL": "C", "LANGUAGE": "zh_CN", "LANG": "zh_CN"}, "en"),
        ({"LC_ALL": "POSIX", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANGUAGE": "zh_CN"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_locale(environ: dict[str, str], expected: str) -> None:
    assert language(environ) == expected


@pytest.mark.parametrize(
    ("identifier", "expected"), [(0x0804, "zh"), (0x0404, "zh"), (0x0409, "en")]
)
def test_windows_has_a_setting_of_its_own(
    monkeypatch: pytest.MonkeyPatch, identifier: int, expected: str
) -> None:
    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: identifier)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert language({}) == expected
    assert language({"LANG": "en_US.UTF-8"}) == "en"
    assert language({"LANG": "zh_CN.UTF-8"}) == "zh"


def english_words(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", SAME.sub(" ", text))


@pytest.mark.parametrize("arguments", [("--help",), ("doctor", "--help")])
def test_help_is_chinese_with_argparses_own_words(arguments: tuple[str, ...]) -> None:
    english, chinese = run(*arguments), run(*arguments, env=ZH)
    assert (chinese.code, chinese.err) == (0, "")
    assert chinese.out.startswith("用法：dify-chat ")
    assert "\n其他：\n" in chinese.out
    assert english_words(chinese.out) == []
    names = re.compile(r"^ +(-[\w-]+)", re.MULTILINE)
    assert names.findall(chinese.out) == names.findall(english.out)


def test_no_line_of_the_help_is_wider_than_the_terminal() -> None:
    from dify_java_compat.cli.terminal import cells

    for columns in ("60", "80"):
        out = run("--help", env={**ZH, "COLUMNS": columns}).out
        _, _, options = out.partition("提问：")
        described = options.partition("示例：")[0].splitlines()
        assert max(map(cells, described)) <= int(columns)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--evnts", "Hi"),
            "无法识别的参数：--evnts；是否想用 --events？（参见 dify-chat --help）",
        ),
        (("Hi", "there"), "无法识别的参数：there；含空格的问题需要用引号括起来"),
        (("--app", "x"), "参数 --app：无效的值 'x'（可选：'chat', 'agent', 'chatflow'）"),
        (("--file",), "参数 --file：需要一个值"),
        (("--concurrency", "x"), "参数 --concurrency：'x' 不是整数"),
        (("--per-second", "x"), "参数 --per-second：'x' 不是数字"),
        (("--events=1", "Hi"), "参数 --events：该选项不带值，但给了 '1'"),
        (("",), "问题为空"),
        (("Hi", "--file", "/无"), "无法读取 /无：文件不存在"),
        (("Hi", "--url", "localhost", "--api-key", KEY), "地址的格式应为 http://host:port"),
        (("Hi", "--resume"), "--resume 只能与 --batch 一起使用"),
        (("--batch", "无.jsonl"), "无法读取 无.jsonl：文件不存在"),
        (("doctor",), "doctor 需要服务端：请用 --url 和 --api-key"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], expected: str) -> None:
    ended = run(*arguments, env=ZH)
    assert (ended.code, ended.out) == (2, "")
    # newer Pythons quote less
    assert ended.lines[-1].replace("'", "").startswith(expected.replace("'", ""))


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("timed out", "超时"),
        ("timed out.", "timed out."),
        ("no answer from http://x:1: timed out", "http://x:1 没有响应：超时"),
        (
            "no answer from http://x (proxy http://p): a: b",
            "http://x 没有响应（经代理 http://p）：a: b",
        ),
        (
            "status 400, invalid_param: status 400, x",
            "HTTP 状态码 400，invalid_param: status 400, x",
        ),
        (
            "argument --app: invalid choice: 'a' (choose from b)",
            "参数 --app：无效的值 'a'（可选：b）",
        ),
        ("argument --app", "argument --app"),
        ("no answer from " + "a (proxy " * 3000, "no answer from " + "a (proxy " * 3000),
    ],
)
def test_sentences_of_others(monkeypatch: pytest.MonkeyPatch, text: str, chinese: str) -> None:
    monkeypatch.setattr("dify_java_compat.cli.language.is_chinese", lambda: True)
    assert translated(text) == chinese


def test_answers_and_errors() -> None:
    ended = run("你好", env=ZH)
    assert ended.lines[0].startswith(
        "未指定 --url 和 --api-key：由内置模拟器回答（chat 应用，http://"
    )
    assert re.match(r"47 个 token、0\.\d+ USD、0\.\d+ 秒；conversation_id=", ended.lines[1])
    with sockets.refusing_port() as port:
        env = {"DIFY_URL": f"http://127.0.0.1:{port}", "DIFY_API_KEY": KEY, **ZH}
        ended = run("Hi", env=env)
    assert ended.lines == [
        f"http://127.0.0.1:{port} 没有响应：连接被拒绝——Dify 启动了吗？可用 dify-chat doctor 检查"
    ]


def test_a_session() -> None:
    answer = stream(message("fine"), message_end())
    with (
        Server(chat_messages=answer) as server,
        Live(terminal=True, env={**server.env, **ZH}) as live,
    ):
        live.err("请输入问题；/new 开始新会话，/quit 或 Ctrl-D 退出，Ctrl-C 停止回答")
        live.enter("/new\n")
        live.err("dify-chat: 新会话\n")
        live.enter("/what\n")
        live.err("dify-chat: /new 开始新会话")
        live.interrupt_prompt()
        live.err("再按一次 Ctrl-C 退出")
        live.enter("/quit\n")
        assert live.end().code == 0


def test_a_batch(tmp_path: Path) -> None:
    source = tmp_path / "问.jsonl"
    source.write_text('{"content": "Hi"}\n{"content": ""}\n', encoding="utf-8")
    with Server(chat_messages=stream(message("fine"), message_end())) as server:
        ended = run("--batch", str(source), env={**server.env, **ZH})
    assert ended.code == 1
    (line,) = ended.lines
    assert re.match(r"成功 1 个，失败 1 个；用时 \d+\.\d 秒，每秒 [\d.]+ 个；7 个 token", line)


@pytest.mark.parametrize(
    ("encoding", "start"),
    [
        ("cp437", "usage: dify-chat "),
        ("latin-1", "usage: dify-chat "),
        ("ascii", "用法：dify-chat "),
        ("gbk", "用法：dify-chat "),
        ("gb18030", "用法：dify-chat "),
        ("utf-16-le", "用法：dify-chat "),
    ],
)
def test_chinese_is_for_consoles_that_can_write_it(encoding: str, start: str) -> None:
    written = "utf-8" if encoding == "ascii" else encoding
    ended = run("--help", env={**ZH, "PYTHONIOENCODING": encoding}, encoding=written)
    assert ended.out.startswith(start)
