"""What a tree is, as far as it must be the same after every way to it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

MOMENT = re.compile(r"\d{8}T\d{6}Z")
UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A compiled module carries the time of its source, which is the time of its installation.
PYC_MOMENT = slice(8, 12)


def of(root: Path, *, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Every path below a root: what it is, its mode, its owner, its content. No times, no random names."""
    found = {}
    for directory, directories, files in os.walk(root):
        inside = Path(directory)
        directories[:] = [name for name in directories if str((inside / name).relative_to(root)) not in without]
        for name in (*directories, *files):
            path = inside / name
            relative = str(path.relative_to(root))
            if relative not in without:
                found[MOMENT.sub("MOMENT", relative)] = _describe(path)
    return found


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """What two trees do not have in common, a line each."""
    paths = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    return [f"{path}: wanted {wanted.get(path, 'nothing')}, found {found.get(path, 'nothing')}" for path in paths]


def _describe(path: Path) -> str:
    status = path.lstat()
    head = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"{head} -> {os.readlink(path)}"
    if stat.S_ISREG(status.st_mode):
        return f"{head} {hashlib.sha256(_content(path)).hexdigest()[:16]}"
    return head


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix == ".pyc":
        moment = content[PYC_MOMENT]
        return content.replace(moment, bytes(len(moment)), 1) if moment.strip(b"\0") else content
    return content if len(content) > 1 << 20 else UUID.sub(b"UUID", content)
