"""docs/COMPATIBILITY.md names tests; each of them has to exist."""

import ast
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "COMPATIBILITY.md"


def test_every_named_test_exists():
    known = {
        f"{file.name}::{item.name}"
        for file in HERE.glob("test_*.py")
        for item in ast.parse(file.read_text()).body
        if isinstance(item, ast.FunctionDef)
    }
    named = set(re.findall(r"`(test_\w+\.py::test_\w+)`", PAGE.read_text()))
    assert named and named <= known, sorted(named - known)


def test_every_recorded_request_is_named():
    """A client's recorded lines are all claimed by an operation."""
    rows = [line for line in PAGE.read_text().splitlines() if "test_recorded_request" in line]
    for file in (HERE.parent / "WireFixtures").glob("*.jsonl"):
        mine = [row for row in rows if f"`{file.stem}`" in row]
        assert mine, file.stem
