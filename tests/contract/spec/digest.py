"""The facts of Dify's API description: `python -m tests.contract.spec.digest <description.json>`.

Names, types, statuses and codes, and the events of its examples of streams; no text of the
description is copied. `operations.json` and `streams.json` beside this file are what it wrote.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = Path(__file__).with_name("operations.json")
STREAMS = Path(__file__).with_name("streams.json")
Facts = dict[str, Any]

_STREAM = "text/event-stream"


# objects whose keys are an app's own
_FREE = ("inputs", "outputs", "resolved_default_values", "submitted_data")


def digest(description: Facts) -> Facts:
    """Its operations and events; as JSON has it, for a comparison with what was frozen."""
    described = Described(description)
    operations = {
        f"{method.upper()} {path}": described.operation(operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }
    events = dict(sorted(described.events().items()))
    return json.loads(json.dumps({"operations": operations, "events": events}))  # type: ignore[no-any-return]


class Described:
    """A description whose references are followed."""

    def __init__(self, description: Facts) -> None:
        self._description = description

    def operation(self, operation: Facts) -> Facts:
        body = operation.get("requestBody", {}).get("content", {})
        return {
            "parameters": {
                parameter["name"]: parameter["in"] for parameter in operation.get("parameters", ())
            },
            "body": self._contents(body),
            "required": sorted(self._required(operation, body)),
            "answers": {
                status: self._contents(self._followed(answer).get("content", {}))
                for status, answer in operation["responses"].items()
                if status.startswith("2")
            },
            "errors": sorted(
                {
                    (example["value"]["status"], example["value"]["code"])
                    for status, answer in operation["responses"].items()
                    if not status.startswith("2")
                    for content in answer["content"].values()
                    for example in content["examples"].values()
                }
            ),
        }

    def _required(self, operation: Facts, body: Facts) -> Iterator[str]:
        for parameter in operation.get("parameters", ()):
            if parameter.get("required"):
                yield parameter["name"]
        for content in body.values():
            yield from self._followed(content["schema"]).get("required", ())

    def _contents(self, contents: Facts) -> Facts:
        return {kind: dict(self._fields(content["schema"])) for kind, content in contents.items()}

    def _fields(self, schema: Facts, path: str = "") -> Iterator[tuple[str, str]]:
        """Each field that holds no others, as a dotted path and its type."""
        schema = self._followed(schema)
        kinds = schema.get("oneOf", ())
        if kinds and not schema.get("additionalProperties"):
            for kind in kinds:
                yield from self._fields(kind, path)
        elif schema.get("properties"):
            for name, below in schema["properties"].items():
                yield from self._fields(below, f"{path}.{name}" if path else name)
        elif schema.get("type") == "array":
            yield from self._fields(schema["items"], f"{path}[]")
        elif path:
            yield path, schema.get("type", "any")

    def _followed(self, schema: Facts) -> Facts:
        while "$ref" in schema:
            names: list[str] = schema["$ref"].removeprefix("#/").split("/")
            schema = self._description
            for name in names:
                schema = schema[name]
        return schema

    def events(self) -> dict[str, list[str]]:
        """Each event of a stream and the dotted paths of its fields, told or shown."""
        found: dict[str, set[str]] = {}
        for text in self._stream_texts():
            for event, fields in _told(text):
                found.setdefault(event, set()).update(fields)
            for event in re.findall(r"`(human_input_form_\w+)`", text):
                found.setdefault(event, set())
        for events in self.streams().values():
            for shown in events:
                found.setdefault(shown["event"], set()).update(_shown(shown))
        # what every event has, bar those the text excepts
        told = next(text for text in self._stream_texts() if "**Common fields**" in text)
        paragraph = told.partition("**Common fields**")[2].partition("\n\n")[0]
        common = set(re.findall(r"`(\w+)`", paragraph)) - set(found) - {"data"}
        for fields in (found[event] for event in found if event != "ping"):
            fields |= common
        return {event: sorted(fields - {"event", ""}) for event, fields in found.items()}

    def streams(self) -> dict[str, list[Facts]]:
        """The events of each example of a stream."""
        return {
            name: [*_objects(example["value"])]
            for content in self._stream_contents()
            for name, example in content["examples"].items()
        }

    def _stream_texts(self) -> list[str]:
        return [content["schema"]["description"] for content in self._stream_contents()]

    def _stream_contents(self) -> list[Facts]:
        return [
            operation["responses"]["200"]["content"][_STREAM]
            for operations in self._description["paths"].values()
            for operation in operations.values()
            if _STREAM in operation["responses"].get("200", {}).get("content", {})
        ]


def _told(text: str) -> Iterator[tuple[str, set[str]]]:
    """The rows of the tables of events: names in the first cell, fields in the last."""
    below = ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            continue
        if cells[0] == "Event":
            below = "data." if "`data`" in cells[-1] else ""
            continue
        fields = set(_names(cells[-1]))
        # a row that says `data` says no more than that there is one
        prefixed = {name if "data" in name.split(".") else below + name for name in fields}
        for event in re.findall(r"`(\w+)`", cells[0]):
            yield event, prefixed


def _names(cell: str) -> Iterator[str]:
    """The names in a cell; those in brackets are below the one before, if they are names."""
    for name, bracket in re.findall(r"`([\w.]+)`(?: \(([^)]*)\))?", cell):
        yield name
        if name == "metadata":
            yield from (f"{name}.{below}" for below in re.findall(r"`(\w+)`", bracket))


def _shown(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and path.rpartition(".")[2] not in _FREE:
        for name, below in value.items():
            yield from _shown(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from _shown(item, f"{path}[]")
    else:
        yield path


def _objects(text: str) -> Iterator[Facts]:
    """The events of an example, which has them on one line."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("data: {", at)) >= 0:
        value, at = decoder.raw_decode(text, at + len("data: "))
        yield value


def main(path: str) -> None:
    description = json.loads(Path(path).read_text("utf-8"))
    facts = json.dumps(digest(description), ensure_ascii=False, indent=1)
    OPERATIONS.write_text(facts + "\n", "utf-8")
    streams = json.dumps(Described(description).streams(), ensure_ascii=False, indent=1)
    STREAMS.write_text(streams + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
