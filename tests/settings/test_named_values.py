"""`properties["recommend.api-key"]`: what a `dify` block has that the SDK does not declare."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import DifyProperties, IllegalArgumentException

from .test_binding import read

APPS = """
dify:
  url: http://dify
  recommend:
    apiKey: ${RECOMMEND_KEY:app-default}
    max: 5
    names: [a, "${NAME:b}"]
    empty:
  apps:
    - name: sales
      api_key: app-sales
    - name: support
      api_key: ${SUPPORT_KEY}
  client-config: {read-timeout: 45}
other: {key: x}
"""


def apps(**environ: str) -> DifyProperties:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(APPS, **{"SUPPORT_KEY": "app-support", **environ})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recommend.api-key", "app-default"),
        ("recommend.apiKey", "app-default"),
        ("RECOMMEND.API_KEY", "app-default"),
        ("dify.recommend.api-key", "app-default"),
        ("recommend.max", "5"),
        ("recommend.names", ["a", "b"]),
        ("recommend.names[1]", "b"),
        ("recommend.empty", ""),
        ("apps[0].api-key", "app-sales"),
        ("apps[1].apiKey", "app-support"),
        ("url", "http://dify"),
        ("client-config.read-timeout", 45.0),
        ("dify.clientConfig.connectTimeout", 10.0),
    ],
)
def test_a_value_by_any_spelling_of_its_name(name: str, value: Any) -> None:
    properties = apps()
    if name == "recommend.names":
        assert properties["recommend.names[0]"] == "a"
    assert properties[name] == properties.get(name) == value
    assert name in properties


@given(
    st.sampled_from(["recommend", "myApp", "two-words"]), st.sampled_from(["apiKey", "x_y", "a"])
)
def test_a_name_has_many_spellings(group: str, key: str) -> None:
    properties = read(f"dify: {{{group}: {{{key}: v}}}}")
    name = f"{group}.{key}"
    for spelt in (name, name.upper(), name.replace("_", "-"), name.lower(), f"dify.{name}"):
        assert properties[spelt] == "v"


def test_the_environment_goes_first() -> None:
    assert apps(RECOMMEND_KEY="app-1")["recommend.api-key"] == "app-1"
    assert apps(DIFY_RECOMMEND_API_KEY="app-2")["recommend.api-key"] == "app-2"
    assert apps(DIFY_RECOMMEND_APIKEY="app-3")["recommend.api-key"] == "app-3"
    assert apps(DIFY_APPS_0_API_KEY="app-4")["apps[0].api-key"] == "app-4"
    assert apps(DIFY_UNHEARD_OF="x")["unheard.of"] == "x"
    assert apps(DIFY_RECOMMEND_API_KEY="")["recommend.api-key"] == "app-default"


def test_from_the_environment_alone() -> None:
    properties = DifyProperties.from_env({"DIFY_RECOMMEND_API_KEY": "app-1", "DIFY_URL": "u"})
    assert (properties["recommend.api-key"], properties["url"]) == ("app-1", "u")


def test_no_such_name() -> None:
    properties = apps()
    with pytest.raises(KeyError, match=r"no dify\.recomend\.api-key .*; did you mean"):
        properties["recomend.api-key"]
    with pytest.raises(KeyError):
        properties["recommend"]
    assert properties.get("zzz") is None
    assert properties.get("zzz.api-key", "") == ""
    for name in ("zzz", "", "dify", "recommend.names[2]"):
        assert name not in properties
    with pytest.raises(KeyError):
        DifyProperties()["recommend.api-key"]
    with pytest.raises(TypeError):
        list(properties)  # type: ignore[call-overload]


def test_a_placeholder_without_a_value_is_the_error_of_who_asks() -> None:
    properties = read("dify: {url: u, recommend: {api-key: '${NOWHERE}'}}")
    assert properties.url == "u"
    for _ in range(2):
        with pytest.raises(
            IllegalArgumentException, match=r"dify\.recommend\.api-key: \$\{NOWHERE"
        ):
            properties["recommend.api-key"]


def test_no_repr_shows_a_value_and_copies_have_it() -> None:
    properties = apps()
    assert "app-" not in repr(properties) + str(properties.to_dict())
    for again in (copy.deepcopy(properties), pickle.loads(pickle.dumps(properties))):
        assert again["apps[1].api-key"] == "app-support"


@pytest.mark.parametrize(
    "text", ["client-confg: {read-timeout: 1}", "ulr: x", "status: {chat-api-kee: x}"]
)
def test_what_looks_misspelt_is_a_warning_still(text: str) -> None:
    with pytest.warns(UserWarning, match=r"is not a known setting; did you mean dify\."):
        read(f"dify: {{{text}}}")


@pytest.mark.parametrize(
    "text", ["api-key: x", "user: x", "workflow: {api-key: x}", "sales: {url: x}"]
)
def test_what_is_another_name_is_none(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(f"dify: {{{text}}}")
