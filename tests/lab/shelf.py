"""The lab's archive and the one installer on its shelf: the user's, or a stand-in made here."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import network
from .certificates import Certificate
from .network import Network, ServiceFailed

HOST = "archive.lab.internal"
PORT = 443
HERE = Path(__file__).parent


@dataclass
class Archive:
    """A server, and the installer it serves by name and hash."""

    name: str
    sha256: str
    faults: Path

    @property
    def url(self) -> str:
        return f"https://{HOST}/archive/{self.name}"

    def suffer(self, faults: dict[str, Any]) -> None:
        """From now on serves with these faults, told at the top of archive.py; none if empty."""
        self.faults.write_text(json.dumps(faults))

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


def stand_in(kept: Path, *options: str) -> Path:
    """The lab's own installer: made once, and again when what it is made of has changed."""
    sources = [HERE / "installer.py", *(HERE / "stand_in").iterdir()]
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # labs may be set up side by side
        made = next(iter(kept.glob("*.sh")), None)
        if made is None or made.stat().st_mtime < max(source.stat().st_mtime for source in sources):
            _make(kept, options)
    return next(kept.glob("*.sh"))


def _make(kept: Path, options: Sequence[str]) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    # Debian's own Python: it is what the stand-in installs.
    argv = ["/usr/bin/python3", str(HERE / "installer.py"), "--into", str(kept), *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceFailed(f"the stand-in installer cannot be made: {done.stderr.strip()}")


def start(lab: Network, certificate: Certificate, installer: Path, directory: Path, log: Path) -> Archive:
    """Puts an installer on the shelf and opens the archive."""
    served, faults = directory / "served", directory / "faults.json"
    shelf = served / "archive"
    shelf.mkdir(parents=True)
    (shelf / installer.name).symlink_to(installer.resolve())
    listen = f"{network.ARCHIVE}:{PORT}"
    argv = [sys.executable, str(HERE / "archive.py"), "--listen", listen]
    argv += ["--root", str(served), "--control", str(faults)]
    tls = ["--certificate", str(certificate.certificate), "--key", str(certificate.key)]
    archive = Archive(installer.name, _sha256(installer), faults)
    archive.suffer({})
    lab.start(lab.router, [*argv, *tls], log=log, listens=listen)
    return archive


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
