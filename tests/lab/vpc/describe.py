"""Reads a folder of `aws ec2 describe-*` and `aws rds describe-*` answers into plain words.

Only what the lab can build is kept: IPv4, one VPC. A folder is a dictionary from a file's name without
`.json` to what is in the file, so that it can be edited without touching a disk.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Folder = dict[str, Json]
EXAMPLE = Path(__file__).parent / "example"


def read(path: Path) -> Folder:
    """The folder at a path."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(path.glob("*.json"))}


def write(folder: Folder, path: Path) -> None:
    """Writes a folder as the CLI's output redirected to files."""
    path.mkdir(parents=True, exist_ok=True)
    for name, document in folder.items():
        (path / f"{name}.json").write_text(json.dumps(document, indent=4) + "\n")


def example() -> Folder:
    """The healthy network, to be edited at will."""
    return copy.deepcopy(read(EXAMPLE))


@dataclass(frozen=True)
class Rule:
    """What one permission of a security group lets through. The peers are CIDR blocks and group ids."""

    egress: bool
    protocol: str
    ports: tuple[int, int] | None
    blocks: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A numbered rule of a network ACL."""

    number: int
    egress: bool
    allow: bool
    block: str
    protocol: str
    ports: tuple[int, int] | None
    icmp: tuple[int, int] | None


@dataclass(frozen=True)
class Route:
    """A row of a route table; the target is `local`, an id of an internet gateway, or None: a black hole."""

    block: str
    target: str | None


@dataclass(frozen=True)
class Subnet:
    """A subnet, with the table and the list that apply to it."""

    id: str
    block: str
    routes: tuple[Route, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Interface:
    """A network interface: its first address, the public one that stands for it, and its groups."""

    id: str
    subnet: str
    address: str
    public: str | None
    groups: tuple[str, ...]
    instance: str | None
    is_of_rds: bool


@dataclass(frozen=True)
class Description:
    """All of it."""

    block: str
    gateway: str | None  # the attached one
    subnets: tuple[Subnet, ...]
    interfaces: tuple[Interface, ...]
    groups: dict[str, tuple[Rule, ...]]
    running: frozenset[str]  # interfaces behind which something runs
    names_inside: dict[str, str]
    names_outside: dict[str, str]
    resolves: bool
    public_access: str

    def members(self, group: str) -> list[str]:
        """The private addresses of the interfaces that carry the group."""
        return [interface.address for interface in self.interfaces if group in interface.groups]


def describe(folder: Folder) -> Description:
    """What the folder says."""
    vpc = folder["describe-vpcs"]["Vpcs"][0]
    gateway = _attached_gateway(folder, vpc["VpcId"])
    interfaces = tuple(_interface(row) for row in folder["describe-network-interfaces"]["NetworkInterfaces"])
    groups = folder["describe-security-groups"]["SecurityGroups"]
    inside, outside = _names(folder, interfaces)
    return Description(
        block=vpc["CidrBlock"],
        gateway=gateway,
        subnets=tuple(_subnet(folder, row, gateway) for row in folder["describe-subnets"]["Subnets"]),
        interfaces=interfaces,
        groups={group["GroupId"]: tuple(_rules(group)) for group in groups},
        running=frozenset(row.id for row in interfaces if _runs(folder, row)),
        names_inside=inside,
        names_outside=outside,
        resolves=folder["describe-vpc-attribute-enableDnsSupport"]["EnableDnsSupport"]["Value"],
        public_access=_public_access(folder, interfaces),
    )


def _public_access(folder: Folder, interfaces: tuple[Interface, ...]) -> str:
    """The mode of VPC Block Public Access, unless every subnet with a public address is exempt."""
    options = folder["describe-vpc-block-public-access-options"]["VpcBlockPublicAccessOptions"]
    rows = folder["describe-vpc-block-public-access-exclusions"]["VpcBlockPublicAccessExclusions"]
    exempt = {row["ResourceArn"].rsplit("/", 1)[1] for row in rows}
    concerned = {row.subnet for row in interfaces if row.public}
    return "off" if concerned <= exempt else str(options["InternetGatewayBlockMode"])


def _attached_gateway(folder: Folder, vpc: str) -> str | None:
    for gateway in folder["describe-internet-gateways"]["InternetGateways"]:
        if any(row["VpcId"] == vpc and row["State"] == "available" for row in gateway["Attachments"]):
            return str(gateway["InternetGatewayId"])
    return None


def _interface(row: Json) -> Interface:
    return Interface(
        id=row["NetworkInterfaceId"],
        subnet=row["SubnetId"],
        address=row["PrivateIpAddress"],
        public=row.get("Association", {}).get("PublicIp"),
        groups=tuple(group["GroupId"] for group in row["Groups"]),
        instance=row.get("Attachment", {}).get("InstanceId"),
        is_of_rds=row["Description"] == "RDSNetworkInterface",
    )


def _runs(folder: Folder, interface: Interface) -> bool:
    if interface.is_of_rds:
        return any(row["DBInstanceStatus"] != "stopped" for row in folder["describe-db-instances"]["DBInstances"])
    return any(
        row["InstanceId"] == interface.instance and row["State"]["Name"] == "running" for row in _instances(folder)
    )


def _instances(folder: Folder) -> Iterator[Json]:
    for reservation in folder["describe-instances"]["Reservations"]:
        yield from reservation["Instances"]


def _subnet(folder: Folder, row: Json, gateway: str | None) -> Subnet:
    routes = tuple(_routes(_table_of(folder, row["SubnetId"]), gateway))
    entries = tuple(_entries(_acl_of(folder, row["SubnetId"])))
    return Subnet(row["SubnetId"], row["CidrBlock"], routes, entries)


def _table_of(folder: Folder, subnet: str) -> Json:
    """The one associated with the subnet, or else the main one (R1)."""
    tables = folder["describe-route-tables"]["RouteTables"]
    own = [table for table in tables if any(row.get("SubnetId") == subnet for row in table["Associations"])]
    main = [table for table in tables if any(row["Main"] for row in table["Associations"])]
    return dict((own or main)[0])


def _routes(table: Json, gateway: str | None) -> Iterator[Route]:
    for row in table["Routes"]:
        target = row.get("GatewayId")
        if "DestinationCidrBlock" in row:
            works = row["State"] == "active" and (target == "local" or target == gateway)
            yield Route(row["DestinationCidrBlock"], target if works else None)


def _acl_of(folder: Folder, subnet: str) -> Json:
    """The one associated with the subnet, or else the default one (N1)."""
    lists = folder["describe-network-acls"]["NetworkAcls"]
    own = [acl for acl in lists if any(row["SubnetId"] == subnet for row in acl["Associations"])]
    return dict((own or [acl for acl in lists if acl["IsDefault"]])[0])


def _entries(acl: Json) -> Iterator[Entry]:
    for row in acl["Entries"]:
        if "CidrBlock" in row:
            icmp = row.get("IcmpTypeCode")
            yield Entry(
                number=row["RuleNumber"],
                egress=row["Egress"],
                allow=row["RuleAction"] == "allow",
                block=row["CidrBlock"],
                protocol=row["Protocol"],
                ports=_range(row.get("PortRange"), "From", "To"),
                icmp=(icmp["Type"], icmp["Code"]) if icmp else None,
            )


def _rules(group: Json) -> Iterator[Rule]:
    for egress, key in ((False, "IpPermissions"), (True, "IpPermissionsEgress")):
        for row in group[key]:
            yield Rule(
                egress=egress,
                protocol=row["IpProtocol"],
                ports=_range(row, "FromPort", "ToPort"),
                blocks=tuple(peer["CidrIp"] for peer in row["IpRanges"]),
                groups=tuple(peer["GroupId"] for peer in row["UserIdGroupPairs"]),
            )


def _range(row: Json | None, first: str, last: str) -> tuple[int, int] | None:
    return (row[first], row[last]) if row and first in row else None


def _names(folder: Folder, interfaces: tuple[Interface, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The VPC's resolver gives the private address where the world's gives the public one (D1)."""
    inside, outside = {}, {}
    for instance in _instances(folder):
        private, public = instance.get("PrivateIpAddress"), instance.get("PublicIpAddress")
        if private:
            inside[instance["PrivateDnsName"]] = private
        if public:
            inside[instance["PublicDnsName"]], outside[instance["PublicDnsName"]] = private, public
    servers = [interface for interface in interfaces if interface.is_of_rds]
    for database, interface in zip(folder["describe-db-instances"]["DBInstances"], servers, strict=False):
        if endpoint := database.get("Endpoint"):
            inside[endpoint["Address"]] = interface.address
            shown = interface.public if database["PubliclyAccessible"] else None
            outside[endpoint["Address"]] = shown or interface.address
    return inside, outside
