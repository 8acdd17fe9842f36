"""The lines that `tools.new_operation` prints are those that the package has."""

import ast
import textwrap

from tools import PACKAGE
from tools.new_operation import parts

END_USER = dict(
    parts("endUser", "GET", "/end-users/{end_user_id}", takes=None, gives="EndUserResponse")
)
LOGS = dict(
    parts("workflowLogs", "GET", "/workflows/logs", "WorkflowLogsRequest", "page:WorkflowLogs")
)


def in_the_package(module: str, name: str) -> str:
    """What `name` is in a module of the package: a constant of it, or a method of a class in it."""
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.unparse(node)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.unparse(node)
    raise AssertionError(f"{module} has no {name}")


def unparsed(lines: str) -> str:
    return ast.unparse(ast.parse(textwrap.dedent(lines)))


def test_a_row_without_parameters() -> None:
    row = in_the_package("_api/operations.py", "END_USER")
    assert unparsed(END_USER["_api/operations.py"]) == row


def test_the_beginning_of_a_row_with_parameters() -> None:
    row = in_the_package("_api/operations.py", "WORKFLOW_LOGS")
    assert row.startswith(unparsed(LOGS["_api/operations.py"]).partition("Param")[0])


def test_a_plain_call() -> None:
    for name, printed in (("endUser", END_USER), ("workflowLogs", LOGS)):
        method = in_the_package("_api/plain_calls.py", name)
        assert unparsed(printed["_api/plain_calls.py"]) == method


def test_the_other_places() -> None:
    assert list(LOGS) == [
        *("models/: the request", "models/: the response"),
        *("chatflow.py", "_api/operations.py", "_api/plain_calls.py"),
    ]
    for lines in (*LOGS.values(), *END_USER.values()):
        ast.parse(textwrap.dedent(lines))
