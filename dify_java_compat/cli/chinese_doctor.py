"""What the doctor says, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

DOCTOR: Mapping[str, str] = {
    # the steps
    "ok": "正常",
    "note": "注意",
    "FAILED": "失败",
    "-": "跳过",
    "address": "地址",
    "name": "域名",
    "connection": "连接",
    "TLS": "TLS",
    "API": "接口",
    "version": "版本",
    "key": "密钥",
    "app": "应用",
    "stream": "流式",
    "buffering": "缓冲",
    "not checked: {steps}": "未检查：{steps}",
    "not everything works": "存在问题",
    "everything works": "全部正常",
    "looking up {host}": "正在解析 {host}",
    "connecting to {host}": "正在连接 {host}",
    "asking for the app": "正在查询应用",
    "looking for Dify's API": "正在查找 Dify 的 API",
    "asking a question": "正在提问",
    # address, name, connection
    "requests go to {url}": "请求发往 {url}",
    " (no --url given)": "（未指定 --url）",
    " (/v1 is added; curl and other clients need it written)": (
        "（已自动补上 /v1；curl 等其他客户端须自行写上）"
    ),
    "write single slashes: where a client sends a double one, Dify redirects or responds 404": (
        "请只写单个斜杠：请求中若有双斜杠，Dify 会重定向或返回 404"
    ),
    "leave out the user; the key goes into DIFY_API_KEY or --api-key": (
        "请去掉用户名；密钥用 DIFY_API_KEY 或 --api-key 指定"
    ),
    "write http:// or https:// before it: http://{host}": (
        "请在前面写上 http:// 或 https://：http://{host}"
    ),
    "an address looks like https://dify.example.org/v1, without ? and #": (
        "地址形如 https://dify.example.org/v1，不含 ? 和 #"
    ),
    " (the proxy {proxy} of the environment)": "（环境变量中的代理 {proxy}）",
    "{host} needs no look-up": "{host} 无需解析",
    "{host} is {addresses}": "{host} 解析为 {addresses}",
    "{host} is not found: {cause}": "无法解析 {host}：{cause}",
    "is it spelt right, and known to the DNS or VPN of this machine?": (
        "请检查拼写，以及本机的 DNS 或 VPN 能否解析该域名"
    ),
    "port {port} accepts it after {ms:.0f} ms": "{ms:.0f} 毫秒连上端口 {port}",
    "{host} refuses connections to port {port}": "{host} 拒绝连接端口 {port}",
    "is Dify running there (docker compose ps), and is that its port? Its web server has 80 "
    "or 443, its API alone 5001": (
        "请检查 Dify（或本地模拟器）是否已启动（docker compose ps），端口是否正确："
        "nginx 为 80 或 443，单独的 API 为 5001"
    ),
    "{host} does not respond on port {port}": "{host} 的端口 {port} 没有响应",
    "is the port right? Else a firewall or a VPN stands in between": (
        "请检查端口是否正确，以及中间的防火墙或 VPN"
    ),
    "no connection to {host}, port {port}: {cause}": "无法连接 {host} 的端口 {port}：{cause}",
    "is this machine on the network, and the address reachable from it?": (
        "请检查本机网络，以及能否访问该地址"
    ),
    # TLS
    "http: nothing is encrypted, the key included": "使用 http：内容（包括密钥）未加密",
    "the certificate is accepted": "证书有效",
    "the certificate is not accepted: {reason}": "证书验证失败：{reason}",
    "have whoever runs the server send its whole chain; where the certificate is of your own "
    "or your company's authority, name its file: REQUESTS_CA_BUNDLE=/path/ca.pem in the "
    'environment, in Python ClientConfig(verify="/path/ca.pem")': (
        "请让服务端发送完整的证书链；若证书由自建或公司的 CA 签发，请指定 CA 文件：环境变量 "
        'REQUESTS_CA_BUNDLE=/path/ca.pem，或在 Python 中 ClientConfig(verify="/path/ca.pem")'
    ),
    "the clock of this machine, or the certificate, is wrong: it is not valid yet": (
        "证书尚未生效：请检查本机时钟和证书"
    ),
    "renew the certificate on the server; is the clock of this machine right?": (
        "请在服务器上更新证书；并检查本机时钟"
    ),
    "the server signed its certificate itself: name the certificate's file with "
    "REQUESTS_CA_BUNDLE=/path/cert.pem in the environment, in Python "
    'ClientConfig(verify="/path/cert.pem"), or have it signed by an authority': (
        "这是自签名证书：请指定证书文件（环境变量 REQUESTS_CA_BUNDLE=/path/cert.pem，或在 "
        'Python 中 ClientConfig(verify="/path/cert.pem")），或改用由 CA 签发的证书'
    ),
    "use the name that the certificate is for, or have one made for this name": (
        "请使用证书中的域名，或为此域名签发证书"
    ),
    "use the name that the certificate is for, or have one made for this address": (
        "请使用证书中的域名，或为此地址签发证书"
    ),
    "no TLS connection comes about: {reason}": "无法建立 TLS 连接：{reason}",
    "this port speaks without TLS: write http:// in place of https://": (
        "该端口不使用 TLS：请把 https:// 改为 http://"
    ),
    "look for a proxy, a firewall or an old TLS version on the way to the server": (
        "请检查中间的代理、防火墙，以及服务端的 TLS 版本是否过旧"
    ),
    # API, version
    "Dify's API responds": "Dify 的 API 有响应",
    ", behind {names}": "，经过 {names}",
    "Dify's API is at {url}: use that as --url": "Dify 的 API 在 {url}：请用它作为 --url",
    "the server does not say it": "服务端未说明",
    "on the server: docker compose ps, docker compose logs {service}": (
        "在服务器上查看：docker compose ps，docker compose logs {service}"
    ),
    "the port is open, but nothing comes: is Dify still starting, or overloaded?": (
        "端口已打开但没有数据：Dify 是否仍在启动，或负载过高？"
    ),
    "what listens on that port speaks no HTTP: is the port right?": (
        "该端口上的服务不是 HTTP：请检查端口"
    ),
    "Dify is there, but its API is not at this path: HTTP {n}": (
        "Dify 在该服务器上，但其 API 不在这个路径：HTTP {n}"
    ),
    "this port wants TLS: write https:// in place of http://": (
        "该端口需要 TLS：请把 http:// 改为 https://"
    ),
    "the server redirects to {url}": "服务端重定向到 {url}",
    "use that as --url, where it is Dify's": "若那是 Dify，请用它作为 --url",
    "a proxy responds, but Dify's API behind it does not: HTTP {n}": (
        "代理有响应，但其后的 Dify API 没有响应：HTTP {n}"
    ),
    "something before Dify wants a login, or forbids it: HTTP {n}": (
        "Dify 前面的服务要求登录或禁止访问：HTTP {n}"
    ),
    "ask whoever runs the proxy or firewall in between": "请联系中间代理或防火墙的管理员",
    "a web page came in place of Dify's API: HTTP {n}": (
        "返回的是网页，而不是 Dify 的 API：HTTP {n}"
    ),
    "is that the API's address? Dify shows it under API Access; it is another than that of "
    "Dify's own pages where these have a port of their own, and may have a path before /v1": (
        "请检查是否为 API 的地址：在 Dify 的“访问 API”页面可以看到它；Dify 页面使用单独的端口"
        "时两者不同，/v1 之前也可能有路径"
    ),
    # key, app
    "no key given": "未指定密钥",
    "give --api-key, or set DIFY_API_KEY": "请用 --api-key 或 DIFY_API_KEY 指定",
    "the key is accepted": "密钥有效",
    "give the key alone, without Bearer": "请只写密钥本身，不要带 Bearer",
    "there are quotation marks or blanks in it: leave them out": "密钥中有引号或空格：请去掉",
    "that is the key of a knowledge base; an app has its own, which begins with app-": (
        "这是知识库的密钥；应用的密钥以 app- 开头"
    ),
    "keys of apps begin with app-: in Dify open the app, then API Access, API Key; is "
    "DIFY_API_KEY set to another?": (
        "应用的密钥以 app- 开头：在 Dify 中打开应用，进入“访问 API”>“API 密钥”；并检查 "
        "DIFY_API_KEY 是否被设成了别的值"
    ),
    "in Dify open the app, then API Access, API Key, and copy it again; it holds for that "
    "app on that server alone": (
        "请在 Dify 中打开应用，进入“访问 API”>“API 密钥”重新复制；密钥只对该服务器上的该应用有效"
    ),
    '"{name}", {kind} (mode {mode})': "“{name}”，{kind}（模式 {mode}）",
    '"{name}"; the server does not say of which kind': "“{name}”；服务端未说明应用类型",
    '"{name}" is no chat app, but of mode {mode}': "“{name}”不是聊天助手，模式为 {mode}",
    "a chat assistant": "聊天助手",
    "an agent": "Agent",
    "a chatflow": "Chatflow",
    "a new agent": "新版 Agent",
    "it takes inputs and has no chat: use RequestsDifyWorkflow in Python, or the key of a "
    "chat assistant, an agent or a chatflow": (
        "工作流应用只有输入而没有对话：请在 Python 中使用 RequestsDifyWorkflow，或改用聊天助手"
        "、Agent 或 Chatflow 的密钥"
    ),
    "text generation apps have no chat: use the key of a chat assistant, an agent or a "
    "chatflow": "文本生成应用没有对话：请改用聊天助手、Agent 或 Chatflow 的密钥",
    "switch the app's backend service API on, in Dify on the app's overview page": (
        "请在 Dify 应用的监测页面启用“后端服务 API”"
    ),
    # stream, buffering
    "Count from one to thirty in words.": "请用汉字从一数到三十。",
    "no question was asked (--no-question)": "未提问（--no-question）",
    "only an answer shows it": "须有回答才能判断",
    "{count} events, the first after {first:.2f} s, the last after {last:.2f} s": (
        "{count} 个事件，第一个在 {first:.2f} 秒后，最后一个在 {last:.2f} 秒后"
    ),
    "the app wants inputs, which the doctor does not know; give them in Python or in a "
    "batch. --no-question leaves this step out": (
        "该应用需要输入变量，doctor 无从得知；请在 Python 或批量提问中给出。用 --no-question 可"
        "跳过这一步"
    ),
    "publish the app in Dify": "请在 Dify 中发布应用",
    "Dify took the question, and the app failed: its model's key, quota or name; see the "
    "app's logs in Dify, and Settings, Model Provider": (
        "Dify 已接受问题，但应用执行失败：请检查模型的密钥、额度和名称；参见 Dify 中该应用的日"
        "志，以及“设置”>“模型供应商”"
    ),
    "Dify took the question and says nothing: its model or its worker is stuck": (
        "Dify 已接受问题但没有回应：模型或 worker 可能卡住"
    ),
    "the connection was cut after {count} events: a proxy's time limit (nginx: "
    "proxy_read_timeout 3600s), or Dify was restarted": (
        "收到 {count} 个事件后连接被切断：可能是代理的超时限制（nginx：proxy_read_timeout 3600s"
        "），或 Dify 被重启"
    ),
    "a proxy in between changes the response of streams: let it pass them on as they are": (
        "中间的代理改动了流式响应：请让它原样转发"
    ),
    "none: events came one by one, at {count} moments": "没有缓冲：事件逐个到达，分 {count} 次",
    "the answer was too short or too fast to tell": "回答太短或太快，无法判断",
    "the stream is held back: the answer took {expected:.1f} s on the server, and its "
    "{count} events came within {span:.2f} s": (
        "流被缓冲：服务端用 {expected:.1f} 秒生成回答，而 {count} 个事件在 {span:.2f} 秒内一起到达"
    ),
    "the stream is held back: its {count} events came at {moments} moments, many at once": (
        "流被缓冲：{count} 个事件只分 {moments} 次到达，每次一批"
    ),
    "nginx collects responses by default: set proxy_buffering off; in its location of /v1, "
    "and leave text/event-stream out of gzip_types": (
        "nginx 默认缓冲响应：请在 /v1 所在的 location 中设置 proxy_buffering off;，且 "
        "gzip_types 不要包含 text/event-stream"
    ),
    "find the proxy, gateway or virus scanner on the way, and switch off its buffering and "
    "compression of text/event-stream (nginx: proxy_buffering off;)": (
        "请找出中间的代理、网关或杀毒软件，关闭它对 text/event-stream 的缓冲和压缩（nginx："
        "proxy_buffering off;）"
    ),
}
