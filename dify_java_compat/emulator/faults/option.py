"""Faults as the command line spells them: ``cut:after_events=3,times=2``."""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, get_args, get_type_hints

from .. import faults
from .kinds import Fault

_KINDS: dict[str, type[Fault]] = {
    re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower(): getattr(faults, name)
    for name in faults.__all__
    if name != "Fault"
}


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READERS: dict[type, Callable[[str], Any]] = {int: int, float: float, bool: _boolean, str: str}


@dataclasses.dataclass(frozen=True)
class FaultOption:
    """One fault, the prompts it is for, and how often it happens: None is for ever."""

    fault: Fault
    when: str | None = None
    times: int | None = 1


def spelled() -> str:
    """All kinds with their options, for the help."""
    kinds = []
    for kind, cls in _KINDS.items():
        names = ", ".join(field.name for field in dataclasses.fields(cls))
        kinds.append(f"{kind} ({names})" if names else kind)
    return "\n  ".join(kinds)


def parse(text: str) -> FaultOption:
    """The fault that ``text`` spells; ``ValueError`` says what is wrong with the text.

    A kind, then after a colon ``name=value`` pairs between commas; the first may go without its
    name. ``times`` and ``when`` go with every kind; ``times=all`` is for ever.
    """
    kind, _, rest = text.partition(":")
    cls = _KINDS.get(kind)
    if cls is None:
        _unknown("fault", kind, _KINDS)
    hints = get_type_hints(cls)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    times: int | None = 1
    when = None
    # A comma is part of a value unless the next pair follows it.
    for index, pair in enumerate(re.split(r",(?=\w+=)", rest) if rest else []):
        name, equals, value = pair.partition("=")
        if not equals and index == 0 and fields:
            name, value = next(iter(fields)), pair
        if name == "when":
            when = value
        elif name == "times":
            times = None if value == "all" else _read(name, value, int)
        elif name in fields:
            values[name] = _read(name, value, fields[name])
        else:
            _unknown(f"option of {kind}", name, [*fields, "times", "when"])
    needed = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.name not in values
    ]
    if needed:
        raise ValueError(f"{kind} needs {' and '.join(needed)}")
    return FaultOption(cls(**values), when, times)


def _read(name: str, value: str, hint: Any) -> Any:
    kind = next((one for one in (hint, *get_args(hint)) if one in _READERS), str)
    try:
        return _READERS[kind](value)
    except (ValueError, KeyError):
        raise ValueError(f"{name} takes a value of type {kind.__name__}, not {value!r}") from None


def _unknown(what: str, name: str, known: Iterable[str]) -> NoReturn:
    near = difflib.get_close_matches(name, list(known), 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise ValueError(f"no {what} is called {name!r}: {hint}")
