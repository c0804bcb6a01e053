"""Writes the bytes that the fuzzers begin with: python3 checker/fuzz/seeds.py FOLDER"""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "tests/lab/vpc/example"
KEX = (
    "mlkem768x25519-sha256,sntrup761x25519-sha512,curve25519-sha256,ecdh-sha2-nistp256,"
    "diffie-hellman-group14-sha256,kex-strict-s-v00@openssh.com"
)
LISTS = (
    KEX,
    "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512",
    *("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr",) * 2,
    *("hmac-sha2-256-etm@openssh.com,hmac-sha2-256",) * 2,
    *("none,zlib@openssh.com",) * 2,
    *("",) * 2,
)
LINE = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n"
FULL = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0Fpostmaster.c\0\0"
NO_ENTRY = b'SFATAL\0C28000\0Mno pg_hba.conf entry for host "203.0.113.9", user "x", no encryption\0\0'
RECORD = (
    b'{"version":1,"question":{"service":"ssh","from":"203.0.113.9","to":"i-0123456789abcdef0","target":"web",'
    b'"port":22,"protocol":"tcp","source_ports":null,"user":null},"vantage":"outside","client":[],"round":null,'
    b'"login":null,"known_host":"not_asked","not_read":null,"notes":[],"region":null,"profile":null}'
)


def packet(body: bytes) -> bytes:
    """A packet of SSH before there are keys."""
    padding = 8 - (len(body) + 5) % 8 + 8
    return struct.pack(">IB", len(body) + padding + 1, padding) + body + bytes(padding)


def text(words: bytes) -> bytes:
    return struct.pack(">I", len(words)) + words


def message(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL."""
    return kind + struct.pack(">I", len(body) + 4) + body


def ssh() -> Iterator[bytes]:
    offer = packet(b"\x14" + bytes(16) + b"".join(text(words.encode()) for words in LISTS) + bytes(5))
    key = text(text(b"ssh-ed25519") + text(bytes(32)))
    reply = packet(b"\x1f" + key + text(bytes(32)) + text(text(b"ssh-ed25519") + text(bytes(64))))
    goodbye = packet(b"\x01" + struct.pack(">I", 2) + text(b"Too many authentication failures") + text(b""))
    yield from (LINE, b"hello\r\n" + LINE, LINE + offer, LINE + offer + reply + packet(b"\x15"), LINE + goodbye)
    yield from (b"Exceeded MaxStartups\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"SSH-1.99-x\n" + offer)
    line = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
    yield b"\x01[host.example]:2222,10.0.1.10 " + line + b"\n@revoked *.example " + line + b"\n"
    yield b"\x01|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= " + line + b"\n@cert-authority * " + line
    yield from (b"\x02-----BEGIN " + kind + b" PRIVATE KEY-----\nMIIB\n" for kind in (b"OPENSSH", b"RSA", b"EC"))
    yield from (b"\x02PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", b"\x02" + line)
    yield b"\x03-----BEGIN SSH HOST KEY FINGERPRINTS-----\n256 SHA256:abc root@x (ED25519)\n-----END SSH HOST KEY"


def postgres() -> Iterator[bytes]:
    scram = message(b"R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    yield from (b"S", b"N", message(b"E", FULL), message(b"E", NO_ENTRY), scram, message(b"R", bytes(4)))
    yield message(b"N", b"Mhello\0\0") + message(b"v", bytes(8)) + message(b"R", b"\0\0\0\x05salt")
    yield b"Ecould not fork new process for connection: Resource temporarily unavailable\n\0"
    yield from (b"\x4a\0\0\0\x0a8.0.36\0", b"HTTP/1.1 400 Bad Request\r\n", b"\x15\x03\x01\0\x02\x02\x50")
    yield b"\x01postgres://ada:secret@mydb.abc.us-east-1.rds.amazonaws.com:5432/db?sslmode=require&options=-c%20x"
    yield from (b"\x01postgresql://[::1]/?host=a,b&port=1,2", b"\x01i-0123456789abcdef0", b"\x01ada@host:22")
    yield b"\x01arn:aws:rds:us-east-1:123456789012:db:mydb"
    ready = message(b"R", bytes(4)) + message(b"S", b"server_version\x0015.18\0") + message(b"K", bytes(8))
    ready += message(b"Z", b"I")
    row = message(b"T", b"\0\1now\0" + bytes(18)) + message(b"D", b"\0\1\0\0\0\x042026") + message(b"C", b"SELECT 1\0")
    yield from (b"\x02" + ready + row + message(b"Z", b"I"), b"\x02" + scram, b"\x02" + message(b"E", FULL))
    yield from (b"\x0328P01 password authentication failed", b"\x03 timeout expired", b"\x03could not translate host")


def folder() -> Iterator[bytes]:
    yield from (file.read_bytes() for file in sorted(EXAMPLE.glob("*.json")))
    yield b"".join(file.read_bytes() for file in sorted(EXAMPLE.glob("*.json")))[:16000]
    yield RECORD
    yield from (bytes((file, place, 0, what, 3, 0, 9, 0)) for file in range(26) for place, what in ((5, 1), (9, 7)))


def main() -> None:
    place = Path(sys.argv[1])
    shutil.rmtree(place, ignore_errors=True)
    for name, seeds in (("folder", folder()), ("ssh", ssh()), ("postgres", postgres())):
        (place / name).mkdir(parents=True)
        for number, seed in enumerate(seeds):
            (place / name / f"{number:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
