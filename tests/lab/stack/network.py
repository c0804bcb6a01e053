"""What `aws ec2 describe-*` and `aws rds describe-*` would print of a stack's network.

What AWS adds by itself is added here: the main route table, the default list and group, the implicit deny of every
list, the interface of the database. The example's rows give each answer its shape.
"""

from __future__ import annotations

import copy
import ipaddress
from typing import Any

from lab.vpc import describe
from lab.vpc.group_rules import group_rules

from .template import ACCOUNT, ENDPOINT, PUBLIC_ADDRESS, REGION, Stack

Json = dict[str, Any]
ANYWHERE = "0.0.0.0/0"
DATABASE_INTERFACE = "eni-0b1c2d3e4f5a60002"
RULES = {"AWS::EC2::SecurityGroupIngress": "IpPermissions", "AWS::EC2::SecurityGroupEgress": "IpPermissionsEgress"}


def tell(stack: Stack) -> describe.Folder:
    """The folder."""
    return _Teller(stack).folder()


class _Teller:
    def __init__(self, stack: Stack) -> None:
        self.stack, self.example = stack, describe.example()
        ((name, self.vpc),) = stack.resources("AWS::EC2::VPC").items()
        self.vpc_id = stack.id(name)
        self.subnets = {stack.id(name): row for name, row in stack.resources("AWS::EC2::Subnet").items()}
        self.attached = {row["InternetGatewayId"] for row in stack.resources("AWS::EC2::VPCGatewayAttachment").values()}

    def folder(self) -> describe.Folder:
        groups = self._groups()
        said = {
            "describe-vpcs": self._vpcs(),
            "describe-vpc-attribute-enableDnsSupport": self._attribute("EnableDnsSupport"),
            "describe-vpc-attribute-enableDnsHostnames": self._attribute("EnableDnsHostnames"),
            "describe-subnets": {"Subnets": [self._subnet(*row) for row in self.subnets.items()]},
            "describe-internet-gateways": self._gateways(),
            "describe-route-tables": self._tables(),
            "describe-network-acls": self._lists(),
            "describe-security-groups": groups,
            "describe-security-group-rules": group_rules(groups),
            "describe-network-interfaces": {"NetworkInterfaces": [self._interface(), self._database_interface()]},
            "describe-instances": self._instances(),
            "describe-addresses": self._addresses(),
            "describe-db-instances": {"DBInstances": [self._database()]},
            "describe-db-subnet-groups": {"DBSubnetGroups": [self._subnet_group()]},
        }
        kept = {name: row for name, row in self.example.items() if "block-public-access" in name or "transit" in name}
        for name in ("nat-gateways", "vpc-endpoints", "vpc-peering-connections", "managed-prefix-lists"):
            kept[f"describe-{name}"] = self.example[f"describe-{name}"]
        return {**kept, **said}

    def _shape(self, document: str, key: str, place: int = 0) -> Json:
        return copy.deepcopy(self.example[f"describe-{document}"][key][place])

    def _vpcs(self) -> Json:
        row = self._shape("vpcs", "Vpcs")
        row["CidrBlockAssociationSet"][0]["CidrBlock"] = self.vpc["CidrBlock"]
        return {"Vpcs": [row | {"VpcId": self.vpc_id, "CidrBlock": self.vpc["CidrBlock"]}]}

    def _attribute(self, name: str) -> Json:
        return {name: {"Value": self.vpc[name]}, "VpcId": self.vpc_id}

    def _subnet(self, id: str, row: Json) -> Json:
        own = {"SubnetId": id, "VpcId": row["VpcId"], "CidrBlock": row["CidrBlock"], "Tags": row["Tags"]}
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{id}"
        zone = {"AvailabilityZone": row["AvailabilityZone"], "AvailabilityZoneId": _zone_id(row["AvailabilityZone"])}
        return self._shape("subnets", "Subnets") | own | zone | {"SubnetArn": arn}

    def _gateways(self) -> Json:
        rows = []
        for name in self.stack.resources("AWS::EC2::InternetGateway"):
            id = self.stack.id(name)
            attachments = [{"State": "available", "VpcId": self.vpc_id}] if id in self.attached else []
            rows.append({"Attachments": attachments, "InternetGatewayId": id, "OwnerId": ACCOUNT, "Tags": []})
        return {"InternetGateways": rows}

    def _tables(self) -> Json:
        main = {"Main": True, "RouteTableAssociationId": "rtbassoc-0f0f0f0f0f0f0f0f1"}
        tables = [self._table("rtb-0f0f0f0f0f0f0f0f0", [main], [])]
        associations = self.stack.resources("AWS::EC2::SubnetRouteTableAssociation").items()
        for name in self.stack.resources("AWS::EC2::RouteTable"):
            id = self.stack.id(name)
            own = [
                {"Main": False, "RouteTableAssociationId": f"rtbassoc-{_digits(key)}", "SubnetId": row["SubnetId"]}
                for key, row in associations
                if row["RouteTableId"] == id
            ]
            routes = [row for row in self.stack.resources("AWS::EC2::Route").values() if row["RouteTableId"] == id]
            tables.append(self._table(id, own, routes))
        return {"RouteTables": tables}

    def _table(self, id: str, associations: list[Json], routes: list[Json]) -> Json:
        state = {"RouteTableId": id, "AssociationState": {"State": "associated"}}
        local = {"DestinationCidrBlock": self.vpc["CidrBlock"], "GatewayId": "local"}
        shown = [local | {"Origin": "CreateRouteTable", "State": "active"}]
        for row in routes:
            works = "active" if row["GatewayId"] in self.attached else "blackhole"
            own = {key: row[key] for key in ("DestinationCidrBlock", "GatewayId")}
            shown.append(own | {"Origin": "CreateRoute", "State": works})
        rows = [row | state for row in associations]
        common = {"PropagatingVgws": [], "Tags": [], "VpcId": self.vpc_id, "OwnerId": ACCOUNT}
        return {"RouteTableId": id, "Associations": rows, "Routes": shown, **common}

    def _lists(self) -> Json:
        default = self._shape("network-acls", "NetworkAcls") | {"VpcId": self.vpc_id}
        associations = self.stack.resources("AWS::EC2::SubnetNetworkAclAssociation").items()
        taken = {row["SubnetId"] for _, row in associations}
        default["Associations"] = [_association(default["NetworkAclId"], id, id) for id in self.subnets.keys() - taken]
        lists = [default]
        for name in self.stack.resources("AWS::EC2::NetworkAcl"):
            id = self.stack.id(name)
            own = [_association(id, row["SubnetId"], key) for key, row in associations if row["NetworkAclId"] == id]
            entries = self.stack.resources("AWS::EC2::NetworkAclEntry").values()
            rows = [_entry(row) for row in entries if row["NetworkAclId"] == id] + [_deny(True), _deny(False)]
            common = {"IsDefault": False, "Tags": [], "VpcId": self.vpc_id, "OwnerId": ACCOUNT}
            lists.append({"NetworkAclId": id, "Associations": own, "Entries": rows, **common})
        return {"NetworkAcls": lists}

    def _groups(self) -> Json:
        groups = {}
        for name, row in self.stack.resources("AWS::EC2::SecurityGroup").items():
            id = self.stack.id(name)
            said = {"GroupId": id, "VpcId": row["VpcId"], "OwnerId": ACCOUNT, "GroupName": f"vivarium-{name}"}
            said["SecurityGroupArn"] = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{id}"
            said["Description"] = row["GroupDescription"]
            said["IpPermissions"] = [_permission(rule) for rule in row.get("SecurityGroupIngress", [])]
            # A group without a rule outwards is given one for everything.
            outwards = row.get("SecurityGroupEgress", [{"IpProtocol": "-1", "CidrIp": ANYWHERE}])
            said["IpPermissionsEgress"] = [_permission(rule) for rule in outwards]
            groups[id] = said
        for kind, key in RULES.items():
            for row in self.stack.resources(kind).values():
                groups[row["GroupId"]][key].append(_permission(row))
        default = self._shape("security-groups", "SecurityGroups") | {"VpcId": self.vpc_id}
        return {"SecurityGroups": [default, *groups.values()]}

    def _card(self) -> tuple[str, Json]:
        ((name, row),) = self.stack.resources("AWS::EC2::NetworkInterface").items()
        return self.stack.id(name), row

    def _interface(self) -> Json:
        id, row = self._card()
        shown = self._shape("network-interfaces", "NetworkInterfaces")
        shown["Attachment"]["InstanceId"] = self._instance()[0]
        if not self._is_public(id):
            shown.pop("Association")
            shown["PrivateIpAddresses"][0].pop("Association")
        return shown | self._placed(row["SubnetId"]) | self._carried(row["GroupSet"]) | {"NetworkInterfaceId": id}

    def _is_public(self, interface: str) -> bool:
        rows = self.stack.resources("AWS::EC2::EIPAssociation").values()
        return any(row["NetworkInterfaceId"] == interface for row in rows)

    def _database_interface(self) -> Json:
        """In the subnet of its group that lies in its zone, as RDS does."""
        database, shown = self._server(), self._shape("network-interfaces", "NetworkInterfaces", 1)
        if database["PubliclyAccessible"]:
            public = {"PublicIp": "198.51.100.30", "PublicDnsName": "", "IpOwnerId": "amazon-rds"}
            shown["Association"] = public
            shown["PrivateIpAddresses"][0]["Association"] = dict(public)
        (subnet,) = (id for id in self._of_group() if self._zone(id) == database["AvailabilityZone"])
        return shown | self._placed(subnet) | self._carried(database["VPCSecurityGroups"])

    def _placed(self, subnet: str) -> Json:
        zone = self._zone(subnet)
        return {
            "SubnetId": subnet,
            "VpcId": self.vpc_id,
            "AvailabilityZone": zone,
            "AvailabilityZoneId": _zone_id(zone),
        }

    def _carried(self, groups: list[str]) -> Json:
        return {"Groups": [{"GroupId": id, "GroupName": id} for id in groups]}

    def _zone(self, subnet: str) -> str:
        return str(self.subnets[subnet]["AvailabilityZone"])

    def _instance(self) -> tuple[str, Json]:
        ((name, row),) = self.stack.resources("AWS::EC2::Instance").items()
        return self.stack.id(name), row

    def _instances(self) -> Json:
        id, row = self._instance()
        card, own = self._card()
        assert row["NetworkInterfaces"] == [{"DeviceIndex": "0", "NetworkInterfaceId": card}]
        shape = copy.deepcopy(self.example["describe-instances"])
        shown = shape["Reservations"][0]["Instances"][0]
        address = shown["PrivateIpAddress"]
        assert ipaddress.ip_address(address) in ipaddress.ip_network(self.subnets[own["SubnetId"]]["CidrBlock"])
        shown |= {"InstanceId": id, "SubnetId": own["SubnetId"], "VpcId": self.vpc_id, "Tags": row["Tags"]}
        shown["SecurityGroups"] = self._carried(own["GroupSet"])["Groups"]
        repeated = shown["NetworkInterfaces"][0]
        repeated |= self._carried(own["GroupSet"]) | {"NetworkInterfaceId": card, "SubnetId": own["SubnetId"]}
        repeated["VpcId"] = self.vpc_id
        if not self._is_public(card):
            repeated.pop("Association")
            repeated["PrivateIpAddresses"][0].pop("Association")
            shown.pop("PublicIpAddress")
        return shape

    def _addresses(self) -> Json:
        card, _ = self._card()
        shown = self._shape("addresses", "Addresses") | {"PublicIp": PUBLIC_ADDRESS}
        if self._is_public(card):
            shown |= {"NetworkInterfaceId": card, "InstanceId": self._instance()[0]}
        else:
            for key in (
                "AssociationId",
                "NetworkInterfaceId",
                "NetworkInterfaceOwnerId",
                "PrivateIpAddress",
                "InstanceId",
            ):
                shown.pop(key)
        return {"Addresses": [shown]}

    def _server(self) -> Json:
        (row,) = self.stack.resources("AWS::RDS::DBInstance").values()
        return row

    def _of_group(self) -> list[str]:
        ((_, row),) = self.stack.resources("AWS::RDS::DBSubnetGroup").items()
        return list(row["SubnetIds"])

    def _database(self) -> Json:
        ((name, row),) = self.stack.resources("AWS::RDS::DBInstance").items()
        shown = self._shape("db-instances", "DBInstances")
        shown["Endpoint"]["Address"] = ENDPOINT
        groups = [{"VpcSecurityGroupId": id, "Status": "active"} for id in row["VPCSecurityGroups"]]
        shown |= {"DBInstanceIdentifier": self.stack.id(name), "VpcSecurityGroups": groups}
        same = ("AvailabilityZone", "PubliclyAccessible", "DBInstanceClass", "StorageEncrypted", "MultiAZ")
        own = self._subnet_group()
        own.pop("DBSubnetGroupArn")
        own.pop("SupportedNetworkTypes")
        return shown | {key: row[key] for key in same} | {"DBSubnetGroup": own}

    def _subnet_group(self) -> Json:
        shown = self._shape("db-subnet-groups", "DBSubnetGroups") | {"VpcId": self.vpc_id}
        state = {"SubnetOutpost": {}, "SubnetStatus": "Active"}
        shown["Subnets"] = [
            {"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": self._zone(id)}, **state}
            for id in self._of_group()
        ]
        return shown


def _digits(name: str) -> str:
    return f"0{name.encode().hex()[:16]:0<16}"


def _zone_id(zone: str) -> str:
    return f"use1-az{'abc'.index(zone[-1]) + 1}"


def _association(acl: str, subnet: str, name: str) -> Json:
    return {"NetworkAclAssociationId": f"aclassoc-{_digits(name)}", "NetworkAclId": acl, "SubnetId": subnet}


def _entry(row: Json) -> Json:
    shown = {key: row[key] for key in ("CidrBlock", "PortRange", "RuleAction", "RuleNumber") if key in row}
    shown |= {"Egress": row.get("Egress", False), "Protocol": str(row["Protocol"])}
    return shown | ({"IcmpTypeCode": row["Icmp"]} if "Icmp" in row else {})


def _deny(egress: bool) -> Json:
    """What every list ends with."""
    return {"CidrBlock": ANYWHERE, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}


def _permission(rule: Json) -> Json:
    shown: Json = {"IpProtocol": str(rule["IpProtocol"])}
    shown |= {key: rule[key] for key in ("FromPort", "ToPort") if key in rule}
    text = {"Description": rule["Description"]} if "Description" in rule else {}
    peer = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    shown["UserIdGroupPairs"] = [{"UserId": ACCOUNT, "GroupId": peer, **text}] if peer else []
    shown["IpRanges"] = [{"CidrIp": rule["CidrIp"], **text}] if "CidrIp" in rule else []
    return shown | {"Ipv6Ranges": [], "PrefixListIds": []}
