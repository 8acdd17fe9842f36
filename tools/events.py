"""The table of a stream's events, in docs/*/streams.md: a line for each row of `EVENTS`.

Neighbours of which the same is to be said share a line. NOTES adds what no row knows; an event with
a class for its `data` needs none.
"""

from __future__ import annotations

from itertools import groupby

from dify_java_compat.models.events import EVENTS, EventRow

from .marked import replaced

START = "<!-- the table of events: generated -->"
END = "<!-- to here -->"

WORDS = {
    "en": {
        "heads": ("`event`", "Fields", "Text of the answer", "What it ends"),
        "comma": ", ",
        "data": "`data`: [`{name}`](fields.md#{anchor})",
        "append": "appended",
        "replace": "replaces all so far",
        "final": '`data.outputs["answer"]` is the whole',
        "chat": "the answer",
        "run": "the run",
        "pause": "the stream; the run waits",
        "error": "the stream, with an exception",
    },
    "zh": {
        "heads": ("`event`", "字段", "对回答文本的影响", "结束的对象"),
        "comma": "、",
        "data": "`data`：[`{name}`](fields.md#{anchor})",
        "append": "追加",
        "replace": "替换此前的全部文本",
        "final": '`data.outputs["answer"]` 是完整文本',
        "chat": "回答",
        "run": "运行",
        "pause": "流；运行暂停，等待人工介入",
        "error": "流，并抛出异常",
    },
}
_PIECE = {"en": "`answer`: the next piece of text", "zh": "`answer`：下一段文本"}
_SPEECH = {
    "en": "`audio`: base64; `audio_bytes`: the same, decoded",
    "zh": "`audio`：base64 编码的音频；`audio_bytes`：解码后的内容",
}
_PERSON = {
    "en": "; see [below](#a-person-in-the-flow)",
    "zh": "；见[下文](#人工介入)",
}
NOTES: dict[str, dict[str, str]] = {
    "message": _PIECE,
    "agent_message": _PIECE,
    "message_file": {
        "en": "`answer`, where a chat app received a file: all its text arrives this way. "
        "Otherwise `type`, `url`, `belongs_to`: a file of the assistant",
        "zh": "聊天助手收到附件时有 `answer`，全部文本都以这种事件返回；"
        "其他情况下有 `type`、`url`、`belongs_to`，即助手返回的文件",
    },
    "message_replace": {
        "en": "`answer`: the text that replaces all text so far; `reason`",
        "zh": "`answer`：替换此前全部内容的文本；`reason`",
    },
    "agent_thought": {
        "en": "`thought`, `tool`, `tool_input`, `observation`; sent again with the same `id` as "
        "its fields are filled",
        "zh": "`thought`、`tool`、`tool_input`、`observation`；"
        "内容逐步补全，以同一个 `id` 多次发送",
    },
    "tts_message": _SPEECH,
    "tts_message_end": _SPEECH,
    "message_end": {"en": "`metadata`: usage and sources", "zh": "`metadata`：用量与引用来源"},
    "human_input_required": _PERSON,
    "workflow_paused": _PERSON,
    "error": {"en": "`status`, `code`, `message`", "zh": "`status`、`code`、`message`"},
    "ping": {"en": "no item: a sign of life", "zh": "不产生项，只表示连接仍然存活"},
}


def table(language: str) -> str:
    words = WORDS[language]
    lines = [words["heads"], ["---"] * len(words["heads"])]
    for cells, rows in groupby(EVENTS, lambda row: _cells(row, language)):
        lines.append([str(words["comma"]).join(f"`{row.name}`" for row in rows), *cells])
    return "\n".join("|" + "|".join(_padded(cell) for cell in line) + "|" for line in lines)


def with_table(text: str, language: str) -> str:
    """`text` of a page with its table as it should be. ValueError where it has none."""
    return replaced(text, START, END, f"\n{table(language)}\n\n")


def _cells(row: EventRow, language: str) -> tuple[str, ...]:
    """All but the event's name."""
    words, note = WORDS[language], NOTES.get(row.name, {}).get(language, "")
    data = str(words["data"]) if row.data else ""
    name = row.data.__name__ if row.data else ""
    return (
        data.format(name=name, anchor=name.lower()) + note,
        str(words[row.text]) if row.text else "",
        str(words[row.ends]) if row.ends else "",
    )


def _padded(cell: str) -> str:
    return cell if set(cell) == {"-"} else f" {cell} " if cell else " "
