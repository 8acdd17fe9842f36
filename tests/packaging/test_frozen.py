"""A program that PyInstaller has frozen, or that runs from a zip, has all modules and the data."""

import configparser
import importlib
import runpy
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import dify_java_compat
from dify_java_compat._pyinstaller import get_hook_dirs

ROOT = Path(dify_java_compat.__file__).parents[1]
HOOK = "hook-dify_java_compat.py"
PROGRAM = """
import dify_java_compat
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat import operators
for name in dify_java_compat.__all__:
    getattr(dify_java_compat, name)
with DifyEmulator(token_pause=0) as dify:
    chat = dify_java_compat.RequestsDifyChat(dify.base_url, api_key=dify.keys["chat"])
    request = dify_java_compat.ChatMessageSendRequest(user_id="u", content="hi")
    print(dify_java_compat.collect(chat.sendChatMessageStream(request)).answer[:8])
"""
ZIPPED = f"""{PROGRAM}
    from urllib.request import urlopen
    assert ".pyz" in dify_java_compat.__file__, dify_java_compat.__file__
    assert dify_java_compat.__version__
    with urlopen(dify.recoup_url) as page:
        assert b"<title>Dify emulator" in page.read()
    assert dify.recordings
"""
COMMAND = "import runpy; runpy.run_module('dify_java_compat', run_name='__main__')"


def test_the_hook_is_found_by_its_entry_point() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    [line] = setup["options.entry_points"]["pyinstaller40"].strip().splitlines()
    name, target = line.split(" = ")
    module, function = target.split(":")
    assert name == "hook-dirs"
    [folder] = getattr(importlib.import_module(module), function)()
    assert [folder] == get_hook_dirs()
    assert Path(folder, HOOK).is_file()


def test_the_hook_names_every_module_and_the_data() -> None:
    hook = runpy.run_path(str(Path(get_hook_dirs()[0], HOOK)))
    package = ROOT / "dify_java_compat"
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
        if path.parent.name != "_pyinstaller" and path.name != "pytest_plugin.py"
    }
    assert set(hook["hiddenimports"]) == modules
    data = {Path(source).name for source, _ in hook["datas"]}
    assert {"recordings.tar.xz", "page.html"} <= data


@pytest.mark.parametrize("program", [ZIPPED, COMMAND], ids=["a program", "dify-chat"])
def test_a_zipapp_starts(program: str, tmp_path: Path) -> None:
    """What is compiled, msgspec, is installed beside it."""
    app = tmp_path / "app"
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dify_java_compat", app / "dify_java_compat", ignore=no_bytecode)
    (app / "__main__.py").write_text(program, encoding="utf-8")
    zipapp.create_archive(app, tmp_path / "program.pyz")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.pyz", "hi"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("You said")


@pytest.mark.slow
def test_a_frozen_program_runs(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    options = ["--onedir", "--noconfirm", "--log-level", "ERROR", "--paths", str(ROOT)]
    hooks = ["--additional-hooks-dir", get_hook_dirs()[0]]
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, *hooks, "program.py"],
        cwd=tmp_path,
        check=True,
    )
    done = subprocess.run(
        [str(tmp_path / "dist" / "program" / "program")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "You said"
