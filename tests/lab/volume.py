"""The lab's EBS volume: a sparse file behind a loop device, shown to the instance as NVMe shows it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .instance import Instance

VOLUME_ID = "vol-0123456789abcdef0"
SECTOR = 512


@dataclass
class Volume:
    """A volume and, while it is attached, its device in the instance."""

    image: Path
    volume_id: str = VOLUME_ID
    name: str = "nvme1n1"
    loop: str | None = None

    @staticmethod
    def create(image: Path, size: int, volume_id: str = VOLUME_ID) -> Volume:
        """A volume of nothing but zeros."""
        with image.open("wb") as file:
            file.truncate(size)
        return Volume(image, volume_id)

    def restore(self, snapshot: Path) -> None:
        """Makes the volume from a snapshot, as AWS would; only while it is not attached."""
        assert self.loop is None, "a volume is restored before it is attached"
        _copy(snapshot, self.image)

    def save(self, snapshot: Path) -> None:
        """Makes a snapshot; only while it is not attached."""
        assert self.loop is None, "the lab makes snapshots of detached volumes"
        _copy(self.image, snapshot)

    def attach(self, instance: Instance) -> None:
        """The device appears, its node last, as it does on Nitro."""
        argv = ["losetup", "--find", "--show", str(self.image)]
        self.loop = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        self._describe(instance)
        os.mknod(instance.path(f"/dev/{self.name}"), stat.S_IFBLK | 0o660, self._number)

    def detach(self, instance: Instance) -> None:
        """The device disappears, whatever was mounted from it."""
        assert self.loop is not None, "only an attached volume can be detached"
        instance.path(f"/dev/{self.name}").unlink(missing_ok=True)
        instance.path(self._link).unlink(missing_ok=True)
        shutil.rmtree(instance.path(f"/sys/block/{self.name}"), ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Gives the loop device back. It goes when the last mount of it goes. May be called again."""
        if self.loop is not None:
            subprocess.run(["losetup", "--detach", self.loop], check=False, capture_output=True)
            self.loop = None

    def grow(self, instance: Instance, size: int) -> None:
        """The volume is modified to a larger size while it is in use."""
        assert self.loop is not None, "the lab grows attached volumes"
        os.truncate(self.image, size)
        subprocess.run(["losetup", "--set-capacity", self.loop], check=True, capture_output=True)
        instance.write(f"/sys/block/{self.name}/size", f"{size // SECTOR}\n")

    @property
    def _number(self) -> int:
        assert self.loop is not None
        return os.stat(self.loop).st_rdev

    @property
    def _dev(self) -> str:
        return f"{os.major(self._number)}:{os.minor(self._number)}"

    @property
    def _link(self) -> str:
        return f"/sys/dev/block/{self._dev}"

    def _describe(self, instance: Instance) -> None:
        assert self.loop is not None
        kernel = Path("/sys/block") / Path(self.loop).name
        files = {
            "device/serial": self.volume_id.replace("-", ""),
            "device/model": "Amazon Elastic Block Store",
            "removable": "0",
            "dev": self._dev,
            **{name: (kernel / name).read_text().strip() for name in ("size", "ro", "diskseq")},
        }
        for name, value in files.items():
            instance.write(f"/sys/block/{self.name}/{name}", f"{value}\n")
        for directory in ("holders", "slaves", "queue"):
            instance.path(f"/sys/block/{self.name}/{directory}").mkdir()
        instance.path(self._link).symlink_to(f"../../block/{self.name}")


def _copy(image: Path, to: Path) -> None:
    """Holes stay holes: a volume is large and hardly anything is on it."""
    to.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", "--", str(image), str(to)], check=True)
