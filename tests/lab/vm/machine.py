"""One machine: its power switch, its disks, its console, and a shell in it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..network import INSTANCE, TIED, Namespace, ServiceFailed
from .ebs import Ebs
from .image import LABEL, Image
from .qmp import Monitor

MAC = "0a:ff:c0:00:02:01"  # as in the lab's metadata
LINK = "eni"  # the other end of the machine's network interface, in the router
UUID = "ec2e1916-9099-7caf-fd21-012345abcdef"  # by its beginning cloud-init knows EC2
PORTS = ("port1", "port2", "port3")  # where NVMe disks are plugged in, in the order in which they are found
MEMORY = "2048"
# Nothing of the machine is worth a sync of this disk; what the guest had not written is lost all the same.
DRIVE = {"driver": "raw", "cache": {"direct": False, "no-flush": True}}
# Software emulation on a busy machine. A limit is there to end what hangs, not to measure.
BOOT = 1800.0


class Silent(ServiceFailed):
    """Nothing was heard of what was waited for."""


@dataclass
class Machine:
    """A machine and, while it is on, its QEMU."""

    router: Namespace
    image: Image
    place: Path
    key: Path
    qemu: subprocess.Popen[bytes] | None = None
    monitor: Monitor | None = None
    plugged: dict[str, Ebs] = field(default_factory=dict)
    mark: int = 0

    @staticmethod
    def create(router: Namespace, image: Image, place: Path) -> Machine:
        """A new one, with a root disk as the image has it, and a key pair to log in with."""
        place.mkdir()
        machine = Machine(router, image, place, place / "key")
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(machine.key)])
        machine.new_root()
        return machine

    # Power

    def power_on(self, *volumes: Ebs, moment: str | None = None, words: str = "") -> None:
        """Starts it, with these volumes plugged in; or as it was at a moment that was kept, with none."""
        assert self.qemu is None, "it is on already"
        self.mark = len(self.console_text())
        self.plugged = dict(zip(PORTS, volumes, strict=False))
        with (self.place / "qemu.log").open("ab") as log:
            argv = ["nice", "-n", "5", "qemu-system-x86_64", *self._options(moment, words)]
            self.qemu = subprocess.Popen(
                self.router.command([*TIED, *argv]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.monitor = self._connect()
        self.monitor.execute("cont")

    def cut(self) -> None:
        """The power goes. What the kernel had not yet given to the disks is lost. May be called again."""
        if self.qemu is None:
            return
        if self.monitor is not None:
            with contextlib.suppress(ServiceFailed, OSError):
                self.monitor.execute("quit", patience=30)
            self.monitor.close()
        try:
            self.qemu.wait(30)
        except subprocess.TimeoutExpired:
            self.qemu.kill()
            self.qemu.wait()
        self.qemu = self.monitor = None
        self.plugged = {}

    def stop(self) -> None:
        """As `aws ec2 stop-instances`: the button is pressed, and the machine shuts itself down."""
        assert self.monitor is not None
        self.monitor.execute("system_powerdown")
        self.monitor.await_event("SHUTDOWN", BOOT)
        self.cut()

    def reboot(self) -> None:
        """As somebody who types it; returns when the machine begins anew, which is in a QEMU of its own: in the old one
        it was once seen to begin and get nowhere.
        """
        assert self.monitor is not None
        self.run("systemctl reboot")
        self.monitor.await_event("SHUTDOWN", BOOT)
        volumes = self.plugged.values()
        self.cut()
        self.power_on(*volumes)

    def keep_moment(self, name: str) -> None:
        """Memory and root disk as they are now, to go on from later. No volume may be plugged in."""
        assert self.monitor is not None and not self.plugged
        self.monitor.person(f"savevm {name}")

    # Disks

    @property
    def root(self) -> Path:
        """The root disk: what was written over the image."""
        return self.place / "root.qcow2"

    def new_root(self) -> None:
        """A root disk as the image has it: of a new instance. Switches it off."""
        self.cut()
        overlay = ["-f", "qcow2", "-F", "raw", "-b", str(self.image.disk)]
        _run(["qemu-img", "create", "-q", *overlay, str(self.root)])

    def keep_root(self, copy: Path) -> Path:
        """A copy of the root disk. Only while it is off."""
        assert self.qemu is None
        shutil.copyfile(self.root, copy)
        return copy

    def put_root(self, copy: Path) -> None:
        """Makes the root disk what it was. Switches it off."""
        self.cut()
        shutil.copyfile(copy, self.root)

    def attach(self, volume: Ebs) -> None:
        """As `aws ec2 attach-volume`."""
        assert self.monitor is not None
        port = next(port for port in PORTS if port not in self.plugged)
        file = {"driver": "file", "filename": str(volume.image)}
        self.monitor.execute("blockdev-add", **{"node-name": volume.node, "file": file, **DRIVE})
        self.monitor.execute("device_add", driver="nvme", id=port + "-disk", bus=port, **_disk(volume))
        self.plugged[port] = volume

    # Console

    def console_text(self) -> str:
        """All that was ever written to it."""
        with contextlib.suppress(FileNotFoundError):
            return (self.place / "console.log").read_text(errors="replace")
        return ""

    def said(self, pattern: str) -> list[str]:
        """The whole lines since power came on, or since the last wait for one, in which the pattern is found."""
        whole = self.console_text()[self.mark :].rpartition("\n")[0]
        return [line for line in whole.splitlines() if re.search(pattern, line)]

    def await_console(self, pattern: str, patience: float = BOOT) -> str:
        """The first line since power came on, or since the last such wait, in which the pattern is found."""
        wanted, deadline = re.compile(pattern), time.monotonic() + patience
        while not (found := wanted.search(self.console_text(), self.mark)):
            self._must_run()
            if time.monotonic() > deadline:
                raise Silent(f"no {pattern!r} on the console in {patience:.0f} s; {self._stands()}")
            time.sleep(0.1)
        self.mark = found.end()
        return found.group()

    # A shell

    def await_ssh(self, patience: float = BOOT) -> float:
        """Returns when somebody can log in; after how many seconds."""
        begun = time.monotonic()
        while not self._lets_one_in():
            self._must_run()
            if time.monotonic() - begun > patience:
                raise Silent(f"nobody can log in after {patience:.0f} s; {self._stands()}")
            time.sleep(0.2)
        return time.monotonic() - begun

    def _lets_one_in(self) -> bool:
        try:
            return self.run("true", patience=60).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def run(self, script: str, patience: float = BOOT) -> subprocess.CompletedProcess[str]:
        """Runs a few lines of shell as root, as somebody who logs in. 255 is ssh's own."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=20"]
        options += ["IdentitiesOnly=yes", "ServerAliveInterval=30", "LogLevel=ERROR", "BatchMode=yes"]
        argv = ["ssh", "-F", "/dev/null", "-i", str(self.key), *(f"-o{option}" for option in options)]
        return subprocess.run(
            self.router.command([*TIED, *argv, f"debian@{INSTANCE}", "sudo sh -eu"]),
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            check=False,
        )

    def shell(self, script: str, patience: float = BOOT) -> str:
        """The same; it must succeed. What it said."""
        done = self.run(script, patience)
        if done.returncode != 0:
            raise ServiceFailed(f"{script!r}: exit {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")
        return done.stdout

    def set_clock(self) -> None:
        """After going on from a kept moment: that its clock stood still meanwhile is not what is tested."""
        self.await_ssh()
        self.shell(f"date -s @{time.time():.0f}")

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text().strip()

    def _stands(self) -> str:
        """What the console said last, and where the processors are: twice the same place is one that hangs."""
        assert self.monitor is not None
        last = self.console_text()[self.mark :].strip().splitlines()[-15:]
        places = []
        for _ in range(2):
            time.sleep(1)
            places += re.findall(r"RIP=(\w+)", self.monitor.person("info registers -a"))
        return f"processors at {' '.join(places)}; last on the console: {' | '.join(last)}"

    def _must_run(self) -> None:
        if self.qemu is not None and self.qemu.poll() is not None:
            raise ServiceFailed(f"QEMU has ended: {(self.place / 'qemu.log').read_text()[-1000:]}")

    def _connect(self) -> Monitor:
        path, deadline = self.place / "monitor", time.monotonic() + 120
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                return Monitor(path)
            self._must_run()
            if time.monotonic() > deadline:
                raise Silent("QEMU does not open its monitor")
            time.sleep(0.05)

    def _options(self, moment: str | None, words: str) -> Sequence[str]:
        said = f"root=LABEL={LABEL} rw console=ttyS0 net.ifnames=0 mitigations=off quiet systemd.show_status=1"
        root = f"if=none,id=root,file={self.root},format=qcow2,cache=unsafe,discard=unmap"
        (self.place / "monitor").unlink(missing_ok=True)
        return [
            # Nehalem: what a compiler of 2023 asks for, and hardly more to emulate.
            *("-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "Nehalem", "-smp", "2", "-m", MEMORY),
            *("-nodefaults", "-display", "none", "-S", "-no-reboot"),
            *("-chardev", f"file,id=console,path={self.place}/console.log,append=on", "-serial", "chardev:console"),
            *("-qmp", f"unix:{self.place}/monitor,server=on,wait=off"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd), "-append", f"{said} {words}"),
            *("-smbios", f"type=1,manufacturer=Amazon EC2,product=t3.large,uuid={UUID},serial={UUID}"),
            *("-smbios", "type=0,vendor=Amazon EC2", "-smbios", "type=3,manufacturer=Amazon EC2"),
            *("-drive", root, "-device", "virtio-blk-pci,drive=root,serial=vol0fedcba9876543210"),
            *("-netdev", f"tap,id=net,ifname={LINK},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=net,mac={MAC}", "-device", "virtio-rng-pci"),
            *self._ports(),
            *(("-loadvm", moment) if moment else ()),
        ]

    def _ports(self) -> list[str]:
        options = []
        for number, port in enumerate(PORTS, start=1):
            options += ["-device", f"pcie-root-port,id={port},chassis={number},slot={number}"]
        for port, volume in self.plugged.items():
            file = f"driver=raw,node-name={volume.node},file.driver=file,file.filename={volume.image}"
            options += ["-blockdev", f"{file},cache.no-flush=on"]
            options += ["-device", f"nvme,id={port}-disk,bus={port},drive={volume.node},serial={volume.serial}"]
        return options


def _disk(volume: Ebs) -> dict[str, str]:
    return {"drive": volume.node, "serial": volume.serial}


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, capture_output=True)
