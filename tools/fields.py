"""The page of all fields: each type of Java's, and each that Java lacks, as a table."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from dify_java_compat import DifyChatflow, DifyWorkflow, models
from dify_java_compat._dto.dto import Dto, ResponseDto
from dify_java_compat._dto.names import names_of

from . import ROOT
from .names import FORM_PARTS
from .rows import is_file, wire_names
from .stubs import types_as_written


def _manifest() -> dict[str, Any]:
    """Java's facade of chat apps and its types, and the types of workflow apps."""
    folder = ROOT / "tests/contract"
    chat: dict[str, Any] = json.loads((folder / "java_manifest.json").read_text("utf-8"))
    workflow = json.loads((folder / "java_workflow_manifest.json").read_text("utf-8"))
    chat["classes"] = {
        **chat["classes"],
        **{n: c for n, c in workflow["classes"].items() if n not in chat["classes"]},
    }
    for name, members in workflow["enums"].items():
        chat["enums"][name] += set(members) - set(chat["enums"][name])
    return chat


MANIFEST = _manifest()
JAVA_TYPES = [*MANIFEST["classes"], *MANIFEST["enums"]]

WORDS = {
    "en": {
        "title": "All fields",
        "intro": """\
Each of Java's {java} types, and those that Java lacks. See [moving from Java](migration.md) for the
rule of the names.

- **Java** is Java's field. Where Java's JSON, and with it `to_dict()`, has another name, that
  follows. `–` is a field that Java lacks; its Java name is the camelCase of its Python name.
- **Python** is the name here. The Java name works as well: as a keyword, as an attribute and in
  JSON.
- **Dify** is the name on the wire. For a request that is a name in its body or its query, `{{...}}`
  a part of its path. `–` is not sent.
- **Type** leaves out `| None`: every field may be `None`, but for the `data` of a page.
- **Default** is that of the constructor, if it is not `None`.""",
        "Requests": "Requests",
        "Responses": "Responses",
        "Events": "The data of events",
        "Parameters": "The parameters of an app",
        "Enums": "Enums",
        "More": "What Java lacks",
        "import": "{parts} are imported\n"
        "from `dify_java_compat.models`, the others from the package.",
        "fields": ("Java", "Python", "Dify", "Type", "Default"),
        "members": ("Java", "Python", "Value"),
        "takes": "Parameter of {}.",
        "gives": "Returned by {}.",
        "none": "It has no fields of its own.",
        "json": "`{}`, in JSON `{}`",
        "java default": "; in Java {}",
        "header": "header `Authorization`",
        "part": "`{}`, a file",
        "comma": ", ",
    },
    "zh": {
        "title": "全部字段",
        "intro": """\
Java 的全部 {java} 个类型，以及 Java 没有的类型。命名规则见[从 Java 迁移](migration.md)。

- **Java**：Java 的字段名。Java 的 JSON（也就是 `to_dict()`）使用其他名称时，写在后面。
  `–` 表示 Java 没有这个字段；其驼峰名由 Python 名推导。
- **Python**：本库的名称。Java 的名称同样可用：作关键字参数、作属性、作 JSON 的键。
- **Dify**：接口报文中的名称。请求中是请求体或查询参数的名称；
  `{{...}}` 是路径参数，`–` 表示不发送。
- **类型**：省略了 `| None`，除分页的 `data` 外，所有字段都可以是 `None`。
- **默认值**：构造时的默认值；留空表示 `None`。""",
        "Requests": "请求",
        "Responses": "响应",
        "Events": "事件的 data",
        "Parameters": "应用参数",
        "Enums": "枚举",
        "More": "Java 没有的类型",
        "import": "{parts} 从\n`dify_java_compat.models` 导入，其余类型从包的顶层导入。",
        "fields": ("Java", "Python", "Dify", "类型", "默认值"),
        "members": ("Java", "Python", "值"),
        "takes": "{} 的参数。",
        "gives": "{} 的返回值。",
        "none": "没有自己的字段。",
        "json": "`{}`，JSON 中为 `{}`",
        "java default": "；Java 为 {}",
        "header": "请求头 `Authorization`",
        "part": "`{}`，文件",
        "comma": "、",
    },
}


def page(language: str) -> str:
    words: dict[str, Any] = WORDS[language]
    parts = [f"# {words['title']}", words["intro"].format(java=len(JAVA_TYPES))]
    sections: dict[str, list[str]] = {
        name: [] for name in ("Requests", "Responses", "Events", "Parameters", "Enums", "More")
    }
    for name, cls in _types():
        section = _section(cls) if name in JAVA_TYPES else "More"
        sections[section] += [f"### {name}", *_about(cls, words), _table(name, cls, words)]
    sections["Parameters"].insert(
        0,
        words["import"].format(
            parts=words["comma"].join(f"`{name}`" for name in sorted(FORM_PARTS))
        ),
    )
    for section, texts in sections.items():
        parts += [f"## {words[section]}", *texts]
    return "\n\n".join(parts) + "\n"


def _types() -> Iterator[tuple[str, type]]:
    """Java's in their order, then ours; nested ones by their dotted names."""
    found = dict(_nested((name, getattr(models, name)) for name in models.__all__))
    for name in [*JAVA_TYPES, *sorted(found.keys() - set(JAVA_TYPES))]:
        yield name, found[name]


def _nested(named: Any) -> Iterator[tuple[str, type]]:
    for name, cls in named:
        if inspect.isclass(cls) and issubclass(cls, (Dto, Enum)):
            yield name, cls
            yield from _nested((f"{name}.{n}", c) for n, c in vars(cls).items() if n[0].isupper())


def _section(cls: type) -> str:
    if issubclass(cls, Enum):
        return "Enums"
    if issubclass(cls, models.CompletionData) or cls is models.NodeFinishedData.ExecutionMetadata:
        return "Events"
    if cls.__module__.endswith(".parameters"):
        return "Parameters"
    return "Responses" if issubclass(cls, ResponseDto) else "Requests"


def _methods() -> list[tuple[str, Any]]:
    """Those of both facades, by name."""
    of_chats = inspect.getmembers(DifyChatflow, inspect.isfunction)
    found = [*of_chats, *inspect.getmembers(DifyWorkflow, inspect.isfunction)]
    return sorted(found, key=lambda pair: pair[0])


def _about(cls: type, words: dict[str, Any]) -> Iterator[str]:
    """Which methods take and which give it."""
    takes, gives = [], []
    for name, method in _methods():
        hints = dict(inspect.get_annotations(method))
        result = re.findall(r"\w+", str(hints.pop("return", "")))
        if cls.__name__ in result and cls.__qualname__ == cls.__name__:
            gives.append(f"`{name}`")
        if cls.__name__ in hints.values():
            takes.append(f"`{name}`")
    if takes:
        yield words["takes"].format(words["comma"].join(dict.fromkeys(takes)))
    if gives:
        yield words["gives"].format(words["comma"].join(dict.fromkeys(gives)))


def _table(name: str, cls: Any, words: dict[str, Any]) -> str:
    if issubclass(cls, Enum):
        members = MANIFEST["enums"].get(name, ())
        rows = [
            (f"`{each.name}`" if each.name in members else "–", f"`{each.name}`", _code(each.value))
            for each in cls
        ]
        return _markdown(words["members"], rows)
    rows = [_row(name, cls, field, words) for field in dataclasses.fields(cls)]
    return _markdown(words["fields"], rows) if rows else words["none"]


def _row(name: str, cls: Any, field: dataclasses.Field[Any], words: dict[str, Any]) -> Any:
    names = names_of(cls)
    facts = _java_facts(name)
    java = next((n for n, f in names.java_alias.items() if f == field.name), field.name)
    in_json = names.java[field.name]
    shown = f"`{java}`" if in_json == java else words["json"].format(java, in_json)
    value = names.defaults[field.name]
    if field.name in names.factories:
        value = names.factories[field.name]()
    default = "" if value is None else _code(value)
    if java in facts and (of_java := facts[java].get("default")) != value:
        default = f"{_code(value)}{words['java default'].format(_code(of_java))}"
    kind = re.sub(r" \| None$", "", types_as_written(cls)[field.name])
    return (
        shown if java in facts else "–",
        f"`{field.name}`",
        _wire(cls, field.name, words),
        f"`{kind}`".replace("|", "\\|"),
        default,
    )


def _java_facts(name: str) -> dict[str, Any]:
    """Java's fields of a class, those it inherits too."""
    facts = MANIFEST["classes"].get(name)
    return {**_java_facts(facts["extends"]), **facts["fields"]} if facts else {}


def _wire(cls: Any, name: str, words: dict[str, Any]) -> str:
    if name == "api_key":
        return str(words["header"])
    found = [f"`{wire}`" for wire in wire_names(cls, name)]
    if is_file(cls, name):
        found.append(words["part"].format(name))
    return words["comma"].join(found) or "–"


def _code(value: Any) -> str:
    return f'`"{value}"`' if isinstance(value, str) else f"`{value!r}`"


def _markdown(heads: Any, rows: Any) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- " * len(heads) + "|", "|---" * len(heads) + "|")
