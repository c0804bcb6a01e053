"""The namespaces of a VPC: made and linked once, and filled with rules as often as wanted.

    laptop ── [home] ── internet ── fabric ── hypervisor 0 ── interface 0
                                          └── hypervisor 1 ── interface 1 …

The fabric is the route tables, the network ACLs and the internet gateway; a hypervisor is the security
groups of one interface. As in AWS they are outside of the machine, so its own firewall is something else.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass, field

from ..network import Namespace, ServiceFailed
from . import kernel, rules, wires
from .describe import Description, Interface

FORWARDING = (
    "for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done; "
    "echo 1 > /proc/sys/net/ipv4/ip_forward"
)
# A kernel says a second time within a second that there is no way, and a faster test than the one before would miss it.
AT_ONCE = "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit"
# A neighbour that does not answer is reported by routers, but not by AWS's.
PROXY = (
    "echo 1 > /proc/sys/net/ipv4/conf/eni/proxy_arp; echo 0 > /proc/sys/net/ipv4/neigh/eni/proxy_delay; "
    "nft 'add table ip silent; add chain ip silent output { type filter hook output priority filter; }; "
    "add rule ip silent output icmp type destination-unreachable drop'"
)
MASQUERADE = (
    "nft 'add table ip home; add chain ip home out { type nat hook postrouting priority srcnat; }; "
    "add rule ip home out oifname wan ip protocol tcp masquerade to :20000-29999 random; "
    "add rule ip home out oifname wan masquerade'"
)


@dataclass
class Topology:
    """The namespaces by name: `laptop`, `internet`, `fabric`, an interface's id, `hypervisor of` an id."""

    interfaces: tuple[Interface, ...]
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    _is_set: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def create(description: Description, cleanup: contextlib.ExitStack, *, home: bool = False) -> Topology:
        """Makes the namespaces one by one, each handed to the clean-up as soon as it is there."""
        topology = Topology(description.interfaces)
        names = ["laptop", "internet", "fabric", *(["home"] if home else [])]
        names += [name for row in description.interfaces for name in (row.id, hypervisor_of(row.id))]
        for name in names:
            made = Namespace.create()
            cleanup.callback(made.end)
            topology.namespaces[name] = made
            topology._shell(name, AT_ONCE)
        topology._link(description)
        topology.apply(description)
        return topology

    @property
    def links(self) -> dict[str, str]:
        """The fabric's device for each interface."""
        return {interface.id: f"e{index}" for index, interface in enumerate(self.interfaces)}

    def apply(self, description: Description) -> None:
        """Sets routes, lists and groups; what says the same as before is left alone."""
        if [row.id for row in description.interfaces] != [row.id for row in self.interfaces]:
            raise ServiceFailed("another set of interfaces needs another lab")
        self._set("routes", "\n".join(wires.routes(description)))
        self._set("fabric", rules.fabric(description, self.links))
        for row in description.interfaces:
            running = row.id in description.running
            groups = rules.security_groups(description, row.groups, row.address) if running else rules.nothing_runs()
            self._set(hypervisor_of(row.id), groups)

    def forget_connections(self) -> None:
        """As if every connection so far had been long ago."""
        for row in self.interfaces:
            kernel.forget_connections(self.namespaces[hypervisor_of(row.id)])

    def _set(self, name: str, text: str) -> None:
        if self._is_set.get(name) == text:
            return
        if name == "routes":
            self._ip("fabric", text.splitlines())
        else:
            kernel.set_rules(self.namespaces[name], text)
        self._is_set[name] = text

    def _link(self, description: Description) -> None:
        pids = {name: namespace.keeper.pid for name, namespace in self.namespaces.items()}
        subnets = {subnet.id: subnet for subnet in description.subnets}
        made = wires.outside(pids["laptop"], pids["internet"], pids.get("home"))
        for name, lines in made.items():
            self._ip(name, lines)
        self._ip("internet", wires.internet(pids["fabric"]))
        for index, row in enumerate(description.interfaces):
            hypervisor = hypervisor_of(row.id)
            self._ip(hypervisor, wires.hypervisor(index, self.links[row.id], pids["fabric"]))
            own, its = wires.guest(row, subnets[row.subnet], pids[hypervisor])
            self._ip(row.id, own)
            self._ip(hypervisor, its)
            self._shell(hypervisor, f"{FORWARDING}; {PROXY}")
        self._ip("fabric", wires.fabric(description, self.links))
        for name in ("fabric", "internet", *(["home"] if "home" in pids else [])):
            self._shell(name, FORWARDING)
        if "home" in pids:
            self._shell("home", MASQUERADE)

    def _ip(self, name: str, lines: list[str]) -> None:
        _finish(_start(self.namespaces[name], ["ip", "-batch", "-"]), "\n".join(lines))

    def _shell(self, name: str, script: str) -> None:
        _finish(_start(self.namespaces[name], ["sh", "-euc", script]), "")


def hypervisor_of(interface: str) -> str:
    """The name of the namespace that holds an interface's security groups."""
    return f"hypervisor of {interface}"


def _start(namespace: Namespace, argv: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        namespace.command(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str], text: str) -> None:
    _, said = process.communicate(text)
    if process.returncode != 0:
        raise ServiceFailed(f"{process.args}: {said.strip()}: {text}")
