"""The template deployed to moto: what moto cannot do is listed here, and nothing else is left out."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto import mock_aws

from . import template
from .template import ENDPOINT, PUBLIC_ADDRESS, REGION, SECRET, Json

# What moto passes over in silence. All but the last two are proven by test_stack.py; those two are held as text.
SKIPPED = {
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::NetworkAclEntry",
    "AWS::EC2::SubnetNetworkAclAssociation",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::EIPAssociation",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudFormation::WaitCondition",
    "AWS::SSM::Association",
}
# Attributes that moto does not know, as they stand in the template, and what AWS would put there. It forgets besides
# that the volume is encrypted, and which managed policy the role has: test_packaging.py holds both.
UNKNOWN = {
    json.dumps({"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]}): json.dumps(SECRET),
    "${Database.MasterUserSecret.SecretArn}": SECRET,
    "${Database.Endpoint.Address}": ENDPOINT,
    "${Database.Endpoint.Port}": "5432",
    "${Address.PublicIp}": PUBLIC_ADDRESS,
}


@contextmanager
def deployed(parameters: Json) -> Iterator[Any]:
    """A session of an account in which the stack stands."""
    body = json.dumps(template.read())
    for known, value in UNKNOWN.items():
        body = body.replace(known, value)
    rows = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is not supported is in SKIPPED
        session = boto3.Session("lab", "lab", region_name=REGION)
        said = {"StackName": "vivarium", "TemplateBody": body, "Parameters": rows, "Capabilities": ["CAPABILITY_IAM"]}
        session.client("cloudformation").create_stack(**said)
        yield session
