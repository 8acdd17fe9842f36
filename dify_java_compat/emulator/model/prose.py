"""The emulator's own texts: deterministic prose, cut into tokens, with its usage figures."""

import re
from decimal import Decimal
from typing import Any

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
# A word with the blanks before it, or up to two Chinese characters with their punctuation:
# about what a model streams at a time. The last branch takes the blanks at the end.
_TOKEN = re.compile(
    r"\s*[\u3400-\u9fff\uf900-\ufaff]{1,2}[，。！？、：；“”（）]*"
    r"|\s*[^\s\u3400-\u9fff\uf900-\ufaff]+"
    r"|\s+"
)
_PRICE = Decimal("0.001")
_QUOTED = 60


def is_chinese(text: str) -> bool:
    return bool(_HAN.search(text))


def reply_to(query: str, files: int = 0) -> str:
    """The same text for the same prompt and number of files, in the prompt's language."""
    quoted = query if len(query) <= _QUOTED else query[:_QUOTED] + "…"
    if is_chinese(query):
        attached = f"我还看到了 {files} 个附件。" if files else ""
        return (
            f"你说的是：“{quoted}”。{attached}这是本地 Dify 模拟器的回答，它背后没有大模型，"
            "所以同样的问题总会得到同样的回答。文字会一小段一小段地流式返回，会话与消息都会被保存，"
            "随时可以停止。"
        )
    attached = f" I also see {files} attached file{'s' if files > 1 else ''}." if files else ""
    return (
        f'You said: "{quoted}".{attached} This answer comes from the local Dify emulator. There is '
        "no language model behind it, so the same prompt always gets the same answer. The words "
        "arrive one by one, the conversation is kept, and you can stop it at any time."
    )


def tokens(text: str) -> list[str]:
    """``text`` in pieces as a model would stream it; joined they are ``text`` again."""
    return _TOKEN.findall(text)


def title(query: str) -> str:
    """A conversation's name made from its first message."""
    words = " ".join(query.split())
    return words if len(words) <= 40 else words[:40] + "…"


def suggestions(query: str) -> list[str]:
    """Three follow-up questions in the language of ``query``."""
    if is_chinese(query):
        return ["能说得更详细些吗？", "可以举个例子吗？", "接下来该做什么？"]
    return ["Can you tell me more?", "Can you give an example?", "What should I do next?"]


def transcript(size: int) -> str:
    """The transcript of ``size`` bytes of audio."""
    return f"Hello from the emulator, 你好。I heard {size} bytes of audio."


def speech(text: str) -> list[bytes]:
    """Silence as MPEG frames of 26 ms, five to a piece; the longer the text, the more pieces."""
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, stereo: a header and 413 bytes of zero side
    # information and data decode as silence.
    silence = b"\xff\xfb\x90\x00" + bytes(413)
    return [silence * 5] * min(8 + len(text) // 16, 256)


def _price(count: int) -> str:
    return str((count * _PRICE * _PRICE).quantize(Decimal("1e-7")))


def usage(
    prompt: int, completion: int, latency: float, first: float | None, rest: float | None
) -> dict[str, Any]:
    """Token counts and prices; ``latency``, ``first`` and ``rest`` in seconds."""
    return {
        "prompt_tokens": prompt,
        "prompt_unit_price": "0.001",
        "prompt_price_unit": "0.001",
        "prompt_price": _price(prompt),
        "completion_tokens": completion,
        "completion_unit_price": "0.002",
        "completion_price_unit": "0.001",
        "completion_price": _price(2 * completion),
        "total_tokens": prompt + completion,
        "total_price": _price(prompt + 2 * completion),
        "currency": "USD",
        "latency": latency,
        "time_to_first_token": first,
        "time_to_generate": rest,
    }


def no_usage(first: float | None, rest: float | None, latency: float = 0.0) -> dict[str, Any]:
    """The usage of a stopped chatflow, and of a reply without a model: neither knows prices."""
    nothing: dict[str, Any] = usage(0, 0, latency, first, rest)
    return {
        key: "0.0" if key.endswith(("price", "price_unit")) else value
        for key, value in nothing.items()
    }
