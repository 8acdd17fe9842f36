"""What editors and notebooks show: completions, inferred types and the text of hovers.

Jedi (IPython, Jupyter) infers no parameter of a lambda, and shows of a field what its source has;
pyright (VS Code) does both from the stubs.
"""

from collections.abc import Iterator
from pathlib import Path

import jedi
import pytest

from .language_server import ROOT, LanguageServer

SAMPLE = """\
import dify_java_compat
from dify_java_compat import ChatMessageSendRequest, ClientConfig, DifyChat
from dify_java_compat import MessagesRequest, RequestsDifyChat

chat = RequestsDifyChat("http://localhost")
request = ChatMessageSendRequest(content="hi")
facade: DifyChat = chat
facade.send
stream = chat.sendChatMessageStream(request)
for item in stream:
    item.answer
for kept in stream.filter(lambda each: each.event == "message").take(3):
    kept.conversation_id
for text in stream.map(lambda mapped: mapped.answer or ""):
    text.upper
page = chat.messages(MessagesRequest())
for message in page.data:
    message.created_at
request.userId
request.user_id
config = ClientConfig()
config.readTimeout
config.read_timeout
dify_java_compat.RequestsDifyChat
"""


def behind(code: str) -> tuple[int, int]:
    """The line, from 1, and the column at which a piece of the sample ends."""
    lines = SAMPLE.splitlines()
    number = next(n for n, line in enumerate(lines) if code in line)
    return number + 1, lines[number].index(code) + len(code)


@pytest.fixture(scope="module")
def script() -> jedi.Script:
    project = jedi.Project(ROOT, smart_sys_path=False, added_sys_path=[str(ROOT)])
    return jedi.Script(SAMPLE, path=ROOT / "sample.py", project=project)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    folder: Path = tmp_path_factory.mktemp("sample")
    with LanguageServer(folder, SAMPLE) as running:
        yield running


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("dify_java_compat.Req", {"RequestsDifyChat", "RequestsDifyWorkflow"}),
        ("chat.se", {"send", "sendChatMessageStream"}),
        ("    item.a", {"answer", "audio_bytes", "agent_thoughts", "agentThoughts"}),
        ("kept.conv", {"conversation_id", "conversationId"}),
        ("message.c", {"created_at", "createdAt"}),
        ("request.user", {"user_id", "userId"}),
        ("config.read", {"read_timeout", "readTimeout"}),
    ],
)
def test_both_spellings_are_completed(
    code: str, names: set[str], script: jedi.Script, server: LanguageServer
) -> None:
    assert names <= {found.name for found in script.complete(*behind(code))}
    assert names <= set(server.completions(code))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("for item", "ChatMessageSendCompletionResponse"),
        ("for kept", "ChatMessageSendCompletionResponse"),
        ("for message", "MessagesResponseVO"),
        ("stream", "EventStream"),
    ],
)
def test_what_a_loop_goes_through_is_inferred(code: str, name: str, script: jedi.Script) -> None:
    assert [found.name for found in script.infer(*behind(code))] == [name]


def test_the_parameter_of_a_lambda_is_known(server: LanguageServer) -> None:
    assert "answer" in server.completions("lambda mapped: mapped.an")
    assert "ChatMessageSendCompletionResponse" in server.hover("lambda each")
    assert "text: str" in server.hover("for text")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("request.userId", "Java's name of `user_id`."),
        ("request.user_id", "In Java `userId`, in Dify `user`."),
        ("config.readTimeout", "Java's name of `read_timeout`. For a response that is not a"),
        ("config.read_timeout", "For a response that is not a stream, between two reads."),
        ("import ChatMessageSendRequest", "1.1 发送消息"),
        ("chat.sendChatMessageStream", "1.2 发送流式消息"),
    ],
)
def test_a_hover_says_what_it_is(code: str, text: str, server: LanguageServer) -> None:
    assert text in " ".join(server.hover(code).split())


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("request.userId", "Java's name of `user_id`."),
        ("config.readTimeout", "Java's name of `read_timeout`. For a response that is not a"),
        ("import ChatMessageSendRequest", "1.1 发送消息"),
        ("facade.send", "1.1 发送消息: send a question"),
    ],
)
def test_help_says_what_it_is(code: str, text: str, script: jedi.Script) -> None:
    [found] = script.help(*behind(code))
    assert text in " ".join(found.docstring().split())
