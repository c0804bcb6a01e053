"""VPC Block Public Access, which moto lacks: a Region's switch and its exemptions, in EC2's words."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


class Unknown(Exception):
    """There is no such exemption."""


@dataclass
class BlockPublicAccess:
    """What one Region has. Nobody waits here: what AWS does in minutes is done at once."""

    account: str
    mode: str = "off"
    exclusions: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, action: str, region: str, form: dict[str, str]) -> str | None:
        """The answer in XML; none where the call is about something else."""
        operations: dict[str, Callable[[str, dict[str, str]], str]] = {
            "DescribeVpcBlockPublicAccessOptions": self._options,
            "ModifyVpcBlockPublicAccessOptions": self._modify,
            "DescribeVpcBlockPublicAccessExclusions": self._describe,
            "CreateVpcBlockPublicAccessExclusion": self._create,
            "DeleteVpcBlockPublicAccessExclusion": self._delete,
        }
        operation = operations.get(action)
        return f"<{action}Response>{operation(region, form)}</{action}Response>" if operation else None

    def _options(self, region: str, _form: dict[str, str]) -> str:
        known = {
            "awsAccountId": self.account,
            "awsRegion": region,
            "state": "default-state" if self.mode == "off" else "update-complete",
            "internetGatewayBlockMode": self.mode,
        }
        return f"<vpcBlockPublicAccessOptions>{elements(known)}</vpcBlockPublicAccessOptions>"

    def _modify(self, region: str, form: dict[str, str]) -> str:
        self.mode = form["InternetGatewayBlockMode"]
        return self._options(region, form)

    def _describe(self, _region: str, _form: dict[str, str]) -> str:
        items = "".join(f"<item>{elements(known)}</item>" for known in self.exclusions.values())
        return f"<vpcBlockPublicAccessExclusionSet>{items}</vpcBlockPublicAccessExclusionSet>"

    def _create(self, region: str, form: dict[str, str]) -> str:
        name = f"vpcbpa-exclude-{secrets.token_hex(8)}"
        kind, of = ("subnet", form["SubnetId"]) if "SubnetId" in form else ("vpc", form["VpcId"])
        self.exclusions[name] = {
            "exclusionId": name,
            "internetGatewayExclusionMode": form["InternetGatewayExclusionMode"],
            "resourceArn": f"arn:aws:ec2:{region}:{self.account}:{kind}/{of}",
            "state": "create-complete",
        }
        return one(self.exclusions[name])

    def _delete(self, _region: str, form: dict[str, str]) -> str:
        if form["ExclusionId"] not in self.exclusions:
            raise Unknown(form["ExclusionId"])
        return one({**self.exclusions.pop(form["ExclusionId"]), "state": "delete-complete"})


def one(known: dict[str, str]) -> str:
    return f"<vpcBlockPublicAccessExclusion>{elements(known)}</vpcBlockPublicAccessExclusion>"


def elements(known: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in known.items())
