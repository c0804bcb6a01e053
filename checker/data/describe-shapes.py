#!/usr/bin/env python3
"""Prints describe-shapes.tsv: what the answers of the calls that the checker makes are made of, by botocore's models.

    .lab/venv/bin/python checker/data/describe-shapes.py > checker/data/describe-shapes.tsv

Three kinds of lines, their fields divided by tabs:

    service  NAME  VERSION
    call     SERVICE  ACTION  WRAPPER  SHAPE  RESULT  TOKEN
    field    SHAPE  ELEMENT  MEMBER  TYPE

WRAPPER is the element that holds the answer, RESULT the member that lists what was asked for, the TOKENs are how the
next page is asked for; `-` where there is none. TYPE is string, integer, float, boolean, timestamp, {SHAPE}, or
[TYPE] for a list of them. Shapes are named with their service, since EC2 and RDS both have a Subnet.
"""

import botocore.session

CALLS = {
    "ec2": """DescribeInstances DescribeInstanceStatus DescribeNetworkInterfaces DescribeSubnets DescribeRouteTables
        DescribeNetworkAcls DescribeSecurityGroups DescribeSecurityGroupRules DescribeInternetGateways
        DescribeEgressOnlyInternetGateways DescribeNatGateways DescribeVpcEndpoints DescribeVpcPeeringConnections
        DescribeVpcs DescribeVpcAttribute DescribeAddresses DescribeManagedPrefixLists GetManagedPrefixListEntries
        DescribeKeyPairs DescribeInstanceConnectEndpoints DescribeVpcBlockPublicAccessOptions
        DescribeVpcBlockPublicAccessExclusions DescribeTransitGatewayAttachments
        DescribeTransitGatewayVpcAttachments SearchTransitGatewayRoutes GetConsoleOutput""",
    "rds": "DescribeDBInstances DescribeDBSubnetGroups DescribeDBParameters DescribeCertificates DescribeEvents",
    "sts": "GetCallerIdentity",
}
SCALARS = {
    "string": "string", "character": "string", "integer": "integer", "long": "integer", "float": "float",
    "double": "float", "boolean": "boolean", "timestamp": "timestamp",
}  # fmt: skip


def type_of(service: str, shape) -> str:
    if shape.type_name == "structure":
        return f"{{{service}.{shape.name}}}"
    if shape.type_name == "list":
        if shape.serialization.get("flattened"):
            raise NotImplementedError(f"{shape.name} is flattened")
        return f"[{type_of(service, shape.member)}]"
    return SCALARS[shape.type_name]


def structures(shape, seen: dict) -> dict:
    """Every structure that an answer can hold, by name."""
    if shape.type_name == "list":
        structures(shape.member, seen)
    elif shape.type_name == "structure" and shape.name not in seen:
        seen[shape.name] = shape
        for member in shape.members.values():
            structures(member, seen)
    return seen


def call(service: str, model, action: str) -> tuple[str, ...]:
    output = model.operation_model(action).output_shape
    lists = [name for name, member in output.members.items() if member.type_name == "list"]
    result = lists[0] if len(lists) == 1 else "-"
    token = next((name for name in ("NextToken", "Marker") if name in output.members), "-")
    wrapper = output.serialization.get("resultWrapper", "-")
    return ("call", service, action, wrapper, f"{service}.{output.name}", result, token)


def main() -> None:
    session = botocore.session.get_session()
    lines = []
    for service, actions in CALLS.items():
        model, seen = session.get_service_model(service), {}
        print("service", service, model.metadata["apiVersion"], sep="\t")
        for action in actions.split():
            print(*call(service, model, action), sep="\t")
            structures(model.operation_model(action).output_shape, seen)
        for name, shape in sorted(seen.items()):
            for member, of in shape.members.items():
                element = of.serialization.get("name", member)
                lines.append(("field", f"{service}.{name}", element, member, type_of(service, of)))
    for line in lines:
        print(*line, sep="\t")


if __name__ == "__main__":
    main()
