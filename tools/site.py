"""Builds the site: `python -m tools.site`, or `make docs`.

    build/site/        Chinese; English in en/; versions.js names the versions beside each other
    build/site-pages/  the pages as Sphinx reads them, gathered from docs/ and the sources

`--version-folder 1.0` builds into the folder of that name, beside the newest version. A warning of
Sphinx is an error. The edit link of a page needs the address of a repository and a branch:
DOCS_REPOSITORY and DOCS_BRANCH, or what Read the Docs sets.
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from . import ROOT
from .site_pages import LANGUAGES, gathered

OUTPUT = ROOT / "build" / "site"
PAGES = ROOT / "build" / "site-pages"
ORIGINS = "origins.json"


def version() -> str:
    """The package's."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    return settings["metadata"]["version"]


def repository() -> tuple[str, str] | None:
    """The address of the repository and the branch of the pages, where they are known."""
    address = os.environ.get("DOCS_REPOSITORY") or os.environ.get("READTHEDOCS_GIT_CLONE_URL", "")
    branch = os.environ.get("DOCS_BRANCH") or os.environ.get("READTHEDOCS_GIT_IDENTIFIER", "main")
    address = address.rstrip("/").removesuffix(".git")
    return (address, branch) if address.startswith("https://") else None


def edit_url(origin: str | None) -> str | None:
    """Where the page with this source is edited; GitLab has its own way of it."""
    found = repository()
    if found is None or origin is None:
        return None
    address, branch = found
    way = "-/edit" if "gitlab" in address else "edit"
    return f"{address}/{way}/{branch}/{origin}"


def read_origins(folder: Path) -> dict[str, str]:
    """By the page's name, the file of the repository that it comes from."""
    found: dict[str, str] = json.loads((folder / ORIGINS).read_text(encoding="utf-8"))
    return found


def write_pages(language: str, folder: Path) -> None:
    """Make `folder` hold the pages of a language; what is as it should be stays untouched."""
    pages = gathered(language, repository())
    texts = {name: page.content for name, page in pages.items()}
    origins = {name.rpartition(".")[0]: page.origin for name, page in pages.items() if page.origin}
    texts[ORIGINS] = json.dumps(origins, indent=1, sort_keys=True).encode()
    for name, content in texts.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in texts:
            path.unlink()


def build(output: Path, pages: Path) -> None:
    """Both languages at once; CalledProcessError where Sphinx warns."""
    running = []
    for language in LANGUAGES:
        write_pages(language, pages / language)
        target = output if language == "zh" else output / language
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going"]
        command += ["-c", str(ROOT / "docs" / "site"), "-t", language]
        command += ["-d", str(pages / f"doctrees-{language}"), str(pages / language), str(target)]
        running.append(subprocess.Popen(command))
    codes = [each.wait() for each in running]
    for each, code in zip(running, codes, strict=True):
        if code:
            raise subprocess.CalledProcessError(code, each.args)


def write_versions(output: Path) -> None:
    """`versions.js` of the site: the version at its root, and those in folders."""
    folders = [each.parent.name for each in output.glob("*/versions.js")]
    versions = [(version(), ""), *((name, f"{name}/") for name in sorted(folders, reverse=True))]
    text = f"window.siteVersions = {json.dumps(versions)};\n"
    (output / "versions.js").write_text(text, encoding="utf-8")
    for name in folders:
        others = [(each, f"../{path}") for each, path in versions]
        text = f"window.siteVersions = {json.dumps(others)};\n"
        (output / name / "versions.js").write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser("python -m tools.site", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--pages", type=Path, default=PAGES)
    parser.add_argument("--version-folder", default="", help="a folder of the site for a version")
    options = parser.parse_args()
    begun = time.monotonic()
    output = options.output / options.version_folder
    try:
        build(output, options.pages)
    except subprocess.CalledProcessError:
        print("Sphinx warns of something: see above", file=sys.stderr)
        return 1
    write_versions(output)
    write_versions(options.output)
    print(f"{output / 'index.html'}: built in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
