"""The table of symptoms has every row once, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

from documents import DOCUMENTS
from lab.vpc.faults import FAULTS

ROOT = DOCUMENTS.parent
WANTED = [f"H{number}" for number in range(1, 49)] + [f"P{number}" for number in range(1, 42)]
WHY_NOT = ("not ",)


def rows() -> list[list[str]]:
    text = (DOCUMENTS / "symptoms.md").read_text()
    lines = [line for line in text.splitlines() if re.match(r"\| [HP]\d+ \|", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def functions() -> set[str]:
    """The names of all tests, and of everything else that is a function."""
    sources = [*ROOT.glob("*/src/**/*.rs"), *ROOT.glob("*/tests/**/*.rs"), *(ROOT / "tests").glob("*.py")]
    found = (re.findall(r"\b(?:fn|def) (\w+)", Path(source).read_text()) for source in sources)
    # The cells of the checker's table are tests that a macro writes.
    cells = re.findall(r"^    (\w+): \w+, \w+ =>", (ROOT / "checker/tests/explain_table.rs").read_text(), re.MULTILINE)
    return {name for names in found for name in names} | set(cells)


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row[0] for row in rows()] == WANTED
    assert all(len(row) == 4 and all(row) for row in rows())


def test_every_row_names_a_test_that_exists_or_says_why_there_is_none() -> None:
    known = functions()
    for row, _, _, shown in rows():
        names = re.findall(r"`([\w:-]+)`", shown)
        tests = [name for name in names if not name.startswith(("lab:", "--"))]
        faults = [name.removeprefix("lab:") for name in names if name.startswith("lab:")]
        if shown.startswith(WHY_NOT):
            continue
        assert tests, row
        assert [name for name in tests if name not in known] == [], row
        assert [name for name in faults if name not in FAULTS] == [], row
