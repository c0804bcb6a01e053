"""A clean Debian, and whatever a test does to it, in folders that are gone with the test."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .instance import PATH
from .network import ServiceFailed

REPOSITORY = Path(__file__).resolve().parents[2]
CLEAN = REPOSITORY / ".lab/bookworm"
# Each command has mounts of its own: what is written stays in the upper folder, and no mount is ever left behind.
ENTER = """
mount -t overlay -o "lowerdir=$0,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mount -t proc proc "$1/root/proc"
mkdir -p "$1/root/packages"
mount --bind -o ro "$2" "$1/root/packages"
cd "$1/root"
shift 2
exec "$@"
"""


@dataclass(frozen=True)
class CleanRoot:
    """A root directory to install packages in."""

    folder: Path
    packages: Path

    def run(self, *argv: str) -> str:
        """Runs a program of the root in it; what it says, on both its outputs."""
        return self.from_outside("chroot", ".", *argv)

    def from_outside(self, *argv: str) -> str:
        """Runs a program of this machine in the root's directory."""
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER]
        run = subprocess.run(
            [*enter, str(CLEAN), str(self.folder), str(self.packages), *argv],
            env={"PATH": PATH, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if run.returncode != 0:
            raise ServiceFailed(f"{' '.join(argv)}: exit {run.returncode}: {run.stdout}")
        return run.stdout

    def path(self, absolute: str) -> Path:
        """Where that is found which was written since the root was clean."""
        return self.folder / "upper" / absolute.lstrip("/")

    def write(self, absolute: str, text: str, mode: int = 0o644) -> None:
        """Writes a file, as its administrator."""
        path = self.path(absolute)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)


@contextmanager
def clean_root(packages: Path) -> Iterator[CleanRoot]:
    """Makes one. An overlay's upper folder may not lie in an overlay, which /tmp may."""
    folder = Path(tempfile.mkdtemp(prefix="vivarium-root-", dir="/dev/shm"))
    try:
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        yield CleanRoot(folder, packages)
    finally:
        shutil.rmtree(folder)
