"""What a client does when it is told nothing."""

import inspect
import re

import pytest

from dify_java_compat import ClientConfig
from dify_java_compat._dto.names import names_of


def test_the_defaults() -> None:
    config = ClientConfig()
    assert config.connect_timeout == 10
    assert config.read_timeout == 120
    assert config.sse_read_timeout == 60  # a ping comes every 10, the status line after 11
    assert config.call_timeout == 0
    assert config.max_retries == 2
    assert config.raise_stream_errors
    assert not config.skip_malformed_events
    assert not config.stop_on_dispose
    assert config.stop_drain_seconds == 5
    assert not config.blocking_via_stream
    assert config.async_workers == 32


def test_every_setting_is_explained() -> None:
    doc = inspect.getdoc(ClientConfig) or ""
    explained = [
        name
        for line in re.findall(r"^([a-z_, ]+):", doc, re.MULTILINE)
        for name in line.split(", ")
    ]
    assert explained == list(names_of(ClientConfig).java)


def test_a_setting_by_javas_name() -> None:
    config = ClientConfig(connectTimeout=1, skipMalformedEvents=True)
    assert (config.connect_timeout, config.skip_malformed_events) == (1, True)
    config.readTimeout = 2
    assert config.read_timeout == 2


def test_a_misspelt_setting() -> None:
    with pytest.raises(TypeError, match="no field 'readTimeOut'; did you mean 'readTimeout'"):
        ClientConfig(readTimeOut=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="no field 'max_retrys'; did you mean 'max_retries'"):
        ClientConfig().max_retrys = 1  # type: ignore[attr-defined]


def test_settings_as_json() -> None:
    config = ClientConfig(call_timeout=30.0, proxies={"https": "http://proxy:3128"})
    assert ClientConfig.from_json(config.to_json()) == config
    assert config.to_dict()["callTimeout"] == 30.0
