"""The methods bear the numbers and the titles of the Java SDK's Chinese Chat API document."""

from __future__ import annotations

import inspect
import re

import pytest

from dify_java_compat import DifyChat
from tools import ROOT

CHAPTERS = {
    "send": "1.1 发送消息",
    "sendChatMessageStream": "1.2 发送流式消息",
    "stopMessagesStream": "1.3 终止消息流",
    "messageFeedback": "1.4 消息反馈",
    "messages": "1.5 获取消息列表",
    "messagesSuggested": "1.6 获取建议回复",
    "feedbacks": "1.7 获取应用反馈列表",
    "conversationVariables": "1.8 获取会话变量列表",
    "updateConversationVariable": "1.9 更新会话变量",
    "conversations": "2.1 获取会话列表",
    "deleteConversation": "2.2 删除会话",
    "renameConversation": "2.3 会话重命名",
    "textToAudio": "3.1 文本转语音",
    "audioToText": "3.2 语音转文本",
    "parameters": "3.3 获取应用参数",
    "fileUpload": "3.4 文件上传",
    "info": "3.5 获取应用信息",
    "meta": "3.6 获取应用元数据",
    "site": "3.7 获取应用 WebApp 设置",
    "filePreview": "3.8 文件预览",
    "pageAppAnnotation": "4.1 获取应用标注列表",
    "createAppAnnotation": "4.2 创建应用标注",
    "updateAppAnnotation": "4.3 更新应用标注",
    "deleteAppAnnotation": "4.4 删除应用标注",
    "annotationReply": "4.5 标注回复",
    "queryAnnotationReply": "4.6 查询标注回复状态",
}


def test_each_method_has_a_chapter() -> None:
    assert {name for name in vars(DifyChat) if not name.startswith("_")} == set(CHAPTERS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_docstring_begins_with_its_chapter(name: str) -> None:
    doc = inspect.getdoc(getattr(DifyChat, name)) or ""
    assert doc.startswith(f"{CHAPTERS[name]}: ")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_have_the_chapters(language: str) -> None:
    folder = ROOT / "docs" / language
    migration = (folder / "migration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\.\d [^|]+?) \|.*\| `(\w+)\(", migration, re.MULTILINE)
    assert [(name, chapter) for chapter, name in rows] == list(CHAPTERS.items())
    methods = (folder / "methods.md").read_text(encoding="utf-8")
    found = re.findall(r"^### (.+)\n\n\*(.+)\*$", methods, re.MULTILINE)
    told = {
        name: chapter
        for names, chapters in found
        for name, chapter in zip(
            names.split(", "), re.split(r", (?=\d)|、(?=\d)", chapters), strict=True
        )
    }
    assert told == CHAPTERS
