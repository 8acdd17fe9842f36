"""Which page of the reference has which names, and the words of those pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page; a module is `package.module`, or `package:source` for names of the root."""

    name: str
    title: dict[str, str]
    modules: tuple[str, ...]
    only: tuple[str, ...] = ()  # of these modules, where it is not all of their `__all__`


def _page(name: str, chinese: str, english: str, *modules: str) -> Page:
    full = tuple(f"dify_java_compat{each}" for each in modules)
    return Page(name, {"zh": chinese, "en": english}, full)


PAGES = (
    _page("chat", "DifyChat：聊天", "DifyChat: chats", ":interface"),
    _page(
        "chatflow", "DifyChatflow：Java 没有的方法", "DifyChatflow: what Java lacks", ":chatflow"
    ),
    _page("workflow", "DifyWorkflow：工作流应用", "DifyWorkflow: workflow apps", ":workflow"),
    _page(
        "client",
        "客户端与构建器",
        "Clients and builders",
        ":client",
        ":client.coroutines",
        ":client.workflow",
    ),
    _page("aio", "协程", "Coroutines", ":aio", ".aio.workflow"),
    _page("config", "配置", "Settings", ":config"),
    _page(
        *("streams", "流", "Streams", ":_stream.observable", ":_stream.iterate"),
        *(":_stream.aiterate", ":_stream.collecting", ":pipeline", ":paging"),
    ),
    _page("operators", "操作符", "Operators", ".operators"),
    _page("errors", "异常", "Exceptions", ":errors"),
    _page("requests", "请求", "Requests", ":models.requests", ":_api.files"),
    _page("responses", "响应", "Responses", ":models.responses"),
    _page(
        "apps",
        "应用、标注、反馈、会话变量",
        "Apps, annotations, feedback, variables",
        ":models.apps",
    ),
    _page("events", "事件的 data", "The data of events", ":models.events"),
    _page("workflows", "工作流应用的类型", "The types of workflow apps", ":models.workflows"),
    _page("parameters", "应用参数", "The parameters of an app", ".models.parameters"),
    _page("enums", "枚举", "Enums", ":models.enums"),
    Page(
        "json",
        {"zh": "每个类型都有的方法", "en": "What every type has"},
        ("dify_java_compat._dto.dto",),
        only=("Dto",),
    ),
    _page("hooks", "拦截器与监听器", "Interceptors and listeners", ":_http.hooks"),
    _page("recoup", "Recoup", "Recoup", ":recoup", ":models.recoup"),
    _page("batch", "批量提问", "Batches", ".batch"),
    _page(
        *("web", "转发给浏览器", "To a browser", ".web.flask", ".web.starlette", ".web.django"),
        *(".web.resumable", ".web.redis"),
    ),
    _page("emulator", "模拟器", "The emulator", ".emulator", ".emulator.faults"),
)

WORDS = {
    "zh": {"bases": "基类：", "default": "默认值：", "alias": "即"},
    "en": {"bases": "Bases:", "default": "Default:", "alias": "The same as"},
}

INTRO = {
    "zh": (
        "API 参考",
        """\
本章由源码中的文档字符串生成，说明文字是英文；方法的第一行带有《Chat API》文档的章节号与中文标题。

每个多单词的名称都有两种写法，含义相同：Python 的 ``conversation_id`` 与 Java 的
``conversationId``，可作关键字参数、属性和 JSON 的键。二者在本章中并列写出，搜索任意一种都能找到。

除另有说明外，各名称都从 ``dify_java_compat`` 导入。
""",
    ),
    "en": (
        "API reference",
        """\
Written from the docstrings of the sources. The first line of a method has the number and the title
of its chapter in the Chinese Chat API document.

Every name of several words has two spellings that mean the same, Python's ``conversation_id`` and
Java's ``conversationId``: as a keyword, as an attribute and as a key of JSON. Here they stand one
above the other, and a search finds either. Unless a page says otherwise, the names are imported
from ``dify_java_compat``.
""",
    ),
}
