"""What a `dify` block has beside the SDK's own settings: the keys of several apps, for instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import IllegalArgumentException
from .binder import canonical, segments, settings_of

_PREFIX = "dify"


class Others:
    """Values under names that nobody declared, in any of Spring's spellings; no repr shows them.

    As in Spring a variable of the environment goes before the file. A placeholder without a value
    is an error for who asks for it, and for nobody else.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._variables = {
            canonical(name): value for name, value in _variables(environ or {}) if value
        }
        self._values: dict[tuple[str, ...], Any] = {}

    def keep(self, path: list[str], value: Any, fill: Callable[[Any], Any]) -> None:
        """A value under a name in parts, or lists and maps of them; `fill` resolves a text."""
        for name, item in _leaves(tuple(map(canonical, path)), value):
            try:
                self._values[name] = "" if item is None else fill(item)
            except IllegalArgumentException as error:
                self._values[name] = error

    def find(self, path: list[str]) -> Any:
        """The value under that name. KeyError where there is none."""
        name = tuple(map(canonical, path))
        if (variable := self._variables.get(_as_variable(name))) is not None:
            return variable
        value = self._values[name]
        if isinstance(value, IllegalArgumentException):
            raise IllegalArgumentException(*value.args)
        return value

    def nearest(self, path: list[str]) -> str | None:
        """The known name that is most like it."""
        import difflib  # for a misspelt name alone

        names = [".".join(name).replace(".[", "[") for name in self._values]
        return next(iter(difflib.get_close_matches(".".join(map(canonical, path)), names, 1)), None)


class NamedValues:
    """Gives a class of settings what Spring's `@Value("${dify.name:default}")` gives.

    `properties["recommend.api-key"]`, `properties.get("recommend.api-key", "")` and
    `"recommend.api-key" in properties`, for names that the class does not declare as for those it
    does; in any spelling, with or without `dify.` before it.
    """

    def __getitem__(self, name: str) -> Any:
        """A text, or a list of texts; of a declared setting its value.

        KeyError where there is no such name, IllegalArgumentException for a placeholder in it that
        has no value.
        """
        path = segments(name)
        if path and canonical(path[0]) == _PREFIX and len(path) > 1:
            path = path[1:]
        cls: Any = type(self)
        setting = settings_of(cls).get(tuple(map(canonical, path)))
        if setting is not None:
            value: Any = self
            for field in setting.fields:
                value = getattr(value, field)
            return value
        others: Others = vars(self).get("_others") or Others()
        try:
            return others.find(path)
        except KeyError:
            near = others.nearest(path)
            hint = f"; did you mean {near!r}?" if near else ""
            raise KeyError(f"no {_PREFIX}.{'.'.join(path)} in the settings{hint}") from None

    def get(self, name: str, default: Any = None) -> Any:
        """The value under that name, `default` where there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: str) -> bool:
        return self.get(name, _ABSENT) is not _ABSENT

    __iter__ = None  # else Python would try the numbers from 0

    def _keep_others(self, others: Others) -> None:
        vars(self)["_others"] = others


_ABSENT: Any = object()


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    # of DIFY_KEY and dify_key the first counts, so it comes last
    for variable in sorted(environ, reverse=True):
        start, _, name = variable.partition("_")
        if start.lower() == _PREFIX and name:
            yield name, environ[variable]


def _as_variable(name: tuple[str, ...]) -> str:
    """As a variable of the environment has it: `a.b[0]` is A_B_0."""
    return "".join(part.strip("[]") for part in name)


def _leaves(name: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves((*name, *map(canonical, segments(str(key)))), item)
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves((*name, f"[{index}]"), item)
        if any(isinstance(item, (dict, list)) for item in value):
            return
    yield name, value
