"""Exit code 2: one line, and nothing was started."""

import importlib
from pathlib import Path

import pytest

from .processes import Ended, prepared, run
from .servers import KEY, Server


def refused(ended: Ended) -> str:
    """The one line of a usage error."""
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.lines
    assert "emulator at" not in line
    return line


def test_url_without_key() -> None:
    with Server() as server:
        for line in (
            refused(run("Hi", "--url", server.url)),
            refused(run("Hi", env={"DIFY_URL": server.url})),
            refused(run("Hi", env={**server.env, "DIFY_API_KEY": ""})),
        ):
            assert "--api-key" in line
            assert "DIFY_API_KEY" in line
    assert server.requests == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("",), "the prompt is empty"),
        ((" \n",), "the prompt is empty"),
        (("-",), "the prompt is empty"),
        ((), "the prompt is empty"),
        (("Hi", "--url", ""), "--url must not be empty"),
        (("Hi", "--api-key", ""), "--api-key must not be empty"),
        (("Hi", "--user", ""), "--user must not be empty"),
        (("Hi", "--app", "workflow"), "invalid choice: 'workflow'"),
        (("Hi", "--app", "chat", "--api-key", KEY), "--app is for the emulator"),
        (("Hi", "--url", "localhost:5001", "--api-key", KEY), "must look like http://host"),
        (("Hi", "--api-key", "two words"), "api_key must not be empty and must be ASCII"),
        (("Hi", "there"), "unrecognized arguments: there; a prompt of several words needs"),
        (("Hi", "--event"), "unrecognized arguments: --event; did you mean --events?"),
        (("Hi", "--apikey=" + KEY), "unrecognized arguments: --apikey; did you mean --api-key?"),
        (("Hi", "--token", KEY), "unrecognized arguments: --token (see dify-chat --help)"),
        (("Hi", "--url", KEY, "--api-key", "http://x"), "not '***MASKED***'"),
    ],
)
def test_options_that_cannot_work(args: tuple[str, ...], says: str) -> None:
    ended = run(*args)
    assert says in refused(ended)
    assert KEY not in ended.err


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "无.txt"
    line = refused(run("Hi", "--file", __file__, "--file", str(missing)))
    assert f"{missing} cannot be read: No such file or directory" in line
    line = refused(run("Hi", "--file", str(tmp_path)))
    assert "Is a directory" in line


def test_prompt_that_is_not_text() -> None:
    with Server() as server:
        ended = run("-", stdin=b"caf\xe9", env=server.env)
    assert "the prompt is no text in utf-8" in refused(ended)
    assert server.requests == []


def test_closed_streams() -> None:
    assert "stdout is closed" in refused(run("Hi", how=prepared("sys.stdout = None")))
    assert "the prompt is empty" in refused(run(how=prepared("sys.stdin = None")))
    ended = run("Hi", "--url", "http://x", how=prepared("sys.stderr = None"))
    assert (ended.code, ended.out, ended.err) == (2, "", "")


def test_help() -> None:
    ended = run("--help")
    assert (ended.code, ended.err) == (0, "")
    for word in ("--url", "DIFY_URL", "--api-key", "DIFY_API_KEY", "--app", "--blocking"):
        assert word in ended.out
    for word in ("--events", "--conversation", "--user", "--file", "--version", "exit status"):
        assert word in ended.out


def test_version_is_the_distributions(tmp_path: Path) -> None:
    info = tmp_path / "dify_java_compat-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: dify_java_compat\nVersion: 0.1.0\n"
    )
    ended = run("--version", how=prepared(f"sys.path.insert(0, {str(tmp_path)!r})"))
    assert (ended.code, ended.out, ended.err) == (0, "dify-chat 0.1.0\n", "")


def test_version_of_a_tree_that_is_not_installed() -> None:
    gone = "import importlib.machinery as m; m.PathFinder.find_distributions = lambda _: ()"
    ended = run("--version", how=prepared(gone))
    assert (ended.code, ended.err) == (0, "")
    assert "not installed" in ended.out


def test_entry_point() -> None:
    cli = importlib.import_module("dify_java_compat.cli.main")
    assert callable(cli.main)
