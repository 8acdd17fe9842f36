"""Who may import whom. A module may import what stands below it, never beside or above it."""

import ast
from collections.abc import Iterator

PACKAGE = "dify_java_compat"

_LAYERS = """
    __main__ | pytest_plugin
    cli
    _terminal
    client
    chatflow | _app_calls | recoup
    interface | _caller
    stream | _operations | pipeline
    _sources | _endpoints
    _reading | collecting | paging | _media
    transport
    _answers | codec | _adapter
    _connections | models | _logging | _limits | _outgoing
    config | _dialing
    _spring
    _binding
    _dto | sse | _masking | _file_types
    _names
    errors
"""
LEVEL = {
    module: level
    for level, row in enumerate(reversed(_LAYERS.strip().splitlines()))
    for module in row.replace("|", " ").split()
}

# What one module alone may touch, or never, whatever its level.
_ONLY_FOR = {
    "requests": {"transport", "_adapter"},
    "reactivex": {"stream"},
    "dataclasses_json": {"_dto"},
    "yaml": {"_spring"},
    "emulator": {"cli", "pytest_plugin"},
}
_NEVER = {
    "transport": {"models", "sse", "codec", "_dto"},
    "codec": {"_answers", "_connections", "sse", "urllib3", "http"},
    "sse": {"json", "msgspec"},
    "errors": {"_dto", "requests", "urllib3"},
}


def wrong_imports(module: str, source: str) -> list[str]:
    """What a module of the package (`models.events` counts as `models`) must not import."""
    room = module.partition(".")[0]
    return [
        f"{module} imports {target}"
        for target, ours in _imported(module, ast.parse(source))
        if target != room and not _allowed(room, target, ours)
    ]


def _allowed(room: str, target: str, ours: bool) -> bool:
    if target in _NEVER.get(room, ()) or room not in _ONLY_FOR.get(target, {room}):
        return False
    return not ours or target == "emulator" or LEVEL.get(target, LEVEL[room]) < LEVEL[room]


def _imported(module: str, tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """The first name of each import below the package or below the root; whether it is ours."""
    home = [PACKAGE, *module.split(".")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            paths = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = home[: -node.level] if node.level else []
            base = start + (node.module.split(".") if node.module else [])
            paths = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for path in paths:
            ours = path[0] == PACKAGE
            yield (path[1] if ours and path[1:] else path[0]), ours
