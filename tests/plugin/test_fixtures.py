"""The fixtures as a project has them that installed the package: in a pytest of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import dify_java_compat

ROOT = Path(dify_java_compat.__file__).parents[1]
PLUGIN = "dify_java_compat.pytest_plugin"


@pytest.fixture(autouse=True)
def _path(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path}:{ROOT}")


def run(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    """Run a test module with warnings as errors. `-p` does what installing the package does."""
    pytester.makepyfile(source)
    return pytester.runpytest_subprocess("-p", PLUGIN, "-W", "error", "--strict-markers", *options)


def test_a_test_gets_an_emulator_and_a_client_of_it(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from dify_java_compat import ChatMessageSendRequest, collect

        def test_chat(dify_chat, dify_emulator):
            asked = ChatMessageSendRequest(user_id="ann", content="你好")
            assert "你好" in dify_chat.send(asked).answer
            assert "你好" in collect(dify_chat.sendChatMessageStream(asked)).answer
            paths = {seen.path for seen in dify_emulator.requests}
            assert paths == {"/v1/chat-messages"}
            assert dify_chat.info().mode == "chat"
        """,
    )
    result.assert_outcomes(passed=1)


def test_each_test_has_its_own_and_nothing_stays(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import socket
        import threading

        import pytest

        from dify_java_compat import (
            ChatMessageSendRequest,
            MessageConversationsRequest,
            RequestsDifyChat,
        )

        before, closed, close = {}, [], RequestsDifyChat.close
        RequestsDifyChat.close = lambda self: (closed.append(self), close(self))

        @pytest.mark.parametrize("number", range(3))
        def test_alone(dify_chat, dify_emulator, number):
            if before:
                assert before["emulator"] is not dify_emulator
                with pytest.raises(OSError):
                    socket.create_connection(("127.0.0.1", before["port"]), 1).close()
                assert closed[-1] is before["chat"]
            assert dify_emulator.requests == []
            asked = MessageConversationsRequest(user_id="ann")
            assert dify_chat.conversations(asked).data == []
            dify_chat.send(ChatMessageSendRequest(user_id="ann", content="Hello"))
            assert len(dify_chat.conversations(asked).data) == 1
            before.update(emulator=dify_emulator, port=dify_emulator.port, chat=dify_chat)

        def test_nothing_runs():
            names = [thread.name for thread in threading.enumerate()]
            assert not [name for name in names if name.startswith("dify")]
        """,
    )
    result.assert_outcomes(passed=4)


def test_the_nearest_mark_gives_the_options(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest
        import requests

        pytestmark = pytest.mark.dify_emulator(quirks=True, database="here.db")

        def status_of_a_list(dify):
            headers = {"Authorization": "Bearer app-chat"}
            return requests.post(f"{dify.base_url}/chat-messages", json=[], headers=headers)

        def test_of_the_module(dify_emulator):
            assert status_of_a_list(dify_emulator).status_code == 500

        @pytest.mark.dify_emulator(quirks=False)
        class TestOfTheClass:
            def test_it(self, dify_emulator):
                assert status_of_a_list(dify_emulator).status_code == 400

            @pytest.mark.dify_emulator(quirks=True, database="there.db")
            def test_itself(self, dify_emulator):
                assert status_of_a_list(dify_emulator).status_code == 500
        """,
    )
    result.assert_outcomes(passed=3)
    assert {file.name for file in pytester.path.glob("*.db")} == {"here.db", "there.db"}


@pytest.mark.parametrize("wrong", ["token_puase=0.01", "0.01", "token_pause=0.01, qirks=True"])
def test_a_misspelt_option_is_a_clear_error(pytester: pytest.Pytester, wrong: str) -> None:
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.dify_emulator({wrong})
        def test_it(dify_emulator):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    said = wrong.rpartition(", ")[2].partition("=")[0]
    [line] = [line for line in result.outlines if line.startswith("@pytest.mark.dify_emulator")]
    assert f"does not take {said}, but by name: port, host, token_pause" in line


def test_without_werkzeug_the_extra_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(werkzeug="raise ImportError('no such module')")
    result = run(pytester, "def test_it(dify_chat):\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['dify_emulator: *"dify-java-compat?emulator?"'])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*exception*")


def test_it_is_explained(pytester: pytest.Pytester) -> None:
    fixtures = run(pytester, "", "--fixtures")
    fixtures.stdout.fnmatch_lines(["dify_emulator *", "*without delay*", "dify_chat *"])
    markers = run(pytester, "", "--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.dify_emulator(*"])


def test_no_other_project_pays_for_it(pytester: pytest.Pytester) -> None:
    """Where no test asks for a Dify, none is imported, nor is what only it needs."""
    result = run(
        pytester,
        """
        import sys

        def test_it(request):
            assert request.config.pluginmanager.has_plugin("dify_java_compat.pytest_plugin")
            assert "werkzeug" not in sys.modules
            assert "dify_java_compat.emulator" not in sys.modules
        """,
    )
    result.assert_outcomes(passed=1)


def test_the_module_itself_imports_pytest_alone() -> None:
    file = ROOT / "dify_java_compat" / "pytest_plugin.py"
    says = (
        "import pytest, runpy, sys; before = set(sys.modules)\n"
        f"runpy.run_path({str(file)!r})\n"
        "print(set(sys.modules) - before - sys.stdlib_module_names)"
    )
    ended = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
