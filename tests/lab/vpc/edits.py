"""What a person changes in an account, as edits of a folder: pure, from a folder to another.

Each function that makes an edit names what it changes in AWS's words, and leaves the folder that it was
given alone. The ids are those of the example.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .describe import Folder, Json
from .group_rules import group_rules

Edit = Callable[[Folder], Folder]
VPC = "vpc-0a1b2c3d4e5f60718"
PUBLIC, PRIVATE = "subnet-0a11111111111111a", "subnet-0b22222222222222b"
PUBLIC_ACL, PRIVATE_ACL = "acl-0a1a2a3a4a5a6a7a8", "acl-0b1b2b3b4b5b6b7b8"
PUBLIC_ROUTES, PRIVATE_ROUTES = "rtb-0a1a1a1a1a1a1a1a1", "rtb-0b2b2b2b2b2b2b2b2"
MAIN_ROUTES = "rtb-0f0f0f0f0f0f0f0f0"
PUBLIC_ADDRESS = "198.51.100.20"
GATEWAY, GONE_GATEWAY = "igw-0d4e5f60718293a4b", "igw-0dead0dead0dead00"
INSTANCE_GROUP, DATABASE_GROUP = "sg-0a1b2c3d4e5f6a7b8", "sg-0b2c3d4e5f6a7b8c9"
DEFAULT_GROUP = "sg-0d0e0f0a0b0c0d0e0"
INSTANCE = "i-0123456789abcdef0"
INSTANCE_INTERFACE, DATABASE_INTERFACE = "eni-0a1b2c3d4e5f60001", "eni-0b1c2d3e4f5a60002"
ACCOUNT = "123456789012"
ANYWHERE = "0.0.0.0/0"


def together(*edits: Edit) -> Edit:
    """One after another."""

    def all_of_them(folder: Folder) -> Folder:
        for edit in edits:
            folder = edit(folder)
        return folder

    return all_of_them


def _edit(change: Callable[[Folder], None]) -> Edit:
    def edited(folder: Folder) -> Folder:
        own = copy.deepcopy(folder)
        change(own)
        own["describe-security-group-rules"] = group_rules(own["describe-security-groups"])
        return own

    return edited


def one(rows: list[Json], key: str, value: str) -> Json:
    """The row with that id."""
    return next(row for row in rows if row[key] == value)


def group(folder: Folder, name: str) -> Json:
    return one(folder["describe-security-groups"]["SecurityGroups"], "GroupId", name)


def acl(folder: Folder, name: str) -> Json:
    return one(folder["describe-network-acls"]["NetworkAcls"], "NetworkAclId", name)


def table(folder: Folder, name: str) -> Json:
    return one(folder["describe-route-tables"]["RouteTables"], "RouteTableId", name)


def interface(folder: Folder, name: str) -> Json:
    return one(folder["describe-network-interfaces"]["NetworkInterfaces"], "NetworkInterfaceId", name)


def instance(folder: Folder, name: str = INSTANCE) -> Json:
    rows = [row for group in folder["describe-instances"]["Reservations"] for row in group["Instances"]]
    return one(rows, "InstanceId", name)


def permission(
    protocol: str, ports: tuple[int, int] | None, *, block: str = "", group: str = "", block6: str = ""
) -> Json:
    """A permission of a security group with one peer."""
    row: Json = {"IpProtocol": protocol}
    if ports is not None:
        row |= {"FromPort": ports[0], "ToPort": ports[1]}
    row["UserIdGroupPairs"] = [{"UserId": ACCOUNT, "GroupId": group}] if group else []
    row["IpRanges"] = [{"CidrIp": block}] if block else []
    row["Ipv6Ranges"] = [{"CidrIpv6": block6}] if block6 else []
    return row | {"PrefixListIds": []}


def inbound(name: str, *permissions: Json) -> Edit:
    """The group lets in these and nothing else."""
    return _edit(lambda folder: group(folder, name).update(IpPermissions=copy.deepcopy(list(permissions))))


def outbound(name: str, *permissions: Json) -> Edit:
    """The group lets out these and nothing else."""
    return _edit(lambda folder: group(folder, name).update(IpPermissionsEgress=copy.deepcopy(list(permissions))))


def carries(name: str, *groups: str) -> Edit:
    """The interface has these groups."""

    def change(folder: Folder) -> None:
        rows = [{"GroupId": row, "GroupName": group(folder, row)["GroupName"]} for row in groups]
        card = interface(folder, name)
        card["Groups"] = rows
        if owner := card["Attachment"].get("InstanceId"):
            machine = instance(folder, owner)
            machine["SecurityGroups"] = copy.deepcopy(rows)
            machine["NetworkInterfaces"][0]["Groups"] = copy.deepcopy(rows)
        else:
            own = [{"VpcSecurityGroupId": row, "Status": "active"} for row in groups]
            folder["describe-db-instances"]["DBInstances"][0]["VpcSecurityGroups"] = own

    return _edit(change)


def entry(
    name: str,
    number: int,
    action: str,
    block: str = ANYWHERE,
    protocol: str = "6",
    ports: tuple[int, int] | None = None,
    *,
    egress: bool = False,
) -> Edit:
    """The network ACL gets a rule; one of the same number is replaced."""
    row: Json = {"CidrBlock": block, "Egress": egress}
    if ports is not None:
        row["PortRange"] = {"From": ports[0], "To": ports[1]}
    row |= {"Protocol": protocol, "RuleAction": action, "RuleNumber": number}

    def change(folder: Folder) -> None:
        _drop_entry(folder, name, number, egress)
        acl(folder, name)["Entries"].append(row)

    return _edit(change)


def no_entry(name: str, number: int, *, egress: bool = False) -> Edit:
    """The network ACL loses a rule."""
    return _edit(lambda folder: _drop_entry(folder, name, number, egress))


def _drop_entry(folder: Folder, name: str, number: int, egress: bool) -> None:
    own = acl(folder, name)
    own["Entries"] = [row for row in own["Entries"] if (row["RuleNumber"], row["Egress"]) != (number, egress)]


def guards(name: str, subnet: str) -> Edit:
    """The network ACL is the subnet's."""

    def change(folder: Folder) -> None:
        lists = folder["describe-network-acls"]["NetworkAcls"]
        links = [link for own in lists for link in own["Associations"] if link["SubnetId"] == subnet]
        for own in lists:
            own["Associations"] = [link for link in own["Associations"] if link["SubnetId"] != subnet]
        acl(folder, name)["Associations"] += [link | {"NetworkAclId": name} for link in links]

    return _edit(change)


def only_the_asterisk(name: str) -> Edit:
    """A network ACL as it is when it has just been made (N4)."""

    def change(folder: Folder) -> None:
        own = acl(folder, name)
        own["Entries"] = [row for row in own["Entries"] if row["RuleNumber"] == 32767]

    return _edit(change)


def route(name: str, block: str, target: str | None) -> Edit:
    """The route table gets a route; without a target, one whose target is gone."""
    gone = {"GatewayId": GONE_GATEWAY, "State": "blackhole"}
    row = {"DestinationCidrBlock": block, **({"GatewayId": target, "State": "active"} if target else gone)}

    def change(folder: Folder) -> None:
        _drop_route(folder, name, block)
        table(folder, name)["Routes"].append(row | {"Origin": "CreateRoute"})

    return _edit(change)


def no_route(name: str, block: str) -> Edit:
    """The route table loses a route."""
    return _edit(lambda folder: _drop_route(folder, name, block))


def _drop_route(folder: Folder, name: str, block: str) -> None:
    own = table(folder, name)
    own["Routes"] = [row for row in own["Routes"] if row.get("DestinationCidrBlock") != block]


def associate(subnet: str, name: str | None) -> Edit:
    """The subnet has that route table; without one, the main table is its own by default (R1)."""

    def change(folder: Folder) -> None:
        tables = folder["describe-route-tables"]["RouteTables"]
        found: list[Json] = [row for own in tables for row in own["Associations"] if row.get("SubnetId") == subnet]
        for own in tables:
            own["Associations"] = [row for row in own["Associations"] if row.get("SubnetId") != subnet]
        if name:
            table(folder, name)["Associations"].append(found[0] | {"RouteTableId": name})

    return _edit(change)


def detached_gateway(folder: Folder) -> Folder:
    """The internet gateway is detached: the routes to it stay and are black holes (R6)."""

    def change(own: Folder) -> None:
        own["describe-internet-gateways"]["InternetGateways"][0]["Attachments"] = []
        for tables in own["describe-route-tables"]["RouteTables"]:
            for row in tables["Routes"]:
                row["State"] = "blackhole" if row.get("GatewayId") == GATEWAY else row["State"]

    return _edit(change)(folder)


def no_public_address(name: str) -> Edit:
    """The instance's Elastic IP is still the account's, and stands for nothing (R10)."""

    def change(folder: Folder) -> None:
        machine = instance(folder, name)
        card = interface(folder, machine["NetworkInterfaces"][0]["NetworkInterfaceId"])
        address = one(folder["describe-addresses"]["Addresses"], "PublicIp", machine["PublicIpAddress"])
        for key in ("AssociationId", "NetworkInterfaceId", "NetworkInterfaceOwnerId", "PrivateIpAddress", "InstanceId"):
            address.pop(key, None)
        machine.pop("PublicIpAddress", None)
        machine["PublicDnsName"] = ""
        for row in (card, machine["NetworkInterfaces"][0]):
            row.pop("Association", None)
            row["PrivateIpAddresses"][0].pop("Association", None)

    return _edit(change)


def instance_state(code: int, name: str) -> Edit:
    """The instance is in another state of its life."""

    def change(folder: Folder) -> None:
        state: dict[str, Any] = {"Code": code, "Name": name}
        instance(folder)["State"] = state
        folder["describe-instance-status"]["InstanceStatuses"] = []
        instance(folder)["StateTransitionReason"] = "User initiated (2026-11-23 14:02:11 GMT)"

    return _edit(change)


def database_status(status: str) -> Edit:
    """The database is in another state of its life."""
    return _edit(lambda folder: folder["describe-db-instances"]["DBInstances"][0].update(DBInstanceStatus=status))


def public_access(mode: str) -> Edit:
    """VPC Block Public Access, for the whole Region (R13)."""

    def change(folder: Folder) -> None:
        options = folder["describe-vpc-block-public-access-options"]["VpcBlockPublicAccessOptions"]
        options.update(State="update-complete", InternetGatewayBlockMode=mode)
        for row in (*folder["describe-vpcs"]["Vpcs"], *folder["describe-subnets"]["Subnets"]):
            row["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": mode}

    return _edit(change)
