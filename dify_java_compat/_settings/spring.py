"""Settings where a Java service keeps them: a Spring `application.yml`, or the environment."""

from __future__ import annotations

import functools
import itertools
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ..errors import IllegalArgumentException
from .binder import Binder, canonical, segments
from .others import NamedValues, Others

P = TypeVar("P", bound="SpringProperties")

_PREFIX = "dify"
_MOST_PROPERTIES, _MOST_PLACEHOLDERS = 20_000, 1_000
# an unknown name is taken for a misspelt one only here: DIFY_SERVER_PORT and the like are set by
# an orchestrator for a service named dify
_OURS = ("clientconfig", "status")


class SpringProperties(NamedValues):
    """Gives a class of settings `from_yaml`, `from_env`, and all values by their names."""

    @classmethod
    def from_yaml(
        cls: type[P],
        path: str | os.PathLike[str] = "application.yml",
        *,
        environ: Mapping[str, str] | None = None,
        profiles: Iterable[str] | None = None,
    ) -> P:
        """The `dify:` block of a Spring file; needs PyYAML, the extra `yaml`.

        As in Spring: any spelling of a name binds (`read-timeout`, `readTimeout`,
        `READ_TIMEOUT`), nested or with dots; of several documents the later one counts, and one
        for a profile only where that is among `profiles` (None: SPRING_PROFILES_ACTIVE, or the
        file's own `spring.profiles.active`); `${NAME:default}` is looked up in `environ` (None:
        the process's) and in the file; and what `environ` sets (see `from_env`) goes before what
        the file does.

        Names that are not declared are kept: `properties["recommend.api-key"]`. Warns of those
        that look misspelt. Raises IllegalArgumentException where there is no such
        file, where it is not YAML or has a name twice, for a placeholder without a value and for a
        value of the wrong type of a declared setting, always naming the key; ImportError without
        PyYAML.
        """
        environ = os.environ if environ is None else environ
        binder, others = Binder(cls, _PREFIX), Others(environ)
        try:
            found = _properties(_documents(path), environ, profiles)
            _take_properties(binder, others, found, environ)
        except RecursionError:
            raise IllegalArgumentException(
                f"{os.fspath(path)}: it nests too deep, or holds itself"
            ) from None
        for text in (*binder.unknown, *_take_environment(binder, environ)):
            warnings.warn(text, UserWarning, stacklevel=2)
        made: P = binder.build()
        made._keep_others(others)
        return made

    @classmethod
    def from_env(cls: type[P], environ: Mapping[str, str] | None = None) -> P:
        """From `DIFY_URL`, `DIFY_CLIENT_CONFIG_READ_TIMEOUT` and so on; None: the process's own.

        Underscores do not count: Spring's `DIFY_CLIENTCONFIG_READTIMEOUT` is the same. A list is
        text with commas, or `DIFY_STATUS_CHAT_API_KEY_0`, `_1` ... An empty value is no value. What
        is not declared is kept: `DIFY_RECOMMEND_API_KEY` is `properties["recommend.api-key"]`.

        Warns of an unknown name that begins with DIFY_CLIENT_CONFIG_ or DIFY_STATUS_. Raises
        IllegalArgumentException for a value of the wrong type, naming the variable.
        """
        environ = os.environ if environ is None else environ
        binder = Binder(cls, _PREFIX)
        for text in _take_environment(binder, environ):
            warnings.warn(text, UserWarning, stacklevel=2)
        made: P = binder.build()
        made._keep_others(Others(environ))
        return made


def _take_properties(
    binder: Binder, others: Others, found: dict[str, Any], environ: Mapping[str, str]
) -> None:
    """Give `binder` what it knows of a file's properties, and `others` the rest."""
    placeholders = _Placeholders(found, environ)
    for source_name, value in found.items():
        first, *rest = segments(source_name) or [""]
        if canonical(first) != _PREFIX or not rest:
            continue
        fill = functools.partial(placeholders.fill, key=source_name)
        if binder.knows(rest, source_name):
            binder.take(rest, fill(value), source_name)
        else:
            others.keep(rest, value, fill)


def _take_environment(binder: Binder, environ: Mapping[str, str]) -> list[str]:
    """Give `binder` what the environment sets; what is to be said of unknown names."""
    unknown = []
    # of DIFY_URL and dify_url the first counts, so it is taken last
    for variable in sorted(environ, reverse=True):
        start, _, name = variable.partition("_")
        if start.lower() != _PREFIX or not name or not environ[variable]:
            continue
        known = binder.take_joined(name, environ[variable], variable)
        if not known and canonical(name).startswith(_OURS):
            hint = binder.did_you_mean(name, lambda setting: _variable(setting.name))
            unknown.append(f"{variable} is not a known setting{hint}")
    return unknown


def _variable(name: str) -> str:
    return f"{_PREFIX}_{name}".upper().replace(".", "_").replace("-", "_")


def _documents(path: str | os.PathLike[str]) -> list[dict[Any, Any]]:
    try:
        import yaml
    except ImportError as error:
        raise ImportError('from_yaml needs PyYAML: pip install "dify-java-compat[yaml]"') from error

    try:
        with open(path, "rb") as file:
            documents = [each for each in yaml.load_all(file, _loader(yaml)) if each is not None]
    except OSError as error:
        raise IllegalArgumentException(
            f"{os.path.abspath(path)} cannot be read: {error.strerror}"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        # without its cause: that one shows lines of the file, which has keys
        kind = "" if problem.endswith("there twice") else "not YAML: "
        raise IllegalArgumentException(f"{os.fspath(path)}{where}: {kind}{problem}") from None
    except ValueError as error:  # bytes that are no text
        raise IllegalArgumentException(
            f"{os.fspath(path)}: not YAML: {type(error).__name__}"
        ) from None
    if not all(isinstance(each, dict) for each in documents):
        raise IllegalArgumentException(f"{os.fspath(path)}: names with values were expected")
    return documents


def _loader(yaml: Any) -> Any:
    """How PyYAML is to read a file: as Spring does."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Leaves every value the text it is: a key of digits only is still a key.

        A name that is there twice is an error, as in Spring: PyYAML would take the last.
        """

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            names: set[str] = set()
            for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in names:
                        raise yaml.constructor.ConstructorError(
                            problem=f"{key.value} is there twice", problem_mark=key.start_mark
                        )
                    names.add(key.value)
            return super().construct_mapping(node, deep)

    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in kept]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _properties(
    documents: list[dict[Any, Any]], environ: Mapping[str, str], profiles: Iterable[str] | None
) -> dict[str, Any]:
    """The properties of all documents that apply, by dotted name; later ones replace earlier."""
    found: dict[str, Any] = {}
    for document in documents:
        properties = dict(itertools.islice(_flat(document, ""), _MOST_PROPERTIES + 1))
        if len(properties) > _MOST_PROPERTIES:  # aliases of aliases multiply
            raise IllegalArgumentException(f"a file of more than {_MOST_PROPERTIES} properties")
        relaxed = {_relaxed(name): value for name, value in properties.items()}
        wanted = relaxed.get("spring.config.activate.onprofile", relaxed.get("spring.profiles"))
        if wanted is None:
            found |= properties
            continue
        active = profiles
        if active is None:
            here = {_relaxed(name): value for name, value in found.items()}
            active = _words(
                environ.get("SPRING_PROFILES_ACTIVE") or here.get("spring.profiles.active")
            )
        if _applies(wanted, set(active)):
            for name in properties:  # so that what comes later is also read later
                found.pop(name, None)
            found |= properties
    return found


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, item in value.items():
        yield from _flat(item, f"{name}.{key}" if name else str(key))


def _relaxed(name: str) -> str:
    return ".".join(canonical(part) for part in segments(name))


def _words(value: Any) -> list[str]:
    values = value if isinstance(value, list) else str(value or "").split(",")
    return [word for each in values if (word := str(each).strip())]


def _applies(wanted: Any, active: set[str]) -> bool:
    """Whether a document for certain profiles counts: `a`, `!a`, `a & b`, `a | b`, `a, b`."""

    def holds(term: str) -> bool:
        name = term.strip()
        return name[1:].strip() not in active if name[:1] == "!" else name in active

    terms = "|".join(_words(wanted))
    if "(" in terms:
        raise IllegalArgumentException(f"a profile with parentheses is not understood: {terms}")
    return any(all(map(holds, each.split("&"))) for each in terms.split("|"))


class _Placeholders:
    """Fills the `${NAME:default}` in values; how much, is bounded, for placeholders multiply."""

    def __init__(self, properties: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._properties = properties
        self._environ = environ
        self._relaxed = {_relaxed(key): properties[key] for key in reversed(list(properties))}
        self._key = ""
        self._count = 0

    def fill(self, value: Any, key: str) -> Any:
        """`value` of the property `key`."""
        self._key, self._count = key, 0
        if isinstance(value, list):
            return [self.fill(item, key) for item in value]
        return self._text(value, ()) if isinstance(value, str) else value

    def _text(self, text: str, within: tuple[str, ...]) -> str:
        filled = ""
        while (start := text.find("${")) >= 0:
            end = _closing(text, start)
            if end < 0:
                break
            filled += text[:start] + self._value(text[start + 2 : end], within)
            text = text[end + 1 :]
        return filled + text

    def _value(self, inner: str, within: tuple[str, ...]) -> str:
        self._count += 1
        if self._count > _MOST_PLACEHOLDERS:
            raise IllegalArgumentException(
                f"{self._key}: more than {_MOST_PLACEHOLDERS} placeholders"
            )
        colon = _first_colon(inner)
        name = self._text(inner if colon < 0 else inner[:colon], within).strip()
        if name in within:
            raise IllegalArgumentException(f"{self._key}: ${{{name}}} stands for itself")
        for variable in (name, re.sub("[.-]", "_", name).upper()):
            if variable in self._environ:
                return self._environ[variable]
        value = self._property(name)
        if value is not None:
            return self._text(str(value), (*within, name))
        if colon < 0:
            raise IllegalArgumentException(
                f"{self._key}: ${{{name}}} has no value: set {name} in the environment,"
                f" or give a default, ${{{name}:...}}"
            )
        return self._text(inner[colon + 1 :], within)

    def _property(self, name: str) -> Any:
        if name in self._properties:
            return self._properties[name]
        return self._relaxed.get(_relaxed(name))


def _closing(text: str, start: int) -> int:
    """Where the placeholder that begins at `start` ends; -1 where it does not."""
    depth = 0
    for match in re.compile(r"\$?\{|\}").finditer(text, start):
        depth += -1 if match[0] == "}" else 1
        if depth == 0:
            return match.start()
    return -1


def _first_colon(inner: str) -> int:
    """The colon before the default, which is not one of a placeholder within."""
    depth = 0
    for match in re.finditer(r"\$?\{|\}|:", inner):
        if match[0] == ":" and depth == 0:
            return match.start()
        depth += {"}": -1, ":": 0}.get(match[0], 1)
    return -1
