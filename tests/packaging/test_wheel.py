"""What a wheel and a source distribution hold, and that the wheel works once installed."""

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import dify_java_compat

ROOT = Path(dify_java_compat.__file__).parents[1]
# what git and the tools leave behind, and what git alone needs
NOT_PACKED = (".git", ".git-blame-ignore-revs", ".nox", "*.py[cod]")


def run(*command: object, cwd: Path, path: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path)} if path else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with both distributions in `dist`: a build leaves files behind."""
    source = tmp_path_factory.mktemp("source") / "copy"
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").replace("/\n", "\n").split()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*ignored, *NOT_PACKED))
    before = files_of(source)
    run(sys.executable, "-m", "build", "--no-isolation", cwd=source)
    (source / "before.txt").write_text("\n".join(sorted(before)), encoding="utf-8")
    return source


def files_of(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def files_of_the_package(root: Path) -> set[str]:
    files = (root / "dify_java_compat").rglob("*")
    kinds = (".py", ".pyi", ".typed", ".html", ".xz")
    return {file.relative_to(root).as_posix() for file in files if file.suffix in kinds}


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("dist/*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == files_of_the_package(built)


def test_the_wheel_is_for_any_python_3(built: Path) -> None:
    (wheel,) = built.glob("dist/*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_source_distribution_holds_the_whole_repository(built: Path) -> None:
    (archive,) = built.glob("dist/*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {member.name.partition("/")[2] for member in tar if member.isfile()}
    written = {name for name in names if name == "PKG-INFO" or ".egg-info/" in name}
    packed = set((built / "before.txt").read_text(encoding="utf-8").splitlines())
    assert names - written == packed, "MANIFEST.in says what is packed"
    assert "tests/constraints-oldest.txt" in packed


def test_stubs_marker_and_recordings_are_among_the_files() -> None:
    files = files_of_the_package(ROOT)
    assert "dify_java_compat/py.typed" in files
    assert "dify_java_compat/config.pyi" in files
    assert "dify_java_compat/models/responses.pyi" in files
    for name in ("recordings.tar.xz", "recordings-1.14.tar.xz"):
        assert f"dify_java_compat/emulator/faults/{name}" in files


def test_the_metadata(built: Path) -> None:
    (wheel,) = built.glob("dist/*.whl")
    archive = zipfile.ZipFile(wheel)
    (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(path).decode()
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.10\n" in metadata
    assert f"\nVersion: {dify_java_compat.__version__}\n" in metadata
    assert "\nAuthor: the dify-java-compat authors\n" in metadata
    assert metadata.endswith((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own, away from the repository, with the wheel installed."""
    (wheel,) = built.glob("dist/*.whl")
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "-q", "--no-deps", "--target", folder, wheel, cwd=folder)
    return folder


def test_the_wheel_works_once_installed(site: Path, tmp_path: Path) -> None:
    says = "import dify_java_compat as d; print(d.__file__); print(d.ClientConfig(readTimeout=1))"
    where, what = run(sys.executable, "-c", says, cwd=tmp_path, path=site).splitlines()
    assert Path(where).parent == site / "dify_java_compat"
    assert "read_timeout=1" in what


def test_the_fixtures_and_the_page_are_there_once_it_is_installed(
    site: Path, tmp_path: Path
) -> None:
    test = """
from urllib.request import urlopen

def test_it(dify_chat, dify_emulator, request):
    import dify_java_compat
    assert dify_java_compat.__file__.startswith(SITE)
    assert dify_chat.info().mode == "chat"
    with urlopen(dify_emulator.recoup_url) as page:
        assert b"<title>Dify emulator" in page.read()
"""
    (tmp_path / "test_it.py").write_text(f"SITE = {str(site)!r}\n{test}", encoding="utf-8")
    pytest_alone = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert "1 passed" in run(*pytest_alone, cwd=tmp_path, path=site)


def test_the_entry_points(built: Path) -> None:
    (wheel,) = built.glob("dist/*.whl")
    archive = zipfile.ZipFile(wheel)
    (path,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    entries = configparser.ConfigParser()
    entries.read_string(archive.read(path).decode())
    assert {name: dict(entries[name]) for name in entries.sections()} == {
        "console_scripts": {"dify-chat": "dify_java_compat.cli.main:main"},
        "pytest11": {"dify_java_compat.pytest_plugin": "dify_java_compat.pytest_plugin"},
        "pyinstaller40": {"hook-dirs": "dify_java_compat._pyinstaller:get_hook_dirs"},
    }
