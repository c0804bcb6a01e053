"""Documents that are made from the programs and held to them."""

from __future__ import annotations

import os
from pathlib import Path

DOCUMENTS = Path(__file__).resolve().parent.parent / "docs"


def held(name: str, text: str) -> None:
    """The document says this; VIVARIUM_BLESS=1 makes it say so."""
    path = DOCUMENTS / name
    if "VIVARIUM_BLESS" in os.environ:
        path.write_text(text)
    assert path.read_text() == text, f"{path} has drifted; VIVARIUM_BLESS=1 writes it anew"
