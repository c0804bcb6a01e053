"""The lab's own certificate authority, in place of Amazon's and of the web's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
DAYS = "30"


@dataclass
class Certificate:
    """A certificate and the key to it."""

    certificate: Path
    key: Path


class Authority:
    """Signs for the length of one lab."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o755)
        self._directory = directory
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl(
            *("req", "-x509", *_EC_KEY, "-keyout", str(self._key), "-out", str(self.certificate)),
            *("-days", DAYS, "-subj", "/CN=Vivarium lab CA"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def issue(self, name: str) -> Certificate:
        """A certificate for one server name. Addresses are left out: servers are to be reached by name."""
        made = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        request = self._directory / f"{name}.csr"
        extensions = self._directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
        # The common name ends at 64 letters; the name that counts is the alternative one.
        _openssl("req", *_EC_KEY, "-keyout", str(made.key), "-out", str(request), "-subj", "/CN=vivarium-lab")
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-CAcreateserial", "-days", DAYS, "-extfile", str(extensions), "-out", str(made.certificate)),
        )
        return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
