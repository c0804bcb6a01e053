"""EBS volumes as a machine meets them: NVMe disks with the volume's id for a serial number."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..volume import VOLUME_ID

GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Ebs:
    """A volume: a sparse file, and the id that the machine reads from the disk."""

    image: Path
    volume_id: str = VOLUME_ID

    @staticmethod
    def blank(image: Path, size: int = 8 * GIBIBYTE, volume_id: str = VOLUME_ID) -> Ebs:
        """Nothing but zeros."""
        image.unlink(missing_ok=True)
        subprocess.run(["truncate", "--size", str(size), str(image)], check=True)
        return Ebs(image, volume_id)

    @staticmethod
    def with_files(image: Path, files: dict[str, str], size: int = 8 * GIBIBYTE, volume_id: str = VOLUME_ID) -> Ebs:
        """A volume that somebody has used: an ext4 with these files."""
        volume = Ebs.blank(image, size, volume_id)
        folder = image.with_suffix(".files")
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(folder), str(image)], check=True, capture_output=True)
        return volume

    def copy(self, image: Path) -> Ebs:
        """The same volume as it is now; holes stay holes. Only while no machine has it."""
        subprocess.run(["cp", "--sparse=always", "--", str(self.image), str(image)], check=True)
        return Ebs(image, self.volume_id)

    def grow(self, size: int) -> None:
        """Only while no machine has it."""
        subprocess.run(["truncate", "--size", str(size), str(self.image)], check=True)

    @property
    def serial(self) -> str:
        """As EBS tells it: without the dash."""
        return self.volume_id.replace("-", "")

    @property
    def node(self) -> str:
        """How QEMU calls it."""
        return self.serial
