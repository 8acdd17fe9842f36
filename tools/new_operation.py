"""Prints the lines of a new operation, and what remains to be done.

    python -m tools.new_operation endUser GET /end-users/{end_user_id} --gives EndUserResponse
    python -m tools.new_operation workflowLogs GET /workflows/logs --takes WorkflowLogsRequest \\
        --gives page:WorkflowLogs

Nothing is written: the lines go where CONTRIBUTING.md says, and are completed there.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

_NONE = ("NOTHING", "None")


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m tools.new_operation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="the method, in camelCase")
    parser.add_argument("verb", choices=["GET", "POST", "PUT", "DELETE"])
    parser.add_argument("path", help="below /v1, ids in braces: /end-users/{end_user_id}")
    parser.add_argument("--takes", help="the request DTO; without one the ids are arguments")
    parser.add_argument("--gives", help="the DTO of the response, or page:DTO; else nothing")
    options = parser.parse_args()
    for where, lines in parts(**vars(options)):
        print(f"# {where}\n{lines}\n")
    print("# then 5 to 8 of CONTRIBUTING.md, Add an operation")


def parts(
    name: str, verb: str, path: str, takes: str | None, gives: str | None
) -> Iterator[tuple[str, str]]:
    """Each place and the lines for it."""
    kind, _, dto = (gives or "").rpartition(":")
    result, returned = (f"{kind or 'one'}({dto})", dto) if dto else _NONE
    returned = f"DifyPageResult[{dto}]" if kind == "page" else returned
    snake = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
    ids = re.findall(r"\{(\w+)\}", path)
    signature = f"request: {takes}" if takes else _arguments([*ids, "api_key"])
    values = "request" if takes else ", ".join(f"{each}={each}" for each in ["api_key", *ids])
    head = f"    def {name}(self, {signature}) -> {returned}:"
    decorator = "" if takes else "    @java_keywords\n"
    call = f"self._call(operations.{snake.upper()}, {values})"

    if takes:
        yield "models/: the request", _dto(takes, "BaseChatRequest", ids)
    if dto:
        yield "models/: the response", _dto(dto, "ResponseDto", [])
    yield "chatflow.py", f'{head}\n        """{verb} {path}."""\n        ...'
    row = f'"{name}", "{verb}", "{path}", {result}'
    yield "_api/operations.py", f"{snake.upper()} = Operation({row}{_more(verb, takes)})"
    body = call if returned == "None" else f"return {call}"
    yield "_api/plain_calls.py", f"{decorator}{head}\n        {body}"


def _arguments(names: list[str]) -> str:
    """Plain arguments, by their Python names or, as keywords, by Java's."""
    java = [re.sub(r"_(\w)", lambda letter: letter[1].upper(), name) for name in names]
    python = [f"{name}: str | None = None" for name in names]
    only = [f"{name}: str | None = None" for name in java if name not in names]
    return ", ".join([*python, *(["*"] if only else []), *only])


def _dto(name: str, base: str, fields: list[str]) -> str:
    lines = [f"    {field}: str | None = None" for field in fields] or ["    ..."]
    return "\n".join(["@dto", f"class {name}({base}):", '    """..."""', "", *lines])


def _more(verb: str, takes: str | None) -> str:
    if takes is None:
        return ""
    where = "query" if verb == "GET" else "body"
    return f', takes={takes}, {where}=(Param("...", "..."),)'


if __name__ == "__main__":
    main()
