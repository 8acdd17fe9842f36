"""Any spelling of a name binds, from a file and from the environment."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import ClientConfig, DifyProperties
from dify_java_compat._dto.names import camel
from dify_java_compat._settings.binder import Setting

from .java_properties import JAVA, OURS, PLACES, at, of, samples, simple_places

SPELLINGS: list[Callable[[str], str]] = [
    lambda name: name,
    lambda name: name.replace("_", "-"),
    lambda name: name.replace("_", ""),
    camel,
    lambda name: camel(name)[:1].upper() + camel(name)[1:],
    str.upper,
    lambda name: name.upper().replace("_", "-"),
    lambda name: name.upper().replace("_", ""),
]
spelt = st.sampled_from(SPELLINGS)
places = st.sampled_from(list(simple_places()))


def read(text: str, **environ: str) -> DifyProperties:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "application.yml")
        path.write_text(text, encoding="utf-8")
        return DifyProperties.from_yaml(path, environ=environ)


def test_every_java_name_is_known() -> None:
    known = {".".join(map(camel, place.fields)) for place in PLACES}
    assert known > JAVA.keys()


@pytest.mark.parametrize("name", JAVA)
def test_a_default_is_javas_or_a_safer_one(name: str) -> None:
    assert at(DifyProperties(), name) == {**JAVA, **OURS}[name]


def test_two_names_never_run_together() -> None:
    assert len({"".join(place.key) for place in PLACES}) == len(PLACES)


@given(place=places, data=st.data())
def test_any_spelling_binds_in_yaml(place: Setting, data: st.DataObject) -> None:
    names = [data.draw(spelt)(name) for name in ("dify", *place.fields)]
    text, value = samples(place)
    cuts = data.draw(st.lists(st.booleans(), min_size=len(names) - 1, max_size=len(names) - 1))
    keys = [names[0]]  # each next name is below the last, or behind a dot
    for name, cut in zip(names[1:], cuts, strict=True):
        keys = [*keys, name] if cut else [*keys[:-1], f"{keys[-1]}.{name}"]
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read("\n".join(lines) + f" {json.dumps(text)}\n")
    assert of(found, place) == value
    others = [other for other in PLACES if other != place]
    assert [of(found, other) for other in others] == [of(DifyProperties(), o) for o in others]


@given(place=places, data=st.data())
def test_any_spelling_binds_in_the_environment(place: Setting, data: st.DataObject) -> None:
    joined = "_".join(
        name.replace("_", "") if data.draw(st.booleans()) else name for name in place.fields
    )
    name = data.draw(st.sampled_from([str.upper, str.lower]))(f"dify_{joined}")
    text, value = samples(place)
    assert of(DifyProperties.from_env({name: text}), place) == value


@pytest.mark.parametrize("place", list(simple_places()), ids=lambda place: place.name)
def test_the_two_plain_names_of_a_variable(place: Setting) -> None:
    text, value = samples(place)
    underscored = "_".join(place.fields).upper()
    springs = "_".join(name.replace("_", "") for name in place.fields).upper()
    for name in (underscored, springs):
        assert of(DifyProperties.from_env({f"DIFY_{name}": text}), place) == value


@given(st.integers(0, 10**9), st.sampled_from(["", "s", " s", "S"]))
def test_a_number_of_seconds(number: int, unit: str) -> None:
    found = read(f"dify.client-config.read-timeout: {number}{unit}")
    assert found.client_config.read_timeout == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("1.5", 1.5),
        ("2m", 120),
        ("1h", 3600),
        ("PT30S", 30),
        ("PT1M30S", 90),
        ("pt2h", 7200),
        ('"30"', 30),
    ],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert read(f"dify.clientConfig.readTimeout: {text}").client_config.read_timeout == seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("yes", True), ("1", True), ("Off", False), ("'no'", False), ("0", False)],
)
def test_a_yes_or_no(text: str, value: bool) -> None:
    config = ClientConfig(skip_null=not value)
    assert config.skip_null is not value
    assert read(f"dify.client-config.skip-null: {text}").client_config.skip_null is value


@pytest.mark.parametrize(
    "text",
    [
        "chat-api-key: [app-1, app-2]",
        "chat-api-key: app-1, app-2",
        "chatApiKey:\n    - app-1\n    - app-2",
        "chat-api-key[1]: app-2\n  CHAT_API_KEY[0]: app-1",
    ],
)
def test_a_list(text: str) -> None:
    assert read(f"dify.status:\n  {text}\n").status.chat_api_key == ["app-1", "app-2"]


def test_a_list_from_the_environment() -> None:
    for environ in (
        {"DIFY_STATUS_CHAT_API_KEY": "a,b"},
        {"DIFY_STATUS_CHAT_API_KEY_1": "b", "DIFY_STATUS_CHAT_API_KEY_0": "a"},
        {"DIFY_STATUS_CHATAPIKEY_0_": "a", "DIFY_STATUS_CHATAPIKEY_1_": "b"},
    ):
        assert DifyProperties.from_env(environ).status.chat_api_key == ["a", "b"]


def test_what_only_we_have() -> None:
    config = read(
        "dify:\n  client-config:\n    stop-on-dispose: true\n    max-retries: 0\n"
        "    proxies:\n      https: http://proxy:3128\n      http://10.1.2.3: http://other:1\n"
        "    verify: /etc/ca.pem\n    cert: [client.pem, client.key]\n"
    ).client_config
    assert (config.stop_on_dispose, config.max_retries) == (True, 0)
    assert config.proxies == {"https": "http://proxy:3128", "http://10.1.2.3": "http://other:1"}
    assert config.verify == "/etc/ca.pem"
    assert config.cert == ("client.pem", "client.key")
    assert read("dify.client-config.verify: false").client_config.verify is False


def test_a_value_is_the_text_it_is() -> None:
    found = read("dify:\n  url: 0123\n  server:\n    password: 0x10\n    email: 2024-01-02\n")
    assert (found.url, found.server.password, found.server.email) == ("0123", "0x10", "2024-01-02")


def test_nothing_given_is_the_default() -> None:
    empty = "dify:\n  url:\n  client-config:\n    read-timeout: ~\n  server:\n"
    assert read(empty) == read("") == read("spring.a: 1") == DifyProperties()
    assert DifyProperties.from_env({}) == DifyProperties()
    assert DifyProperties.from_env({"DIFY_CLIENT_CONFIG_READ_TIMEOUT": ""}) == DifyProperties()


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFY_CLIENT_CONFIG_READ_TIMEOUT", "7")
    assert DifyProperties.from_env().client_config.read_timeout == 7


def test_no_secret_is_shown() -> None:
    found = read(
        "dify:\n  dataset.api-key: hidden\n  server.password: hidden\n  status:\n"
        "    api-key: hidden\n    dataset-api-key: hidden\n"
        "    chat-api-key: hidden\n    workflow-api-key: hidden\n"
    )
    assert found.dataset.api_key == "hidden"
    assert "hidden" not in repr(found)
