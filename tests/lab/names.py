#!/usr/bin/env python3
"""The lab's name server: it knows a few names and denies all others.

    python3 tests/lab/names.py --listen 10.0.0.2:53 mydb.example=10.0.2.20 …

Of a known name it gives the IPv4 address; asked for anything else about it, it says that there is
nothing (no error). Every other name does not exist.
"""

from __future__ import annotations

import argparse
import ipaddress
import socket
import struct

HEADER = struct.Struct("!HHHHHH")
QUESTION = struct.Struct("!HH")
A, INTERNET = 1, 1
ANSWERED, NO_SUCH_NAME = 0x8580, 0x8583  # both authoritative, with recursion
LIFETIME = 5


def read_name(message: bytes, offset: int) -> tuple[str, int]:
    """The name of the question, and where it ends. Questions are never compressed."""
    labels = []
    while (length := message[offset]) != 0:
        labels.append(message[offset + 1 : offset + 1 + length].decode("ascii"))
        offset += 1 + length
    return ".".join(labels).lower(), offset + 1


def answer(message: bytes, known: dict[str, str]) -> bytes:
    """The reply to one question."""
    number = HEADER.unpack_from(message)[0]
    name, offset = read_name(message, HEADER.size)
    kind, category = QUESTION.unpack_from(message, offset)
    question = message[HEADER.size : offset + QUESTION.size]
    if name not in known:
        return HEADER.pack(number, NO_SUCH_NAME, 1, 0, 0, 0) + question
    if (kind, category) != (A, INTERNET):
        return HEADER.pack(number, ANSWERED, 1, 0, 0, 0) + question
    to_the_question = 0xC000 | HEADER.size
    record = struct.pack("!HHHIH", to_the_question, A, INTERNET, LIFETIME, 4)
    return HEADER.pack(number, ANSWERED, 1, 1, 0, 0) + question + record + ipaddress.IPv4Address(known[name]).packed


def serve(address: str, port: int, known: dict[str, str]) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))
    while True:
        message, client = server.recvfrom(4096)
        try:
            reply = answer(message, known)
        except (IndexError, UnicodeDecodeError, struct.error):
            continue  # not a question; the real one is silent too
        server.sendto(reply, client)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="10.0.0.2:53")
    parser.add_argument("known", nargs="+", metavar="NAME=ADDRESS")
    arguments = parser.parse_args()
    address, port = arguments.listen.rsplit(":", 1)
    serve(address, int(port), dict(entry.lower().split("=", 1) for entry in arguments.known))


if __name__ == "__main__":
    main()
