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
    "losses_columns": ("",),
    "streams_names": {"messages": "message", "nodes": "node", "4kb": "4 KB"},
    "steps_names": {},
    "titles": {},
    "cores": "cores",
    "comma": ", ",
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
    "late": "first event 3 s later",
    "slow": "{} of them slow",
    "many": "Thousands of streams",
    "many_text": (
        "CPU in microseconds an event, from the first one to the last stream's end, beside aiohttp "
        "and `orjson` without types; latency in milliseconds, as above. Dify sends the head of a "
        "response with its first event only: at the levels with *first event 3 s later* so does "
        "the server, three seconds after the last request. Memory of a stream is the growth of "
        "the resident set once all streams are open, and at its peak. Threads are the most that "
        "the process has from half a second before the first event on, and at all, the opening "
        "included; its main thread counts. *Slow* subscribers sleep 300 ms at each event; the "
        "figures are those of the others. The last column is the server's own CPU."
    ),
    "many_columns": (
        "streams",
        "",
        "CPU µs",
        "× aiohttp",
        "p50 ms",
        "p99 ms",
        "latest ms",
        "KB a stream",
        "at its peak",
        "threads",
        "opening",
        "pace",
        "lost",
        "server",
    ),
    "short": "A whole short stream",
    "short_text": (
        "Ten events and the end, on a connection of its own, 50 streams at once: CPU and time of "
        "one stream in microseconds, its opening included. `requests` and `iterate` read in a "
        "pool of 50 threads."
    ),
    "short_columns": ("协议", "客户端", "CPU µs", "× aiohttp", "µs", "threads", "server"),
    "relay": "A relay to browsers",
    "relay_text": (
        "A Starlette application under uvicorn reads each event and sends it on: CPU in "
        "microseconds an event, and latency from Dify's side to the browser's. Ours is the code "
        "of the page on streams; the other reads lines with aiohttp and uses `json`. "
        "One thread of each takes the orders of the benchmark."
    ),
    "relay_columns": (
        "streams",
        "",
        "CPU µs",
        "× aiohttp",
        "p50 ms",
        "p99 ms",
        "latest ms",
        "threads",
        "opening",
        "pace",
        "lost",
        "server",
    ),
    "uploads": "An upload of 100 MB",
    "uploads_columns": ("", "seconds", "CPU seconds", "peak memory, MB"),
    "imports": "The import",
    "imports_columns": ("", "CPU ms"),
    "dependencies": "requests, dataclasses_json, reactivex and msgspec alone",
    "first_call": "dify-java-compat, with the client and a request",
    "first_stream": "dify-java-compat, with streams too",
    "how": "How it is measured",
    "how_text": (
        "A server with prepared bytes, in the shape of a real Dify's responses, runs in "
        "a process of its own. So does each contender, in an environment of its own, used as "
        "its own README shows. Paced and short streams come from a server of one thread with a "
        "selector; its own CPU stands beside theirs. "
        "The contenders take turns, round by round; a figure is the median of "
        "{rounds} rounds, of one to three where streams are paced or short. "
        "CPU is the process's own, user and system, all threads; its start "
        "is excluded. The JVM has run each task often before it is measured, "
        "and its clock goes in steps of 10 ms; the SDK is compiled from its release's source.\n\n"
        "What the figures do not show: how fast Dify or a model is, for both take thousands of "
        "times longer; how another machine behaves. Only the rows that name TLS use it. "
        "Compare ratios, not microseconds. A full-speed stream brings hundreds of "
        "events with one read; in practice each arrives alone, and the reads and wake-ups of *Many "
        "streams at once* dominate."
    ),
    "run": "Of {date}, on {machine}:",
    "versions": "Versions",
    "versions_columns": ("", "versions"),
    "left_out": "Left out",
    "left_out_columns": ("", "why"),
    "last_java": "; on {date} an event took {theirs} µs there where the Observable took {ours}",
}

CHINESE: dict[str, Any] = {
    "title": "基准测试",
    "summary": (
        "Python 服务读取 Dify 响应的开销：本库与其他客户端读取同样的字节。\n所有数字都是越小越好。"
    ),
    "verdicts": "目标",
    "verdict_columns": ("指标", "目标", "实测", "结果"),
    "met": "达到",
    "missed": "**未达到**",
    "streams": "流中的一个事件",
    "streams_text": (
        "每个事件消耗的 CPU 微秒数，以及相对下限的倍数。下限指裸套接字、分块解码加\n"
        "`orjson.loads`：没有类型，不做检查，也不判断流是否完整。只有下限、`requests`、\n"
        "dify-client、pydify 和 dify-oapi2 返回普通字典，其余都返回带类型的对象。"
    ),
    "streams_columns": (
        "客户端",
        "消息",
        "与下限之比",
        "Chatflow 节点",
        "与下限之比",
        "4 KB 消息",
        "与下限之比",
    ),
    "calls": "一次调用",
    "calls_text": (
        "一次非流式调用消耗的 CPU 微秒数，以及相对 `requests.Session.get().json()` 的倍数。\n"
        "dify-client 和 pydify 每次调用都新建连接。短横线表示该库没有这个调用。"
    ),
    "calls_columns": ("客户端", "应用参数", "与 requests 之比", "100 条消息", "与 requests 之比"),
    "steps": "单个步骤",
    "steps_columns": ("步骤", "微秒"),
    "losses": "丢失或出错的事件",
    "losses_text": (
        "每段文本都有编号，逐一比对。“夹有 ping”一列在事件之间夹有 Dify 的 `event: ping`；\n"
        "“特殊换行符”一列含有 U+2028、U+2029 和 U+0085，Dify 发送它们时不转义；\n"
        "“大事件”一列的每个事件有 200 KB。括号里是使读取中止的异常。"
    ),
    "losses_columns": ("客户端",),
    "streams_names": {
        "messages": "消息",
        "nodes": "节点",
        "4kb": "4 KB 消息",
        "pings": "夹有 ping",
        "separators": "特殊换行符",
        "huge": "大事件",
    },
    "steps_names": {
        "to_json of a message event": "消息事件的 `to_json`",
        "json.dumps of a message event": "消息事件的 `json.dumps`",
        "to_json of a node event": "节点事件的 `to_json`",
        "json.dumps of a node event": "节点事件的 `json.dumps`",
        "json.loads of the page": "100 条一页的 `json.loads`",
    },
    "titles": {
        "floor": "下限（套接字、orjson）",
        "asyncio": "asyncio 的读取器 + orjson",
        "relay_facade": "**dify-java-compat，在 Starlette 中**",
        "relay_aiohttp": "aiohttp 加 json，在 Starlette 中",
    },
    "% of a core": "%（单核）",
    "cores": "核",
    "comma": "，",
    "sound": "0 / {expected}",
    "unsound": "**丢 {lost}，错 {wrong}** / {expected}",
    "paced": "许多流同时进行",
    "paced_text": (
        "每个事件都带有发送时刻：延迟是从那一刻到读取方代码的毫秒数，所有流都打开之后才开始统计。\n"
        "CPU 是占单个核的比例，“速率”是实际速率占应有速率的比例。\n"
        "内存是每条流在峰值时增加的常驻内存；线程栈中没有用到的部分只占用地址空间。"
    ),
    "paced_columns": (
        "流",
        "客户端",
        "p50 毫秒",
        "p99 毫秒",
        "最大 毫秒",
        "CPU",
        "速率",
        "每条流 KB",
        "预留 MB",
        "丢失",
    ),
    "late": "首个事件晚 3 秒",
    "slow": "其中 {} 条慢速",
    "many": "数千条流",
    "many_text": (
        "CPU 是从第一个事件到最后一条流结束，平均每个事件的微秒数，并与 aiohttp 加 `orjson`\n"
        "（无类型）对比；延迟同上，单位毫秒。Dify 把响应头和第一个事件一起发出：标有\n"
        "“首个事件晚 3 秒”的各行里，服务端也是如此，在最后一个请求之后三秒才发。\n"
        "每条流的内存是常驻内存的增量：一列是所有流都打开时的，一列是峰值时的。\n"
        "线程是进程的最大线程数（含主线程）：一列从第一个事件之前半秒算起，一列包括打开阶段。\n"
        "“慢速”订阅者每个事件休眠 300 毫秒，数字取自其余的流。\n"
        "最后一列是服务端自己的 CPU。"
    ),
    "many_columns": (
        "流",
        "客户端",
        "CPU 微秒",
        "与 aiohttp 之比",
        "p50 毫秒",
        "p99 毫秒",
        "最大 毫秒",
        "每条流 KB",
        "峰值 KB",
        "线程",
        "打开时",
        "速率",
        "丢失",
        "服务端",
    ),
    "short": "一条完整的短流",
    "short_text": (
        "十个事件加结尾，每条流使用单独的连接，同时 50 条：每条流的 CPU 和耗时，单位微秒，\n"
        "包含建立连接。`requests` 和 `iterate` 在 50 个线程的线程池里读取。"
    ),
    "short_columns": ("协议", "客户端", "CPU 微秒", "与 aiohttp 之比", "微秒", "线程", "服务端"),
    "relay": "转发给浏览器",
    "relay_text": (
        "uvicorn 上的 Starlette 应用读取每个事件再转发：每个事件的 CPU 微秒数，\n"
        "以及从 Dify 一侧到浏览器一侧的延迟。本库用的是“流式响应”一页里的代码，\n"
        "另一个用 aiohttp 按行读取并使用 `json`。两者都有一个线程用于接收测试程序的指令。"
    ),
    "relay_columns": (
        "流",
        "客户端",
        "CPU 微秒",
        "与 aiohttp 之比",
        "p50 毫秒",
        "p99 毫秒",
        "最大 毫秒",
        "线程",
        "打开时",
        "速率",
        "丢失",
        "服务端",
    ),
    "uploads": "上传 100 MB",
    "uploads_columns": ("客户端", "耗时 秒", "CPU 秒", "内存峰值 MB"),
    "imports": "导入",
    "imports_columns": ("导入的内容", "CPU 毫秒"),
    "dependencies": "仅 requests、dataclasses_json、reactivex 和 msgspec",
    "first_call": "dify-java-compat，包括客户端和一个请求类",
    "first_stream": "dify-java-compat，再加上流",
    "how": "测量方法",
    "how_text": (
        "服务端在单独的进程里发送预先准备的字节，格式与真实 Dify 的响应相同。\n"
        "每个客户端也有各自的进程和环境，按照各自 README 中的用法调用。各客户端逐轮轮流运行，\n"
        "数字是 {rounds} 轮的中位数，定速的流和短流为一至三轮。\n"
        "CPU 只计该进程自己的，包括用户态、内核态和所有线程，不含启动。\n"
        "定速的流和短流由一个单线程的服务端发送，它自己的 CPU 一并列出。\n"
        "JVM 在测量之前已把每项任务运行多遍，它的时钟精度为 10 毫秒；\n"
        "Java SDK 由其发布版本的源码编译。\n"
        "\n"
        "这些数字不能说明 Dify 和模型有多快（它们要慢几千倍），也不能说明换一台机器会怎样。\n"
        "只有标明 TLS 的行使用 TLS。请比较倍数，不要比较微秒。全速的流一次读取就带来几百个事件；\n"
        "实际使用中事件是逐个到达的，起决定作用的是“许多流同时进行”里的读取和唤醒。"
    ),
    "run": "{date}，{machine}：",
    "versions": "版本",
    "versions_columns": ("客户端", "版本"),
    "left_out": "未参与",
    "left_out_columns": ("客户端", "原因"),
    "last_java": "；{date} 一起测量时，每个事件它用 {theirs} µs，Observable 用 {ours} µs",
}
