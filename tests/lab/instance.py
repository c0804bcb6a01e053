"""The lab's instance: this machine's programs in namespaces of their own, with nothing of its devices."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .network import TIED, Namespace, ServiceFailed

HERE = Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb"}


@dataclass
class Instance:
    """A running instance."""

    holder: subprocess.Popen[bytes]
    first_process: int

    @staticmethod
    def start(network: Namespace, machine: Path) -> Instance:
        """Boots. The directory is where its root is put together; nobody else sees what is there."""
        machine.mkdir(exist_ok=True)
        own = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--ipc", "--uts"]
        holder = subprocess.Popen(
            network.command([*TIED, "unshare", *own, "sh", str(HERE / "instance.sh"), str(machine)]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert holder.stdout is not None and holder.stderr is not None
        if holder.stdout.readline() != b"up\n":
            holder.kill()
            raise ServiceFailed(f"the instance does not start: {holder.stderr.read().decode(errors='replace')}")
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        instance = Instance(holder, int(children[0]))
        instance._describe_machine()
        return instance

    def path(self, absolute: str) -> Path:
        """Where a file of the instance is found from outside. Absolute links on the way would lead astray."""
        return Path(f"/proc/{self.first_process}/root") / absolute.lstrip("/")

    @property
    def changes(self) -> Path:
        """Where everything lies that was written over this machine's files, and nothing else."""
        return self.path("/run/lab-changes")

    def command(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command line that runs a program in the instance, with a login's environment."""
        variables = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(environment or {})}.items()]
        enter = ["nsenter", "--target", str(self.first_process), "--all", "--"]
        return [*enter, "env", "--ignore-environment", *variables, *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 120,
        check: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program to its end."""
        done = subprocess.run(
            self.command(argv, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise ServiceFailed(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def shell(self, script: str, **options: object) -> str:
        """Runs a few lines of shell, which must succeed; what they said."""
        return self.run(["sh", "-euc", script], check=True, **options).stdout  # type: ignore[arg-type]

    def install(self, program: Path, to: str) -> None:
        """Copies a program in."""
        shutil.copyfile(program, self.path(to))
        self.path(to).chmod(0o755)

    def write(self, to: str, text: str, mode: int = 0o644) -> None:
        """Writes a file."""
        place = self.path(to)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def processes(self) -> list[int]:
        """Every process of the instance but its first ones, by its number outside."""
        own = os.readlink(f"/proc/{self.first_process}/ns/pid")
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "ns/pid") == own:
                    found.append(int(entry.name))
            except OSError:
                continue
        idle = Path(f"/proc/{self.first_process}/task/{self.first_process}/children").read_text().split()
        return [process for process in found if process != self.first_process and str(process) not in idle[:1]]

    def end(self) -> None:
        """Pulls the plug: every process is killed and every mount is gone. May be called again."""
        if self.holder.poll() is None:
            # Its parent, which is ours, buries it; the other way round this machine's first process would.
            os.kill(self.first_process, signal.SIGKILL)
            self.holder.wait()
        for pipe in (self.holder.stdout, self.holder.stderr):
            if pipe is not None:
                pipe.close()

    def _describe_machine(self) -> None:
        """What firmware and kernel say on Nitro, as far as programs ask."""
        firmware = {"sys_vendor": "Amazon EC2", "product_uuid": "ec2e1916-9099-7caf-fd21-012345abcdef"}
        for name, value in firmware.items():
            self.write(f"/sys/class/dmi/id/{name}", f"{value}\n", 0o444)
        self._describe_root_disk()

    def _describe_root_disk(self) -> None:
        """A disk with a partition that no agent may touch. There is no device behind its nodes."""
        disk = self.path("/sys/block/nvme0n1")
        files = {"dev": "259:0", "size": "16777216", "ro": "0", "diskseq": "1", "removable": "0"}
        device = {"device/serial": "vol0fedcba9876543210", "device/model": "Amazon Elastic Block Store"}
        part = {"dev": "259:1", "size": "16775168", "start": "2048", "partition": "1", "ro": "0"}
        for name, value in {**files, **device, **{f"nvme0n1p1/{key}": word for key, word in part.items()}}.items():
            self.write(f"/sys/block/nvme0n1/{name}", f"{value}\n")
        for directory in ("holders", "slaves", "queue", "nvme0n1p1/holders"):
            (disk / directory).mkdir()
        links = self.path("/sys/dev/block")
        links.mkdir(parents=True)
        (links / "259:0").symlink_to("../../block/nvme0n1")
        (links / "259:1").symlink_to("../../block/nvme0n1/nvme0n1p1")
        for minor, name in enumerate(("nvme0n1", "nvme0n1p1")):
            os.mknod(self.path(f"/dev/{name}"), 0o600 | 0o060000, os.makedev(259, minor))
