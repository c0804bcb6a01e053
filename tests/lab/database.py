"""The lab's Amazon RDS: a real PostgreSQL that speaks TLS only and knows its users by SCRAM."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .certificates import Certificate
from .network import DATABASE, Network

HOST = "mydb.abc123.us-east-1.rds.amazonaws.com"
PORT = 5432
USER = "dbadmin"
NAME = "postgres"
PROGRAMS = Path("/usr/lib/postgresql/15/bin")
AS_POSTGRES = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]
# From outside: TLS and a password. Over the socket in the lab's own directory: trusted.
ACCESS = "local all all trust\nhostssl all all 0.0.0.0/0 scram-sha-256\n"


def settings(sockets: Path) -> str:
    """Beyond the defaults. Durability is not what is tested here."""
    return (
        f"listen_addresses = '{DATABASE}'\nport = {PORT}\nunix_socket_directories = '{sockets}'\n"
        "ssl = on\nssl_min_protocol_version = 'TLSv1.2'\npassword_encryption = 'scram-sha-256'\n"
        "max_connections = 30\nshared_buffers = '16MB'\nfsync = off\n"
    )


@dataclass
class Database:
    """A running server and the password of its one user."""

    network: Network
    directory: Path
    password: str
    server: subprocess.Popen[bytes]

    @staticmethod
    def start(network: Network, directory: Path, template: Path, certificate: Certificate, password: str) -> Database:
        """Starts a server on a copy of the template, which the first call makes."""
        prepare(directory, template, certificate)
        database = Database(network, directory, password, _serve(network, directory))
        # Over standard input: an argument could be read by everyone.
        database.query(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{password}'")
        return database

    def query(self, statement: str) -> str:
        """What the server answers to its owner."""
        argv = [*AS_POSTGRES, "psql", "-h", str(self.directory), "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        return subprocess.run(argv, input=statement, check=True, capture_output=True, text=True, cwd="/").stdout.strip()

    def restart(self) -> None:
        self.server = _serve(self.network, self.directory)

    def stop(self) -> None:
        """Ends the server and every connection to it. May be called again."""
        if self.server.poll() is None:
            self.server.send_signal(3)  # immediate: no checkpoint for what is thrown away
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(10)


def prepare(directory: Path, template: Path, certificate: Certificate) -> None:
    """A data directory of this lab's own."""
    if not (template / "PG_VERSION").exists():
        _make_template(directory, template)
    directory.mkdir(mode=0o755)
    shutil.chown(directory, "postgres", "postgres")
    data = directory / "data"
    subprocess.run(["cp", "--archive", "--", str(template), str(data)], check=True)
    _own(data / "server.crt", certificate.certificate.read_text(), 0o644)
    _own(data / "server.key", certificate.key.read_text(), 0o600)
    _own(data / "pg_hba.conf", ACCESS, 0o600)
    with (data / "postgresql.conf").open("a") as file:
        file.write(settings(directory))


def _make_template(beside: Path, template: Path) -> None:
    """initdb takes longer than all the rest of the lab, and its result is always the same."""
    unborn = beside.with_name("template")
    unborn.mkdir(mode=0o700)
    shutil.chown(unborn, "postgres", "postgres")
    initdb = [str(PROGRAMS / "initdb"), "--pgdata", str(unborn), "--auth", "trust", "--username", "postgres"]
    subprocess.run(
        [*AS_POSTGRES, *initdb, "--no-sync", "--locale", "C.UTF-8"], check=True, capture_output=True, cwd="/"
    )
    template.parent.mkdir(parents=True, exist_ok=True)
    moving = template.with_name(f"{template.name}.{os.getpid()}")
    subprocess.run(["cp", "--archive", "--", str(unborn), str(moving)], check=True)
    shutil.rmtree(unborn)
    with contextlib.suppress(OSError):
        moving.rename(template)  # another lab may have been first
    shutil.rmtree(moving, ignore_errors=True)


def _own(path: Path, text: str, mode: int) -> None:
    path.write_text(text)
    path.chmod(mode)
    shutil.chown(path, "postgres", "postgres")


def _serve(network: Network, directory: Path) -> subprocess.Popen[bytes]:
    # Changing the user forgets the wish to end with the lab, so it is wished again after that. The
    # shared memory that a killed server would leave goes with a namespace of its own.
    tied = ["unshare", "--ipc", "--", *AS_POSTGRES, "setpriv", "--pdeathsig", "KILL", "--"]
    server = [str(PROGRAMS / "postgres"), "-D", str(directory / "data")]
    return network.start(
        network.database,
        [*tied, *server],
        log=directory.with_name("database.log"),
        listens=f"{DATABASE}:{PORT}",
        ready=lambda: _is_ready(directory / "data"),
    )


def _is_ready(data: Path) -> bool:
    """It listens first, and turns everybody away until it has looked through its log: it says how far it is."""
    with contextlib.suppress(OSError):
        told = (data / "postmaster.pid").read_text().splitlines()
        return told[7:] != [] and told[7].strip() == "ready"
    return False
