"""What the page says, in both languages. `{...}` are filled in from a run, English is wrapped."""

from __future__ import annotations

from typing import Any

ENGLISH: dict[str, Any] = {
    "title": "Benchmarks",
    "summary": (
        "The cost of reading Dify's responses in a Python service: this library beside the other "
        "clients, on the same bytes. Lower is better everywhere."
    ),
    "verdicts": "Targets",
    "verdict_columns": ("ratio or measure", "target", "found", ""),
    "met": "met",
    "missed": "**missed**",
    "streams": "A streamed event",
    "streams_text": (
        "CPU in microseconds, and how many times the floor: a raw socket, chunk framing and "
        "`orjson.loads`, without types, checks or a verdict on the end of the stream. Only the "
        "floor, `requests`, dify-client, pydify and dify-oapi2 return plain dicts; the others "
        "return typed objects."
    ),
    "streams_columns": ("", "message", "× floor", "chatflow node", "× floor", "4 KB", "× floor"),
    "calls": "A call",
    "calls_text": (
        "CPU in microseconds of a call that is no stream, and how many times plain "
        "`requests.Session.get().json()`. dify-client and pydify open a connection for each "
        "call. A dash: the library has no such call."
    ),
    "calls_columns": ("", "parameters", "× requests", "100 messages", "× requests"),
    "steps": "Single steps",
    "steps_columns": ("step", "µs"),
    "losses": "Events lost or altered",
    "losses_text": (
        "Every text is numbered and compared. `pings` has Dify's `event: ping` between the "
        "events, `separators` has U+2028, U+2029 and U+0085, which Dify sends unescaped, "
        "`huge` has events of 200 KB. In brackets: the exception with which the reading ended."
    ),
    "streams_names": {"messages": "message", "nodes": "node", "4kb": "4 KB"},
    "sound": "0 of {expected}",
    "unsound": "**{lost} lost, {wrong} wrong** of {expected}",
    "paced": "Many streams at once",
    "paced_text": (
        "Each event carries the time at which it was sent: the latency is from there to the "
        "reader's code, in milliseconds, once all streams are open. CPU is of one core; the "
        "pace is the share of the rate that was kept. Memory is the growth of the resident "
        "set per stream at its peak; the untouched part of its thread's stack is only reserved."
    ),
    "paced_columns": (
        "streams",
        "",
        "p50 ms",
        "p99 ms",
        "latest ms",
        "CPU",
        "pace",
        "KB a stream",
        "reserved MB",
        "lost",
    ),
    "uploads": "An upload of 100 MB",
    "uploads_columns": ("", "seconds", "CPU seconds", "peak memory, MB"),
    "imports": "The import",
    "imports_columns": ("", "CPU ms"),
    "dependencies": "requests, dataclasses_json, reactivex and msgspec alone",
    "first_call": "dify-java-compat, with the client and a request",
    "how": "How it is measured",
    "how_text": (
        "One server with prepared bytes, in the shape of a real Dify's responses, runs in "
        "a process of its own. So does each contender, in an environment of its own, used as "
        "its own README shows. They take turns, round by round; a figure is the median of "
        "{rounds} rounds. CPU is the process's own, user and system, all threads; its start "
        "is excluded. The JVM has run each task often before it is measured, "
        "and its clock goes in steps of 10 ms; the SDK is compiled from its release's source.\n\n"
        "What the figures do not show: how fast Dify or a model is, for both take thousands of "
        "times longer; the cost of TLS, which is the same for all; how another machine "
        "behaves. Compare ratios, not microseconds. A full-speed stream brings hundreds of "
        "events with one read; in practice each arrives alone, and the reads and wake-ups of *Many "
        "streams at once* dominate."
    ),
    "run": "Of {date}, on {machine}:",
    "versions": "Versions",
    "versions_columns": ("", "versions"),
    "left_out": "Left out",
    "left_out_columns": ("", "why"),
}

CHINESE: dict[str, Any] = {
    "title": "基准测试",
    "summary": (
        "一个 Python 服务读取 Dify 要花多少：本库与其他客户端读同样的字节。\n所有数字都是越小越好。"
    ),
    "verdicts": "目标",
    "verdict_columns": ("比值或量", "目标", "实测", ""),
    "met": "达到",
    "missed": "**未达到**",
    "streams": "流中的一个事件",
    "streams_text": (
        "CPU 微秒数，以及它是下限的多少倍。下限是裸套接字、分块解帧加 `orjson.loads`，\n"
        "没有类型、没有检查、不判断流是否完整。下限、`requests`、dify-client、pydify 和\n"
        "dify-oapi2 给出普通字典，其余给出带类型的对象。"
    ),
    "streams_columns": ("", "消息", "× 下限", "对话流节点", "× 下限", "4 KB", "× 下限"),
    "calls": "一次调用",
    "calls_text": (
        "一次非流式调用的 CPU 微秒数，以及它是 `requests.Session.get().json()` 的多少倍。\n"
        "dify-client 和 pydify 每次调用都新建连接。短横线表示该库没有这个调用。"
    ),
    "calls_columns": ("", "应用参数", "× requests", "100 条消息", "× requests"),
    "steps": "单个步骤",
    "steps_columns": ("步骤", "微秒"),
    "losses": "丢失或改变的事件",
    "losses_text": (
        "每段文本都有编号，逐一比对。`pings` 在事件之间夹有 Dify 的 `event: ping`；\n"
        "`separators` 含有 U+2028、U+2029 和 U+0085，Dify 发送它们时不转义；`huge` 的事件每个\n"
        "200 KB。括号里是读取终止时的异常。"
    ),
    "streams_names": {"messages": "消息", "nodes": "节点", "4kb": "4 KB"},
    "sound": "0 / {expected}",
    "unsound": "**丢 {lost}，错 {wrong}** / {expected}",
    "paced": "许多流同时进行",
    "paced_text": (
        "每个事件带有发送时刻：延迟从那一刻算到读取者的代码，单位毫秒，从所有流都已打开时算起。\n"
        "CPU 是占一个核的比例，节奏是保持住了多少速率。内存是一条流在峰值时增加的常驻内存；\n"
        "其线程栈中未触及的部分只是预留的地址空间。"
    ),
    "paced_columns": (
        "流",
        "",
        "p50 毫秒",
        "p99 毫秒",
        "最迟 毫秒",
        "CPU",
        "节奏",
        "每条流 KB",
        "预留 MB",
        "丢失",
    ),
    "uploads": "上传 100 MB",
    "uploads_columns": ("", "秒", "CPU 秒", "内存峰值 MB"),
    "imports": "导入",
    "imports_columns": ("", "CPU 毫秒"),
    "dependencies": "仅 requests、dataclasses_json、reactivex 和 msgspec",
    "first_call": "dify-java-compat，连同客户端和一个请求类",
    "how": "怎样测量",
    "how_text": (
        "一个服务器在自己的进程里发送事先备好的字节，其形状与真实 Dify 的回答相同。\n"
        "每个客户端也各有自己的进程和环境，用法照它自己的 README。它们一轮一轮地轮流运行，\n"
        "数字是 {rounds} 轮的中位数。CPU 只算该进程自己的，用户态加内核态，含所有线程，\n"
        "不含启动。JVM 在测量之前已把每项任务跑过多遍，它的时钟以 10 毫秒为一步；\n"
        "SDK 由其发布版本的源码编译而成。\n"
        "\n"
        "这些数字没有说的：Dify 和模型有多快，它们要慢几千倍；TLS 的开销，对谁都一样；\n"
        "换一台机器会怎样。请比较比值，而不是微秒。全速的流一次读取就带来几百个事件，\n"
        "实际中事件是一个一个来的，那时起决定作用的是“许多流同时进行”里的读取和唤醒。"
    ),
    "run": "{date}，{machine}：",
    "versions": "版本",
    "versions_columns": ("", "版本"),
    "left_out": "未参加",
    "left_out_columns": ("", "原因"),
}
