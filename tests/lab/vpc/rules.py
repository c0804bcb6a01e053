"""Security groups, network ACLs and the internet gateway in the kernel's words. Pure: text in nft's language.

Nothing here decides anything: each rule of AWS becomes a rule of the kernel, in AWS's order, and the
kernel decides. So the kernel can be asked whether somebody else's reading of the rules is right.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from .describe import Description, Entry, Rule, Subnet

ANY = "-1"
NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}
WITH_PORTS = {"6": "tcp", "17": "udp"}
ICMP = "1"
UNUSED, SOURCE_QUOTED, DESTINATION_QUOTED = "@th,48,16", "@th,160,32", "@th,192,32"


def security_groups(description: Description, groups: Iterable[str], address: str) -> str:
    """The groups of one interface: stateful, allows only, all of them together (S1, S3)."""
    rules = [rule for group in groups for rule in description.groups.get(group, ())]
    inbound = [line for rule in rules if not rule.egress for line in _permission(description, rule, "saddr")]
    outbound = [line for rule in rules if rule.egress for line in _permission(description, rule, "daddr")]
    forward = [
        "ct state established,related accept",
        'iifname "uplink" goto inbound',
        # Source/destination check: what is not from the interface's own address does not leave it (R12).
        f'iifname "eni" ip saddr {address} goto outbound',
    ]
    chains = [
        _chain("inbound", inbound),
        _chain("outbound", outbound),
        _chain("forward", ["type filter hook forward priority filter; policy drop;", *forward]),
    ]
    return _table("groups", chains)


def nothing_runs() -> str:
    """Behind the interface of a stopped machine is nothing, and nothing says so."""
    return _table("groups", [_chain("forward", ["type filter hook forward priority filter; policy drop;"])])


def _permission(description: Description, rule: Rule, side: str) -> Iterator[str]:
    match = _ports_or_types(NUMBERS.get(rule.protocol, rule.protocol), rule.ports, rule.ports)
    for peer in [*rule.blocks, *(member for group in rule.groups for member in description.members(group))]:
        yield f"ip {side} {peer} {match} accept"


def _ports_or_types(protocol: str, ports: tuple[int, int] | None, icmp: tuple[int, int] | None) -> str:
    """Ports and types are looked at where the protocol has them, and only there (S4, N9)."""
    if protocol == ANY:
        return ""
    if protocol in WITH_PORTS:
        first, last = (0, 65535) if ports is None or -1 in ports else ports
        return f"{WITH_PORTS[protocol]} dport {first}-{last}"
    if protocol == ICMP and icmp and icmp[0] != -1:
        code = "" if icmp[1] == -1 else f" icmp code {icmp[1]}"
        return f"icmp type {icmp[0]}{code}"
    return f"ip protocol {protocol}"


def fabric(description: Description, links: Mapping[str, str]) -> str:
    """What stands between the interfaces: network ACLs at the edges of subnets, the gateway at the VPC's.

    `links` says behind which device which interface is.
    """
    chains = [chain for index, subnet in enumerate(description.subnets) for chain in _acl(index, subnet)]
    return _table("fabric", [*chains, _forward(description, links), *_gateway(description)])


def _acl(index: int, subnet: Subnet) -> Iterator[str]:
    for way, egress, side in (("in", False, "saddr"), ("out", True, "daddr")):
        entries = sorted((entry for entry in subnet.entries if entry.egress == egress), key=lambda entry: entry.number)
        yield _chain(f"acl{index}{way}", [_entry(entry, side) for entry in entries] + ["drop"])


def _entry(entry: Entry, side: str) -> str:
    match = _ports_or_types(entry.protocol, entry.ports, entry.icmp)
    return f"ip {side} {entry.block} {match} {'accept' if entry.allow else 'drop'}"


def _forward(description: Description, links: Mapping[str, str]) -> str:
    """A network ACL is asked at the edge of its subnet, and only there (N6)."""
    chain_of = {subnet.id: index for index, subnet in enumerate(description.subnets)}
    devices: dict[str, list[str]] = {}
    for interface in description.interfaces:
        devices.setdefault(interface.subnet, []).append(f'"{links[interface.id]}"')
    lines = ["type filter hook forward priority filter; policy drop;"]
    for subnet, own in devices.items():
        within = f"{{ {', '.join(own)} }}"
        lines += [
            f"iifname {within} oifname {within} accept",
            f"iifname {within} goto acl{chain_of[subnet]}out",
            f"oifname {within} goto acl{chain_of[subnet]}in",
        ]
    return _chain("forward", lines)


def _gateway(description: Description) -> Iterator[str]:
    """1:1 and without memory. Before the network ACLs on the way in, after them on the way out (N8)."""
    pairs = [(row.address, row.public) for row in description.interfaces if row.public and description.gateway]
    private = f"ip daddr set ip daddr map {{ {', '.join(f'{public} : {own}' for own, public in pairs)} }}"
    public = f"ip saddr set ip saddr map {{ {', '.join(f'{own} : {public}' for own, public in pairs)} }}"
    yield _chain(
        "inward",
        [
            "type filter hook prerouting priority raw;",
            "notrack",
            f'iifname "internet" ip daddr {description.block} drop',
            *_blocked(description.public_access),
            *(_quoted('iifname "internet"', SOURCE_QUOTED, public, own) for own, public in pairs),
            *([f'iifname "internet" {private}'] if pairs else []),
        ],
    )
    yield _chain("own", ["type filter hook output priority raw;", "notrack"])
    yield _chain(
        "outward",
        [
            "type filter hook postrouting priority srcnat;",
            *(_quoted('oifname "internet"', DESTINATION_QUOTED, own, public) for own, public in pairs),
            *([f'oifname "internet" {public}'] if pairs else []),
            f'oifname "internet" ip saddr {description.block} drop',
        ],
    )


def _quoted(where: str, field: str, old: str, new: str) -> str:
    """An ICMP error quotes the packet that it speaks of, and that is translated too.

    Its checksum covers the quotation; a number in the unused part of the header makes up for what is
    replaced. Where that part says how large packets may be, the error is left as it is.
    """
    before, after = _address(old), _address(new)
    difference = (sum(divmod(before, 1 << 16)) - sum(divmod(after, 1 << 16))) % 0xFFFF
    match = f"icmp type destination-unreachable icmp code != 4 {field} {before:#x}"
    return f"{where} {match} {UNUSED} set {difference:#x} {field} set {after:#x}"


def _address(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def _blocked(public_access: str) -> list[str]:
    """VPC Block Public Access (R13). Ingress alone lets only NAT and egress-only gateways have answers, of which the
    lab has none: what comes in through the internet gateway is dropped in either mode.
    """
    return ['iifname "internet" drop'] if public_access in ("block-bidirectional", "block-ingress") else []


def _chain(name: str, lines: Iterable[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"  chain {name} {{\n{body}\n  }}\n"


def _table(name: str, chains: Iterable[str]) -> str:
    """Replaces the table in one transaction: no packet meets half a list."""
    return f"table ip {name} {{ }}\ndelete table ip {name}\ntable ip {name} {{\n{''.join(chains)}}}\n"
