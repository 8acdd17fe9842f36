"""Both stores against one model: deaths, expiries, writes that are repeated, fenced readers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat import ConnectionException, IllegalArgumentException
from dify_java_compat.web._store import Kept, Kind, MemoryStore, Outcome, State, Store, Write
from dify_java_compat.web.redis import RedisStore

from .redis_server import RedisServer, redis_server

ALIVE, DEAD, KEPT, EXPIRED = 1000.0, -1.0, 2000.0, -1.0
KEYS = ("u1:a", "u1:b", "u2:a")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module", params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        url = request.getfixturevalue("redis").url
        store = RedisStore(url)
        yield store
        store.close()


class Model:
    """What one stream must be like."""

    def __init__(self) -> None:
        self.events: list[Kept] = []
        self.token = 1
        self.is_alive = True
        self.is_over = False
        self.ids = ""

    def state(self) -> State:
        return State(len(self.events), self.is_over, self.is_alive, self.token, self.ids)


ACTS = st.one_of(
    st.tuples(st.just("create")),
    st.tuples(
        st.just("append"),
        st.integers(0, 3),  # how many of the events are repeated
        st.lists(TEXTS, max_size=4),
        st.sampled_from([None, None, Kind.END, Kind.ERROR]),
        st.integers(0, 1),  # how far the token is behind
        st.booleans(),  # whether the reader lives on
    ),
    st.tuples(st.just("claim"), st.integers(0, 1)),
    st.tuples(st.just("read"), st.integers(0, 12), st.integers(1, 5)),
    st.tuples(st.just("stop")),
    st.tuples(st.just("expire")),
)
PREFIXES = itertools.count()


@settings(max_examples=150)
@given(acts=st.lists(st.tuples(st.sampled_from(KEYS), ACTS), max_size=30))
def test_a_store_keeps_each_event_once_and_in_order(store: Store, acts: Any) -> None:
    number = next(PREFIXES)
    models: dict[str, Model | None] = {f"{number}{key}": None for key in KEYS}
    for name, (act, *values) in acts:
        key = f"{number}{name}"
        models[key] = globals()[f"{act}_"](store, key, models[key], *values)
        assert store.states(list(models)) == [each and each.state() for each in models.values()]
    for key, model in models.items():
        assert store.read(key, 0, 1000) == (model.events if model else [])


def create_(store: Store, key: str, model: Model | None) -> Model | None:
    if model is not None:  # an id is never used twice
        return model
    store.create(key, "reader", ALIVE, KEPT)
    return Model()


def append_(
    store: Store,
    key: str,
    model: Model | None,
    repeated: int,
    texts: list[str],
    last: Kind | None,
    behind: int,
    alive: bool,
) -> Model | None:
    done = model.events if model else []
    again = done[len(done) - min(repeated, len(done)) :]
    new = [Kept(len(done) + at, Kind.TEXT, "", text, "x") for at, text in enumerate(texts, 1)]
    if last is not None:
        new.append(Kept(len(done) + len(new) + 1, last, "end", "{}"))
    token = (model.token if model else 1) - behind
    lease = ALIVE if alive else DEAD
    [written] = store.append([Write(key, token, again + new, '{"a":1}', lease, KEPT)])
    if model is None:
        assert written.outcome is Outcome.LOST
    elif behind:
        assert written.outcome is Outcome.FENCED
    else:
        assert written.outcome is Outcome.DONE
        if not model.is_over:
            if again and again[-1].kind.is_last:
                raise AssertionError("a stream that is over has its last event")
            model.events += new
            model.is_over = last is not None
        model.is_alive, model.ids = alive, '{"a":1}'
    return model


def claim_(store: Store, key: str, model: Model | None, behind: int) -> Model | None:
    token = (model.token if model else 1) - behind
    claimed = store.claim(key, token, "another", ALIVE)
    assert claimed == bool(model and not behind and not model.is_over and not model.is_alive)
    if claimed and model:
        model.token, model.is_alive = token + 1, True
    return model


def read_(store: Store, key: str, model: Model | None, after: int, count: int) -> Model | None:
    assert store.read(key, after, count) == (model.events[after:][:count] if model else [])
    return model


def stop_(store: Store, key: str, model: Model | None) -> Model | None:
    assert store.stop(key) == (model is not None)
    return model


def expire_(store: Store, key: str, model: Model | None) -> Model | None:
    if model is not None:
        store.append([Write(key, model.token, [], "", ALIVE, EXPIRED)])
    return None


def test_a_wait_has_events_stops_and_wakes(store: Store) -> None:
    store.create("w:1", "me", ALIVE, KEPT)
    assert store.wait("me", {"w:1": 0}, 0.01).events == {}
    event = Kept(1, Kind.ITEM, "message", '{"answer":"好"}')
    store.append([Write("w:1", 1, [event], "", ALIVE, KEPT)])
    assert store.wait("me", {"w:1": 0}, 5).events == {"w:1": [event]}
    store.stop("w:1")
    arrivals = store.wait("me", {"w:1": 1}, 5)
    assert (dict(arrivals.events), set(arrivals.stops)) == ({}, {"w:1"})
    store.wake("me")
    assert not store.wait("me", {}, 5).stops
    [written] = store.append([Write("w:1", 1, [], "", ALIVE, KEPT)])
    assert written.stop


def test_keys_have_a_prefix_and_a_time_to_live(redis: RedisServer) -> None:
    store = RedisStore(redis.url, prefix="mine:")
    store.create("k:1", "me", ALIVE, KEPT)
    store.append([Write("k:1", 1, [Kept(1, Kind.TEXT, "", "a")], "", ALIVE, KEPT)])
    store.stop("k:1")
    keys = store._server.redis.keys("mine:*")
    assert len(keys) == 3
    for key in keys:
        assert 0 < store._server.redis.ttl(key) <= KEPT * 2
    store.close()


def test_a_password_is_used_and_not_shown(tmp_path: Any) -> None:
    with redis_server(tmp_path, "--requirepass", "s3cret pass") as own:
        address = f"127.0.0.1:{own.port}/3"
        store = RedisStore(f"valkey://:s3cret%20pass@{address}")
        store.create("k", "me", ALIVE, KEPT)
        store.close()
        stranger = RedisStore(f"redis://:wr0ng@{address}")
        with pytest.raises(ConnectionException) as refused:
            stranger.create("k", "me", ALIVE, KEPT)
        stranger.close()
        assert "wr0ng" not in repr(refused.value) + str(refused.value) + repr(store)
        assert "s3cret" not in repr(store)


@pytest.mark.parametrize(
    "url", ["http://x", "", "redis+sentinel://h:1", "redis+sentinel://h:x/s", None, "redis://h:x/"]
)
def test_an_address_that_cannot_work(url: Any) -> None:
    with pytest.raises(IllegalArgumentException, match="url"):
        RedisStore(url)


@pytest.mark.parametrize(
    ("name", "value"), [("prefix", "a{b"), ("max_connections", 1), ("timeout_seconds", 0.1)]
)
def test_an_option_that_cannot_work(name: str, value: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=name):
        RedisStore("redis://127.0.0.1:1", **{name: value})


def test_sentinels_may_have_addresses_of_ipv6() -> None:
    store = RedisStore("redis+sentinel://:pass%20word@[::1]:7/chat")
    pool = store._server.redis.connection_pool
    found = pool.sentinel_manager.sentinels[0].connection_pool.connection_kwargs
    assert (found["host"], found["port"]) == ("::1", 7)
    store.close()


def test_sentinel_names_the_server(tmp_path: Any, redis: RedisServer) -> None:
    conf = tmp_path / "sentinel.conf"
    conf.write_text(f"sentinel monitor chat 127.0.0.1 {redis.port} 1\n", encoding="utf-8")
    with redis_server(tmp_path, "--requirepass", "s3cret", config=conf) as sentinel:
        address = f"redis+sentinel://127.0.0.1:{sentinel.port}/chat/2"
        store = RedisStore(address, sentinel_kwargs={"password": "s3cret"})
        store.create("k", "me", ALIVE, KEPT)
        assert store.states(["k"]) != [None]
        direct = RedisStore(f"{redis.url[:-1]}2")
        assert direct.states(["k"]) == store.states(["k"])
        direct.close()
        store.close()


def test_a_server_that_is_not_there() -> None:
    store = RedisStore("redis://127.0.0.1:1")
    for call in (lambda: store.states(["k"]), lambda: store.read("k", 0, 1)):
        with pytest.raises(ConnectionException, match="Redis cannot be used"):
            call()
