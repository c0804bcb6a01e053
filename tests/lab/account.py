"""The lab's AWS account: the service that plays its API, and what it knows and has received."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .network import AWS, Network

INSTANCE_ID = "i-0123456789abcdef0"
REGION = "us-east-1"
PORT = 5000
SERVICES = ("ssm", "secretsmanager", "sts", "ec2", "rds")
SECRET = "vivarium/mydb"
HERE = Path(__file__).parent
# Nobody checks the signature; who calls, the Region and the service are read from it. This is the
# account's owner: the keys of the instance's role begin with ASIA, and only they are bound by its policy.
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIALAB/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
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


class Refused(Exception):
    """The API said no."""


@dataclass
class Account:
    """The account as its owner sees it."""

    network: Network
    endpoint: str = f"http://{AWS}:{PORT}"

    def call(self, service: str, target: str, **body: Any) -> dict[str, Any]:
        """One call of a JSON API of AWS."""
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": SIGNED.format(region=REGION, service=service),
        }
        return dict(self._request("POST", "/", body, headers))

    def control(self, method: str, name: str, value: Any = None) -> Any:
        """Breaks or mends the service: the paths are told at the top of aws.py."""
        return self._request(method, f"/_lab/{name}", value, {})

    def remember_secret(self, name: str, secret: dict[str, str]) -> None:
        self.call("secretsmanager", "secretsmanager.CreateSecret", Name=name, SecretString=json.dumps(secret))

    def keep(self, place: str, text: str) -> None:
        """Puts settings where an instance can fetch them: `ssm:/NAME` or `s3://BUCKET/KEY`."""
        if place.startswith("ssm:"):
            name = place.removeprefix("ssm:")
            self.call("ssm", "AmazonSSM.PutParameter", Name=name, Value=text, Type="String", Overwrite=True)
            return
        path = place.removeprefix("s3:/")
        signed = {"Authorization": SIGNED.format(region=REGION, service="s3")}
        self._request("PUT", f"/{path.split('/')[1]}", b"", signed)
        self._request("PUT", path, text.encode(), signed)

    def received(self) -> dict[str, Any]:
        """What Systems Manager was told, and every call with its outcome."""
        return dict(self.control("GET", "received"))

    def _request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body)
        with self.network.router.inside():
            connection = http.client.HTTPConnection(AWS, PORT, timeout=30)
            try:
                connection.request(method, path, content, headers)
                response = connection.getresponse()
                text = response.read().decode()
            finally:
                connection.close()
        if response.status != http.client.OK:
            raise Refused(f"{headers.get('X-Amz-Target', path)}: {response.status} {text[:300]}")
        return json.loads(text or "{}")


def start(lab: Network, python: Path, log: Path) -> Account:
    """Starts the API. Systems Manager knows the instance, as one with amazon-ssm-agent."""
    listen = f"{AWS}:{PORT}"
    lab.start(lab.router, [str(python), str(HERE / "aws.py"), "--listen", listen], log=log, listens=listen)
    account = Account(lab)
    account.control("PUT", "registered", [INSTANCE_ID])
    account.control("PUT", "policy", ROLE_POLICY)
    return account
