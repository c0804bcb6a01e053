"""An archive of installers over HTTPS: it serves a directory and counts what it sends.

    archive.py --listen 10.0.0.7:443 --root DIR --certificate C --key K [--log FILE] [--control FILE]

It knows GET and HEAD, one byte range, ETag, Last-Modified and If-Range, and gives `.files.json` with
size and SHA-256 of each file, as Anaconda's archive does. `GET /.lab/counts` (on the same port) tells
how many bytes of each path were sent.

The control file, read anew for every request, holds faults: a JSON object from path to fault, where
"*" is every path. `{"/archive/x.sh": {"status": 503, "headers": {"Retry-After": "1"}, "times": 2}}`

    status   answer with this code, and `headers`
    cut      close the connection after so many bytes of the body
    corrupt  change the byte at this position of the file
    stall    after so many bytes, send nothing more until the client goes away
    etag     say this ETag in place of the true one
    plain    answer without ranges: 200 for everything
    trickle  bytes a second
    times    only for so many requests; then the path is healthy again
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import socketserver
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

BLOCK = 64 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Slice:
    """The part of a file that is sent: from `start` up to but without `end`."""

    start: int
    end: int


def parse_range(header: str | None, size: int) -> Slice | None:
    """The one range that is asked for; None is "all", a slice past the end is "not satisfiable"."""
    found = RANGE.fullmatch(header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        return Slice(max(0, size - int(last)), size)
    return Slice(int(first), min(size, int(last) + 1) if last else size)


class Ledger:
    """What was sent, by path; and how often a fault has been met."""

    def __init__(self, log: Path | None) -> None:
        """Starts empty; the log file is appended to."""
        self._lock = threading.Lock()
        self._sent: dict[str, int] = {}
        self._met: dict[str, int] = {}
        self._log = log

    def sent(self, path: str, count: int) -> None:
        """Counts bytes of a body."""
        with self._lock:
            self._sent[path] = self._sent.get(path, 0) + count

    def counts(self) -> dict[str, int]:
        """Bytes sent until now, by path."""
        with self._lock:
            return dict(self._sent)

    def meets(self, key: str, times: int | None) -> bool:
        """Whether a fault still holds; counts the meeting."""
        with self._lock:
            self._met[key] = self._met.get(key, 0) + 1
            return times is None or self._met[key] <= times

    def note(self, **what: object) -> None:
        """One line of the log for one request."""
        if self._log is not None:
            with self._lock, self._log.open("a") as log:
                log.write(json.dumps(what) + "\n")


class Archive(ThreadingHTTPServer):
    """The server: a directory, a ledger and the faults that are ordered."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], directory: Path, ledger: Ledger, control: Path | None) -> None:
        """Binds; `serve_forever` starts it."""
        self.directory, self.ledger, self.control = directory.resolve(), ledger, control
        self._tags: dict[tuple[str, int, int], str] = {}
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Binds without looking up the machine's name: in a namespace that lookup hangs."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; anything else is told."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)

    def fault(self, path: str) -> dict[str, Any]:
        """The fault that holds for this request, or an empty one."""
        if self.control is None or not self.control.exists():
            return {}
        faults = json.loads(self.control.read_text() or "{}")
        key = path if path in faults else "*"
        ordered = faults.get(key, {})
        return ordered if ordered and self.ledger.meets(key + json.dumps(ordered), ordered.get("times")) else {}

    def sha256(self, path: Path) -> str:
        """The hash of a file; read again only when the file has changed."""
        about = path.stat()
        key = (str(path), about.st_size, about.st_mtime_ns)
        if key not in self._tags:
            with path.open("rb") as file:
                self._tags[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._tags[key]

    def listing(self, directory: Path) -> dict[str, dict[str, object]]:
        """`.files.json` of a directory, in the shape of Anaconda's."""
        files = sorted(path for path in directory.iterdir() if path.is_file())
        return {
            path.name: {"mtime": path.stat().st_mtime, "sha256": self.sha256(path), "size": path.stat().st_size}
            for path in files
        }


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "VivariumLab", ""
    server: Archive

    def do_GET(self) -> None:
        """Answers with a body."""
        self.answer()

    def do_HEAD(self) -> None:
        """Answers without one."""
        self.answer()

    def log_message(self, format: str, *args: object) -> None:
        """The ledger is the log."""

    def answer(self) -> None:
        """Chooses what this path is."""
        path = unquote(urlsplit(self.path).path)
        if path == "/.lab/counts":
            self.send_document(self.server.ledger.counts())
            return
        fault = self.server.fault(path)
        if "status" in fault:
            self.refuse(path, fault["status"], fault.get("headers", {}))
        elif path.endswith("/.files.json") and (directory := self.found(path.rpartition("/")[0])):
            self.send_document(self.server.listing(directory))
        elif (file := self.found(path)) and file.is_file():
            self.send_file(path, file, fault)
        else:
            self.refuse(path, HTTPStatus.NOT_FOUND, {})

    def found(self, path: str) -> Path | None:
        """The file or directory of a path, if it is inside what is served."""
        # Not resolved: an installer may be on the shelf as a link to where its owner keeps it.
        place = Path(os.path.normpath(f"{self.server.directory}/{path}"))
        return place if place.is_relative_to(self.server.directory) and place.exists() else None

    def refuse(self, path: str, status: int, headers: dict[str, str]) -> None:
        """A status without a body."""
        self.server.ledger.note(method=self.command, path=path, status=status, range=self.headers.get("Range"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_document(self, document: object) -> None:
        """A JSON document."""
        body = json.dumps(document, indent=1).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send_file(self, path: str, file: Path, fault: dict[str, Any]) -> None:
        """A file or a range of it."""
        size, etag = file.stat().st_size, fault.get("etag") or f'"{self.server.sha256(file)[:32]}"'
        part = None if fault.get("plain") else self.asked_part(size, etag)
        if part is not None and part.start >= size:
            self.refuse(path, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})
            return
        status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
        chosen = part or Slice(0, size)
        self.server.ledger.note(method=self.command, path=path, status=status, range=self.headers.get("Range"))
        self.send_file_headers(status, chosen, size, etag, file, ranges=not fault.get("plain"))
        if self.command == "GET":
            self.send_body(path, file, chosen, fault)

    def asked_part(self, size: int, etag: str) -> Slice | None:
        """The range asked for, unless If-Range names another version of the file."""
        if self.headers.get("If-Range", etag) != etag:
            return None
        return parse_range(self.headers.get("Range"), size)

    def send_file_headers(self, status: int, part: Slice, size: int, etag: str, file: Path, ranges: bool) -> None:
        """The head of a file's answer."""
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(part.end - part.start))
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", formatdate(file.stat().st_mtime, usegmt=True))
        if ranges:
            self.send_header("Accept-Ranges", "bytes")
        if status == HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {part.start}-{part.end - 1}/{size}")
        self.end_headers()

    def send_body(self, path: str, file: Path, part: Slice, fault: dict[str, Any]) -> None:
        """Sends the bytes, with the fault that is ordered in their middle."""
        end = min([part.end, *(part.start + fault[kind] for kind in ("cut", "stall") if kind in fault)])
        with file.open("rb") as source:
            source.seek(part.start)
            at = part.start
            while at < end:
                block = self.spoilt(source.read(min(self.block(fault), end - at)), at, fault)
                # Counted first: whoever has the bytes finds them in the count.
                self.server.ledger.sent(path, len(block))
                self.wfile.write(block)
                at += len(block)
        if end < part.end:
            self.leave_unfinished("stall" in fault)

    def block(self, fault: dict[str, Any]) -> int:
        """How much is sent at once. A trickle comes in twenty drops a second."""
        if "trickle" not in fault:
            return BLOCK
        time.sleep(0.05)
        return max(1, fault["trickle"] // 20)

    def spoilt(self, block: bytes, at: int, fault: dict[str, Any]) -> bytes:
        """The block, with one byte changed if that byte is in it."""
        place = fault.get("corrupt", -1) - at
        if not 0 <= place < len(block):
            return block
        return block[:place] + bytes([block[place] ^ 0xFF]) + block[place + 1 :]

    def leave_unfinished(self, stall: bool) -> None:
        """Ends the connection in the middle of a body; a stall waits for the client to do so."""
        self.wfile.flush()
        if stall:
            self.rfile.read(1)
        self.close_connection = True


def with_tls(server: Archive, certificate: Path, key: Path) -> Archive:
    """Makes the server speak TLS; the handshake happens in the connection's own thread."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def main() -> None:
    """The command: serves until it is ended."""
    parser = argparse.ArgumentParser(description="Serves installers over HTTPS.")
    parser.add_argument("--listen", default="127.0.0.1:0", help="ADDRESS:PORT; port 0 takes a free one")
    parser.add_argument("--root", type=Path, required=True, help="the directory that is served")
    parser.add_argument("--certificate", type=Path, help="without one, plain HTTP")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--log", type=Path, help="a line of JSON for each request")
    parser.add_argument("--control", type=Path, help="the file of faults")
    chosen = parser.parse_args()
    address, _, port = chosen.listen.rpartition(":")
    server = Archive((address, int(port)), chosen.root, Ledger(chosen.log), chosen.control)
    if chosen.certificate:
        with_tls(server, chosen.certificate, chosen.key)
    print(f"listening on {address}:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
