#!/usr/bin/env python3
"""Takes connections on many ports and ends them; on port 22 it first says what an SSH server says, on port 80
from which address it was asked, as AWS's mirror does.

python3 tests/lab/vpc/listeners.py ADDRESS PORT…
"""

from __future__ import annotations

import selectors
import socket
import sys

BANNER = b"SSH-2.0-lab\r\n"


def main() -> None:
    address, ports = sys.argv[1], sorted({int(port) for port in sys.argv[2:]})
    waiting = selectors.DefaultSelector()
    for port in ports:
        server = socket.create_server((address, port), backlog=256)
        server.setblocking(False)
        waiting.register(server, selectors.EVENT_READ, port)
    while True:
        for key, _events in waiting.select():
            accept(key.fileobj, key.data)  # type: ignore[arg-type]


def accept(server: socket.socket, port: int) -> None:
    try:
        client, peer = server.accept()
        with client:
            if port == 22:
                client.send(BANNER)
            elif port == 80:
                client.settimeout(1)
                client.recv(4096)
                client.send(f"HTTP/1.0 200 OK\r\n\r\n{peer[0]}\n".encode())
    except OSError:
        return  # it went away first


if __name__ == "__main__":
    main()
