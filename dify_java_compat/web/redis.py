"""A store of resumable streams that processes and machines share: Redis Streams, or Valkey."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from ..errors import ConnectionException, IllegalArgumentException
from ._store import Arrivals, Kept, Kind, Outcome, State, Write, Written

__all__ = ["RedisStore"]

R = TypeVar("R")

_SENTINEL: Any = Sentinel  # which has no types
_COUNT = 500  # events of one stream in one reply
_CONTROL_SECONDS = 3600
_KINDS = {kind.value: kind for kind in Kind}
_VALKEY = {"valkey": "redis", "valkeys": "rediss"}

# A stream is two keys: a hash with how it stands (n the last number, t the reader's token, r its
# name, l until when its lease lasts, f when it was followed last, o it is over, s it is to stop,
# i the ids of the run), and a stream with its events, whose ids are their numbers.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_CREATE = (
    _NOW
    + """
redis.call('HSET', KEYS[1], 'n', 0, 't', 1, 'r', ARGV[1], 'l', now + ARGV[2], 'f', now)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""
)
_APPEND = (
    _NOW
    + """
local found = redis.call('HMGET', KEYS[1], 't', 'n', 'o', 's', 'f')
if not found[1] then return {'lost', 0, 0} end
if found[1] ~= ARGV[1] then return {'fenced', 0, 0} end
local last, over = tonumber(found[2]), found[3]
local number = ARGV[5] - 1
for at = 6, #ARGV do
    local kind = string.sub(ARGV[at], 1, 1)
    local ends = kind == 'e' or kind == 'z'
    number = number + 1
    if ends then number = last + 1 end
    if not over and number > last then
        redis.call('XADD', KEYS[2], string.format('%d-0', number), 'e', ARGV[at])
        last = number
        if ends then over = '1' end
    end
end
redis.call('HSET', KEYS[1], 'n', last, 'l', now + ARGV[3])
if over then redis.call('HSET', KEYS[1], 'o', '1') end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'i', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'ok', found[4] and 1 or 0, now - found[5]}
"""
)
_STATE = (
    _NOW
    + """
local found = redis.call('HMGET', KEYS[1], 'n', 'o', 'l', 't', 'i')
if not found[1] then return false end
if ARGV[1] == '1' then redis.call('HSET', KEYS[1], 'f', now) end
local alive = tonumber(found[3]) >= now and 1 or 0
return {tonumber(found[1]), found[2] and 1 or 0, alive, tonumber(found[4]), found[5] or ''}
"""
)
_CLAIM = (
    _NOW
    + """
local found = redis.call('HMGET', KEYS[1], 't', 'o', 'l')
if found[1] ~= ARGV[1] or found[2] or tonumber(found[3]) >= now then return 0 end
redis.call('HSET', KEYS[1], 't', ARGV[1] + 1, 'r', ARGV[2], 'l', now + ARGV[3])
return 1
"""
)
_STOP = """
local reader = redis.call('HGET', KEYS[1], 'r')
if reader then redis.call('HSET', KEYS[1], 's', '1') end
return reader
"""


class _Server:
    """A Redis, its scripts, and its failures as exceptions of ours."""

    def __init__(self, connected: Any) -> None:
        self.redis = connected
        self._shas: dict[str, str] = {}

    def evaluate(self, script: str, keys: tuple[str, str], *arguments: Any) -> Any:
        """The script's result for one stream."""
        return self.evaluate_all(script, [(keys, list(arguments))])[0]

    def evaluate_all(
        self, script: str, calls: Sequence[tuple[tuple[str, str], Sequence[Any]]]
    ) -> list[Any]:
        """The script's result for each call; a script is sent whole once, and after a restart."""

        def evaluate() -> list[Any]:
            sha = self._shas.get(script)
            if sha is None:
                sha = self._shas[script] = _text(self.redis.script_load(script))
            with self.redis.pipeline(transaction=False) as pipeline:
                for keys, arguments in calls:
                    pipeline.evalsha(sha, 2, *keys, *arguments)
                results: list[Any] = pipeline.execute()
                return results

        def evaluate_again() -> list[Any]:
            try:
                return evaluate()
            except NoScriptError:
                self._shas.pop(script, None)
                return evaluate()

        return self.call(evaluate_again)

    def call(self, function: Callable[[], R]) -> R:
        """What `function` gives; ConnectionException for whatever is wrong with Redis."""
        try:
            return function()
        except RedisError as error:
            text = f"Redis cannot be used: {type(error).__name__}"
            raise ConnectionException(text) from error


class RedisStore:
    """Keeps the streams of `ResumableStreams` in Redis: any process that shares it may follow.

    `url` is as redis-py has it, `redis://:password@host:6379/0`, `rediss://` for TLS and `unix://`;
    `valkey://` and `valkeys://` are the same, and Redis by way of Sentinel is
    `redis+sentinel://:password@host:26379,host:26379/service/0`. `options` are those of
    `redis.Redis`, and `sentinel_kwargs` with those for the Sentinels, as their own password. There
    is one pool of at most `max_connections`. Each key begins with `prefix` and has a time to live.
    What Redis does not do within `timeout_seconds` is a ConnectionException.

    IllegalArgumentException for an argument that cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "dify:",
        max_connections: int = 32,
        timeout_seconds: float = 2.0,
        **options: Any,
    ) -> None:
        if not isinstance(prefix, str) or "{" in prefix or "}" in prefix:
            raise IllegalArgumentException("prefix must be a text without braces")
        if not isinstance(max_connections, int) or max_connections < 4:
            raise IllegalArgumentException("max_connections must be 4 or more")
        if not timeout_seconds >= 1:  # a wait for events takes half a second
            raise IllegalArgumentException("timeout_seconds must be 1 or more")
        self._prefix = prefix
        self._lock = threading.Lock()
        self._controls: dict[str, str] = {}  # by reader: the id of the newest request to it
        settings = {
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
            "retry": Retry(NoBackoff(), 0),  # the readers and watchers try again themselves
            **options,
        }
        self._server = _Server(_connect(url, max_connections, timeout_seconds, settings))

    def create(self, key: str, reader: str, lease_seconds: float, keep_seconds: float) -> None:
        """A new stream, whose reader holds token 1."""
        self._server.evaluate(
            _CREATE, self._keys(key), reader, _ms(lease_seconds), _ms(keep_seconds)
        )

    def append(self, writes: Sequence[Write]) -> list[Written]:
        """Append the events of several streams and renew their leases, in one exchange."""
        calls = []
        for write in writes:
            arguments: list[Any] = [write.token, write.ids]
            arguments += [_ms(write.lease_seconds), _ms(write.keep_seconds)]
            arguments.append(write.events[0].number if write.events else 0)
            arguments += map(_packed, write.events)
            calls.append((self._keys(write.key), arguments))
        return [
            Written(Outcome(outcome.decode()), bool(stop), unfollowed / 1000)
            for outcome, stop, unfollowed in self._server.evaluate_all(_APPEND, calls)
        ]

    def states(self, keys: Sequence[str], followed: bool = False) -> list[State | None]:
        """How streams stand, None for one that is not known."""
        flag = "1" if followed else "0"
        calls = [(self._keys(key), [flag]) for key in keys]
        return [
            State(found[0], bool(found[1]), bool(found[2]), found[3], found[4].decode())
            if found
            else None
            for found in self._server.evaluate_all(_STATE, calls)
        ]

    def read(self, key: str, after: int, count: int) -> list[Kept]:
        """At most `count` events behind the number `after`."""
        _, events = self._keys(key)
        return _entries(
            self._server.call(
                lambda: self._server.redis.xrange(events, f"{after + 1}-0", count=count)
            )
        )

    def claim(self, key: str, token: int, reader: str, lease_seconds: float) -> bool:
        """Take a stream over whose reader, which held `token`, is dead."""
        keys = self._keys(key)
        return bool(self._server.evaluate(_CLAIM, keys, token, reader, _ms(lease_seconds)))

    def stop(self, key: str) -> bool:
        """Ask the stream's reader to stop; False where the stream is not known."""
        reader = self._server.evaluate(_STOP, self._keys(key))
        if reader is None:
            return False
        self._request(reader.decode(), key)
        return True

    def wait(self, reader: str, positions: Mapping[str, int], seconds: float) -> Arrivals:
        """Wait for events behind these numbers, for a stop or a wake, for so long at most."""
        control = self._control(reader)
        with self._lock:
            streams = {control: self._controls.setdefault(reader, "0-0")}
        names = {self._keys(key)[1].encode(): key for key in positions}
        streams |= {self._keys(key)[1]: f"{after}-0" for key, after in positions.items()}
        block = max(1, _ms(seconds))
        found: Any = self._server.call(
            lambda: self._server.redis.xread(streams, count=_COUNT, block=block)
        )
        events: dict[str, list[Kept]] = {}
        stops: set[str] = set()
        for name, entries in found.items() if isinstance(found, dict) else found or ():
            if name == control.encode():
                self._controls[reader] = entries[-1][0].decode()
                stops |= {fields[b"stop"].decode() for _, fields in entries} - {""}
            else:
                events[names[name]] = _entries(entries)
        return Arrivals(events, stops)

    def wake(self, reader: str) -> None:
        """End the wait of that reader."""
        self._request(reader, "")

    def close(self) -> None:
        """Close the connections."""
        pool = self._server.redis.connection_pool
        pool.disconnect()
        for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
            sentinel.connection_pool.disconnect()

    def _request(self, reader: str, key: str) -> None:
        control = self._control(reader)

        def request() -> None:
            with self._server.redis.pipeline(transaction=False) as pipeline:
                pipeline.xadd(control, {"stop": key}, maxlen=10_000)
                pipeline.expire(control, _CONTROL_SECONDS)
                pipeline.execute()

        self._server.call(request)

    def _keys(self, key: str) -> tuple[str, str]:
        return f"{self._prefix}{{{key}}}", f"{self._prefix}{{{key}}}:events"

    def _control(self, reader: str) -> str:
        return f"{self._prefix}reader:{reader}"


def _connect(url: str, max_connections: int, timeout: float, settings: dict[str, Any]) -> Any:
    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+sentinel":
            return _from_sentinel(parts, {**settings, "max_connections": max_connections})
        scheme = _VALKEY.get(parts.scheme, parts.scheme)
        pool = redis.BlockingConnectionPool.from_url(
            scheme + url[len(parts.scheme) :],
            max_connections=max_connections,
            timeout=timeout,
            **settings,
        )
        return redis.Redis(connection_pool=pool)
    except (ValueError, TypeError, AttributeError) as error:
        raise IllegalArgumentException(
            "url must be one of redis://, rediss://, unix://, valkey://, valkeys:// or"
            " redis+sentinel://, as redis-py has them"
        ) from error


def _from_sentinel(parts: Any, settings: dict[str, Any]) -> Any:
    _, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError("no service")
    nodes = [(each.hostname, each.port or 26379) for each in map(_host, hosts.split(","))]
    credentials, _, _ = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    login = {"username": unquote(user) or None, "password": unquote(password) or None}
    own = {"socket_timeout": settings["socket_timeout"], **settings.pop("sentinel_kwargs", {})}
    sentinel: Any = _SENTINEL(nodes, sentinel_kwargs=own)
    return sentinel.master_for(service, db=int(database or 0), **{**login, **settings})


def _host(address: str) -> Any:
    return urlsplit(f"//{address}")


def _packed(event: Kept) -> bytes:
    """An event as one value: its kind, name and identity are lines before its data."""
    text = f"{event.kind.value}{event.name}\n{event.identity}\n{event.data}"
    return text.encode("utf-8", "replace")  # half a character has no bytes


def _entries(found: Any) -> list[Kept]:
    events = []
    for number, fields in found:
        head, identity, data = fields[b"e"].decode().split("\n", 2)
        kind = _KINDS[head[0]]
        events.append(Kept(int(number.partition(b"-")[0]), kind, head[1:], data, identity))
    return events


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
