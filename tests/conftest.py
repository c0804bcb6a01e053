"""Lets the tests find the lab, and gives them one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab.lab import REPOSITORY, Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab without an agent, shared by the tests of a module."""
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def agent() -> Path:
    """The agent under test: `VIVARIUM_AGENT`, or what cargo built last."""
    return under_test("vivarium-agent", "VIVARIUM_AGENT")


@pytest.fixture(scope="session")
def checker() -> Path:
    """The checker under test: `VIVARIUM_CHECK`, or what cargo built last."""
    return under_test("vivarium-check", "VIVARIUM_CHECK")


def under_test(name: str, variable: str) -> Path:
    named = os.environ.get(variable)
    built = [REPOSITORY / "target" / kind / name for kind in ("debug", "release")]
    found = [Path(named)] if named else sorted(filter(Path.exists, built), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.fail(f"no {name} to test: run `cargo build --workspace`, or set {variable}")
    return found[-1]
