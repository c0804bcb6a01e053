"""One lab with one machine for all of these tests, and the machine's first boot, which most of them begin from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.account import INSTANCE_ID
from lab.vm.ebs import Ebs
from lab.vm.lab import MachineLab
from lab.volume import VOLUME_ID

from .looks import disks, settled, status

# Of the settings: systemd runs the agent at later boots.
BOOT = {"boot__unit": "true"}
FINISHED = r"Cloud-init v\..* finished at .*"
WAITING = "waiting"  # the moment in which a first run waits for its volume


@dataclass(frozen=True)
class Reboot:
    """The second boot, as it was when the unit had done its work."""

    seconds_until_login: float
    unit: str
    disk: dict[str, Any]
    fstab: str
    status: dict[str, Any]
    sent: dict[str, int]


@dataclass(frozen=True)
class Launch:
    """A first boot, as it was when UserData had ended, and the boot after it; and where the disks are kept then."""

    seconds: float
    said: str
    status: dict[str, Any]
    cloud_init: str
    sent: dict[str, int]
    ssm: dict[str, Any]
    metadata: list[dict[str, str]]
    reboot: Reboot
    root: Path
    ebs: Ebs


@pytest.fixture(scope="session")
def lab(agent: Path) -> Iterator[MachineLab]:
    with MachineLab(agent) as lab:
        yield lab


@pytest.fixture(scope="session")
def launch(lab: MachineLab) -> Launch:
    """From power-on to the end of UserData, with a blank volume; a reboot; then the machine is stopped, as in EC2."""
    lab.launch(INSTANCE_ID, lab.user_data(**BOOT))
    begun = time.monotonic()
    lab.machine.power_on(lab.ebs)
    lab.machine.await_console(FINISHED)
    seconds = time.monotonic() - begun
    lab.machine.await_ssh()
    said = lab.machine.shell("cat /var/log/cloud-init-output.log")
    cloud_init = lab.machine.run("cloud-id; cloud-init status --long").stdout
    told = (status(lab), cloud_init, lab.sent(), lab.ssm(), lab.asked_of_metadata())
    lab.machine.shell("echo mine > /anaconda/notes.txt; sync")
    reboot = _reboot(lab)
    lab.machine.stop()
    root = lab.machine.keep_root(lab.scratch.file("launched.qcow2"))
    return Launch(seconds, said, *told, reboot, root, lab.ebs.copy(lab.scratch.file("launched.img")))


def _reboot(lab: MachineLab) -> Reboot:
    lab.machine.reboot()
    seconds = lab.machine.await_ssh()
    unit = settled(lab)
    disk = disks(lab)[VOLUME_ID.replace("-", "")]
    return Reboot(seconds, unit, disk, lab.machine.shell("cat /etc/fstab"), status(lab), lab.sent())


@pytest.fixture
def launched(lab: MachineLab, launch: Launch) -> Iterator[MachineLab]:
    """The machine after its first boot, switched off, with its own copy of both disks."""
    lab.machine.put_root(launch.root)
    lab.launch(INSTANCE_ID, lab.user_data(**BOOT))
    lab.ebs = launch.ebs.copy(lab.ebs.image)
    yield lab
    lab.machine.cut()


@pytest.fixture(scope="session")
def kept(lab: MachineLab) -> Path:
    """A root disk and a memory in which UserData's run waits for a volume. Every first run can go on from there."""
    lab.machine.new_root()
    lab.launch(INSTANCE_ID, lab.user_data(volume__wait="2h", **BOOT))
    lab.machine.power_on()
    lab.machine.await_console("waiting for the volume")
    lab.machine.await_ssh()
    lab.machine.keep_moment(WAITING)
    lab.machine.cut()
    return lab.machine.keep_root(lab.scratch.file("waiting.qcow2"))


@pytest.fixture
def waiting(lab: MachineLab, kept: Path) -> Iterator[MachineLab]:
    """The machine in that moment, switched on, and a volume with somebody's file on it, to be attached."""
    lab.machine.put_root(kept)
    lab.launch(INSTANCE_ID, lab.user_data(volume__wait="2h", **BOOT))
    lab.ebs = Ebs.with_files(lab.ebs.image, {"notes.txt": "mine\n"})
    lab.machine.power_on(moment=WAITING)
    lab.machine.set_clock()
    yield lab
    lab.machine.cut()
