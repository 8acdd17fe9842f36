"""How a client behaves. Java's names, safe defaults; seconds everywhere."""

from __future__ import annotations

from typing import Any

from ._dto import Dto, dto, secret


@dto
class ClientConfig(Dto):
    """How a client connects, waits, retries and streams.

    connect_timeout: to make a connection.
    read_timeout: for an answer that is not a stream, between two reads.
    sse_read_timeout: between two reads of a stream, its status line included; Dify pings every 10.
    call_timeout: for a whole call or stream, 0 for none.
    keep_alive_seconds: how long an idle connection may be used again; None for 1.5 on http (Dify's
        own server drops it after 2) and 30 on https.
    max_idle_connections: how many are kept for later; more are opened as needed.
    max_retries: of a GET that failed, and of any call that never reached the server.
    raise_stream_errors: an `error` event ends the stream with on_error; False: as in Java, with
        on_completed.
    skip_malformed_events: as in Java, pass over events that are not JSON.
    max_event_bytes: the largest event of a stream.
    stop_on_dispose: disposing of a stream stops the answer on the server and keeps what came.
    stop_drain_seconds: how long such a stream may go on unseen.
    blocking_via_stream: `send` streams and collects, for agent apps and gateways that cut.
    proxies, verify, cert: as in requests; None for what the environment says.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    sse_read_timeout: float = 60.0
    call_timeout: float = 0.0
    keep_alive_seconds: float | None = None
    max_idle_connections: int = 10
    max_retries: int = 2
    raise_stream_errors: bool = True
    skip_malformed_events: bool = False
    max_event_bytes: int = 32 * 1024 * 1024
    stop_on_dispose: bool = False
    stop_drain_seconds: float = 5.0
    blocking_via_stream: bool = False
    proxies: dict[str, str] | None = secret(default=None)
    verify: bool | str | None = None
    cert: Any = None
