"""The commands of `ip` that make the wires and the routes. Pure: lines for `ip -batch`."""

from __future__ import annotations

from collections.abc import Mapping

from . import addresses
from .describe import Description, Interface, Subnet

HERE_TABLE = 50
FIRST_TABLE = 100
# AWS never says that there is no way; it is silent.
SILENCE = "blackhole default metric 9999"
NOBODYS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
FAR_ADDRESS = "02:00:00:00:00:02"


def outside(laptop: int, internet: int, home: int | None) -> dict[str, list[str]]:
    """The laptop behind its public address; with a home, behind a router that has it instead."""
    edge = "internet" if home is None else "home"
    peer = internet if home is None else home
    own, gateway = (
        (addresses.LAPTOP, addresses.OUTSIDE_GATEWAY)
        if home is None
        else (addresses.LAPTOP_AT_HOME, addresses.HOME_GATEWAY)
    )
    made = {
        "laptop": [
            f"link add eth0 type veth peer name laptop netns {peer}",
            f"addr add {own}/24 dev eth0",
            "link set lo up",
            "link set eth0 up",
            f"route add default via {gateway}",
        ],
        edge: [f"addr add {gateway}/24 dev laptop", "link set laptop up", "link set lo up"],
    }
    if home is not None:
        made["home"] = [
            f"link add wan type veth peer name laptop netns {internet}",
            *made["home"],
            f"addr add {addresses.LAPTOP}/24 dev wan",
            "link set wan up",
            f"route add default via {addresses.OUTSIDE_GATEWAY}",
        ]
        made["internet"] = [f"addr add {addresses.OUTSIDE_GATEWAY}/24 dev laptop", "link set laptop up"]
    return made


def internet(fabric: int) -> list[str]:
    """What of the world there is. Whatever is not here is Amazon's, and private addresses are nobody's."""
    return [
        "link set lo up",
        f"addr add {addresses.OUTSIDE_NAMES}/32 dev lo",
        f"addr add {addresses.CONTROL}/32 dev lo",
        f"link add fabric type veth peer name internet netns {fabric}",
        f"addr add {addresses.TO_INTERNET}/30 dev fabric",
        "link set fabric up",
        *(f"route add blackhole {block}" for block in NOBODYS),
        f"route add default via {addresses.TO_FABRIC}",
    ]


def fabric(description: Description, links: Mapping[str, str]) -> list[str]:
    """Which subnet's table is asked is told by the wire that a packet comes from.

    What a table calls local goes over a wire that ends where it begins, and is looked at again as what
    arrives at a subnet: so the kernel's own longest match chooses among AWS's routes, and nothing else.
    """
    lines = [
        f"addr add {addresses.TO_FABRIC}/30 dev internet",
        "link set internet up",
        f"link add near type veth peer name far address {FAR_ADDRESS}",
        "link set lo up",
        "link set near up",
        "link set far up",
        f"neigh add {addresses.LOOP_FAR} lladdr {FAR_ADDRESS} dev near nud permanent",
        f"route add {SILENCE}",
        f"route add {SILENCE} table {HERE_TABLE}",
        *(f"rule add iif {device} lookup {HERE_TABLE} pref 900" for device in ("far", "internet")),
    ]
    for index, interface in enumerate(description.interfaces):
        device = links[interface.id]
        subnet = next(row for row in description.subnets if row.id == interface.subnet)
        near, far = addresses.wire(index)
        lines += [
            f"addr add {near}/30 dev {device}",
            f"link set {device} up",
            f"route add {interface.address}/32 via {far} dev {device} table {HERE_TABLE}",
            f"rule add iif {device} to {subnet.block} lookup {HERE_TABLE} pref 900",
            f"rule add iif {device} lookup {FIRST_TABLE + description.subnets.index(subnet)} pref 1000",
        ]
    return lines


def routes(description: Description) -> list[str]:
    """The route tables of all subnets, anew."""
    lines = []
    for index, subnet in enumerate(description.subnets):
        table = FIRST_TABLE + index
        lines += [f"route flush table {table}", f"route add {SILENCE} table {table}"]
        lines += [f"route add {way} table {table}" for way in _ways(subnet)]
    return lines


def _ways(subnet: Subnet) -> list[str]:
    return [
        {
            "local": f"{route.block} via {addresses.LOOP_FAR} dev near onlink",
            None: f"blackhole {route.block}",
        }.get(route.target, f"{route.block} via {addresses.TO_INTERNET} dev internet")
        for route in subnet.routes
    ]


def hypervisor(index: int, device: str, fabric: int) -> list[str]:
    """The card that an interface is made of: its router, the metadata service and the resolver."""
    near, far = addresses.wire(index)
    return [
        "link set lo up",
        *(f"addr add {address}/32 dev lo" for address in (addresses.METADATA, *addresses.RESOLVERS)),
        f"link add uplink type veth peer name {device} netns {fabric}",
        f"addr add {far}/30 dev uplink",
        "link set uplink up",
        f"route add default via {near}",
    ]


def guest(interface: Interface, subnet: Subnet, hypervisor: int) -> tuple[list[str], list[str]]:
    """Its lines, and then those of its hypervisor. Every neighbour is met through the hypervisor."""
    gateway = addresses.first_host(subnet.block)
    own = [
        f"link add eth0 type veth peer name eni netns {hypervisor}",
        f"addr add {interface.address}/{addresses.length(subnet.block)} dev eth0",
        "link set lo up",
        "link set eth0 up",
        f"route add default via {gateway}",
    ]
    its = [f"addr add {gateway}/32 dev eni", "link set eni up", f"route add {interface.address}/32 dev eni"]
    return own, its
