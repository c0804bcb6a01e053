"""The one directory that holds all files of a lab, and the record of whose it is.

A lab that was killed could not remove what it made. Its processes have ended with it (each asks the
kernel for that), and with them its namespaces and its mounts; what stays are this directory and the
loop devices on files in it. The lock on the directory tells: free means that its lab is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

# Not below the repository: the server of PostgreSQL runs as a user who may not look into /root.
# In memory (/dev/shm/…) a lab is several times faster where a disk is slow to sync, and needs its space.
HOME = Path(os.environ.get("VIVARIUM_LAB", "/var/tmp/vivarium-lab"))


class Scratch:
    """A directory of this lab's own, locked for as long as the lab lives."""

    def __init__(self) -> None:
        HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.name = secrets.token_hex(3)
        self.path = HOME / self.name
        # Made and locked under another name first, so that no sweep meets it unlocked.
        unborn = HOME / f".{self.name}"
        unborn.mkdir(mode=0o755)
        self._lock = _lock(unborn)
        unborn.rename(self.path)

    def file(self, name: str) -> Path:
        return self.path / name

    def remove(self) -> None:
        """Removes the directory and every loop device on a file in it. May be called again."""
        _remove(self.path)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep() -> list[str]:
    """Removes what killed labs left. Says which."""
    swept = []
    for path in sorted(HOME.glob("*/")) if HOME.exists() else []:
        lock = _lock(path)
        if lock is None:
            continue
        _remove(path)
        os.close(lock)
        swept.append(path.name)
    return swept


def loops_below(path: Path) -> list[str]:
    """The loop devices whose file lies below a path, also if that file was deleted."""
    said = subprocess.run(["losetup", "--list", "--json"], check=True, capture_output=True, text=True).stdout
    devices = json.loads(said)["loopdevices"] if said.strip() else []
    return [device["name"] for device in devices if str(device["back-file"]).startswith(f"{path}/")]


def _lock(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(path: Path) -> None:
    for device in loops_below(path):
        subprocess.run(["losetup", "--detach", device], check=False, capture_output=True)
    _wait_until_detached(path)
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):  # another lab lives there
        HOME.rmdir()


def _wait_until_detached(path: Path) -> None:
    """A mount that is going away holds its device for a moment longer."""
    deadline = time.monotonic() + 10
    while loops_below(path) and time.monotonic() < deadline:
        time.sleep(0.02)
