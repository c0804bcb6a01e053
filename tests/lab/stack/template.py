"""Reads a CloudFormation template and resolves it, as far as ours goes: functions, conditions, parameters.

What is asked of it and is not known here is an error: nothing is left out silently.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
PACKAGING = Path(__file__).parents[3] / "packaging"
TEMPLATE = PACKAGING / "cloudformation/vivarium.yaml"
REGION, ACCOUNT = "us-east-1", "123456789012"
ZONES = [f"{REGION}a", f"{REGION}b", f"{REGION}c"]
NOTHING = object()
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "vivarium",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/vivarium/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
    "AWS::NoValue": NOTHING,
}
# What stands before the hexadecimal digits of an id.
PREFIXES = {
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::InternetGateway": "igw",
    "AWS::EC2::RouteTable": "rtb",
    "AWS::EC2::NetworkAcl": "acl",
    "AWS::EC2::SecurityGroup": "sg",
    "AWS::EC2::NetworkInterface": "eni",
    "AWS::EC2::Instance": "i",
    "AWS::EC2::Volume": "vol",
}
# What a person says to the template; the rest has defaults.
ME = "203.0.113.9"
SAID = {
    "MyAddress": f"{ME}/32",
    "AgentUrl": "https://releases.example/vivarium-agent-x86_64",
    "AgentSha256": "9" * 64,
    "AcceptLicense": "true",
}
PUBLIC_ADDRESS = "198.51.100.20"
ENDPOINT = f"vivarium-database.abc123.{REGION}.rds.amazonaws.com"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-AbCdEf"
SIGNAL = "https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/arn%3Aaws%3Acloudformation/Complete?X-Amz-Signature=0"
ATTRIBUTES = {
    "AllocationId": "eipalloc-0c1d2e3f4a5b6c7d8",
    "PublicIp": PUBLIC_ADDRESS,
    "Endpoint.Address": ENDPOINT,
    "Endpoint.Port": "5432",
    "MasterUserSecret.SecretArn": SECRET,
    "Arn": f"arn:aws:iam::{ACCOUNT}:role/vivarium",
}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Json:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _function)


def read(path: Path = TEMPLATE) -> Json:
    """The template, its functions in their long forms."""
    return dict(yaml.load(path.read_text(), Loader=_Loader))


def identifier(logical: str, kind: str) -> str:
    """What CloudFormation would call the resource: the same every time."""
    digits = hashlib.sha256(logical.encode()).hexdigest()[:16]
    return f"{PREFIXES[kind]}-0{digits}" if kind in PREFIXES else f"vivarium-{logical.lower()}"


@dataclass
class Stack:
    """A template with its parameters."""

    template: Json
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        declared = self.template["Parameters"]
        unknown = self.parameters.keys() - declared.keys()
        assert not unknown, f"no such parameters: {unknown}"
        defaults = {name: row["Default"] for name, row in declared.items() if "Default" in row}
        self.parameters = {**defaults, **self.parameters}
        missing = declared.keys() - self.parameters.keys()
        assert not missing, f"parameters without a value: {missing}"

    def resources(self, kind: str) -> dict[str, Json]:
        """The properties of all resources of a type that are there, by their logical names."""
        return {
            name: self.resolve(row.get("Properties", {}))
            for name, row in self.template["Resources"].items()
            if row["Type"] == kind and self.holds(row.get("Condition"))
        }

    def id(self, logical: str) -> str:
        """The physical id of a resource."""
        return identifier(logical, self.template["Resources"][logical]["Type"])

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [row for row in map(self.resolve, value) if row is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._apply(name, argument)
        rows = {key: self.resolve(row) for key, row in value.items()}
        return {key: row for key, row in rows.items() if row is not NOTHING}

    def _apply(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            return self.resolve(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "Fn::Sub":
            return self._substitute(argument)
        argument = self.resolve(argument) if name not in ("Ref", "Condition") else argument
        match name:
            case "Ref":
                return self._ref(argument)
            case "Condition":
                return self.holds(argument)
            case "Fn::GetAtt":
                return ATTRIBUTES[argument[1]]
            case "Fn::GetAZs":
                return ZONES
            case "Fn::Select":
                return argument[1][int(argument[0])]
            case "Fn::FindInMap":
                return self.template["Mappings"][argument[0]][argument[1]][argument[2]]
            case "Fn::Equals":
                return argument[0] == argument[1]
            case "Fn::Not":
                return not argument[0]
            case "Fn::Base64":
                return base64.b64encode(argument.encode()).decode()
        raise NotImplementedError(name)

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self.template["Resources"][name]["Type"]
        return SIGNAL if kind == "AWS::CloudFormation::WaitConditionHandle" else self.id(name)

    def _substitute(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else (argument[0], self.resolve(argument[1]))

        def found(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self._apply("Fn::GetAtt", name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", found, text)
