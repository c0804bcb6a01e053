"""The image that the machines boot from: made once of Debian's packages, and kept below .lab/vm.

It has no boot loader: the kernel and its first files lie beside it and are given to the emulator. It is made
again when what it is made of has changed: this file, the files that are copied into it, the wheels.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..network import ServiceFailed

HERE = Path(__file__).parent
FILES = HERE / "files"
SIZE = "6G"
LABEL = "root"
WHEELS = "/opt/wheels"
PYTHON = "cp311"  # of this Debian

# What the image has beyond the smallest Debian that boots, and why.
PACKAGES = {
    "systemd-sysv": "the first process",
    "udev": "names and links of devices",
    "dbus": "systemctl, as another program's user",
    "linux-image-cloud-amd64": "the kernel of Debian's images for EC2: NVMe, dm-flakey, netem",
    "cloud-init": "reads UserData, as on every image for EC2",
    "isc-dhcp-client": "cloud-init's way to an address before it has a network",
    "ifupdown": "the network that cloud-init sets up",
    "netbase": "names of protocols, for ifupdown's scripts",
    "iproute2": "the same; and tc, for lost packets",
    "openssh-server": "the way in",
    "sudo": "the way to root from there",
    "ca-certificates": "the trust that the agent finds on a machine",
    "curl": "one of the launcher's ways to fetch",
    "python3": "cloud-init's own, and the libraries that the stand-in installer's Python needs",
    "bzip2": "the stand-in installer unpacks its packages with it",
    "e2fsprogs": "the volume's filesystem",
    "xfsprogs": "the volume's other filesystem",
    "dmsetup": "disks that fail",
    "procps": "looking at processes",
}
# Not needed in software emulation, where each costs seconds of a boot.
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"),
    *("dpkg-db-backup.timer", "systemd-timesyncd.service", "systemd-hwdb-update.service", "getty@tty1.service"),
    *("systemd-journal-catalog-update.service", "systemd-binfmt.service", "man-db.timer"),
)


@dataclass(frozen=True)
class Image:
    """A disk, never written to, and what starts it."""

    disk: Path
    kernel: Path
    initrd: Path


def image(kept: Path, wheels: Path) -> Image:
    """The image, made if it is not there."""
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two may want it at the same time
        made = kept / _made_of(wheels)
        if not made.exists():
            for old in kept.glob("image-*"):
                shutil.rmtree(old)
            _make(made.with_name("unfinished"), wheels)
            made.with_name("unfinished").rename(made)
    return Image(made / "root.img", made / "vmlinuz", made / "initrd.img")


def _made_of(wheels: Path) -> str:
    """A name that changes with what the image is made of."""
    content = hashlib.sha256()
    for path in [Path(__file__), *sorted(FILES.iterdir())]:
        content.update(path.read_bytes())
    content.update(" ".join(wheel.name for wheel in _fitting(wheels)).encode())
    return f"image-{content.hexdigest()[:12]}"


def _fitting(wheels: Path) -> list[Path]:
    return sorted(wheels.glob(f"*-{PYTHON}-{PYTHON}-*.whl"))


def _make(place: Path, wheels: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    root = place / "root"
    _run(["mmdebstrap", *_options(wheels), "bookworm", str(root), str(_sources())])
    for name in ("vmlinuz", "initrd.img"):
        (newest,) = (root / "boot").glob(f"{name}-*")
        shutil.copyfile(newest, place / name)
    disk = place / "root.img"
    _run(["truncate", "--size", SIZE, str(disk)])
    _run(["mkfs.ext4", "-q", "-F", "-L", LABEL, "-E", "lazy_itable_init=1", "-d", str(root), str(disk)])
    shutil.rmtree(root)


def _options(wheels: Path) -> Iterator[str]:
    yield from ("--quiet", "--variant=minbase", "--mode=root", "--format=directory")
    yield f"--include={','.join(PACKAGES)}"
    yield '--aptopt=APT::Install-Recommends "0"'
    for kind in ("man", "locale", "doc", "info"):
        yield f"--dpkgopt=path-exclude=/usr/share/{kind}/*"
    hooks = [
        f'echo "LABEL={LABEL} / ext4 rw,discard,errors=remount-ro 0 1" > "$1/etc/fstab"',
        f'cp {FILES}/*.cfg "$1/etc/cloud/cloud.cfg.d/"',
        # Each machine makes its own.
        'rm -f "$1"/etc/ssh/ssh_host_*; : > "$1/etc/machine-id"',
        f'chroot "$1" systemctl --quiet mask {" ".join(MASKED)}',
        f'mkdir -p "$1{WHEELS}"; cp {" ".join(map(str, _fitting(wheels)))} "$1{WHEELS}/"',
    ]
    yield from (f"--customize-hook={hook}" for hook in hooks)


def _sources() -> Path:
    """Where this machine itself gets its Debian from."""
    known = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]
    for sources in known:
        if sources.exists() and sources.read_text().strip():
            return sources
    raise ServiceFailed(f"no image without Debian's archive: neither {known[0]} nor {known[1]} names one")


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise ServiceFailed(f"{argv[0]}: {done.stderr.strip()[-2000:]}")
