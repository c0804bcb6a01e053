"""An account on this machine's loopback, for tests that run the checker against it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).parent
REGION = "eu-central-1"
# Bound by the policy that a test sets, as the lab's instance is; the owner is not.
BOUND = {"AWS_ACCESS_KEY_ID": "ASIALABLABLABLABLAB1", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": REGION}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Loopback:
    """moto behind the lab's gate."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        owner = {"aws_access_key_id": "AKIALABLABLABLABLAB1", "aws_secret_access_key": "lab", "region_name": REGION}
        self.ec2: Any = boto3.client("ec2", endpoint_url=endpoint, **owner)
        self.rds: Any = boto3.client("rds", endpoint_url=endpoint, **owner)

    def set(self, name: str, value: Any) -> None:
        body = json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_lab/{name}", method="PUT", data=body)
        urllib.request.urlopen(request, timeout=10).close()

    def deny(self, *permissions: str) -> None:
        """All but these may be done; none of them: everything may be."""
        denied = [{"Effect": "Deny", "Action": list(permissions), "Resource": "*"}] if permissions else []
        self.set("policy", {"Statement": [EVERYTHING, *denied]})

    def calls(self) -> list[tuple[str, str]]:
        """What the bound caller asked, each with its outcome."""
        with urllib.request.urlopen(f"{self.endpoint}/_lab/received", timeout=10) as reply:
            calls = json.load(reply)["calls"]
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
        yield Loopback(f"http://{process.stdout.readline().split()[-1]}")
    finally:
        process.kill()
        process.wait()
