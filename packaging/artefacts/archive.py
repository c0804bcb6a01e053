"""Archives and sums that come out the same, whoever makes them and whenever."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def tarball(path: Path, files: Mapping[str, tuple[Path, int]], epoch: int) -> None:
    """A .tar.gz of these names, in their order: root's, and as old as the commit."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, (source, mode) in sorted(files.items()):
            content = source.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, epoch
            entry.uname = entry.gname = "root"
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=epoch))


def sha256(path: Path) -> str:
    """As sha256sum prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums(folder: Path, name: str = "SHA256SUMS") -> None:
    """The file that `sha256sum --check` reads, and `vivarium-agent userdata --sums`."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != name)
    (folder / name).write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files))
