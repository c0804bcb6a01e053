"""The VPC as one thing: `with Vpc(folder) as vpc: vpc.laptop.connect(host, port)`."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..database import Database
from ..instance import Instance
from ..life import Life
from ..network import Namespace
from . import addresses, services
from .connections import Attempt, Outcome, attempt_all
from .describe import Description, Folder, Interface, describe, read
from .topology import Topology


class Vantage:
    """A place to look from."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.machine: Instance | None = None

    def connect(self, host: str, port: int, source_port: int = 0, patience: float = 3) -> Outcome:
        """Tries one TCP connection to an address."""
        return self.connect_all([Attempt(host, port, source_port)], patience)[0]

    def connect_all(self, attempts: Sequence[Attempt], patience: float = 3) -> list[Outcome]:
        """Tries many at the same time."""
        return attempt_all(self.namespace, attempts, patience)

    def resolve(self, name: str) -> str | None:
        """The address that this place's own resolver gives."""
        if self.machine is None:
            return None
        said = self.machine.run(["getent", "ahostsv4", name]).stdout.split()
        return said[0] if said else None


class Vpc(Life):
    """Everything that one folder describes. What it makes is gone when its `with` ends, however that is."""

    def __init__(self, folder: Folder | Path, *, home: bool = False, machines: bool = True) -> None:
        """With a home, a router of it is between the laptop and the world, and rewrites source ports.

        Without machines there are the interfaces and nothing behind them.
        """
        super().__init__()
        self.folder = read(folder) if isinstance(folder, Path) else folder
        self._home = home
        self._machines = machines
        self._names: list[subprocess.Popen[bytes]] = []
        self.password = secrets.token_urlsafe(24)
        self.description: Description = describe(self.folder)
        self._public = self.interface().public or ""
        self.topology: Topology
        self.services: services.Services
        self.database: Database
        self.laptop: Vantage
        self._places: dict[str, Vantage] = {}

    def interface(self, of: str = "") -> Interface:
        """The interface of that id, or of that instance; the first instance's where nothing is said."""
        own = [row for row in self.description.interfaces if row.instance]
        if not of:
            return own[0]
        return next(row for row in self.description.interfaces if of in (row.id, row.instance))

    @property
    def server(self) -> Interface:
        """The interface that Amazon RDS keeps for the database."""
        return next(row for row in self.description.interfaces if row.is_of_rds)

    @property
    def public_address(self) -> str:
        """Under which address the world knows the first instance when all is well."""
        return self._public

    def instance(self, of: str = "") -> Vantage:
        """The view from an instance, or from any interface."""
        return self._places[self.interface(of).id]

    def apply(self, folder: Folder | Path) -> None:
        """Makes the running VPC what another folder says. The interfaces must be the same."""
        self.folder = read(folder) if isinstance(folder, Path) else folder
        before, self.description = self.description, describe(self.folder)
        self.topology.apply(self.description)
        if self._machines and _names_of(before) != _names_of(self.description):
            self._end_names()
            self._names = self.services.names(self.description)

    def spaces(self) -> dict[str, Namespace]:
        """Those that were made so far."""
        return self.topology.namespaces if hasattr(self, "topology") else {}

    def build(self) -> None:
        """The namespaces first, then what is in them."""
        self.topology = Topology.create(self.description, self.cleanup, home=self._home)
        self.laptop = Vantage(self.topology.namespaces["laptop"])
        self._places = {row.id: Vantage(self.topology.namespaces[row.id]) for row in self.description.interfaces}
        self.services = services.Services.create(self.topology, self.scratch.path, self.interface(), self.server)
        if self._machines:
            self._furnish()

    def _furnish(self) -> None:
        own, place = self.interface(), self.scratch.path
        self._names = self.services.names(self.description)
        self.services.metadata(own)
        self.services.listeners("internet", addresses.CONTROL, addresses.CONTROL_PORTS)
        self.database, authority = services.start_database(self.services, self.server, place, self.password)
        self.cleanup.callback(lambda: self.database.stop())
        instance = services.boot_instance(self.topology, own, place, self.cleanup)
        services.trust(instance, authority)
        self.instance().machine = instance
        self.laptop.machine = services.boot_laptop(self.topology, instance, place, self.cleanup)
        services.trust(self.laptop.machine, authority)

    def _end_names(self) -> None:
        for process in self._names:
            process.kill()
            process.wait()
        self._names = []


def _names_of(description: Description) -> tuple[dict[str, str], dict[str, str], bool]:
    return description.names_inside, description.names_outside, description.resolves
