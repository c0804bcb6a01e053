"""Builds a VPC with everything in moto, and prints what botocore makes of every answer, as the AWS CLI does.

    python world.py http://127.0.0.1:5000

One JSON document: the ids by name, and the answers, each with its action and the parameters as a form has them.
"""

import itertools
import json
import sys
from datetime import datetime

import boto3
from botocore.serialize import create_serializer

ENDPOINT = sys.argv[1]
ACCOUNT = {"aws_access_key_id": "AKIALABLABLABLABLAB1", "aws_secret_access_key": "lab", "region_name": "eu-central-1"}
ec2 = boto3.client("ec2", endpoint_url=ENDPOINT, **ACCOUNT)
rds = boto3.client("rds", endpoint_url=ENDPOINT, **ACCOUNT)
sts = boto3.client("sts", endpoint_url=ENDPOINT, **ACCOUNT)


def named(kind: str, name: str) -> list[dict]:
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def build() -> dict[str, str]:
    ids = build_network()
    build_filters(ids)
    build_instance(ids)
    build_ways(ids)
    build_database(ids)
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-bidirectional")
    ec2.create_vpc_block_public_access_exclusion(
        SubnetId=ids["public"], InternetGatewayExclusionMode="allow-bidirectional"
    )
    return ids


def build_network() -> dict[str, str]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    ids = {"vpc": vpc, "peer": ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]}
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    for name, block, zone in (("public", "10.0.0.0/24", "a"), ("private", "10.0.1.0/24", "b")):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"eu-central-1{zone}")
        ids[name] = subnet["Subnet"]["SubnetId"]
    ids["gateway"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["gateway"], VpcId=vpc)
    ec2.create_egress_only_internet_gateway(VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=named("route-table", "out & back"))
    ids["table"] = table["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=ids["table"], DestinationCidrBlock="0.0.0.0/0", GatewayId=ids["gateway"])
    ec2.associate_route_table(RouteTableId=ids["table"], SubnetId=ids["public"])
    return ids


def build_filters(ids: dict[str, str]) -> None:
    acl = ec2.create_network_acl(VpcId=ids["vpc"])["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=False,
                                 CidrBlock="0.0.0.0/0", PortRange={"From": 22, "To": 22})  # fmt: skip
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=90, Protocol="1", RuleAction="deny", Egress=True,
                                 CidrBlock="10.0.0.0/8", IcmpTypeCode={"Type": -1, "Code": -1})  # fmt: skip
    entries = [{"Cidr": "192.0.2.0/24", "Description": "<office>"}, {"Cidr": "198.51.100.0/24"}]
    ids["list"] = ec2.create_managed_prefix_list(
        PrefixListName="offices", Entries=entries, MaxEntries=5, AddressFamily="IPv4"
    )["PrefixList"]["PrefixListId"]
    for name in ("web", "db"):
        group = ec2.create_security_group(GroupName=name, Description=f"of {name}", VpcId=ids["vpc"])
        ids[f"{name}_group"] = group["GroupId"]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": ids["list"]}],
           "IpRanges": [{"CidrIp": "203.0.113.7/32", "Description": "home"}],
           "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}  # fmt: skip
    ec2.authorize_security_group_ingress(GroupId=ids["web_group"], IpPermissions=[ssh])
    postgres = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                "UserIdGroupPairs": [{"GroupId": ids["web_group"]}]}  # fmt: skip
    ec2.authorize_security_group_ingress(GroupId=ids["db_group"], IpPermissions=[postgres])


def build_instance(ids: dict[str, str]) -> None:
    ec2.create_key_pair(KeyName="laptop")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    for name in ("web", "other"):
        run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, KeyName="laptop", SubnetId=ids["public"],
                                SecurityGroupIds=[ids["web_group"]], InstanceType="t3.micro",
                                TagSpecifications=named("instance", name))  # fmt: skip
        ids[name] = run["Instances"][0]["InstanceId"]
    ids["address"] = run["Instances"][0]["PrivateIpAddress"]
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=ids["web"])


def build_ways(ids: dict[str, str]) -> None:
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ids["nat"] = ec2.create_nat_gateway(SubnetId=ids["public"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_vpc_endpoint(VpcId=ids["vpc"], ServiceName="com.amazonaws.eu-central-1.s3",
                            RouteTableIds=[ids["table"]])  # fmt: skip
    peering = ec2.create_vpc_peering_connection(VpcId=ids["vpc"], PeerVpcId=ids["peer"])["VpcPeeringConnection"]
    ids["peering"] = peering["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=ids["peering"])
    ec2.create_route(RouteTableId=ids["table"], DestinationCidrBlock="10.1.0.0/16",
                     VpcPeeringConnectionId=ids["peering"])  # fmt: skip
    transit = ec2.create_transit_gateway(Description="hub")["TransitGateway"]
    ids["transit"] = transit["TransitGatewayId"]
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=ids["transit"], VpcId=ids["vpc"],
                                              SubnetIds=[ids["private"]])  # fmt: skip
    ec2.create_route(RouteTableId=ids["table"], DestinationCidrBlock="172.16.0.0/12", TransitGatewayId=ids["transit"])
    tables = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    ids["transit_table"] = tables[0]["TransitGatewayRouteTableId"]
    ec2.create_transit_gateway_route(DestinationCidrBlock="192.168.0.0/16", Blackhole=True,
                                     TransitGatewayRouteTableId=ids["transit_table"])  # fmt: skip


def build_database(ids: dict[str, str]) -> None:
    rds.create_db_subnet_group(DBSubnetGroupName="private", DBSubnetGroupDescription="both",
                               SubnetIds=[ids["public"], ids["private"]])  # fmt: skip
    rds.create_db_parameter_group(DBParameterGroupName="strict", DBParameterGroupFamily="postgres16", Description="s")
    for name in ("mydb", "second"):
        rds.create_db_instance(DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro",
                               AllocatedStorage=20, MasterUsername="app", MasterUserPassword="planted-secret",
                               DBSubnetGroupName="private", VpcSecurityGroupIds=[ids["db_group"]],
                               DBParameterGroupName="strict", MultiAZ=True, PubliclyAccessible=False)  # fmt: skip
    ids["database"] = "mydb"


def plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name != "ResponseMetadata"}
    return [plain(each) for each in value] if isinstance(value, list) else value


def whole(client, operation: str, parameters: dict) -> dict:
    """The answer of all pages, as the AWS CLI puts it together."""
    beside = operation == "search_transit_gateway_routes"  # has a word beside its rows, which pages lose
    if client.can_paginate(operation) and not beside:
        return client.get_paginator(operation).paginate(**parameters).build_full_result()
    return getattr(client, operation)(**parameters)


def form(client, operation: str, parameters: dict) -> dict[str, str]:
    """The parameters as botocore sends them."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    body = create_serializer(client.meta.service_model.metadata["protocol"]).serialize_to_request(parameters, model)[
        "body"
    ]
    return {name: str(value) for name, value in body.items() if name not in ("Action", "Version")}


def prefix_lists_of_routes(of_vpc: dict) -> list[str]:
    """Gateway endpoints bring AWS's own."""
    routes = [route for table in ec2.describe_route_tables(**of_vpc)["RouteTables"] for route in table["Routes"]]
    return sorted({route["DestinationPrefixListId"] for route in routes if "DestinationPrefixListId" in route})


def answers(ids: dict[str, str]) -> list[dict]:
    vpcs = [ids["vpc"], ids["peer"]]

    def of(name: str) -> dict:
        return {"Filters": [{"Name": name, "Values": vpcs}]}

    attributes = itertools.product(vpcs, ("enableDnsSupport", "enableDnsHostnames"))
    of_vpc = of("vpc-id")
    groups = [group["GroupId"] for group in ec2.describe_security_groups(**of_vpc)["SecurityGroups"]]
    lists = [ids["list"], *prefix_lists_of_routes(of_vpc)]
    questions = [
        (ec2, "describe_instances", of_vpc),
        (ec2, "describe_instances", {"InstanceIds": [ids["web"]]}),
        (ec2, "describe_instance_status", {"IncludeAllInstances": True}),
        (ec2, "describe_network_interfaces", of_vpc),
        (ec2, "describe_subnets", of_vpc),
        (ec2, "describe_route_tables", of_vpc),
        (ec2, "describe_network_acls", of_vpc),
        (ec2, "describe_security_groups", of_vpc),
        (ec2, "describe_security_group_rules", {"Filters": [{"Name": "group-id", "Values": groups}]}),
        (ec2, "describe_internet_gateways", {}),
        (ec2, "describe_egress_only_internet_gateways", {}),
        (ec2, "describe_nat_gateways", {"Filter": of_vpc["Filters"]}),
        (ec2, "describe_vpc_endpoints", of_vpc),
        (ec2, "describe_vpc_peering_connections", {}),
        (ec2, "describe_vpc_block_public_access_options", {}),
        (ec2, "describe_vpc_block_public_access_exclusions", {}),
        (ec2, "describe_vpcs", of_vpc),
        *((ec2, "describe_vpc_attribute", {"VpcId": vpc, "Attribute": name}) for vpc, name in attributes),
        (ec2, "describe_addresses", {}),
        (ec2, "describe_managed_prefix_lists", {"PrefixListIds": lists}),
        *((ec2, "get_managed_prefix_list_entries", {"PrefixListId": each}) for each in lists),
        (ec2, "describe_key_pairs", {"KeyNames": ["laptop"], "IncludePublicKey": True}),
        *((ec2, "get_console_output", {"InstanceId": ids[name]}) for name in ("web", "other")),
        (ec2, "describe_transit_gateway_attachments", {}),
        (ec2, "describe_transit_gateway_vpc_attachments", {}),
        (ec2, "search_transit_gateway_routes", {
            "TransitGatewayRouteTableId": ids["transit_table"],
            "Filters": [{"Name": "state", "Values": ["active", "blackhole"]}],
        }),
        (rds, "describe_db_instances", {}),
        (rds, "describe_db_instances", {"DBInstanceIdentifier": "mydb"}),
        (rds, "describe_db_subnet_groups", {}),
        (rds, "describe_db_parameters", {"DBParameterGroupName": "strict"}),
        (rds, "describe_events", {}),
        (sts, "get_caller_identity", {}),
    ]  # fmt: skip
    found, missing = [], []
    for client, operation, parameters in questions:
        action = client.meta.method_to_api_mapping[operation]
        try:
            answer = plain(whole(client, operation, parameters))
        except Exception as error:  # moto lacks some calls; who reads this counts
            missing.append(f"{action}: {error}")
            continue
        found.append({"action": action, "parameters": form(client, operation, parameters), "answer": answer})
    print("\n".join(missing), file=sys.stderr)
    return found


if __name__ == "__main__":
    everything = build()
    json.dump({"ids": everything, "answers": answers(everything)}, sys.stdout)
