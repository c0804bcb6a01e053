"""What of AWS's semantics a network holds where packets meet it, in words that a run can count. Pure."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator

from .describe import Description, Entry, Folder, Interface, Rule, Subnet, describe

EPHEMERAL = (1024, 65535)
WITH_PORTS = ("tcp", "udp", "6", "17")


def features(folder: Folder) -> set[str]:
    """Each that is in a group that an interface carries, or in a list or table that a subnet has."""
    description = describe(folder)
    found = {name for interface in description.interfaces for name in _of_groups(description, interface)}
    found |= {name for subnet in description.subnets for name in _of_list(subnet)}
    found |= {name for subnet in description.subnets for name in _of_table(subnet)}
    return found | set(_of_the_rest(folder, description))


def _of_groups(description: Description, interface: Interface) -> Iterator[str]:
    rules = [rule for group in interface.groups for rule in description.groups[group]]
    if len(interface.groups) > 1:
        yield "groups: several on an interface"
    for egress, side in ((False, "inbound"), (True, "outbound")):
        own = [rule for rule in rules if rule.egress == egress]
        if not own:
            yield f"groups: no {side} rule"
        for rule in own:
            yield from (f"groups: {name}, {side}" for name in _of_rule(rule, interface))


def _of_rule(rule: Rule, interface: Interface) -> Iterator[str]:
    if rule.groups:
        yield "reference"
    if set(rule.groups) & set(interface.groups):
        yield "reference to a group of its own"
    if rule.protocol in WITH_PORTS and rule.ports and rule.ports[0] < rule.ports[1]:
        yield "range of ports"
    if rule.protocol not in ("tcp", "6"):
        yield "all protocols" if rule.protocol == "-1" else "another protocol"
    if rule.protocol == "6":
        yield "tcp as a number"
    if any(ipaddress.ip_network(block).prefixlen not in (0, 32) for block in rule.blocks):
        yield "block of addresses"


def _of_list(subnet: Subnet) -> Iterator[str]:
    for egress in (False, True):
        entries = sorted((row for row in subnet.entries if row.egress == egress), key=lambda row: row.number)
        said = [allow for allow, _ in itertools.groupby(row.allow for row in entries if row.number < 32767)]
        if not entries or entries[-1].number < 32767:
            yield "lists: no * row"
        if len(said) > 2:
            yield "lists: allows and denies in turn"
        yield from (f"lists: {name}" for row in entries for name in _of_entry(row))


def _of_entry(row: Entry) -> Iterator[str]:
    word = "allow" if row.allow else "deny"
    if row.protocol == "6" and row.ports and _is_part(row.ports):
        yield f"{word} of part of the ephemeral ports"
    if row.protocol not in ("6", "-1"):
        yield f"{word} of another protocol"
    if row.number < 32767 and ipaddress.ip_network(row.block).prefixlen > 0:
        yield f"{word} of a block of addresses"


def _is_part(ports: tuple[int, int]) -> bool:
    meets = ports[0] <= EPHEMERAL[1] and EPHEMERAL[0] <= ports[1]
    return meets and not (ports[0] <= EPHEMERAL[0] and EPHEMERAL[1] <= ports[1])


def _of_table(subnet: Subnet) -> Iterator[str]:
    ways = {ipaddress.ip_network(route.block): route.target for route in subnet.routes}
    if ipaddress.ip_network("0.0.0.0/0") not in ways:
        yield "routes: none by default"
    for block, target in ways.items():
        wider = [other for other in ways if other != block and block.subnet_of(other)]
        if target is None:
            yield "routes: blackhole"
        if any(ways[other] == "local" for other in wider):
            yield "routes: more specific than local"
        elif any(ways[other] != target for other in wider if target != "local"):
            yield "routes: more specific one leads elsewhere"


def _of_the_rest(folder: Folder, description: Description) -> Iterator[str]:
    tables = folder["describe-route-tables"]["RouteTables"]
    associated = {row.get("SubnetId") for table in tables for row in table["Associations"]}
    if any(subnet.id not in associated for subnet in description.subnets):
        yield "routes: the main table's"
    if not description.gateway:
        yield "gateway: detached"
    if description.public_access != "off":
        yield f"public access: {description.public_access}"
    if any(row.instance and not row.public for row in description.interfaces):
        yield "addresses: an instance without a public one"
    if len(description.running) < len(description.interfaces):
        yield "instances: one is stopped"
