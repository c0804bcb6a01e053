"""The faults that the lab can show, each with what is seen of it, and with what the checker must say of it first.

A fault of the configuration is an edit of the folder; a fault of a machine or of the network on the way is
a few lines of shell in its namespace, with the lines that mend it. What cannot be told from outside is told as a
list of suspects, and the true one is among them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import addresses, edits
from .connections import Outcome
from .edits import (
    ANYWHERE,
    DATABASE_GROUP,
    DATABASE_INTERFACE,
    INSTANCE,
    INSTANCE_GROUP,
    INSTANCE_INTERFACE,
    PRIVATE_ACL,
    PRIVATE_ROUTES,
    PUBLIC_ACL,
    PUBLIC_ROUTES,
)
from .services import START_SSHD, STOP_SSHD

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
class Cause:
    """What the first finding must say: the gate's code and element, or the symptom with the true suspect."""

    code: str = ""
    element: str = ""
    symptom: str = ""
    suspect: str = ""


@dataclass(frozen=True)
class Fault:
    """One fault; where its symptom depends on the source port, `from_port` and `ssh_from_port` tell."""

    name: str
    about: str
    ssh: Outcome
    postgres: Outcome
    edit: edits.Edit | None = None
    machine: Break | None = None
    from_port: int = 0
    ssh_from_port: Outcome = FINE
    # By the question that shows it: `ssh` from the laptop, `postgres` from the instance.
    causes: dict[str, Cause] = field(default_factory=dict)
    target: str = ""  # what is asked about in place of the public address
    undone: str = ""  # why its undo cannot bring back all of it, if so


def _firewall(where: str, name: str, hook: str, rule: str) -> Break:
    chain = f"add table ip {name}; add chain ip {name} c {{ type filter hook {hook} priority -5; }}"
    return Break(where, f"nft '{chain}; add rule ip {name} c {rule}'", f"nft delete table ip {name}")


def _ssh(block: str = "", **more: str) -> edits.Json:
    return edits.permission("tcp", (22, 22), block=block, **more)


def _at_ssh(code: str, element: str) -> dict[str, Cause]:
    return {"ssh": Cause(code, element)}


def _at_postgres(code: str, element: str) -> dict[str, Cause]:
    return {"postgres": Cause(code, element)}


def _at_machine(question: str, symptom: str, suspect: str = "") -> dict[str, Cause]:
    return {question: Cause(symptom=symptom, suspect=suspect)}


ACL, GROUP, NO_RULES = "network_acl_denies", "no_security_group_rule_allows", "security_groups_have_no_rules"

CONFIGURATION = [
    # Network ACLs
    Fault(
        "nacl-eph",
        "the public network ACL has lost its rule for replies",
        SILENT,
        FINE,
        edits.no_entry(PUBLIC_ACL, 100, egress=True),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-in",
        "a rule of the public network ACL denies port 22 to the laptop's network",
        SILENT,
        FINE,
        edits.entry(PUBLIC_ACL, 90, "deny", "203.0.113.0/24", ports=(22, 22)),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "naclB-eph",
        "the private network ACL lets port 5432 out, and no replies",
        FINE,
        SILENT,
        edits.entry(PRIVATE_ACL, 100, "allow", "10.0.1.0/24", ports=(5432, 5432), egress=True),
        causes=_at_postgres(ACL, PRIVATE_ACL),
    ),
    Fault(
        "nacl-in-gone",
        "the public network ACL has lost its rule for port 22",
        SILENT,
        FINE,
        edits.no_entry(PUBLIC_ACL, 100),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-in-elsewhere",
        "the public network ACL lets port 22 in from 10.0.0.0/8 only",
        SILENT,
        FINE,
        edits.entry(PUBLIC_ACL, 100, "allow", "10.0.0.0/8", ports=(22, 22)),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-in-udp",
        "the public network ACL's rule for port 22 is one for UDP",
        SILENT,
        FINE,
        edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, "17", (22, 22)),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-out-deny",
        "a low rule of the public network ACL denies all to the laptop's network",
        SILENT,
        FINE,
        edits.entry(PUBLIC_ACL, 50, "deny", "203.0.113.0/24", "-1", egress=True),
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-replies-in",
        "the public network ACL has lost its rule for replies to the instance",
        FINE,
        SILENT,
        edits.no_entry(PUBLIC_ACL, 110),
        causes=_at_postgres(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-out-5432",
        "a low rule of the public network ACL denies port 5432 to the database's subnet",
        FINE,
        SILENT,
        edits.entry(PUBLIC_ACL, 50, "deny", "10.0.2.0/24", ports=(5432, 5432), egress=True),
        causes=_at_postgres(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-new",
        "the public network ACL is new: it has `*` alone",
        SILENT,
        SILENT,
        edits.only_the_asterisk(PUBLIC_ACL),
        causes={"ssh": Cause(ACL, PUBLIC_ACL), "postgres": Cause(ACL, PUBLIC_ACL)},
    ),
    Fault(
        "naclB-new",
        "the private network ACL is new: it has `*` alone",
        FINE,
        SILENT,
        edits.only_the_asterisk(PRIVATE_ACL),
        causes=_at_postgres(ACL, PRIVATE_ACL),
    ),
    # Four gates in one list: the fixes must not take one another's numbers.
    Fault(
        "nacl-shared-new",
        "both subnets have one network ACL, and it is new: it has `*` alone",
        SILENT,
        SILENT,
        edits.together(edits.guards(PUBLIC_ACL, edits.PRIVATE), edits.only_the_asterisk(PUBLIC_ACL)),
        causes={"ssh": Cause(ACL, PUBLIC_ACL), "postgres": Cause(ACL, PUBLIC_ACL)},
    ),
    Fault(
        "naclB-in-elsewhere",
        "the private network ACL lets another subnet in",
        FINE,
        SILENT,
        edits.entry(PRIVATE_ACL, 100, "allow", "10.0.3.0/24", ports=(5432, 5432)),
        causes=_at_postgres(ACL, PRIVATE_ACL),
    ),
    Fault(
        "naclB-in-deny",
        "a rule of the private network ACL denies the instance's subnet, one number before the one that allows",
        FINE,
        SILENT,
        edits.entry(PRIVATE_ACL, 99, "deny", "10.0.1.0/24", "-1"),
        causes=_at_postgres(ACL, PRIVATE_ACL),
    ),
    # The kernels of Linux pick source ports from 32768 on; a home's router may pick any.
    Fault(
        "nacl-eph-partial",
        "the public network ACL lets replies out to ports 32768-60999 only",
        FINE,
        FINE,
        edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, ports=(32768, 60999), egress=True),
        from_port=2048,
        ssh_from_port=SILENT,
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    Fault(
        "nacl-eph-windows",
        "the public network ACL lets replies out to ports 61000-65535 only",
        SILENT,
        FINE,
        edits.together(
            edits.entry(PUBLIC_ACL, 100, "allow", ANYWHERE, ports=(61000, 65535), egress=True),
        ),
        from_port=62000,
        ssh_from_port=FINE,
        causes=_at_ssh(ACL, PUBLIC_ACL),
    ),
    # Security groups
    Fault(
        "sg-ssh",
        "the instance's group names an old address of the laptop",
        SILENT,
        FINE,
        edits.inbound(INSTANCE_GROUP, _ssh("198.18.0.1/32")),
        causes=_at_ssh(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-db",
        "the database's group lets somebody else in",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), block="10.9.9.9/32")),
        causes=_at_postgres(GROUP, DATABASE_INTERFACE),
    ),
    Fault(
        "sg-egress",
        "the instance's group lets port 443 out only",
        FINE,
        SILENT,
        edits.outbound(INSTANCE_GROUP, edits.permission("tcp", (443, 443), block=ANYWHERE)),
        causes=_at_postgres(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-no-inbound",
        "the instance's group has no inbound rules",
        SILENT,
        FINE,
        edits.inbound(INSTANCE_GROUP),
        causes=_at_ssh(NO_RULES, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-no-outbound",
        "the instance's group has no outbound rules",
        FINE,
        SILENT,
        edits.outbound(INSTANCE_GROUP),
        causes=_at_postgres(NO_RULES, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-other-port",
        "the instance's group lets port 2222 in",
        SILENT,
        FINE,
        edits.inbound(INSTANCE_GROUP, edits.permission("tcp", (2222, 2222), block=HOME)),
        causes=_at_ssh(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-udp",
        "the instance's group lets port 22 in over UDP",
        SILENT,
        FINE,
        edits.inbound(INSTANCE_GROUP, edits.permission("udp", (22, 22), block=HOME)),
        causes=_at_ssh(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-ipv6-only",
        "the instance's group lets port 22 in over IPv6 only",
        SILENT,
        FINE,
        edits.inbound(INSTANCE_GROUP, _ssh(block6="::/0")),
        causes=_at_ssh(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-default",
        "the instance's interface carries the default group only",
        SILENT,
        SILENT,
        edits.carries(edits.INSTANCE_INTERFACE, edits.DEFAULT_GROUP),
        causes={"ssh": Cause(GROUP, INSTANCE_INTERFACE), "postgres": Cause(GROUP, DATABASE_INTERFACE)},
    ),
    Fault(
        "sg-db-default",
        "the database's interface carries the default group only",
        FINE,
        SILENT,
        edits.carries(edits.DATABASE_INTERFACE, edits.DEFAULT_GROUP),
        causes=_at_postgres(GROUP, INSTANCE_INTERFACE),
    ),
    Fault(
        "sg-db-itself",
        "the database's group lets its own members in only",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), group=DATABASE_GROUP)),
        causes=_at_postgres(GROUP, DATABASE_INTERFACE),
    ),
    Fault(
        "sg-db-stale",
        "the database's group names a group that is gone",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), group="sg-0dead0dead0dead00")),
        causes=_at_postgres(GROUP, DATABASE_INTERFACE),
    ),
    # A reference means the private addresses of its members, never their public ones (S9).
    Fault(
        "sg-db-public",
        "the database's group names the instance's public address",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (5432, 5432), block="198.51.100.20/32")),
        causes=_at_postgres(GROUP, DATABASE_INTERFACE),
    ),
    Fault(
        "sg-db-other-port",
        "the database's group lets port 3306 in",
        FINE,
        SILENT,
        edits.inbound(DATABASE_GROUP, edits.permission("tcp", (3306, 3306), group=INSTANCE_GROUP)),
        causes=_at_postgres(GROUP, DATABASE_INTERFACE),
    ),
    # Routes, addresses, states
    Fault(
        "igw-route",
        "the public route table has lost its default route",
        SILENT,
        FINE,
        edits.no_route(PUBLIC_ROUTES, ANYWHERE),
        causes=_at_ssh("no_route", PUBLIC_ROUTES),
    ),
    Fault(
        "igw-detached",
        "the internet gateway is detached",
        SILENT,
        FINE,
        edits.detached_gateway,
        causes=_at_ssh("no_internet_gateway", edits.VPC),
    ),
    Fault(
        "igw-route-narrow",
        "the route to the internet gateway is for another block",
        SILENT,
        FINE,
        edits.together(
            edits.no_route(PUBLIC_ROUTES, ANYWHERE), edits.route(PUBLIC_ROUTES, "198.18.0.0/15", edits.GATEWAY)
        ),
        causes=_at_ssh("no_route", PUBLIC_ROUTES),
    ),
    # The most specific one wins also when it leads nowhere (R4).
    Fault(
        "route-blackhole",
        "the most specific route to the laptop leads to a gateway that is gone",
        SILENT,
        FINE,
        edits.route(PUBLIC_ROUTES, "203.0.113.0/24", None),
        causes=_at_ssh("route_is_a_blackhole", PUBLIC_ROUTES),
        undone="a route to what is gone cannot be made again; the undo takes it away, and says so",
    ),
    Fault(
        "route-main",
        "the public subnet has no route table of its own",
        SILENT,
        FINE,
        edits.associate(edits.PUBLIC, None),
        causes=_at_ssh("no_route", edits.MAIN_ROUTES),
    ),
    Fault(
        "route-private",
        "the public subnet has the private route table",
        SILENT,
        FINE,
        edits.associate(edits.PUBLIC, PRIVATE_ROUTES),
        causes=_at_ssh("no_route", PRIVATE_ROUTES),
    ),
    Fault(
        "eip",
        "the Elastic IP address is associated with nothing",
        SILENT,
        FINE,
        edits.no_public_address(edits.INSTANCE),
        causes=_at_ssh("address_not_associated", edits.PUBLIC_ADDRESS),
    ),
    Fault(
        "eip-of-instance",
        "the same, and the instance is asked for by its id",
        SILENT,
        FINE,
        edits.no_public_address(edits.INSTANCE),
        causes=_at_ssh("no_public_address", INSTANCE_INTERFACE),
        target=INSTANCE,
    ),
    Fault(
        "instance-stopped",
        "the instance is stopped",
        SILENT,
        SILENT,
        edits.instance_state(80, "stopped"),
        causes=_at_ssh("instance_not_running", INSTANCE),
    ),
    Fault(
        "db-stopped",
        "the database is stopped",
        FINE,
        SILENT,
        edits.database_status("stopped"),
        causes=_at_postgres("database_not_available", "mydb"),
    ),
    Fault(
        "bpa-bidirectional",
        "VPC Block Public Access is on, both ways",
        SILENT,
        FINE,
        edits.public_access("block-bidirectional"),
        causes=_at_ssh("vpc_block_public_access", "VPC Block Public Access"),
    ),
    Fault(
        "bpa-ingress",
        "VPC Block Public Access is on, for what comes in",
        SILENT,
        FINE,
        edits.public_access("block-ingress"),
        causes=_at_ssh("vpc_block_public_access", "VPC Block Public Access"),
    ),
]

MACHINES = [
    Fault(
        "sshd-down",
        "sshd does not run",
        REFUSED,
        FINE,
        machine=Break("instance", STOP_SSHD, START_SSHD),
        causes=_at_machine("ssh", "H23", "service"),
    ),
    Fault(
        "hostfw",
        "the instance's own firewall drops port 22",
        SILENT,
        FINE,
        machine=_firewall("instance", "host", "input", "tcp dport 22 drop"),
        causes=_at_machine("ssh", "H25", "host_firewall"),
    ),
    Fault(
        "hostfw-reject",
        "the instance's own firewall rejects port 22",
        NO_HOST,
        FINE,
        machine=_firewall("instance", "host", "input", "tcp dport 22 reject with icmp type admin-prohibited"),
        causes=_at_machine("ssh", "H24", "host_firewall"),
    ),
    Fault(
        "hostfw-reset",
        "the instance's own firewall resets port 22",
        REFUSED,
        FINE,
        machine=_firewall("instance", "host", "input", "tcp dport 22 reject with tcp reset"),
        causes=_at_machine("ssh", "H23", "host_firewall"),
    ),
    Fault(
        "ec2-off",
        "the instance has lost its network",
        SILENT,
        NO_NETWORK,
        machine=Break("instance", "ip link set eth0 down", "ip link set eth0 up; ip route add default via 10.0.1.1"),
        causes={"ssh": Cause(symptom="H25", suspect="host"), "postgres": Cause(symptom="H5")},
    ),
    Fault(
        "pg-stop",
        "PostgreSQL does not run",
        FINE,
        REFUSED,
        machine=Break("database", "stop", "restart"),
        causes=_at_machine("postgres", "P28", "service"),
    ),
    Fault(
        "db-hostfw",
        "the database's machine drops port 5432",
        FINE,
        SILENT,
        machine=_firewall("database", "host", "input", "tcp dport 5432 drop"),
        causes=_at_machine("postgres", "P39", "host"),
    ),
    Fault(
        "reject-mid",
        "a router on the way rejects port 22",
        NO_HOST,
        FINE,
        machine=_firewall("internet", "way", "forward", "tcp dport 22 reject with icmp type admin-prohibited"),
        causes=_at_machine("ssh", "H24", "on_the_way"),
    ),
    Fault(
        "rst-mid",
        "a middlebox on the way resets port 22",
        REFUSED,
        FINE,
        machine=_firewall("internet", "way", "forward", "tcp dport 22 reject with tcp reset"),
        causes=_at_machine("ssh", "H23", "on_the_way"),
    ),
    Fault(
        "office-blocks-22",
        "the laptop's network lets port 22 out to nobody",
        SILENT,
        FINE,
        machine=_firewall("internet", "way", "prerouting", "iifname laptop tcp dport 22 drop"),
        causes=_at_machine("ssh", "H17"),
    ),
    Fault(
        "lap-noroute",
        "the laptop has no default route",
        NO_NETWORK,
        FINE,
        machine=Break("laptop", "ip route del default", f"ip route add default via {addresses.OUTSIDE_GATEWAY}"),
        causes=_at_machine("ssh", "H5"),
    ),
    Fault(
        "host-unreach",
        "a router on the way knows no way to the instance",
        NO_HOST,
        FINE,
        # No unreachable route: of that the kernel tells a client five times and then once a second, whatever
        # icmp_ratelimit says, and a probe in between would hear nothing.
        machine=_firewall(
            "internet", "way", "forward", "ip daddr 198.51.100.20 reject with icmp type host-unreachable"
        ),
        causes=_at_machine("ssh", "H24", "on_the_way"),
    ),
    Fault(
        "laptop-moved",
        "the laptop has another address since the rule was made",
        SILENT,
        FINE,
        machine=Break(
            "laptop",
            "ip addr add 203.0.113.77/24 dev eth0; "
            f"ip route replace default via {addresses.OUTSIDE_GATEWAY} src 203.0.113.77",
            f"ip addr del 203.0.113.77/24 dev eth0; ip route replace default via {addresses.OUTSIDE_GATEWAY}",
        ),
        causes=_at_ssh(GROUP, INSTANCE_INTERFACE),
    ),
]

FAULTS = {fault.name: fault for fault in [*CONFIGURATION, *MACHINES]}

# Two at once, neither of which hides the other: what the machines do is not seen behind a closed gate.
PAIRS = [
    ("sg-ssh", "nacl-eph"),
    ("nacl-in", "igw-route"),
    ("bpa-ingress", "sg-no-inbound"),
    ("route-main", "nacl-in-gone"),
    ("instance-stopped", "sg-udp"),
    ("office-blocks-22", "sg-ssh"),
    ("sg-db", "nacl-replies-in"),
    ("sg-egress", "naclB-in-deny"),
    ("db-stopped", "sg-db-itself"),
]
