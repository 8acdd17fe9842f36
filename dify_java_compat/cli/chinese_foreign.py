"""Sentences of argparse, of the client and of the system, and their Chinese; the first that fits
counts.
"""

from __future__ import annotations

from collections.abc import Mapping

FOREIGN: Mapping[str, str] = {
    # of argparse
    "argument {name}: {reason}": "参数 {name}：{reason}",
    "expected one argument": "需要一个值",
    "invalid choice: {value} (choose from {choices})": "无效的值 {value}（可选：{choices}）",
    "invalid int value: {value}": "{value} 不是整数",
    "invalid float value: {value}": "{value} 不是数字",
    "ignored explicit argument {value}": "该选项不带值，但给了 {value}",
    # of the client
    "base_url must look like http://host:port or https://host/v1, not {value}": (
        "地址的格式应为 http://host:port 或 https://host/v1，而不是 {value}"
    ),
    "base_url must not have a user or a password: the API key is sent in their place": (
        "地址中不能有用户名或密码：请求以 API 密钥验证身份"
    ),
    "base_url {value} is no address: {rest}": "{value} 不是有效的地址：{rest}",
    "api_key must not be empty and must be ASCII without blanks or line breaks": (
        "API 密钥不能为空，只能是不含空格和换行的 ASCII 字符"
    ),
    "no answer from {origin} (proxy {proxy}): {cause}": (
        "{origin} 没有响应（经代理 {proxy}）：{cause}"
    ),
    "no answer from {origin}: {cause}": "{origin} 没有响应：{cause}",
    "no connection within {seconds} s ({setting})": "{seconds} 秒内未能建立连接（{setting}）",
    "a block was not sent within {seconds} s ({setting})": (
        "{seconds} 秒内未能发出一块数据（{setting}）"
    ),
    "nothing came for {seconds} s ({setting})": "{seconds} 秒内没有收到数据（{setting}）",
    "no event within {seconds} s of the last sign of life ({setting})": (
        "{seconds} 秒内没有收到事件（{setting}）"
    ),
    "not done within {seconds} s ({setting})": "{seconds} 秒内未能完成（{setting}）",
    "status {status}, {rest}; base_url is {url}": "HTTP 状态码 {status}，{rest}；base_url 为 {url}",
    "status {status}, {rest}": "HTTP 状态码 {status}，{rest}",
    "error event, status {status}, {rest}": "error 事件，状态码 {status}，{rest}",
    "error event, {rest}": "error 事件，{rest}",
    "the stream ended before {events}": "流在 {events} 之前结束",
    "the stream was cut: {cause}": "流被切断：{cause}",
    "the response was cut: {cause}": "响应被切断：{cause}",
    "an event that is not a JSON object: {event}": "有一个事件不是 JSON 对象：{event}",
    "an event stream was expected, but {kind} came: {body}": "预期为事件流，却收到 {kind}：{body}",
    "the response is not the JSON that was expected ({detail}): {body}": (
        "响应不是预期的 JSON（{detail}）：{body}"
    ),
    # of the system
    "[Errno {number}] {cause}": "{cause}",
    "the connection was closed in the middle of the body": "响应还没结束，连接就断了",
    "Connection refused": "连接被拒绝",
    "Connection reset by peer": "连接被对方重置",
    "Network is unreachable": "网络不可达",
    "No route to host": "没有到主机的路由",
    "timed out": "超时",
    "no answer from the name servers within {seconds} s": "域名服务器在 {seconds} 秒内没有响应",
    "Name or service not known": "域名不存在",
    "No address associated with hostname": "该域名没有地址",
    "Temporary failure in name resolution": "域名解析暂时失败，网络或 DNS 不可用",
    "nodename nor servname provided, or not known": "域名不存在",
    "Remote end closed connection without response": "对方未响应即关闭连接",
    "No such file or directory": "文件不存在",
    "Permission denied": "没有权限",
    "Is a directory": "这是一个目录",
    "No space left on device": "磁盘已满",
    "File too large": "文件过大",
    "self-signed certificate in certificate chain": "证书链中有自签名证书",
    "self-signed certificate": "自签名证书",
    "self signed certificate": "自签名证书",
    "unable to get local issuer certificate": "找不到签发者的证书",
    "certificate has expired": "证书已过期",
    "certificate is not yet valid": "证书尚未生效",
    "Hostname mismatch, certificate is not valid for {name}.": "证书不适用于域名 {name}",
    "IP address mismatch, certificate is not valid for {name}.": "证书不适用于地址 {name}",
}
