"""Builds one thing in moto that a change is about, and prints its id.

    python more.py http://127.0.0.1:5000 loose_gateway
"""

import json
import sys

import boto3

ACCOUNT = {"aws_access_key_id": "AKIALABLABLABLABLAB1", "aws_secret_access_key": "lab", "region_name": "eu-central-1"}


def loose_gateway(ec2) -> str:
    return ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]


def spare_address(ec2) -> str:
    address = ec2.allocate_address(Domain="vpc")
    return json.dumps([address["AllocationId"], address["PublicIp"]])


def waiting_peering(ec2) -> str:
    blocks = {vpc["CidrBlock"]: vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    ends = {"VpcId": blocks["10.1.0.0/16"], "PeerVpcId": blocks["10.0.0.0/16"]}
    return ec2.create_vpc_peering_connection(**ends)["VpcPeeringConnection"]["VpcPeeringConnectionId"]


BUILDERS = {each.__name__: each for each in (loose_gateway, spare_address, waiting_peering)}

if __name__ == "__main__":
    print(BUILDERS[sys.argv[2]](boto3.client("ec2", endpoint_url=sys.argv[1], **ACCOUNT)))
