"""What answers in the VPC: names, the metadata service, sshd, PostgreSQL, and a host in the world outside."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import database, network
from ..certificates import Authority
from ..database import Database
from ..instance import Instance
from ..lab import CA, KEPT
from ..network import Network
from . import addresses
from .describe import Description, Interface
from .topology import Topology, hypervisor_of

LAB = Path(__file__).parents[1]
USER = "ec2-user"
HOST_KEY = "/etc/ssh/lab_host_ed25519"
LOGIN_KEY = "/root/.ssh/id_ed25519"
SSHD = f"""HostKey {HOST_KEY}
PidFile /run/sshd.pid
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
AuthorizedKeysFile .ssh/authorized_keys
"""
# sshd has begun to listen when its file is there, and has ceased to when it is gone.
START_SSHD = "/usr/local/sbin/start-sshd"
STOP_SSHD = "kill $(cat /run/sshd.pid); timeout 60 sh -c 'while [ -e /run/sshd.pid ]; do sleep 0.02; done'"
STARTER = """#!/bin/sh
/usr/sbin/sshd -E /run/sshd.log "$@" && timeout 60 sh -c 'until [ -e /run/sshd.pid ]; do sleep 0.02; done'
"""
LAPTOP = """
hostname laptop; echo laptop > /etc/hostname; echo '127.0.0.1 localhost laptop' > /etc/hosts
rm -f /sys/class/dmi/id/*
"""


@dataclass
class Services:
    """The processes that were started, by what they are for."""

    topology: Topology
    logs: Path
    network: Network

    @staticmethod
    def create(topology: Topology, logs: Path, instance: Interface, server: Interface) -> Services:
        """Nothing runs yet."""
        spaces = topology.namespaces
        return Services(topology, logs, Network(spaces[instance.id], spaces["fabric"], spaces[server.id]))

    def start(self, name: str, argv: list[str], listens: str) -> subprocess.Popen[bytes]:
        """Starts a program in the namespace of that name."""
        log = self.logs / f"{name.replace(' ', '-')}.log"
        return self.network.start(self.topology.namespaces[name], argv, log=log, listens=listens)

    def listeners(self, name: str, address: str, ports: tuple[int, ...]) -> None:
        """Something that takes connections on these ports."""
        argv = [sys.executable, str(Path(__file__).with_name("listeners.py")), address, *map(str, ports)]
        self.start(name, argv, f"{address}:{max(ports)}")

    def metadata(self, interface: Interface) -> None:
        """The instance metadata service, next to the instance and nowhere else."""
        listen = f"{addresses.METADATA}:80"
        argv = [sys.executable, str(LAB / "imds.py"), "--listen", listen, "--hop-limit", "1"]
        self.start(hypervisor_of(interface.id), argv, listen)

    def names(self, description: Description) -> list[subprocess.Popen[bytes]]:
        """The resolvers of the VPC, one at each interface, and one of the world outside."""
        started = [self._names("internet", addresses.OUTSIDE_NAMES, description.names_outside)]
        if description.resolves:
            started += [
                self._names(hypervisor_of(row.id), address, description.names_inside)
                for row in description.interfaces
                if not row.is_of_rds
                for address in addresses.RESOLVERS
            ]
        return started

    def _names(self, where: str, address: str, known: dict[str, str]) -> subprocess.Popen[bytes]:
        controls = dict.fromkeys(addresses.CONTROL_NAMES, addresses.CONTROL)
        pairs = [f"{name}={value}" for name, value in {**known, **controls}.items()]
        listen = f"{address}:53"
        return self.start(where, [sys.executable, str(LAB / "names.py"), "--listen", listen, *pairs], f"udp:{listen}")


def start_database(services: Services, server: Interface, scratch: Path, password: str) -> tuple[Database, Authority]:
    """PostgreSQL on the interface of Amazon RDS."""
    if server.address != network.DATABASE:
        raise network.ServiceFailed(f"the database of the lab listens on {network.DATABASE} only")
    authority = Authority(scratch / "tls")
    certificate = authority.issue(database.HOST)
    started = Database.start(services.network, scratch / "database", KEPT / "postgres-template", certificate, password)
    return started, authority


def boot_instance(topology: Topology, interface: Interface, scratch: Path, cleanup: contextlib.ExitStack) -> Instance:
    """A machine with sshd and a user that may log in."""
    machine = Instance.start(topology.namespaces[interface.id], scratch / "instance")
    cleanup.callback(machine.end)
    machine.write("/etc/ssh/sshd_config", SSHD)
    machine.shell(
        f"ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}; mkdir -p /run/sshd; "
        f"useradd --create-home --shell /bin/bash --password '*' {USER}; install -d -m 700 -o {USER} ~{USER}/.ssh"
    )
    machine.write(START_SSHD, STARTER, 0o755)
    machine.shell(START_SSHD)
    return machine


def boot_laptop(topology: Topology, instance: Instance, scratch: Path, cleanup: contextlib.ExitStack) -> Instance:
    """A machine outside, with the key that the instance knows."""
    laptop = Instance.start(topology.namespaces["laptop"], scratch / "laptop")
    cleanup.callback(laptop.end)
    laptop.write("/etc/resolv.conf", f"nameserver {addresses.OUTSIDE_NAMES}\n")
    laptop.shell(f"{LAPTOP}mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f {LOGIN_KEY}")
    public = laptop.path(f"{LOGIN_KEY}.pub").read_text()
    instance.write(f"/home/{USER}/.ssh/authorized_keys", public, 0o600)
    instance.shell(f"chown -R {USER}: /home/{USER}")
    return laptop


def trust(machine: Instance, authority: Authority) -> None:
    """The machine knows the authority that signed the database's certificate."""
    machine.write(CA, authority.certificate.read_text())
