"""The lab's AWS account: the service that plays its API, and what it knows and has received."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .network import AWS, Network
from .owner import Owner, signed

INSTANCE_ID = "i-0123456789abcdef0"
PORT = 5000
SERVICES = ("ssm", "secretsmanager", "sts", "ec2", "rds")
SECRET = "vivarium/mydb"
HERE = Path(__file__).parent
# Of AmazonSSMManagedInstanceCore what an agent can use, and the one secret. No ssm:PutParameter.
ROLE_POLICY = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                *("ssm:PutInventory", "ssm:PutComplianceItems", "ssm:UpdateInstanceInformation"),
                *("ssm:GetParameter", "ssm:GetParameters", "ssmmessages:*", "ec2messages:*"),
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue"],
            "Resource": f"arn:aws:secretsmanager:*:*:secret:{SECRET}*",
        },
    ]
}


@dataclass
class Account(Owner):
    """The account as its owner sees it."""

    network: Network
    address: str = f"{AWS}:{PORT}"

    def inside(self) -> AbstractContextManager[None]:
        """The router's side of the lab."""
        return self.network.router.inside()

    def remember_secret(self, name: str, secret: dict[str, str]) -> None:
        self.call("secretsmanager", "secretsmanager.CreateSecret", Name=name, SecretString=json.dumps(secret))

    def keep(self, place: str, text: str) -> None:
        """Puts settings where an instance can fetch them: `ssm:/NAME` or `s3://BUCKET/KEY`."""
        if place.startswith("ssm:"):
            name = place.removeprefix("ssm:")
            self.call("ssm", "AmazonSSM.PutParameter", Name=name, Value=text, Type="String", Overwrite=True)
            return
        path = place.removeprefix("s3:/")
        self.request("PUT", f"/{path.split('/')[1]}", b"", signed("s3"))
        self.request("PUT", path, text.encode(), signed("s3"))

    def received(self) -> dict[str, Any]:
        """What Systems Manager was told, and every call with its outcome."""
        return dict(self.control("GET", "received"))


def start(lab: Network, python: Path, log: Path) -> Account:
    """Starts the API. Systems Manager knows the instance, as one with amazon-ssm-agent."""
    listen = f"{AWS}:{PORT}"
    lab.start(lab.router, [str(python), str(HERE / "aws.py"), "--listen", listen], log=log, listens=listen)
    account = Account(lab)
    account.control("PUT", "registered", [INSTANCE_ID])
    account.control("PUT", "policy", ROLE_POLICY)
    return account
