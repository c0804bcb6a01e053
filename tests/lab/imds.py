#!/usr/bin/env python3
"""An EC2 instance metadata service, version 2 only, with the faults that instances meet.

    python3 tests/lab/imds.py --listen 169.254.169.254:80 --hop-limit 1

The first line on stdout says where it listens, so port 0 is a good choice for tests.

As the real one: a token is asked for by PUT with a lifetime of 1 to 21600 seconds (else 400), not
through a proxy (403 on X-Forwarded-For); every GET needs a token (else 401); an unknown path is 404;
other methods are 405. The answer that carries a token leaves with the hop limit as its IP time to
live, so from one router further away it never arrives.

Control is open to this machine only (loopback, or the address the service itself listens on):

    PUT    /_lab/faults            JSON, see class Faults: replaces all faults; {} ends them
    PUT    /_lab/metadata/PATH     the body becomes the answer to GET /latest/PATH
    DELETE /_lab/metadata/PATH     that path answers 404
    POST   /_lab/expire-tokens     every token given so far is worth nothing
    GET    /_lab/requests          JSON list of the requests seen: method, path, status
"""

import argparse
import ipaddress
import json
import pathlib
import secrets
import socket
import socketserver
import sys
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCOUNT = "123456789012"
REGION = "us-east-1"
ZONE = "us-east-1a"
ROLE = "vivarium-lab"
LONGEST_TOKEN = 21600
TOKEN = "X-aws-ec2-metadata-token"
TOKEN_LIFETIME = "X-aws-ec2-metadata-token-ttl-seconds"
# Of the real one's those that cloud-init asks by, and the newest.
VERSIONS = ["1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23", "2021-07-15", "2022-09-24", "latest"]


@dataclass
class Faults:
    """What is wrong with the service. Nothing, unless told."""

    delay: float = 0.0  # seconds before each answer
    fail_status: int = 503  # the next `fail_times` requests are answered by this
    fail_times: int = 0
    black_hole_put: bool = False  # a token request is read and never answered
    disabled: bool = False  # as with HttpEndpoint=disabled: 403 to everything
    forget_tokens: int = 0  # the next GETs find their token expired
    token_lifetime: float | None = None  # tokens really live this long, whatever was promised


@dataclass
class State:
    """What one service knows; shared by the threads that answer."""

    metadata: dict[str, bytes]
    hop_limit: int
    faults: Faults = field(default_factory=Faults)
    tokens: dict[str, float] = field(default_factory=dict)  # token -> when it ends
    requests: list[dict] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_failure(self) -> int | None:
        """The status of the next planned failure, which is then used up."""
        with self.lock:
            if self.faults.fail_times <= 0:
                return None
            self.faults.fail_times -= 1
            return self.faults.fail_status

    def new_token(self, lifetime: int) -> str:
        token = secrets.token_urlsafe(40) + "=="
        with self.lock:
            self.tokens[token] = time.monotonic() + (self.faults.token_lifetime or lifetime)
        return token

    def seconds_left(self, token: str) -> int | None:
        """How long a token still lives, or None where it does not."""
        with self.lock:
            if self.faults.forget_tokens > 0:
                self.faults.forget_tokens -= 1
                self.tokens.pop(token, None)
            left = self.tokens.get(token, 0.0) - time.monotonic()
        return int(left) if left > 0 else None

    def find(self, path: str) -> bytes | None:
        """The value at a path, or the list of what is below it, as the real service gives."""
        wanted = path.strip("/")
        with self.lock:
            if wanted in self.metadata:
                return fresh(wanted, self.metadata[wanted])
            prefix = f"{wanted}/" if wanted else ""
            if prefix in self.metadata:  # a list of its own, as public-keys/ has
                return self.metadata[prefix]
            below = [key[len(prefix) :] for key in self.metadata if key.startswith(prefix)]
        names = sorted({rest.split("/")[0] + ("/" if "/" in rest else "") for rest in below if rest})
        return "\n".join(names).encode() if names else None


def fresh(path: str, value: bytes) -> bytes:
    """Role credentials always have six hours left; everything else is as stored."""
    if not path.startswith("meta-data/iam/security-credentials/") or not value.startswith(b"{"):
        return value
    credentials = json.loads(value)
    credentials.setdefault("LastUpdated", timestamp(0))
    credentials.setdefault("Expiration", timestamp(6 * 3600))
    return json.dumps(credentials, indent=2).encode()


def timestamp(from_now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + from_now))


def default_metadata(instance_id: str) -> dict[str, bytes]:
    """One t3.large in us-east-1a with a role."""
    mac = "0a:ff:c0:00:02:01"
    document = {
        "accountId": ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": ZONE,
        "imageId": "ami-0123456789abcdef0",
        "instanceId": instance_id,
        "instanceType": "t3.large",
        "pendingTime": "2026-11-23T10:00:00Z",
        "privateIp": "10.0.1.10",
        "region": REGION,
        "version": "2017-09-30",
    }
    credentials = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIALABLABLABLABLAB1",
        "SecretAccessKey": "lab+secret+of+nobody/0123456789ABCDEFGHI",
        "Token": "lab-session-token-" + "x" * 280,
    }
    instance = {
        "ami-id": document["imageId"],
        "block-device-mapping/ami": "/dev/xvda",
        "block-device-mapping/ebs1": "sdf",
        "block-device-mapping/root": "/dev/xvda",
        "hostname": "ip-10-0-1-10.ec2.internal",
        "iam/info": json.dumps(
            {
                "Code": "Success",
                "InstanceProfileArn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{ROLE}",
                "InstanceProfileId": "AIPALABLABLABLABLABL1",
            }
        ),
        f"iam/security-credentials/{ROLE}": json.dumps(credentials),
        "instance-id": instance_id,
        "instance-type": document["instanceType"],
        "local-hostname": "ip-10-0-1-10.ec2.internal",
        "local-ipv4": document["privateIp"],
        "mac": mac,
        f"network/interfaces/macs/{mac}/subnet-id": "subnet-0123456789abcdef0",
        f"network/interfaces/macs/{mac}/vpc-id": "vpc-0123456789abcdef0",
        "placement/availability-zone": ZONE,
        "placement/availability-zone-id": "use1-az1",
        "placement/region": REGION,
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
    }
    metadata = {f"meta-data/{path}": value.encode() for path, value in instance.items()}
    metadata["dynamic/instance-identity/document"] = json.dumps(document, indent=2).encode()
    return metadata


class Service(BaseHTTPRequestHandler):
    """Answers one connection, which is closed after one answer."""

    server_version, sys_version, protocol_version = "EC2ws", "", "HTTP/1.1"
    state: State  # set by serve()

    def log_message(self, format: str, *values: object) -> None:
        """Requests are kept for /_lab/requests and printed nowhere."""

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if not self.path.startswith("/_lab/"):
            self.state.requests.append({"method": self.command, "path": self.path, "status": status})

    def refuse(self, status: int) -> None:
        title = f"{status} - {HTTPStatus(status).phrase}"
        page = f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
        self.answer(status, page.encode())

    def is_local(self) -> bool:
        peer = self.client_address[0]
        return ipaddress.ip_address(peer).is_loopback or peer == self.connection.getsockname()[0]

    def meets_a_fault(self) -> bool:
        faults = self.state.faults
        if faults.delay:
            time.sleep(faults.delay)
        status = HTTPStatus.FORBIDDEN if faults.disabled else self.state.take_failure()
        if status is not None:
            self.refuse(status)
        return status is not None

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_lab/"):
            return self.control(body)
        if self.state.faults.black_hole_put:
            self.state.requests.append({"method": "PUT", "path": self.path, "status": 0})
            self.connection.recv(1)  # until the client has had enough
            self.close_connection = True
            return None
        if self.meets_a_fault():
            return None
        return self.give_token()

    def give_token(self) -> None:
        if self.path != "/latest/api/token":
            return self.refuse(
                HTTPStatus.NOT_FOUND if self.path.startswith("/latest/") else HTTPStatus.METHOD_NOT_ALLOWED
            )
        if self.headers.get("X-Forwarded-For"):
            return self.refuse(HTTPStatus.FORBIDDEN)
        wanted = self.headers.get(TOKEN_LIFETIME, "")
        if not wanted.isdecimal() or not 1 <= int(wanted) <= LONGEST_TOKEN:
            return self.refuse(HTTPStatus.BAD_REQUEST)
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, self.state.hop_limit)
        return self.answer(HTTPStatus.OK, self.state.new_token(int(wanted)).encode(), {TOKEN_LIFETIME: wanted})

    def do_GET(self) -> None:
        if self.path.startswith("/_lab/"):
            return self.control(b"")
        if self.meets_a_fault():
            return None
        left = self.state.seconds_left(self.headers.get(TOKEN, ""))
        if left is None:
            return self.refuse(HTTPStatus.UNAUTHORIZED)
        return self.give_metadata({TOKEN_LIFETIME: str(left)})

    do_HEAD = do_GET

    def give_metadata(self, headers: dict[str, str]) -> None:
        path = self.path.split("?")[0]
        if path in ("", "/"):
            return self.answer(HTTPStatus.OK, "\n".join(VERSIONS).encode(), headers)
        version, _, rest = path.lstrip("/").partition("/")
        value = self.state.find(rest) if version in VERSIONS else None
        if value is None:
            return self.refuse(HTTPStatus.NOT_FOUND)
        return self.answer(HTTPStatus.OK, value, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_lab/"):
            return self.control(body)
        return self.refuse(HTTPStatus.METHOD_NOT_ALLOWED)

    do_DELETE = do_POST

    def control(self, body: bytes) -> None:
        if not self.is_local():
            return self.refuse(HTTPStatus.NOT_FOUND)
        verb = (self.command, self.path.removeprefix("/_lab/").partition("/")[0])
        path = self.path.removeprefix("/_lab/metadata/").strip("/")
        match verb:
            case ("PUT", "faults"):
                self.state.faults = Faults(**json.loads(body or b"{}"))
            case ("PUT", "metadata"):
                self.state.metadata[path] = body
            case ("DELETE", "metadata"):
                self.state.metadata.pop(path, None)
            case ("POST", "expire-tokens"):
                self.state.tokens.clear()
            case ("GET", "requests"):
                return self.answer(HTTPStatus.OK, json.dumps(self.state.requests).encode())
            case _:
                return self.refuse(HTTPStatus.NOT_FOUND)
        return self.answer(HTTPStatus.OK, b"ok\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self) -> None:
        """As the parent's, without its look-up of the host's name: that hangs where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def serve(listen: str, state: State) -> None:
    host, _, port = listen.rpartition(":")
    server = Server((host, int(port)), type("BoundService", (Service,), {"state": state}))
    print(f"listening on {host}:{server.server_port}", flush=True)
    server.serve_forever()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="169.254.169.254:80", metavar="ADDRESS:PORT")
    parser.add_argument(
        "--hop-limit", type=int, default=1, metavar="N", help="as the instance's HttpPutResponseHopLimit"
    )
    parser.add_argument("--instance-id", default="i-0123456789abcdef0", metavar="ID")
    parser.add_argument(
        "--metadata", type=pathlib.Path, metavar="FILE", help="JSON: path below /latest/ -> value, over the defaults"
    )
    parser.add_argument("--user-data", type=pathlib.Path, metavar="FILE", help="what GET /latest/user-data gives")
    parser.add_argument("--late", type=float, default=0.0, metavar="SECONDS", help="refuse connections for so long")
    parser.add_argument("--faults", default="{}", metavar="JSON", help="faults from the start, see class Faults")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    metadata = default_metadata(given.instance_id)
    if given.metadata:
        metadata.update({path: value.encode() for path, value in json.loads(given.metadata.read_text()).items()})
    if given.user_data:
        metadata["user-data"] = given.user_data.read_bytes()
    state = State(metadata, given.hop_limit, Faults(**json.loads(given.faults)))
    time.sleep(given.late)
    serve(given.listen, state)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
