"""The faults that the lab can show, each with what is seen of it from the laptop and from the instance.

A fault of the configuration is an edit of the folder; a fault of a machine or of the network on the way is
a few lines of shell in its namespace, with the lines that mend it. Those named as in the field's own
trouble reports carry the numbers of the symptoms they show.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import addresses, edits
from .connections import Outcome
from .edits import ANYWHERE, DATABASE_GROUP, INSTANCE_GROUP, PRIVATE_ACL, PRIVATE_ROUTES, PUBLIC_ACL, PUBLIC_ROUTES

FINE, REFUSED, SILENT = Outcome.CONNECTED, Outcome.REFUSED, Outcome.TIMED_OUT
NO_HOST, NO_NETWORK = Outcome.HOST_UNREACHABLE, Outcome.NETWORK_UNREACHABLE
HOME = f"{addresses.LAPTOP}/32"
EPHEMERAL = (1024, 65535)


@dataclass(frozen=True)
class Break:
    """What goes wrong on a machine: where, how, and how it is mended."""

    where: str
    how: str
    mend: str


@dataclass(frozen=True)
class Fault:
    """One fault; where its symptom depends on the source port, `from_port` and `ssh_from_port` tell."""

    name: str
    ssh: Outcome
    postgres: Outcome
    edit: edits.Edit | None = None
    machine: Break | None = None
    from_port: int = 0
    ssh_from_port: Outcome = FINE


def _firewall(where: str, name: str, hook: str, rule: str) -> Break:
    chain = f"add table ip {name}; add chain ip {name} c {{ type filter hook {hook} priority -5; }}"
    return Break(where, f"nft '{chain}; add rule ip {name} c {rule}'", f"nft delete table ip {name}")


def _ssh(block: str = "", **more: str) -> edits.Json:
    return edits.permission("tcp", (22, 22), block=block, **more)


CONFIGURATION = [
    # Network ACLs
    Fault("nacl-eph", SILENT, FINE, edits.no_entry(PUBLIC_ACL, 100, egress=True)),
    Fault("nacl-in", SILENT, FINE, edits.entry(PUBLIC_ACL, 90, "deny", "203.0.113.0/24", ports=(22, 22))),
    Fault(
        "naclB-eph",
        FINE,
        SILENT,
        edits.entry(PRIVATE_ACL, 100, "allow", "10.0.1.0/24", ports=(5432, 5432), egress=True),
    ),
    Fault("nacl-in-gone", SILENT, FINE, edits.no_entry(PUBLIC_ACL, 100)),
    Fault("nacl-in-elsewhere", SILENT, FINE, edits.entry(PUBLIC_ACL, 100, "allow", "10.0.0.0/8", ports=(22, 22))),
    Fault("nacl-in-udp", SILENT, FINE, edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, "17", (22, 22))),
    Fault("nacl-out-deny", SILENT, FINE, edits.entry(PUBLIC_ACL, 50, "deny", "203.0.113.0/24", "-1", egress=True)),
    Fault("nacl-replies-in", FINE, SILENT, edits.no_entry(PUBLIC_ACL, 110)),
    Fault(
        "nacl-out-5432",
        FINE,
        SILENT,
        edits.entry(PUBLIC_ACL, 50, "deny", "10.0.2.0/24", ports=(5432, 5432), egress=True),
    ),
    Fault("nacl-new", SILENT, SILENT, edits.only_the_asterisk(PUBLIC_ACL)),
    Fault("naclB-new", FINE, SILENT, edits.only_the_asterisk(PRIVATE_ACL)),
    Fault(
        "naclB-in-elsewhere", FINE, SILENT, edits.entry(PRIVATE_ACL, 100, "allow", "10.0.3.0/24", ports=(5432, 5432))
    ),
    Fault("naclB-in-deny", FINE, SILENT, edits.entry(PRIVATE_ACL, 99, "deny", "10.0.1.0/24", "-1")),
    # The kernels of Linux pick source ports from 32768 on; a home's router may pick any.
    Fault(
        "nacl-eph-partial",
        FINE,
        FINE,
        edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, ports=(32768, 60999), egress=True),
        from_port=2048,
        ssh_from_port=SILENT,
    ),
    Fault(
        "nacl-eph-windows",
        SILENT,
        FINE,
        edits.together(
            edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, ports=(61000, 65535), egress=True),
        ),
        from_port=62000,
        ssh_from_port=FINE,
    ),
    # Security groups
    Fault("sg-ssh", SILENT, FINE, edits.inbound(INSTANCE_GROUP, _ssh("198.18.0.1/32"))),
    Fault(
        "sg-db", FINE, SILENT, edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), block="10.9.9.9/32"))
    ),
    Fault(
        "sg-egress", FINE, SILENT, edits.outbound(INSTANCE_GROUP, edits.permission("tcp", (443, 443), block=ANYWHERE))
    ),
    Fault("sg-no-inbound", SILENT, FINE, edits.inbound(INSTANCE_GROUP)),
    Fault("sg-no-outbound", FINE, SILENT, edits.outbound(INSTANCE_GROUP)),
    Fault(
        "sg-other-port", SILENT, FINE, edits.inbound(INSTANCE_GROUP, edits.permission("tcp", (2222, 2222), block=HOME))
    ),
    Fault("sg-udp", SILENT, FINE, edits.inbound(INSTANCE_GROUP, edits.permission("udp", (22, 22), block=HOME))),
    Fault("sg-ipv6-only", SILENT, FINE, edits.inbound(INSTANCE_GROUP, _ssh(block6="::/0"))),
    Fault("sg-default", SILENT, SILENT, edits.carries(edits.INSTANCE_INTERFACE, edits.DEFAULT_GROUP)),
    Fault("sg-db-default", FINE, SILENT, edits.carries(edits.DATABASE_INTERFACE, edits.DEFAULT_GROUP)),
    Fault(
        "sg-db-itself",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), group=DATABASE_GROUP)),
    ),
    Fault(
        "sg-db-stale",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), group="sg-0dead0dead0dead00")),
    ),
    # A reference means the private addresses of its members, never their public ones (S9).
    Fault(
        "sg-db-public",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), block="198.51.100.20/32")),
    ),
    Fault(
        "sg-db-other-port",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (3306, 3306), group=INSTANCE_GROUP)),
    ),
    # Routes, addresses, states
    Fault("igw-route", SILENT, FINE, edits.no_route(PUBLIC_ROUTES, ANYWHERE)),
    Fault("igw-detached", SILENT, FINE, edits.detached_gateway),
    Fault(
        "igw-route-narrow",
        SILENT,
        FINE,
        edits.together(
            edits.no_route(PUBLIC_ROUTES, ANYWHERE), edits.route(PUBLIC_ROUTES, "198.18.0.0/15", edits.GATEWAY)
        ),
    ),
    # The most specific one wins also when it leads nowhere (R4).
    Fault("route-blackhole", SILENT, FINE, edits.route(PUBLIC_ROUTES, "203.0.113.0/24", None)),
    Fault("route-main", SILENT, FINE, edits.associate(edits.PUBLIC, None)),
    Fault("route-private", SILENT, FINE, edits.associate(edits.PUBLIC, PRIVATE_ROUTES)),
    Fault("eip", SILENT, FINE, edits.no_public_address(edits.INSTANCE)),
    Fault("instance-stopped", SILENT, SILENT, edits.instance_state(80, "stopped")),
    Fault("db-stopped", FINE, SILENT, edits.database_status("stopped")),
    Fault("bpa-bidirectional", SILENT, FINE, edits.public_access("block-bidirectional")),
    Fault("bpa-ingress", SILENT, FINE, edits.public_access("block-ingress")),
]

MACHINES = [
    Fault(
        "sshd-down",
        REFUSED,
        FINE,
        machine=Break("instance", "kill $(cat /run/sshd.pid)", "/usr/sbin/sshd -E /run/sshd.log"),
    ),
    Fault("hostfw", SILENT, FINE, machine=_firewall("instance", "host", "input", "tcp dport 22 drop")),
    Fault(
        "hostfw-reject",
        NO_HOST,
        FINE,
        machine=_firewall("instance", "host", "input", "tcp dport 22 reject with icmp type admin-prohibited"),
    ),
    Fault(
        "hostfw-reset",
        REFUSED,
        FINE,
        machine=_firewall("instance", "host", "input", "tcp dport 22 reject with tcp reset"),
    ),
    Fault(
        "ec2-off",
        SILENT,
        NO_NETWORK,
        machine=Break("instance", "ip link set eth0 down", "ip link set eth0 up; ip route add default via 10.0.1.1"),
    ),
    Fault("pg-stop", FINE, REFUSED, machine=Break("database", "stop", "restart")),
    Fault("db-hostfw", FINE, SILENT, machine=_firewall("database", "host", "input", "tcp dport 5432 drop")),
    Fault(
        "reject-mid",
        NO_HOST,
        FINE,
        machine=_firewall("internet", "way", "forward", "tcp dport 22 reject with icmp type admin-prohibited"),
    ),
    Fault(
        "rst-mid", REFUSED, FINE, machine=_firewall("internet", "way", "forward", "tcp dport 22 reject with tcp reset")
    ),
    Fault(
        "office-blocks-22",
        SILENT,
        FINE,
        machine=_firewall("internet", "way", "prerouting", "iifname laptop tcp dport 22 drop"),
    ),
    Fault(
        "lap-noroute",
        NO_NETWORK,
        FINE,
        machine=Break("laptop", "ip route del default", f"ip route add default via {addresses.OUTSIDE_GATEWAY}"),
    ),
    Fault(
        "host-unreach",
        NO_HOST,
        FINE,
        machine=Break(
            "internet", "ip route add unreachable 198.51.100.20/32", "ip route del unreachable 198.51.100.20/32"
        ),
    ),
    Fault(
        "laptop-moved",
        SILENT,
        FINE,
        machine=Break(
            "laptop",
            "ip addr add 203.0.113.77/24 dev eth0; "
            f"ip route replace default via {addresses.OUTSIDE_GATEWAY} src 203.0.113.77",
            f"ip addr del 203.0.113.77/24 dev eth0; ip route replace default via {addresses.OUTSIDE_GATEWAY}",
        ),
    ),
]

FAULTS = {fault.name: fault for fault in [*CONFIGURATION, *MACHINES]}
