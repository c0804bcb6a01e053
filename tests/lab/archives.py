"""The lab's archive of installers, and which installer it serves."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from . import network
from .certificates import Authority
from .network import Network

HOST = "archive.lab.internal"
HERE = Path(__file__).parent


@dataclass
class Archive:
    """One installer, by name and hash."""

    name: str
    sha256: str

    @property
    def url(self) -> str:
        return f"https://{HOST}/archive/{self.name}"

    def settings(self, ca: str) -> list[str]:
        """The part of the agent's settings that leads here."""
        return [
            "[anaconda]",
            "accept_license = true",
            f'url = ["{self.url}"]',
            f'sha256 = "{self.sha256}"',
            "[download]",
            f'ca_file = "{ca}"',
        ]


def start(lab: Network, authority: Authority, installer: Path | None, directory: Path, log: Path) -> Archive:
    return Archive("none.sh", "0" * 64)
