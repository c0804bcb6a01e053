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
    named = os.environ.get("VIVARIUM_AGENT")
    built = [REPOSITORY / "target" / kind / "vivarium-agent" for kind in ("debug", "release")]
    found = [Path(named)] if named else sorted(filter(Path.exists, built), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.fail("no agent to test: run `cargo build -p vivarium-agent`, or set VIVARIUM_AGENT")
    return found[-1]
