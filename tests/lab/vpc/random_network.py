"""Random networks over the crowd's interfaces, each from a seed: groups, lists, routes, addresses.

Drawn so that about half of what is tried goes through: broad rules are common, and narrow ones are about
the very addresses and ports that are tried. The order of what has none in AWS is shuffled.
"""

from __future__ import annotations

import random

from . import edits
from .crowd import crowd
from .describe import Folder, Json
from .group_rules import group_rules

PORTS = (22, 80, 443, 1023, 3306, 5432, 8080)
SOURCE_PORTS = (900, 1024, 1025, 2048, 20000, 32767, 32768, 40000, 49151, 49152, 60999, 61000, 65535)
RANGES = (
    (0, 65535), (22, 22), (5432, 5432), (22, 80), (80, 443), (23, 5431), (1024, 65535), (32768, 60999),
    (32768, 65535), (49152, 65535), (1024, 32767), (1025, 49151), (0, 1023), (61000, 65535), (443, 8080),
)  # fmt: skip
BLOCKS = (
    "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "203.0.113.10/32",
    "203.0.113.8/29", "203.0.113.11/32", "10.0.0.0/16", "10.0.0.0/8", "10.0.1.0/24", "10.0.2.0/24",
    "10.0.1.10/32", "10.0.1.10/31", "10.0.1.11/32", "10.0.2.20/32", "10.0.2.16/28", "198.51.100.20/32",
    "198.51.100.0/24",
)  # fmt: skip
ROUTED = ("203.0.113.0/24", "203.0.113.10/32", "203.0.112.0/22", "128.0.0.0/1", "198.51.100.0/24", "10.0.2.0/24")
GROUPS = (edits.INSTANCE_GROUP, edits.DATABASE_GROUP, edits.DEFAULT_GROUP)


def random_network(seed: int) -> Folder:
    """The network of that seed; the same each time."""
    dice = random.Random(seed)
    folder = crowd()
    _draw_groups(dice, folder)
    _draw_lists(dice, folder)
    _draw_routes(dice, folder)
    _draw_addresses(dice, folder)
    _draw_states(dice, folder)
    folder["describe-security-group-rules"] = group_rules(folder["describe-security-groups"])
    return folder


def _draw_groups(dice: random.Random, folder: Folder) -> None:
    groups = folder["describe-security-groups"]["SecurityGroups"]
    for group in groups:
        group["IpPermissions"] = [_permission(dice) for _ in range(dice.randint(0, 4))]
        group["IpPermissionsEgress"] = [_permission(dice) for _ in range(dice.randint(0, 4))]
        if dice.random() < 0.75:
            group["IpPermissionsEgress"].append(edits.permission("-1", None, block=edits.ANYWHERE))
        if dice.random() < 0.5:
            group["IpPermissions"].append(edits.permission("tcp", (0, 65535), block=edits.ANYWHERE))
    dice.shuffle(groups)
    for row in folder["describe-network-interfaces"]["NetworkInterfaces"]:
        folder.update(edits.carries(row["NetworkInterfaceId"], *dice.sample(GROUPS, dice.randint(1, 3)))(folder))


def _permission(dice: random.Random) -> Json:
    protocol = dice.choice(("tcp", "tcp", "tcp", "tcp", "tcp", "6", "-1", "udp", "icmp", "50"))
    ports = dice.choice(RANGES) if protocol in ("tcp", "6", "udp") else None
    row = edits.permission(protocol, (8, 0) if protocol == "icmp" else ports)
    for _ in range(dice.randint(1, 3)):
        if dice.random() < 0.4:
            row["UserIdGroupPairs"].append({"UserId": edits.ACCOUNT, "GroupId": dice.choice(GROUPS)})
        elif dice.random() < 0.1:
            row["Ipv6Ranges"].append({"CidrIpv6": "::/0"})
        else:
            row["IpRanges"].append({"CidrIp": dice.choice(BLOCKS)})
    return row


def _draw_lists(dice: random.Random, folder: Folder) -> None:
    lists = folder["describe-network-acls"]["NetworkAcls"]
    for acl in lists:
        acl["Entries"] = [row for egress in (True, False) for row in _entries(dice, egress)]
        dice.shuffle(acl["Entries"])
    associations = [row for acl in lists for row in acl["Associations"]]
    for acl in lists:
        acl["Associations"] = []
    for row in associations:
        chosen = dice.choice(lists)
        chosen["Associations"].append(row | {"NetworkAclId": chosen["NetworkAclId"]})
    dice.shuffle(lists)


def _entries(dice: random.Random, egress: bool) -> list[Json]:
    numbers = dice.sample(range(1, 1000), dice.randint(0, 5))
    rows = [_entry(dice, egress, number) for number in numbers]
    if dice.random() < 0.8:
        rows.append(_row(egress, "allow", edits.ANYWHERE, "-1", 1000))
    if dice.random() < 0.9:
        rows.append(_row(egress, "deny", edits.ANYWHERE, "-1", 32767))
    return rows


def _entry(dice: random.Random, egress: bool, number: int) -> Json:
    protocol = dice.choice(("6", "6", "6", "6", "6", "6", "-1", "17", "1", "50"))
    block = edits.ANYWHERE if dice.random() < 0.3 else dice.choice(BLOCKS)
    row = _row(egress, dice.choice(("allow", "allow", "deny")), block, protocol, number)
    if protocol in ("6", "17"):
        first, last = dice.choice(RANGES)
        row["PortRange"] = {"From": first, "To": last}
    if protocol == "1":
        row["IcmpTypeCode"] = {"Code": -1, "Type": dice.choice((-1, 3, 8))}
    return row


def _row(egress: bool, action: str, block: str, protocol: str, number: int) -> Json:
    return {"CidrBlock": block, "Egress": egress, "Protocol": protocol, "RuleAction": action, "RuleNumber": number}


def _draw_routes(dice: random.Random, folder: Folder) -> None:
    attached = dice.random() < 0.95
    tables = folder["describe-route-tables"]["RouteTables"]
    for table in tables:
        local = next(row for row in table["Routes"] if row["GatewayId"] == "local")
        blocks = {block for block in ROUTED if dice.random() < 0.08} | (
            {"0.0.0.0/0"} if dice.random() < 0.85 else set()
        )
        table["Routes"] = [local, *(_route(dice, block, attached) for block in sorted(blocks))]
        dice.shuffle(table["Routes"])
    associations = [row for table in tables for row in table["Associations"] if not row["Main"]]
    for table in tables:
        table["Associations"] = [row for row in table["Associations"] if row["Main"]]
    for row in associations:
        if dice.random() < 0.8:
            chosen = dice.choice(tables)
            chosen["Associations"].append(row | {"RouteTableId": chosen["RouteTableId"]})
    dice.shuffle(tables)
    if not attached:
        folder["describe-internet-gateways"]["InternetGateways"][0]["Attachments"] = []


def _route(dice: random.Random, block: str, attached: bool) -> Json:
    row: Json = {"DestinationCidrBlock": block}
    if block.startswith("10.") or dice.random() < 0.2:
        row |= {"NatGatewayId": "nat-0dead0dead0dead00", "State": "blackhole"}
    else:
        row |= {"GatewayId": edits.GATEWAY, "State": "active" if attached else "blackhole"}
    return row | {"Origin": "CreateRoute"}


def _draw_addresses(dice: random.Random, folder: Folder) -> None:
    for row in folder["describe-instances"]["Reservations"]:
        if dice.random() < 0.15:
            folder.update(edits.no_public_address(row["Instances"][0]["InstanceId"])(folder))


def _draw_states(dice: random.Random, folder: Folder) -> None:
    """Seldom, as each closes much."""
    if dice.random() < 0.05:
        folder.update(edits.public_access(dice.choice(("block-bidirectional", "block-ingress")))(folder))
    if dice.random() < 0.04:
        folder.update(edits.instance_state(80, "stopped")(folder))
