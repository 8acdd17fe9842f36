"""python -m tests.packaging.alone: a wheel of a clean clone, installed beside nothing else, works.

With `--oldest`, beside the oldest versions it admits. Needs git, and an index to install from.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "tests" / "constraints-oldest.txt"
JOB = """
import json
import sys
from pathlib import Path

import dify_java_compat
from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat, collect, iterate
from support.frames import MESSAGE_END, message, response, stream
from support.server import ScriptedServer, always

assert Path(sys.prefix) in Path(dify_java_compat.__file__).parents, dify_java_compat.__file__
asked = ChatMessageSendRequest(apiKey="app-key", userId="u-1", content="你好")
with ScriptedServer(always(stream(message("你"), message("好"), MESSAGE_END))) as server:
    with RequestsDifyChat(server.url) as chat:
        items = list(iterate(chat.sendChatMessageStream(asked)))
        assert [item.answer for item in items] == ["你", "好", None], items
        assert json.loads(items[0].to_json())["conversationId"] == "c-1"
        assert collect(chat.sendChatMessageStream(asked)).answer == "你好"
with ScriptedServer(always(response('{"answer":"再见"}'.encode()))) as server:
    with RequestsDifyChat(server.url) as chat:
        assert chat.send(asked).answer == "再见"
"""


def main(*options: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        clone = sources(folder / "clone")
        build = (sys.executable, "-m", "build", "-q", "--wheel", "--no-isolation")
        run(*build, "--outdir", folder, clone)
        (wheel,) = folder.glob("*.whl")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        oldest = ("-c", CONSTRAINTS) if "--oldest" in options else ()
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *oldest, wheel)
        job = folder / "job"
        job.mkdir()
        (job / "job.py").write_text(JOB, encoding="utf-8")
        shutil.copytree(ROOT / "tests" / "support", job / "support")
        run(python, "-W", "error", job / "job.py", cwd=job)
        run(folder / "venv" / "bin" / "dify-chat", "--version", cwd=job)
        run(python, "-m", "pip", "--disable-pip-version-check", "list")


def sources(folder: Path) -> Path:
    """The sources as they are committed, in a folder of their own: a build leaves files behind."""
    if (ROOT / ".git").exists():
        run("git", "clone", "-q", ROOT, folder)
    else:  # an archive is one already
        built = shutil.ignore_patterns(".venv*", "build", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=built)
    return folder


def run(*command: object, cwd: Path | None = None) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
