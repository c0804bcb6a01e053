"""An account on this machine's loopback, for tests that run the checker against it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from .owner import Owner

HERE = Path(__file__).parent
REGION = "eu-central-1"
# Bound by the policy that a test sets, as the lab's instance is; the owner is not.
BOUND = {"AWS_ACCESS_KEY_ID": "ASIALABLABLABLABLAB1", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": REGION}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Loopback(Owner):
    """moto behind the lab's gate."""

    def __init__(self, address: str) -> None:
        self.address = address
        owner = {"aws_access_key_id": "AKIALABLABLABLABLAB1", "aws_secret_access_key": "lab", "region_name": REGION}
        self.ec2: Any = boto3.client("ec2", endpoint_url=self.endpoint, **owner)
        self.rds: Any = boto3.client("rds", endpoint_url=self.endpoint, **owner)

    def deny(self, *permissions: str) -> None:
        """All but these may be done; none of them: everything may be."""
        denied = [{"Effect": "Deny", "Action": list(permissions), "Resource": "*"}] if permissions else []
        self.control("PUT", "policy", {"Statement": [EVERYTHING, *denied]})

    def calls(self) -> list[tuple[str, str]]:
        """What the bound caller asked, each with its outcome."""
        calls = self.control("GET", "received")["calls"]
        return [(call["action"], call["outcome"]) for call in calls if call["by"] == "instance"]

    def writes(self) -> list[tuple[str, str]]:
        """Of these, what is no question."""
        return [call for call in self.calls() if not call[0].startswith(("Describe", "Get", "Search", "List"))]


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Starts it, and ends it by its id whatever happens."""
    command = [sys.executable, str(HERE / "aws.py"), "--listen", "127.0.0.1:0", "--policy", "everything"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield Loopback(process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.wait()
