"""Who may import whom, in the client and in the emulator: down, never beside or up."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import ROOT

PACKAGE = "dify_java_compat"
PUBLIC = "public names"


@dataclass(frozen=True)
class House:
    """Rooms in rows: a room may import every room of a lower row, and none of its own or above.

    A room is a module or a folder; within a folder imports are free. The public names of the
    package, `PUBLIC`, stand for all rooms below. `only_for` names what no other room or module may
    import, `types_for` who may for its types alone, `never` what a room must do without although
    the rows would let it.
    """

    package: str
    rows: str
    only_for: Mapping[str, set[str]] = field(default_factory=dict)
    types_for: Mapping[str, set[str]] = field(default_factory=dict)
    never: Mapping[str, set[str]] = field(default_factory=dict)

    @property
    def level(self) -> dict[str, int]:
        rows = reversed(self.rows.strip().splitlines())
        return {
            room: level for level, row in enumerate(rows) for room in row.replace("|", " ").split()
        }

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Its modules and their files, but for its `__init__`, which gathers the public names."""
        root = ROOT.joinpath(*self.package.split("."))
        for file in sorted(root.rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            of_the_emulator = "." not in self.package and parts[0] == "emulator"
            if parts != ("__init__",) and not of_the_emulator:
                yield ".".join(parts), file

    def map(self) -> dict[str, set[str]]:
        """Which other rooms each room imports; of the client, the emulator is one that is met.

        What neither imports a room nor is imported by one, such as a hook that another program
        runs, is no room of the map.
        """
        found: dict[str, set[str]] = {}
        for module, file in self.modules():
            room = found.setdefault(module.partition(".")[0], set())
            room |= self.arrows(module, file.read_text(encoding="utf-8"))
        imported = set().union(*found.values())
        return {room: targets for room, targets in found.items() if targets or room in imported}

    def wrong_imports(self, module: str, source: str) -> list[str]:
        """What `module` (`models.events` is in the room `models`) must not import."""
        room = module.partition(".")[0]
        return [
            f"{module} imports {target}"
            for target, ours in self._imported(module, ast.parse(source))
            if target != room and not self._allowed(module, target, ours)
        ]

    def arrows(self, module: str, source: str) -> set[str]:
        """The other rooms that `module` imports."""
        imported = self._imported(module, ast.parse(source))
        return {target for target, ours in imported if ours} - {module.partition(".")[0]}

    def _allowed(self, module: str, target: str, ours: bool) -> bool:
        room = module.partition(".")[0]
        if target in self.never.get(room, ()) or target in self.never.get(module, ()):
            return False
        if target in self.only_for and not {room, module} & self.only_for[target]:
            return False
        level = self.level
        return not ours or target in self.only_for or level.get(target, level[room]) < level[room]

    def _imported(self, module: str, tree: ast.AST) -> Iterator[tuple[str, bool]]:
        """The first name of each import, below the package where it is ours; whether it is."""
        root = self.package.split(".")
        home = [*root, *module.split(".")]
        room = module.partition(".")[0]
        of_types = set(_for_type_checkers(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                paths = [alias.name.split(".") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                start = home[: -node.level] if node.level else []
                base = start + (node.module.split(".") if node.module else [])
                paths = [[*base, alias.name] for alias in node.names]
                if base == root:
                    paths = [self._home_of(path) for path in paths]
            else:
                continue
            for path in paths:
                ours = path[: len(root)] == root
                below = path[len(root) :]
                if node in of_types and {room, module} & self.types_for.get(path[0], set()):
                    continue
                yield (below[0] if ours and below else path[0]), ours

    def _home_of(self, path: list[str]) -> list[str]:
        """`path`, or the public names where it leads to none of the rooms, but to one of those."""
        is_room = path[-1] in self.level or path[-1] in self.only_for
        return path if is_room else [*path[:-1], PUBLIC]


def _for_type_checkers(tree: ast.AST) -> Iterator[ast.AST]:
    """What stands below `if TYPE_CHECKING:`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                yield from ast.walk(statement)


CLIENT = House(
    PACKAGE,
    rows="""
        __main__ | _pyinstaller
        cli
        pytest_plugin | web | batch
        client | recoup
        aio
        chatflow | operators | workflow
        interface
        _api | _stream | paging | pipeline
        _http
        config
        models | _settings
        _dto
        errors
    """,
    only_for={
        "requests": {"_http"},
        "urllib3": {"_http"},
        "reactivex": {
            "_stream.observable",
            "_stream.iterate",
            "_stream.aiterate",
            "_stream.schedulers",
            "operators",
            "batch",
        },
        "distributed": {"batch"},
        "dataclasses_json": {"_dto"},
        "marshmallow": {"_dto"},
        "pydantic": {"_dto"},
        "pydantic_core": {"_dto"},
        "msgspec": {"_dto", "_api.codec", "_api.encoding"},
        "PyInstaller": {"_pyinstaller"},
        "yaml": {"_settings"},
        "opentelemetry": {"_http.telemetry"},
        "werkzeug": set(),
        "flask": {"web.flask"},
        "starlette": {"web.starlette"},
        "django": {"web.django"},
        "asgiref": {"web.django"},
        "redis": {"web.redis"},
        "emulator": {"cli", "pytest_plugin"},
        PUBLIC: {"cli", "pytest_plugin"},
    },
    types_for={"requests": {"client"}},
    never={"_http": {"models", "_dto"}, "_stream.sse": {"json", "msgspec"}},
)
EMULATOR = House(
    f"{PACKAGE}.emulator",
    rows="""
        __main__
        server
        dispatch
        routes
        handlers
        runs
        script | page
        faults
        model | apps
        store
        http | rules | watch
        version
    """,
    only_for={PACKAGE: set(), "requests": set(), "urllib3": set(), "reactivex": set()},
)
