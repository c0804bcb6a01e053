"""What releases are fetched from, and where a stack hears how it went: an HTTPS server on loopback."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab import certificates

from .executor import BIN, Host


@dataclass
class Archive:
    """The server as its owner sees it."""

    url: str
    folder: Path
    authority: Path
    put: list[tuple[str, str | None, bytes]] = field(default_factory=list)  # path, content type, body

    def publish(self, name: str, text: str) -> dict[str, str]:
        """A release, as parameters of the document that installs it."""
        (self.folder / name).write_text(text)
        return {"Url": f"{self.url}/{name}", "Sha256": hashlib.sha256(text.encode()).hexdigest()}

    def trusted_by(self, host: Host) -> None:
        """The host trusts the server, and waits for nothing between attempts."""
        host.environment = {"CURL_CA_BUNDLE": str(self.authority), "PATH": f"{BIN}:/usr/bin:/bin"}
        host.install("sleep", "#!/bin/sh\n")


@contextlib.contextmanager
def archive(folder: Path) -> Iterator[Archive]:
    """Serves a folder until its end."""
    authority = certificates.Authority(folder / "ca")
    own = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    known = Archive("", folder, authority.certificate)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.put.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        known.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
