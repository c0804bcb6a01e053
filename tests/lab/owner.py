"""The lab's AWS API, called as the owner of the account calls it, who may do everything, and break the service too."""

from __future__ import annotations

import contextlib
import http.client
import json
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

REGION = "us-east-1"
# Nobody checks the signature; who calls, the Region and the service are read from it. The keys of the instance's role
# begin with ASIA, and only they are bound by its policy.
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIALAB/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


class Refused(Exception):
    """The API said no."""


class Owner:
    """Has an `address`, which is reached from here, unless `inside` leads elsewhere."""

    address: str

    def inside(self) -> AbstractContextManager[None]:
        """Where the API's address means the API."""
        return contextlib.nullcontext()

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    def call(self, service: str, target: str, **body: Any) -> dict[str, Any]:
        """One call of a JSON API of AWS."""
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1", **signed(service)}
        return dict(json.loads(self.request("POST", "/", json.dumps(body), headers) or "{}"))

    def query(self, service: str, version: str, action: str, form: dict[str, Any]) -> str:
        """One call of an API of AWS that takes forms; its XML."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", **signed(service)}
        return self.request("POST", "/", urlencode({"Action": action, "Version": version, **form}), headers)

    def control(self, method: str, name: str, value: Any = None) -> Any:
        """Breaks or mends the service: the paths are told at the top of aws.py."""
        return json.loads(self.request(method, f"/_lab/{name}", json.dumps(value), {}) or "{}")

    def request(self, method: str, path: str, content: str | bytes, headers: dict[str, str]) -> str:
        """What is answered; it must be 200."""
        with self.inside():
            connection = http.client.HTTPConnection(self.address, timeout=60)
            try:
                connection.request(method, path, content, headers)
                response = connection.getresponse()
                text = response.read().decode()
            finally:
                connection.close()
        if response.status != http.client.OK:
            raise Refused(f"{path} {headers.get('X-Amz-Target', '')}: {response.status} {text[:300]}")
        return text


def signed(service: str) -> dict[str, str]:
    """The header that says who calls."""
    return {"Authorization": SIGNED.format(region=REGION, service=service)}
