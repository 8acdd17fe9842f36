"""The stubs say what the classes do."""

import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dify_java_compat
from dify_java_compat import models
from dify_java_compat._dto.dto import Dto
from tools.stubs import MODULES, stub_of

ROOT = Path(dify_java_compat.__file__).parents[1]
STREAM = "dify_java_compat._stream.observable"
ALLOWLIST = Path(__file__).with_name("stubtest_allowlist.txt")


def test_every_module_with_dtos_has_a_stub() -> None:
    modules = [importlib.import_module(f"dify_java_compat.{name}") for name in ("config", "models")]
    modules += [
        importlib.import_module(f"dify_java_compat.models.{module.name}")
        for module in pkgutil.iter_modules(models.__path__)
    ]
    with_dtos = {
        value.__module__
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Dto)
    }
    assert with_dtos - {"dify_java_compat._dto.dto"} == set(MODULES)


def test_a_stub_without_a_source_is_not_left_over() -> None:
    stubs = (ROOT / "dify_java_compat").rglob("*.pyi")
    assert all(stub.with_suffix(".py").exists() for stub in stubs)


def test_stubtest_agrees() -> None:
    options = ["--allowlist", str(ALLOWLIST), "--mypy-config-file", "setup.cfg"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", *MODULES, STREAM, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_of_dtos_that_does_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "with_a_function.py").write_text("def f():\n    return 1\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(
        "with_a_function", tmp_path / "with_a_function.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(TypeError, match="line 1: a module of DTOs has fields and nothing else"):
        stub_of(module)
