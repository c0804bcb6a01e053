"""What a tree is, as far as it must be the same after every way to it.

Compared are every path, its kind, mode, owner and content. Not compared are times; of a path, the
moment that is part of its name; of a compiled module, the four bytes that hold its source's time.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

MOMENT = re.compile(r"\d{8}T\d{6}Z")
# PEP 552: four bytes of magic, four of flags (none: made from a source of that time), the time.
PYC_FLAGS, PYC_TIME = slice(4, 8), slice(8, 12)
MADE_FROM_TIME = bytes(4)


def of(root: Path) -> dict[str, str]:
    """Every path below a root, and what it is."""
    found: dict[str, str] = {}
    for directory, directories, files in os.walk(root):
        for name in sorted((*directories, *files)):
            path = Path(directory) / name
            found[_unused(MOMENT.sub("MOMENT", str(path.relative_to(root))), found)] = describe(path)
    return found


def names(root: Path) -> dict[str, str]:
    """Every path below a root, its content left out."""
    return {path: " ".join(what.split()[:2]) for path, what in of(root).items()}


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """What two trees do not have in common, a line each."""
    paths = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    return [f"{path}: wanted {wanted.get(path, 'nothing')}, found {found.get(path, 'nothing')}" for path in paths]


def describe(path: Path) -> str:
    """Kind, mode, owner and content."""
    status = path.lstat()
    head = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{head} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode):
        return f"{head} {hashlib.sha256(_content(path)).hexdigest()[:16]}"
    return head


def _unused(path: str, taken: dict[str, str]) -> str:
    """Two files that differ in their moment only are two files."""
    return path if path not in taken else _unused(f"{path}, another", taken)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".pyc" and content[PYC_FLAGS] == MADE_FROM_TIME:
        return content[: PYC_TIME.start] + bytes(4) + content[PYC_TIME.stop :]
    return content
