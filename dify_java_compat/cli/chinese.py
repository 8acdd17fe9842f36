"""What the command says, in Chinese: each English text, and its translation."""

from __future__ import annotations

from collections.abc import Mapping

from .chinese_doctor import DOCTOR

_COMMAND: Mapping[str, str] = {
    "usage: ": "用法：",
    "dify-chat [options] [prompt]\n       dify-chat [options] --batch FILE\n       dify-chat "
    "doctor [options]": (
        "dify-chat [选项] [问题]\n      dify-chat [选项] --batch FILE\n      dify-chat doctor ["
        "选项]"
    ),
    "Ask a Dify app. Without --url and --api-key an embedded emulator answers.": (
        "向 Dify 应用提问。省略 --url 和 --api-key 时，由内置模拟器回答。"
    ),
    "what to ask": "提问",
    "what to ask; - or a pipe: from stdin; none: a session": (
        "问题；- 或管道：从 stdin 读取；省略：进入会话"
    ),
    "the server": "服务端",
    "the server, with or without /v1 (DIFY_URL; http://localhost)": (
        "服务端地址，是否带 /v1 均可（默认 DIFY_URL，否则 http://localhost）"
    ),
    "the app's key; DIFY_API_KEY hides it from other users": (
        "应用的 API 密钥；用 DIFY_API_KEY 设置则本机其他用户看不到"
    ),
    "whom the conversation belongs to (dify-chat)": "会话所属的终端用户（默认 dify-chat）",
    "one question": "单个问题",
    "which app of the emulator answers (chat)": "由模拟器的哪个应用回答（默认 chat）",
    "go on with this conversation of that user": "继续该用户的这个会话",
    "send a file along; repeatable": "随问题发送一个文件；可重复使用",
    "wait for the whole answer; agents refuse that": "等待完整回答（阻塞模式）；Agent 应用不支持",
    "print the events, a JSON object a line": "打印事件，每行一个 JSON 对象",
    "many questions": "批量提问",
    "questions: JSON lines, or .csv; - for stdin": "问题文件：JSON Lines 或 .csv；- 表示 stdin",
    "where the results go, a JSON object a line (stdout)": (
        "结果文件，每行一个 JSON 对象（默认 stdout）"
    ),
    "how many at once (16)": "最多同时进行多少个（默认 16）",
    "how many in a second, at most": "每秒最多发送多少个",
    "ask on the workers of the cluster at tcp://host:port": (
        "由 tcp://host:port 处集群的工作进程提问"
    ),
    "go on: what is in --out is not asked again": "继续：--out 中已有的不再提问",
    "more": "其他",
    "print the version and leave": "打印版本并退出",
    "print this and leave": "打印本帮助并退出",
    "examples:": "示例：",
    "ask the embedded emulator": "向内置模拟器提问",
    "a session (the key is in DIFY_API_KEY)": "进入会话（密钥在 DIFY_API_KEY 中）",
    'dify-chat --file plan.pdf "Sum this up"': 'dify-chat --file plan.pdf "请总结"',
    "find out what does not work": "检查哪里有问题",
    "exit status: 0, 1 (an error from Dify), 2 (usage), 130 (Ctrl-C)": (
        "退出码：0，1（Dify 报错），2（用法错误），130（Ctrl-C）"
    ),
    "(not installed, so of unknown version)": "（未安装，版本未知）",
    "Check step by step what works between this machine and a Dify app, and say what to\ndo "
    "where something does not: address, name, connection, TLS, API, version, key, app,\na "
    "streamed answer, and whether something on the way holds the stream back.\nThe answer "
    "costs as many tokens as any; its conversation is deleted afterwards.": (
        "逐步检查本机与 Dify 应用之间的各个环节，有问题时说明如何处理：地址、域名、连接、\nTLS"
        "、接口、版本、密钥、应用、流式回答，以及中间是否有代理缓冲了流。\n这个回答照常消耗 "
        "token；检查结束后删除所建的会话。"
    ),
    "what to check": "检查",
    "ask the app nothing: costs no tokens": "不向应用提问：不消耗 token",
    "print one JSON object in place of the lines": "以一个 JSON 对象代替逐行文字",
    "exit status: 0 (all works), 1 (something does not), 2 (usage), 130 (Ctrl-C)\n": (
        "退出码：0（全部正常），1（存在问题），2（用法错误），130（Ctrl-C）\n"
    ),
    # usage errors
    " (see {prog} --help)": "（参见 {prog} --help）",
    "unrecognized arguments: {names}": "无法识别的参数：{names}",
    "; did you mean {option}?": "；是否想用 {option}？",
    "; a prompt of several words needs quotation marks around it": "；含空格的问题需要用引号括起来",
    "{option} must not be empty": "{option} 不能为空",
    "the doctor needs a server: --url and --api-key, or DIFY_URL and DIFY_API_KEY": (
        "doctor 需要服务端：请用 --url 和 --api-key，或 DIFY_URL 和 DIFY_API_KEY 指定"
    ),
    "a server wants the key of an app: give --api-key or set DIFY_API_KEY": (
        "访问服务端需要应用的 API 密钥：请用 --api-key 或 DIFY_API_KEY 指定"
    ),
    "--app is for the emulator, but --api-key or DIFY_API_KEY is for a server": (
        "--app 用于模拟器，而 --api-key 或 DIFY_API_KEY 用于服务端"
    ),
    "stdout is closed": "stdout 已关闭",
    "stdin is closed": "stdin 已关闭",
    "the prompt is empty": "问题为空",
    "the prompt is no text in {encoding}": "问题不是 {encoding} 编码的文本",
    "{path} cannot be read: {cause}": "无法读取 {path}：{cause}",
    "{path} cannot be written: {cause}": "无法写入 {path}：{cause}",
    "{path} has no column content, nor query": "{path} 没有 content 列，也没有 query 列",
    "a prompt does not go with --batch": "--batch 不能与问题同时使用",
    "{option} does not go with --batch": "{option} 不能与 --batch 同时使用",
    "{option} is for --batch": "{option} 只能与 --batch 一起使用",
    "--resume needs the file that it goes on with: --out": (
        "--resume 需要用 --out 指定要继续的结果文件"
    ),
    "{path} is not empty: --resume goes on with it, or name another": (
        "{path} 不为空：请用 --resume 继续，或换一个文件"
    ),
    "--concurrency must be at least 1": "--concurrency 至少为 1",
    "--per-second must be above 0": "--per-second 必须大于 0",
    "{path} is not CSV: {cause}": "{path} 不是 CSV：{cause}",
    "line {n} of {path} is not a result of a batch": "{path} 的第 {n} 行不是批量提问的结果",
    # while it runs
    "no --url and --api-key given: the embedded emulator answers ({app} app, {url})": (
        "未指定 --url 和 --api-key：由内置模拟器回答（{app} 应用，{url}）"
    ),
    "no --url given: asking {url}": "未指定 --url：向 {url} 提问",
    "{cause}; or name a server with --url and --api-key": (
        "{cause}；或用 --url 和 --api-key 指定服务端"
    ),
    '{cause}; --dask needs pip install "dify-java-compat[cluster]"': (
        '{cause}；--dask 需要 pip install "dify-java-compat[cluster]"'
    ),
    "this cannot go on: {cause}": "无法继续：{cause}",
    "type what you want to ask; {commands}, Ctrl-C stops an answer": (
        "请输入问题；{commands}，Ctrl-C 停止回答"
    ),
    "/new begins a new conversation, /quit or Ctrl-D leaves": (
        "/new 开始新会话，/quit 或 Ctrl-D 退出"
    ),
    "a new conversation": "新会话",
    "Ctrl-C again leaves, and so does Ctrl-D": "再按一次 Ctrl-C 退出，Ctrl-D 也可以",
    "the answer is another in the end, and follows": "最终回答与上文不同，如下",
    "stdout is written in {encoding}, which lacks characters of this answer: they are ? now; "
    "with PYTHONIOENCODING=utf-8 in the environment none is lost": (
        "stdout 的编码 {encoding} 无法表示回答中的部分字符，已写成 ?；设置环境变量 "
        "PYTHONIOENCODING=utf-8 即可完整输出"
    ),
    "Dify did not end the answer within {seconds:g} s": "Dify 未在 {seconds:g} 秒内结束回答",
    "the answer could not be stopped: {cause}": "无法停止回答：{cause}",
    "stopped; ": "已停止；",
    "{count} tokens": "{count} 个 token",
    "{seconds:.2f} s": "{seconds:.2f} 秒",
    ", ": "、",
    "; ": "；",
    " - is the API key right? dify-chat doctor says more": (
        "——API 密钥是否正确？可用 dify-chat doctor 检查"
    ),
    " - the key must be that of a chat app": "——请使用聊天助手、Agent 或 Chatflow 的密钥",
    " - the app wants inputs, which a question of --batch can have": (
        "——该应用需要输入变量：--batch 的问题可以带 inputs"
    ),
    " - is it a conversation of this app and of this --user?": (
        "——该会话属于此应用和此 --user 吗？"
    ),
    " - leave out --blocking": "——请去掉 --blocking",
    " - is that the address of a Dify API? dify-chat doctor says more": (
        "——这是 Dify API 的地址吗？可用 dify-chat doctor 检查"
    ),
    " - is Dify running there? dify-chat doctor says more": (
        "——Dify 启动了吗？可用 dify-chat doctor 检查"
    ),
    " - was Dify restarted, or has a proxy a time limit?": (
        "——Dify 是否被重启，或代理有超时限制？"
    ),
    # a batch
    "{count} results are there already, {failed} failed": (
        "已有 {count} 个结果，其中 {failed} 个失败"
    ),
    "{rate:.1f}/s  {failed} failed  {tokens} tokens": (
        "{rate:.1f} 个/秒  失败 {failed}  token {tokens}"
    ),
    "waiting for the {count} that are open; Ctrl-C again stops them": (
        "正在等待未完成的 {count} 个回答；再按一次 Ctrl-C 停止它们"
    ),
    "{count} have their results; the rest was not asked": "{count} 个问题已有结果，其余未提问",
    "to go on, with the other options as they were: {command}": (
        "要继续，请保持其他选项不变，运行：{command}"
    ),
    "{count} answered, {failed} failed": "成功 {count} 个，失败 {failed} 个",
    "{seconds:.1f} s, {rate:.1f} a second": "用时 {seconds:.1f} 秒，每秒 {rate:.1f} 个",
    "an answer took p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s": (
        "回答用时 p50 {p50:.2f} 秒，p90 {p90:.2f} 秒，p99 {p99:.2f} 秒"
    ),
}

CHINESE: Mapping[str, str] = {**_COMMAND, **DOCTOR}
