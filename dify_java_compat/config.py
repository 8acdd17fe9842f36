"""How a client behaves. Java's names, safe defaults; seconds everywhere."""

from dataclasses import field
from typing import Any

from ._dto.dto import Dto, dto, secret
from ._settings.spring import SpringProperties

__all__ = ["ClientConfig", "DifyProperties"]


@dto
class ClientConfig(Dto):
    """How a client connects, waits, retries, streams and logs; checked when a client is made.

    connect_timeout: to make a connection; 0 for no limit, here and in the next three, as in Java.
    read_timeout: for a response that is not a stream, between two reads.
    sse_read_timeout: between two reads of a stream, its status line included; Dify pings every 10.
        None for that of read_timeout.
    call_timeout: for a whole call or stream, 0 for none.
    keep_alive_seconds: how long an idle connection may be used again; None for 1.5 on http (Dify's
        own server drops it after 2) and 30 on https.
    max_idle_connections: how many are kept for later; more are opened as needed.
    max_retries: of a GET that failed, and of any call that never reached the server.
    raise_stream_errors: an `error` event, or a run that failed, ends the stream with on_error;
        False: as in Java, with on_completed.
    skip_malformed_events: as in Java, pass over events that are not JSON.
    max_event_bytes: the largest event of a stream.
    stop_on_dispose: disposing of a stream stops the answer on the server. Chat and agent apps, and
        chatflows of Dify 1.12, keep the part they have; a chatflow of 1.14 keeps that or nothing.
    stop_drain_seconds: how long such a stream may go on unseen.
    blocking_via_stream: `send` streams and collects, for agent apps and gateways that cut.
    resume_streams: take up a chatflow's run again where the connection of its stream breaks.
    resume_attempts: how often one stream tries that.
    proxies, verify, cert: as in requests; None for what the environment sets.
    write_timeout: to send a request, or each block of a file; 0 for no limit.
    max_requests, max_requests_per_host: how many streams may be open at once, the next ones
        waiting for their turn; 0 for any number. A client has one host, so the smaller of the two
        counts. As with Java's OkHttp, other calls do not wait, nor are they counted.
    skip_null: without effect: requests never carry nulls. Here so that Java's settings bind.
    logging: a line a request on the logger `dify_java_compat`, at DEBUG.
    logging_mask_enabled: hide passwords, tokens, cookies, phone and ID numbers and e-mail
        addresses in these lines. API keys are hidden always.
    log_body_max_bytes: how much of a body such a line shows; 0 for all.
    log_binary_body: show the bytes of audio and the like too, not only how many they are.
    async_workers: how many calls of `AsyncDifyChat` run at once, each on a thread; the next ones
        wait for their turn. Its streams are not among them.
    first_event_timeout: of a stream that has begun with a ping, until its first event, counted from
        the last ping; 0 for no limit, None for that of sse_read_timeout.
    stream_grace: how long a stream that is over may stay open: without an event behind an error or
        the end of a resumed run, without a byte behind the end of a chatflow that has no run; 0 for
        any time.
    strict_conversation: a StreamErrorException where a chatflow of Dify 1.14 begins a new
        conversation, for it does not know the one asked for, and that run is stopped; False: a
        warning on the logger.
    headers: sent with each request. Of `with_options`: beside those that there are.
    interceptors: see each call and its response's head, and may add headers; a call with some holds
        a thread until that head has come, a stream's too. See `Interceptor`.
    listeners: learn of each call's start and end; see `CallListener`.
    telemetry: spans and metrics by OpenTelemetry, which the extra `otel` installs.
    telemetry_content: prompts and answers in the spans, too.
    max_body_bytes: the largest body of a response that is no stream, unpacked.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    sse_read_timeout: float | None = 60.0
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
    resume_streams: bool = False
    resume_attempts: int = 3
    proxies: dict[str, str] | None = secret(default=None)
    verify: bool | str | None = None
    cert: Any = None
    write_timeout: float = 30.0
    max_requests: int = 0
    max_requests_per_host: int = 0
    skip_null: bool = True
    logging: bool = True
    logging_mask_enabled: bool = True
    log_body_max_bytes: int = 4096
    log_binary_body: bool = False
    async_workers: int = 32
    first_event_timeout: float | None = 300.0
    stream_grace: float = 2.0
    strict_conversation: bool = False
    headers: dict[str, str] | None = secret(default=None)
    interceptors: list[Any] | None = None
    listeners: list[Any] | None = None
    telemetry: bool = False
    telemetry_content: bool = False
    max_body_bytes: int = 128 * 1024 * 1024


@dto
class DifyProperties(Dto, SpringProperties):
    """What a Spring service has under `dify` in its `application.yml`; read it with `from_yaml`.

    `RequestsDifyChat(properties.url, properties.client_config)` makes the client of it. `server`
    (the console's account) and `status` (Spring's health indicator) bind and are kept, but nothing
    here uses them.
    """

    @dto
    class Dataset(Dto):
        """Of the knowledge bases: their key."""

        api_key: str | None = secret(default=None)

    @dto
    class Server(Dto):
        """An account of the console."""

        email: str | None = None
        password: str | None = secret(default=None)
        password_encryption: bool = True

    @dto
    class StatusConfig(Dto):
        """What Spring's health indicator looks at."""

        health_indicator_enabled: bool = False
        health_indicator_init_by_server: bool = True
        api_key: str | None = secret(default=None)
        dataset_api_key: str | None = secret(default=None)
        chat_api_key: list[str] | None = secret(default=None)
        workflow_api_key: list[str] | None = secret(default=None)

    url: str | None = None
    dataset: "DifyProperties.Dataset" = field(default_factory=Dataset)
    server: "DifyProperties.Server" = field(default_factory=Server)
    client_config: ClientConfig = field(default_factory=ClientConfig)
    status: "DifyProperties.StatusConfig" = field(default_factory=StatusConfig)
