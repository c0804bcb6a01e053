"""AWS for a VPC: moto holding the network, seen by the machines, the AWS CLI and the tests alike.

It listens on this machine's loopback. A machine of the VPC reaches it through a door in its own loopback, so
that its configuration can be read whatever is wrong with its network, as a person would from another line.
"""

from __future__ import annotations

import contextlib
import functools
import json
import select
import socket
import socketserver
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session

from ..lab import PYTHON
from ..network import TIED, Namespace, ServiceFailed
from ..owner import REGION, Owner
from .describe import Folder, Json

HERE = Path(__file__).parents[1]
DOOR = 4566
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIALAB", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_DEFAULT_REGION": REGION}
# Version 1 of the CLI asks RDS at AWS's own endpoint, whatever AWS_ENDPOINT_URL says.
CLI = f'aws() {{ "{PYTHON}" -m awscli --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }}\n'
# As the AWS CLI names the answers; the attributes of a VPC are asked for one by one.
QUESTIONS = {
    "ec2": (
        *("describe-vpcs", "describe-subnets", "describe-route-tables", "describe-network-acls"),
        *("describe-security-groups", "describe-security-group-rules", "describe-internet-gateways"),
        *("describe-network-interfaces", "describe-instances", "describe-addresses"),
        *("describe-vpc-block-public-access-options", "describe-vpc-block-public-access-exclusions"),
    ),
    "rds": ("describe-db-instances", "describe-db-subnet-groups"),
}
ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames")


@dataclass(eq=False)
class Account(Owner):
    """The account as its owner sees it."""

    process: subprocess.Popen[str]
    address: str

    @staticmethod
    def start(cleanup: contextlib.ExitStack, log: Path) -> Account:
        """Empty; a free port is taken."""
        argv = [*TIED, str(PYTHON), str(HERE / "aws.py"), "--listen", "127.0.0.1:0", "--policy", "everything"]
        with log.open("ab") as output:
            process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=output, text=True, start_new_session=True)
        cleanup.callback(_end, process)
        assert process.stdout is not None
        said = process.stdout.readline().split()
        if not said:
            raise ServiceFailed(f"the AWS API does not start: {log.read_text(errors='replace')[-500:]}")
        return Account(process, said[-1])

    def hold(self, folder: Folder) -> None:
        """The account's network is this one, and nothing else is there."""
        self.control("PUT", "network", folder)

    def read(self) -> Folder:
        """The network as AWS describes it now, as the AWS CLI prints it."""
        folder: Folder = {}
        for service, names in QUESTIONS.items():
            client = self._client(service)
            folder |= {name: _asked(client, name) for name in names}
            if service == "ec2":
                vpc = folder["describe-vpcs"]["Vpcs"][0]["VpcId"]
                for name in ATTRIBUTES:
                    said = _asked(client, "describe-vpc-attribute", VpcId=vpc, Attribute=name)
                    folder[f"describe-vpc-attribute-{name}"] = said
        return folder

    @functools.cache  # noqa: B019  an account ends with its test
    def _client(self, service: str) -> Any:
        session = botocore.session.get_session()
        return session.create_client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def type(self, *lines: str) -> str:
        """Types lines into a shell that has the AWS CLI; each must succeed. What they said."""
        done = subprocess.run(
            ["sh", "-euc", CLI + "\n".join(lines)],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "AWS_ENDPOINT_URL": self.endpoint, **CREDENTIALS},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise ServiceFailed(f"{' ; '.join(lines)}: {done.stderr.strip()}")
        return done.stdout

    def door(self, into: Namespace, cleanup: contextlib.ExitStack) -> str:
        """Opens a way to the account in a machine's loopback; its address for those inside."""
        host, port = self.address.split(":")
        with into.inside():
            server = _Door((host, int(port)))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        cleanup.callback(server.server_close)
        cleanup.callback(server.shutdown)
        return f"http://127.0.0.1:{DOOR}"


class _Door(socketserver.ThreadingTCPServer):
    """Passes on what comes in, and brings back what is said."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, to: tuple[str, int]) -> None:
        self.to = to
        super().__init__(("127.0.0.1", DOOR), _Through)


class _Through(socketserver.BaseRequestHandler):
    server: _Door

    def handle(self) -> None:
        with contextlib.suppress(OSError), socket.create_connection(self.server.to) as far:
            ends = {self.request: far, far: self.request}
            while True:
                for ready in select.select(list(ends), [], [])[0]:
                    text = ready.recv(65536)
                    if not text:
                        return
                    ends[ready].sendall(text)


def _asked(client: Any, name: str, **parameters: str) -> Json:
    operation = "_".join(name.split("-"))
    answer = getattr(client, operation)(**parameters)
    answer.pop("ResponseMetadata")
    return dict(json.loads(json.dumps(answer, default=lambda when: when.isoformat())))


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
