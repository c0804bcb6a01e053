"""Networks for the lab's AWS: a folder of describe-* JSON put into moto, and what of EC2 moto lacks.

The same ids, addresses and states as in the folder, so that what a checker prints for one holds for the other.
Only what the lab's networks have is put there: one VPC, IPv4, one instance interface each, databases of RDS.

What moto does not know and the checker asks for is added here: a route whose target is gone or detached is a
black hole, a database's network interface is Amazon RDS's own, and interfaces are found by their public address.
"""

import contextlib
from collections import defaultdict, deque
from datetime import datetime

from moto.backends import get_backend
from moto.ec2 import utils
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.route_tables import Route
from moto.rds.models import DBInstance

RDS = "amazon-rds"


def fill(folder: dict, account: str, region: str) -> None:
    """Makes moto's account hold this network and no other."""
    for service in ("ec2", "rds"):
        get_backend(service)[account][region].reset()
    ec2, rds = get_backend("ec2")[account][region], get_backend("rds")[account][region]
    with _ids(folder) as named:
        _Filler(folder, ec2, rds, named).fill()


class _Filler:
    """Puts the kinds of things one after another, those that others name first."""

    def __init__(self, folder: dict, ec2, rds, named) -> None:
        self.folder, self.ec2, self.rds, self.named = folder, ec2, rds, named
        self.vpc = folder["describe-vpcs"]["Vpcs"][0]["VpcId"]

    def rows(self, name: str, kind: str) -> list[dict]:
        return self.folder[name][kind]

    def fill(self) -> None:
        self.forget_the_default_network()
        self.fill_vpc()
        self.fill_groups()
        self.fill_lists()
        self.fill_routes()
        self.fill_instances()
        self.fill_interfaces_of_rds()
        self.fill_addresses()
        self.fill_databases()

    def forget_the_default_network(self) -> None:
        held = ("vpcs", "subnets", "route_tables", "network_acls", "groups", "internet_gateways", "enis")
        for name in held:
            getattr(self.ec2, name).clear()

    def fill_vpc(self) -> None:
        row = self.rows("describe-vpcs", "Vpcs")[0]
        tables, lists = (
            self.rows("describe-route-tables", "RouteTables"),
            self.rows("describe-network-acls", "NetworkAcls"),
        )
        main = next(table for table in tables if any(each["Main"] for each in table["Associations"]))
        default = next(acl for acl in lists if acl["IsDefault"])
        groups = self.rows("describe-security-groups", "SecurityGroups")
        group = next(each for each in groups if each["GroupName"] == "default")
        self.named("vpc", row["VpcId"])
        self.named("rtb", main["RouteTableId"])
        self.named("acl", default["NetworkAclId"])
        self.named("sg", group["GroupId"])
        vpc = self.ec2.create_vpc(row["CidrBlock"], tags=row.get("Tags"))
        for attribute, held in (("Support", "enable_dns_support"), ("Hostnames", "enable_dns_hostnames")):
            answer = self.folder[f"describe-vpc-attribute-enableDns{attribute}"]
            setattr(vpc, held, str(answer[f"EnableDns{attribute}"]["Value"]).lower())
        for subnet in self.rows("describe-subnets", "Subnets"):
            self.named("subnet", subnet["SubnetId"])
            made = self.ec2.create_subnet(self.vpc, subnet["CidrBlock"], availability_zone=subnet["AvailabilityZone"])
            made.map_public_ip_on_launch = subnet["MapPublicIpOnLaunch"]
        for gateway in self.rows("describe-internet-gateways", "InternetGateways"):
            self.named("igw", gateway["InternetGatewayId"])
            made = self.ec2.create_internet_gateway()
            if gateway["Attachments"]:
                self.ec2.attach_internet_gateway(made.id, self.vpc)

    def fill_groups(self) -> None:
        groups = self.rows("describe-security-groups", "SecurityGroups")
        for row in groups:
            if row["GroupName"] != "default":
                self.named("sg", row["GroupId"])
                self.ec2.create_security_group(row["GroupName"], row["Description"], vpc_id=self.vpc)
        for row in groups:
            held = self.ec2.groups[self.vpc][row["GroupId"]]
            held.ingress_rules, held.egress_rules = [], []
        for rule in self.rows("describe-security-group-rules", "SecurityGroupRules"):
            self.fill_rule(rule)

    def fill_rule(self, rule: dict) -> None:
        """A reference to a group that is gone stays in AWS (S12), so moto is not asked whether it is there."""
        text = {"Description": rule["Description"]} if "Description" in rule else {}
        blocks, groups = [], []
        if "ReferencedGroupInfo" in rule:
            referred = rule["ReferencedGroupInfo"]
            groups = [
                {"GroupId": referred["GroupId"], "UserId": referred["UserId"], "OwnerId": referred["UserId"], **text}
            ]
        else:
            word = "CidrIp" if "CidrIpv4" in rule else "CidrIpv6"
            blocks = [{word: rule.get("CidrIpv4") or rule["CidrIpv6"], **text}]
        self.named("sgr", rule["SecurityGroupRuleId"])
        ports = (rule["FromPort"], rule["ToPort"])
        first, last = (None, None) if ports == (-1, -1) and rule["IpProtocol"] == "-1" else ports
        (made,) = self.ec2._iterate_security_rules(
            rule["IpProtocol"], rule["GroupId"], first, last, blocks, groups, [], is_egress=rule["IsEgress"]
        )
        group = self.ec2.groups[self.vpc][rule["GroupId"]]
        (group.egress_rules if rule["IsEgress"] else group.ingress_rules).append(made)

    def fill_lists(self) -> None:
        for row in self.rows("describe-network-acls", "NetworkAcls"):
            if not row["IsDefault"]:
                self.named("acl", row["NetworkAclId"])
                self.ec2.create_network_acl(self.vpc, tags=row.get("Tags"))
            self.ec2.network_acls[row["NetworkAclId"]].network_acl_entries.clear()
            for entry in row["Entries"]:
                self.fill_entry(row["NetworkAclId"], entry)
            for link in row["Associations"]:
                self.associate_list(row["NetworkAclId"], link["SubnetId"])

    def fill_entry(self, acl: str, entry: dict) -> None:
        ports, icmp = entry.get("PortRange", {}), entry.get("IcmpTypeCode", {})
        self.ec2.create_network_acl_entry(
            network_acl_id=acl,
            rule_number=entry["RuleNumber"],
            protocol=entry["Protocol"],
            rule_action=entry["RuleAction"],
            egress=entry["Egress"],
            cidr_block=entry["CidrBlock"],
            icmp_code=icmp.get("Code"),
            icmp_type=icmp.get("Type"),
            port_range_from=ports.get("From"),
            port_range_to=ports.get("To"),
            ipv6_cidr_block=None,
        )

    def associate_list(self, acl: str, subnet: str) -> None:
        held = [link for each in self.ec2.network_acls.values() for link in each._associations.values()]
        link = next(each for each in held if each.subnet_id == subnet)
        self.ec2.replace_network_acl_association(link.id, acl)

    def fill_routes(self) -> None:
        for row in self.rows("describe-route-tables", "RouteTables"):
            table = row["RouteTableId"]
            if table not in self.ec2.route_tables:
                self.named("rtb", table)
                self.ec2.create_route_table(self.vpc, tags=row.get("Tags"))
            for route in row["Routes"]:
                if route["GatewayId"] != "local":
                    self.fill_route(table, route)
            for link in row["Associations"]:
                if "SubnetId" in link:
                    self.ec2.associate_route_table(table, subnet_id=link["SubnetId"])

    def fill_route(self, table: str, route: dict) -> None:
        gateway = route["GatewayId"]
        known = gateway in self.ec2.internet_gateways
        made = self.ec2.create_route(table, route["DestinationCidrBlock"], gateway_id=gateway if known else None)
        if not known:
            self.named("igw", gateway)
            made.gateway = InternetGateway(self.ec2)

    def fill_instances(self) -> None:
        for reservation in self.rows("describe-instances", "Reservations"):
            for row in reservation["Instances"]:
                card = row["NetworkInterfaces"][0]
                self.named("r", reservation["ReservationId"])
                self.named("i", row["InstanceId"])
                self.named("eni", card["NetworkInterfaceId"])
                self.named("eni-attach", card["Attachment"]["AttachmentId"])
                self.ec2.run_instances(
                    row["ImageId"],
                    1,
                    None,
                    [],
                    security_group_ids=[group["GroupId"] for group in card["Groups"]],
                    subnet_id=row["SubnetId"],
                    private_ip=row["PrivateIpAddress"],
                    instance_type=row["InstanceType"],
                    is_instance_type_default=False,
                    associate_public_ip=False,
                    key_name=row["KeyName"],
                    tags={"instance": {tag["Key"]: tag["Value"] for tag in row["Tags"]}},
                )
                self.ec2.get_instance(row["InstanceId"]).launch_time = datetime.fromisoformat(row["LaunchTime"])

    def fill_interfaces_of_rds(self) -> None:
        for row in self.rows("describe-network-interfaces", "NetworkInterfaces"):
            if row["Description"] == "RDSNetworkInterface":
                self.named("eni", row["NetworkInterfaceId"])
                made = self.ec2.create_network_interface(
                    row["SubnetId"],
                    row["PrivateIpAddress"],
                    group_ids=[group["GroupId"] for group in row["Groups"]],
                    description=row["Description"],
                )
                made.requester_managed, made.requester_id, made.status = True, RDS, "in-use"

    def fill_addresses(self) -> None:
        for row in self.rows("describe-addresses", "Addresses"):
            self.named("eipalloc", row["AllocationId"])
            made = self.ec2.allocate_address("vpc", address=row["PublicIp"])
            if "NetworkInterfaceId" in row:
                self.named("eipassoc", row["AssociationId"])
                card = self.ec2.enis[row["NetworkInterfaceId"]]
                self.ec2.associate_address(card.instance, card, allocation_id=made.allocation_id)
        # With their addresses: an Elastic IP stays with an instance that is stopped (R9).
        for reservation in self.rows("describe-instances", "Reservations"):
            for row in reservation["Instances"]:
                if row["State"]["Name"] == "stopped":
                    self.ec2.stop_instances([row["InstanceId"]])

    def fill_databases(self) -> None:
        for row in self.rows("describe-db-subnet-groups", "DBSubnetGroups"):
            subnets = [self.ec2.get_subnet(each["SubnetIdentifier"]) for each in row["Subnets"]]
            self.rds.create_subnet_group(row["DBSubnetGroupName"], row["DBSubnetGroupDescription"], subnets, [])
        for row in self.rows("describe-db-instances", "DBInstances"):
            made = self.rds.create_db_instance(
                {
                    "db_instance_identifier": row["DBInstanceIdentifier"],
                    "db_instance_class": row["DBInstanceClass"],
                    "engine": row["Engine"],
                    "engine_version": row["EngineVersion"],
                    "port": row["Endpoint"]["Port"],
                    "allocated_storage": row["AllocatedStorage"],
                    "master_username": row["MasterUsername"],
                    "db_subnet_group_name": row["DBSubnetGroup"]["DBSubnetGroupName"],
                    "vpc_security_group_ids": [each["VpcSecurityGroupId"] for each in row["VpcSecurityGroups"]],
                    "availability_zone": row["AvailabilityZone"],
                    "publicly_accessible": row["PubliclyAccessible"],
                }
            )
            made.status, made.named = row["DBInstanceStatus"], row["Endpoint"]["Address"]


def _attachment(interface: NetworkInterface):
    """Amazon RDS keeps its interfaces attached to what nobody sees."""
    if interface.requester_id != RDS:
        return _of_instance(interface)
    return {
        "AttachmentId": f"eni-attach-{interface.id[4:]}",
        "DeleteOnTermination": False,
        "DeviceIndex": 1,
        "InstanceOwnerId": RDS,
        "Status": "attached",
    }


def _address(database: DBInstance) -> str:
    """The name that the network has for a database's endpoint."""
    return getattr(database, "named", None) or _by_moto(database)


def _state(route: Route) -> str:
    """A route whose gateway is gone, or is attached to no VPC, leads nowhere (R4, R6)."""
    gateway = route.gateway
    if not isinstance(gateway, InternetGateway):
        return "active"
    backend = route.route_table.ec2_backend
    return "active" if gateway.vpc and gateway.id in backend.internet_gateways else "blackhole"


def _filtered(interface: NetworkInterface, name: str, method: str | None = None):
    """By a public address, too."""
    return interface.public_ip if name == "association.public-ip" else _filtered_by_moto(interface, name, method)


_of_instance, _by_moto = NetworkInterface.attachment.fget, DBInstance.address.fget
_filtered_by_moto = NetworkInterface.get_filter_value
NetworkInterface.get_filter_value = _filtered
NetworkInterface.attachment = property(_attachment)
DBInstance.address = property(_address)
Route.state = property(_state)


@contextlib.contextmanager
def _ids(folder: dict):
    """Gives the next thing of a kind the id that it is to have, where moto would draw one by lot."""
    wanted: dict[str, deque[str]] = defaultdict(deque)
    by_lot = utils.random_id

    def random_id(prefix: str = "", size: int = 17) -> str:
        return wanted[prefix].popleft() if wanted[prefix] else by_lot(prefix, size)

    utils.random_id = random_id
    try:
        yield lambda prefix, name: wanted[prefix].append(name)
    finally:
        utils.random_id = by_lot
