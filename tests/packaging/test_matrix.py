"""The table of a run of nox."""

import json
from pathlib import Path

import pytest

from tools import matrix


def report(*sessions: tuple[str, str]) -> dict[str, object]:
    return {
        "result": 0,
        "sessions": [
            {"name": "tests", "signatures": [signature, "tests"], "result": result}
            for signature, result in sessions
        ],
    }


FOUND = report(
    ("tests-3.10(dependencies='newest')", "success"),
    ("tests-3.10(dependencies='oldest')", "failed"),
    ("tests-3.14(dependencies='newest')", "skipped"),
    ("other", "success"),
)


def test_a_row_a_python() -> None:
    assert matrix.table(FOUND).splitlines() == [
        "| Python | newest dependencies | oldest dependencies |",
        "|---|---|---|",
        "| 3.10 | passed | FAILED |",
        "| 3.14 | NOT RUN | NOT RUN |",
    ]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (FOUND, 1),
        (report(), 1),
        (report(("tests-3.10(dependencies='newest')", "success")), 0),
        (report(("tests-3.10(dependencies='newest')", "skipped")), 1),
    ],
)
def test_it_fails_where_a_cell_is_not_passed(
    found: dict[str, object], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "matrix.json").write_text(json.dumps(found), encoding="utf-8")
    assert matrix.main(str(tmp_path / "matrix.json")) == status
    assert capsys.readouterr().out == matrix.table(found)
