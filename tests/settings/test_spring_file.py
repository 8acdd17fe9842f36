"""What a Spring file may have: documents, profiles, placeholders; and what may be wrong in it."""

from __future__ import annotations

import builtins
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import DifyProperties, IllegalArgumentException

from .test_binding import read


def test_a_file_of_a_service() -> None:
    found = read(
        """
        server: {port: 8080}
        spring: {application: {name: qa}}
        dify:
          url: ${DIFY_BASE:https://dify.example.com}/v1
          client-config: &common
            read-timeout: 45
          server: {email: a@b.cn, password: "${PASSWORD}", password-encryption: false}
        other: {<<: *common}
        """,
        PASSWORD="s3cret",
    )
    assert found.url == "https://dify.example.com/v1"
    assert found.client_config.readTimeout == 45
    assert (found.server.email, found.server.password) == ("a@b.cn", "s3cret")
    assert found.server.passwordEncryption is False


def test_a_merged_mapping() -> None:
    text = "base: &base {read-timeout: 3, skip-null: false}\n"
    text += "dify:\n  client-config:\n    <<: *base\n    skip-null: true\n"
    config = read(text).client_config
    assert (config.read_timeout, config.skip_null) == (3, True)


def test_the_later_document_counts() -> None:
    found = read("dify: {url: a, server: {email: e}}\n---\ndify.url: b\n---\n# nothing\n")
    assert (found.url, found.server.email) == ("b", "e")


DOCUMENTS = """
spring.profiles.active: test
dify.url: base
---
spring.config.activate.on-profile: {wanted}
DIFY.URL: special
"""


@pytest.mark.parametrize(
    ("wanted", "active", "counts"),
    [
        ("prod", "prod", True),
        ("prod", "dev,prod", True),
        ("prod", "dev", False),
        ("test", "", True),  # the file's own
        ("prod", "", False),
        ("'!prod'", "dev", True),
        ("'!prod'", "prod", False),
        ("dev, prod", "prod", True),
        ("[dev, prod]", "prod", True),
        ("dev & prod", "prod", False),
        ("dev & prod", "prod,dev", True),
        ("dev | prod", "prod", True),
    ],
)
def test_a_document_for_a_profile(wanted: str, active: str, counts: bool) -> None:
    found = read(DOCUMENTS.format(wanted=wanted), SPRING_PROFILES_ACTIVE=active)
    assert found.url == ("special" if counts else "base")


def test_profiles_as_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(DOCUMENTS.format(wanted="prod"), encoding="utf-8")
    assert DifyProperties.from_yaml(path, profiles=["prod"]).url == "special"
    assert DifyProperties.from_yaml(str(path), environ={}, profiles=[]).url == "base"


def test_a_profile_in_parentheses_is_refused() -> None:
    with pytest.raises(IllegalArgumentException, match="parentheses"):
        read(DOCUMENTS.format(wanted="(a | b) & c"))


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${A:d}", {"A": "x"}, "x"),
        ("${A:d}", {}, "d"),
        ("${A:}", {}, ""),
        ("${A:http://h:1/v1}", {}, "http://h:1/v1"),
        ("<${A}-${B:2}>", {"A": "1"}, "<1-2>"),
        ("${A:${B:x}}", {}, "x"),
        ("${A:${B:x}}", {"B": "b"}, "b"),
        ("${A:${B}}", {"A": "a"}, "a"),
        ("${A:${B:${C:${D:deep}}}}", {}, "deep"),
        ("${${N}}", {"N": "M", "M": "x"}, "x"),
        ("${my.host-name}", {"MY_HOST_NAME": "x"}, "x"),
        ("${the.port}", {}, "8080"),
        ("${the.PORT}", {}, "8080"),
        ("${the.other}", {}, "8080!"),
        ("${A", {}, "${A"),
        ("$A {A} }", {"A": "x"}, "$A {A} }"),
    ],
)
def test_a_placeholder(text: str, environ: dict[str, str], value: str) -> None:
    found = read(f"the: {{port: 8080, other: '${{the.port}}!'}}\ndify.url: '{text}'", **environ)
    assert found.url == value


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="${}:'\"\\")))
def test_a_default_is_taken_as_it_is(text: str) -> None:
    assert read(f"dify.url: '${{NOBODY_SETS_THIS:{text}}}'").url == text


def test_a_placeholder_in_a_number_and_in_a_list() -> None:
    found = read(
        "dify: {client-config.read-timeout: '${T:30s}', status.chat-api-key: ['${K}', b]}", K="a"
    )
    assert found.client_config.read_timeout == 30
    assert found.status.chat_api_key == ["a", "b"]


def test_a_placeholder_without_a_value() -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        read("dify: {server: {password: 'x${SECRET_NAME}y'}}")
    assert "dify.server.password: ${SECRET_NAME} has no value" in str(caught.value)


def test_a_placeholder_elsewhere_is_nobodys_business() -> None:
    assert read("other: ${NOT_SET}\ndify.url: u").url == "u"


def test_a_placeholder_that_stands_for_itself() -> None:
    with pytest.raises(IllegalArgumentException, match=r"dify\.url: \$\{a\} stands for itself"):
        read("{a: '${b}', b: '${a}', dify: {url: '${a}'}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("client-config: {read-timeout: soon}", "dify.client-config.read-timeout must be a number"),
        ("clientConfig: {maxRetries: 1.5}", "dify.clientConfig.maxRetries must be a whole number"),
        ("client-config: {read-timeout: nan}", "must be a number of seconds"),
        ("client-config: {read-timeout: 1_0}", "must be a number of seconds"),
        ("client-config: {logging: maybe}", "dify.client-config.logging must be true or false"),
        ("client-config: 5", "dify.client-config is a group of settings, not a value"),
        ("url: [a, b]", "dify.url must be one value, not several"),
        ("status: {chat-api-key: [[a]]}", "dify.status.chat-api-key must be one value"),
        ("client-config: {proxies: x}", "dify.client-config.proxies must have names and values"),
    ],
)
def test_a_value_of_the_wrong_type(text: str, message: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        read(f"dify: {{{text}}}")
    assert message in str(caught.value)


def test_a_variable_of_the_wrong_type() -> None:
    with pytest.raises(IllegalArgumentException, match=r"^DIFY_CLIENT_CONFIG_MAX_RETRIES must be"):
        DifyProperties.from_env({"DIFY_CLIENT_CONFIG_MAX_RETRIES": "many"})


def test_an_unknown_name_is_a_warning_with_the_nearest_known_one() -> None:
    with pytest.warns(UserWarning, match="not a known setting") as caught:
        found = read("dify: {clientConfig: {redTimeout: 1, zzz: 2, read-timeout: 3}, ulr: x}")
    assert [str(warning.message) for warning in caught] == [
        "dify.clientConfig.redTimeout is not a known setting; "
        "did you mean dify.client-config.read-timeout?",
        "dify.clientConfig.zzz is not a known setting",
        "dify.ulr is not a known setting; did you mean dify.url?",
    ]
    assert all(warning.filename == read.__code__.co_filename for warning in caught)
    assert found.client_config.read_timeout == 3


def test_an_unknown_variable_is_a_warning_with_the_nearest_known_one() -> None:
    with pytest.warns(UserWarning, match="not a known setting") as caught:
        DifyProperties.from_env({"DIFY_CLIENT_CONFIG_REDTIMEOUT": "1"})
    assert str(caught[0].message) == (
        "DIFY_CLIENT_CONFIG_REDTIMEOUT is not a known setting; "
        "did you mean DIFY_CLIENT_CONFIG_READ_TIMEOUT?"
    )
    assert caught[0].filename == __file__


def test_variables_of_others_are_nobodys_business() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = ("DIFY_API_KEY", "DIFY_SERVER_PORT", "DIFY_PORT", "DIFY_", "DIFY", "PATH", "")
        assert DifyProperties.from_env(dict.fromkeys(names, "x")) == DifyProperties()


def test_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "none.yml"
    with pytest.raises(IllegalArgumentException) as caught:
        DifyProperties.from_yaml(path)
    assert f"{path} cannot be read: No such file" in str(caught.value)
    with pytest.raises(IllegalArgumentException, match="cannot be read"):
        DifyProperties.from_yaml(tmp_path)


@pytest.mark.parametrize("text", ["dify:\n  password: 'hidden\n", "a: b: hidden", "\x00hidden"])
def test_not_yaml(text: str) -> None:
    with pytest.raises(IllegalArgumentException, match=r"application\.yml.*: not YAML") as caught:
        read(text)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text", "a: 1\n---\n7"])
def test_yaml_without_names(text: str) -> None:
    with pytest.raises(IllegalArgumentException, match="names with values were expected"):
        read(text)


def test_yaml_runs_nothing() -> None:
    with pytest.raises(IllegalArgumentException, match="not YAML"):
        read("dify.url: !!python/object/apply:os.getcwd []")


def test_without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "yaml":
            raise ImportError("No module named 'yaml'")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "dify-java-compat\[yaml\]"'):
        DifyProperties.from_yaml("none.yml")


TWICE = {
    "a block": "dify:\n  url: http://a\ndify:\n  client-config:\n    read-timeout: 5\n",
    "a setting": "dify:\n  url: http://a\n  url: http://b\n",
    "a name of others": "server: {port: 1}\nserver: {port: 2}\ndify: {url: http://a}\n",
}


@pytest.mark.parametrize("text", TWICE.values(), ids=TWICE)
def test_a_name_that_is_there_twice_is_refused_as_in_spring(text: str, tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IllegalArgumentException, match=r"line \d+: \w+ is there twice"):
        DifyProperties.from_yaml(path, environ={})


def test_the_environment_goes_before_the_file_as_in_spring(tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_text(
        "dify:\n  url: http://file\n  client-config: {read-timeout: 5, max-retries: 1}\n"
        "  status: {chat-api-key: [app-1, app-2]}\n",
        encoding="utf-8",
    )
    environ = {
        "DIFY_URL": "http://environment",
        "DIFY_CLIENTCONFIG_READTIMEOUT": "7",
        "DIFY_STATUS_CHAT_API_KEY_0": "app-3",
        "DIFY_STATUS_EMPTY": "",
    }
    made = DifyProperties.from_yaml(path, environ=environ)
    assert made.url == "http://environment"
    assert made.client_config.read_timeout == 7
    assert made.client_config.max_retries == 1
    assert made.status.chat_api_key == ["app-3"]
    assert DifyProperties.from_yaml(path, environ={}).url == "http://file"


def test_an_empty_item_is_an_empty_text_as_in_spring(tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_text(
        "dify:\n  status:\n    chat-api-key:\n      - app-1\n      -\n", encoding="utf-8"
    )
    assert DifyProperties.from_yaml(path, environ={}).status.chat_api_key == ["app-1", ""]


HOSTILE = {
    "aliases that multiply": "a0: &a0 {x: 1}\n"
    + "".join(
        f"a{n}: &a{n} {{" + ", ".join(f"k{i}: *a{n - 1}" for i in range(9)) + "}\n"
        for n in range(1, 7)
    )
    + "dify: {url: http://x}\n",
    "placeholders that multiply": "p0: xxxxxxxxxx\n"
    + "".join(f"p{n}: ${{p{n - 1}}}${{p{n - 1}}}\n" for n in range(1, 22))
    + 'dify: {url: "${p21}"}\n',
    "placeholders in placeholders": 'dify: {url: "' + "${a:" * 2000 + "x" + "}" * 2000 + '"}\n',
    "maps in maps": "dify: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n",
    "an alias to itself": "dify: &d {url: http://x, more: *d}\n",
    "a number of 5,000 digits": "dify: {client-config: {max-retries: " + "9" * 5000 + "}}\n",
    "an object of Python": 'dify: {url: !!python/object/apply:os.system ["echo x"]}\n',
    "bytes": "dify: {url: \udcff}\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_broken_file_is_refused_and_holds_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(IllegalArgumentException):
        DifyProperties.from_yaml(path, environ={})
