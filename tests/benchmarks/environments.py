"""The contenders, and the environment of each: made once in a cache folder, then used again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

JAVA_SDK = "2.3.3"
_JAVA = Path(__file__).parent / "java"
_PATIENCE = 900.0  # seconds for an installation


@dataclass(frozen=True)
class Entry:
    """A contender: its title, the module that runs it, what is installed for it.

    Without `packages` it runs in this interpreter.
    """

    title: str
    module: str
    packages: tuple[str, ...] = ()
    face: str = ""
    imports: str = ""
    is_ours: bool = False
    warm_ups: int = 1  # a JVM compiles what has run often

    @property
    def key(self) -> str:
        return self.face or self.module


FLOOR, SESSION, OFFICIAL = "floor", "requests_session", "dify_client"
OURS, JAVA = "observable", "java"
AIOHTTP, ASYNCIO = "aiohttp", "asyncio"

ENTRIES = (
    Entry("floor (socket, orjson)", FLOOR),
    Entry(
        "dify-java-compat, Observable", "ours", face=OURS, imports="dify_java_compat", is_ours=True
    ),
    Entry("dify-java-compat, iterate", "ours", face="iterate", is_ours=True),
    Entry("dify-java-compat, aiterate", "ours", face="aiterate", is_ours=True),
    Entry("dify-java-compat, collect", "ours", face="collect", is_ours=True),
    Entry("asyncio's reader + orjson", "asyncio_reader", face=ASYNCIO),
    Entry("aiohttp + orjson", AIOHTTP, imports="aiohttp, orjson"),
    Entry("requests.Session", SESSION, imports="requests"),
    Entry("dify-client 0.1.10", OFFICIAL, ("dify-client==0.1.10",), imports="dify_client"),
    Entry(
        "dify-client-python 1.0.3",
        "dify_client_python",
        ("dify-client-python==1.0.3",),
        imports="dify_client",
    ),
    Entry("pydify 2.4.0", "pydify", ("pydify==2.4.0",), imports="pydify"),
    Entry("dify-oapi2 1.1.2", "dify_oapi2", ("dify-oapi2==1.1.2",), imports="dify_oapi.client"),
    Entry(
        "httpx-sse + pydantic",
        "httpx_sse",
        ("httpx==0.28.1", "httpx-sse==0.4.3", "pydantic>=2.12,<3"),
        imports="httpx, httpx_sse, pydantic",
    ),
    Entry(f"Java SDK {JAVA_SDK}", JAVA, warm_ups=6),
)
BY_KEY = {entry.key: entry for entry in ENTRIES}

RELAY_OURS, RELAY_BY_HAND = "relay_facade", "relay_aiohttp"
RELAYS = (
    Entry("dify-java-compat in Starlette", "relay", face=RELAY_OURS, is_ours=True),
    Entry("aiohttp and json in Starlette", "relay", face=RELAY_BY_HAND),
)


class Unavailable(Exception):
    """A contender that cannot be installed here."""


@dataclass(frozen=True)
class Environments:
    """Where contenders are installed, and Maven's local repository where it is not its own."""

    cache: Path
    maven_repository: Path | None = None

    def command(self, entry: Entry) -> list[str]:
        """What starts `entry`; `{url}` in it stands for the server. Raises Unavailable."""
        if entry.module == JAVA:
            return self._java()
        module = f"tests.benchmarks.contenders.{entry.module}"
        return [self.python(entry), "-m", module, "{url}", *filter(None, [entry.face])]

    def python(self, entry: Entry) -> str:
        """The interpreter that has the packages of `entry`."""
        if not entry.packages:
            return sys.executable
        folder = self.cache / f"{entry.module}-{sys.version_info.major}.{sys.version_info.minor}"
        python = folder / "bin" / "python"

        def install() -> None:
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", "-q", *entry.packages])

        _once(folder, "\n".join(entry.packages), install)
        return str(python)

    def _java(self) -> list[str]:
        if not (shutil.which("java") and shutil.which("mvn")):
            raise Unavailable("no java or no mvn on the PATH")
        folder = self.cache / "java"
        local = self.maven_repository
        options = [f"-Dmaven.repo.local={local}"] if local else []

        def build() -> None:
            folder.mkdir(parents=True)
            shutil.copytree(_JAVA, folder / "project")
            pom = str(folder / "project" / "pom.xml")
            try:
                _run(["mvn", "-B", "-q", *options, "-f", pom, f"-Dsdk={JAVA_SDK}", "package"])
            except Unavailable as error:  # which names the hosts of this machine's settings
                print(error, file=sys.stderr, flush=True)
                raise Unavailable("Maven does not give it here") from None

        sources = "\n".join(file.read_text() for file in sorted(_JAVA.rglob("*")) if file.is_file())
        _once(folder, sources, build)
        target = folder / "project" / "target"
        path = os.pathsep.join([str(target / "classes"), str(target / "libraries" / "*")])
        return ["java", "-cp", path, "benchmark.Runner", "{url}", JAVA_SDK]


def _once(folder: Path, recipe: str, make: Callable[[], None]) -> None:
    """`make` the folder, unless it was made to the same recipe before."""
    done = folder / "made-to"
    if done.is_file() and done.read_text() == recipe:
        return
    shutil.rmtree(folder, ignore_errors=True)
    make()
    done.write_text(recipe)


def _run(command: list[str]) -> None:
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            text=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if ended.returncode:
        told = [line for line in ended.stdout.splitlines() if "ERROR" in line or "error" in line]
        raise Unavailable((told or [f"{command[0]} failed"])[0][:300])
