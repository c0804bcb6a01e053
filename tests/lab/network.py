"""The lab's network: an instance, a database and a router between them, each in a namespace of its own.

    instance 10.0.1.10 ── router ── 10.0.2.20 database
                            └─ 169.254.169.254 metadata, 10.0.0.2 names, 10.0.3.10 AWS, 10.0.3.20 archive

The namespaces have no names: each is held by a process that ends with the lab, and is gone with the
last process in it. So every lab has the same addresses and none meets another.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

INSTANCE = "10.0.1.10"
DATABASE = "10.0.2.20"
METADATA = "169.254.169.254"
NAMES = "10.0.0.2"
AWS = "10.0.3.10"
ARCHIVE = "10.0.3.20"

# Ends a process when the one that started it ends, however that ends.
TIED = ["setpriv", "--pdeathsig", "KILL", "--"]
LISTENING = "0A"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class ServiceFailed(Exception):
    """A part of the lab did not come up."""


@dataclass
class Namespace:
    """A network namespace, held by a process and by an open file."""

    keeper: subprocess.Popen[bytes]
    handle: int

    @staticmethod
    def create() -> Namespace:
        keeper = subprocess.Popen(
            [*TIED, "unshare", "--net", "sh", "-c", "echo up; exec sleep infinity"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert keeper.stdout is not None
        keeper.stdout.readline()
        keeper.stdout.close()
        return Namespace(keeper, os.open(f"/proc/{keeper.pid}/ns/net", os.O_RDONLY))

    @property
    def path(self) -> str:
        return f"/proc/{self.keeper.pid}/ns/net"

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program in here."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def processes(self) -> list[int]:
        """Every process in here. The open file keeps the number of the namespace from being given anew."""
        own = os.fstat(self.handle)
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                theirs = os.stat(entry / "ns/net")
                if (theirs.st_dev, theirs.st_ino) == (own.st_dev, own.st_ino):
                    found.append(int(entry.name))
        return found

    def end(self) -> None:
        """Ends every process in here, and with the last of them the namespace."""
        deadline = time.monotonic() + 10
        while (found := self.processes()) and time.monotonic() < deadline:
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, 9)
            self.keeper.poll()
            time.sleep(0.01)
        self.keeper.wait()

    def forget(self) -> None:
        """Closes the file that holds the namespace."""
        os.close(self.handle)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Lets this thread open sockets in here."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _enter(self.handle)
            yield
        finally:
            _enter(home)
            os.close(home)


def _enter(handle: int) -> None:
    if _libc.setns(handle, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "entering a network namespace")


@dataclass
class Network:
    """The three namespaces, linked, and the services that run in them."""

    instance: Namespace
    router: Namespace
    database: Namespace
    services: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @staticmethod
    def create(cleanup: contextlib.ExitStack) -> Network:
        """Makes the namespaces one by one, each handed to the clean-up as soon as it is there."""

        def namespace() -> Namespace:
            made = Namespace.create()
            cleanup.callback(made.end)
            return made

        network = Network(namespace(), namespace(), namespace())
        network._link()
        return network

    def namespaces(self) -> dict[str, Namespace]:
        return {"instance": self.instance, "router": self.router, "database": self.database}

    def _link(self) -> None:
        router = self.router.keeper.pid
        _ip(self.instance, *_end("eth0", f"{INSTANCE}/24", "10.0.1.1", f"to-instance netns {router}"))
        _ip(self.database, *_end("eth0", f"{DATABASE}/24", "10.0.2.1", f"to-database netns {router}"))
        addresses = [METADATA, NAMES, AWS, ARCHIVE]
        _ip(
            self.router,
            "link set lo up",
            *(f"addr add {address}/32 dev lo" for address in addresses),
            *("addr add 10.0.1.1/24 dev to-instance", "link set to-instance up"),
            *("addr add 10.0.2.1/24 dev to-database", "link set to-database up"),
            # AWS never says that there is no way; it is silent.
            "route add blackhole default metric 9999",
        )
        _run(self.router.command(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]))

    def start(
        self,
        namespace: Namespace,
        argv: Sequence[str],
        *,
        log: Path,
        listens: str,
        environment: dict[str, str] | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> subprocess.Popen[bytes]:
        """Starts a service that ends with the lab; returns when it listens on ADDRESS:PORT or udp:ADDRESS:PORT.

        One that listens before it can answer says itself when it is ready.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                namespace.command([*TIED, *argv]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        self.services.append(process)
        _wait_until(lambda: _listens(process.pid, listens) and ready(), process, listens, log)
        return process


def _end(name: str, address: str, gateway: str, peer: str) -> list[str]:
    return [
        f"link add {name} type veth peer name {peer}",
        f"addr add {address} dev {name}",
        "link set lo up",
        f"link set {name} up",
        f"route add default via {gateway}",
    ]


def _ip(namespace: Namespace, *commands: str) -> None:
    _run(namespace.command(["ip", "-batch", "-"]), "\n".join(commands))


def _run(argv: list[str], text: str = "") -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceFailed(f"{' '.join(argv)}: {done.stderr.strip()}")


def _wait_until(serves: Callable[[], bool], process: subprocess.Popen[bytes], listens: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while not serves():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-5:]
            raise ServiceFailed(f"nothing serves on {listens}: {' | '.join(last) or 'it said nothing'}")
        time.sleep(0.01)


def _listens(process: int, listens: str) -> bool:
    """Looks into the kernel's table of the process's own namespace: no connection is made for it."""
    address, port = listens.removeprefix("udp:").rsplit(":", 1)
    wanted = f"{_kernel_address(address)}:{int(port):04X}"
    table = "udp" if listens.startswith("udp:") else "tcp"
    try:
        rows = [line.split() for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(row[1] == wanted and (table == "udp" or row[3] == LISTENING) for row in rows)


def _kernel_address(address: str) -> str:
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
