"""The lab as one thing: `with Lab(agent) as lab: lab.agent("run")`."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import account, database, network, shelf
from .certificates import Authority
from .database import Database
from .instance import Instance
from .life import Life
from .network import Namespace, Network
from .volume import VOLUME_ID, Volume

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
KEPT = REPOSITORY / ".lab"  # what set-up made and labs share: packages, the template of the database
PYTHON = KEPT / "venv/bin/python"
AGENT = "/usr/local/bin/vivarium-agent"
SETTINGS = "/etc/vivarium/agent.toml"
CA = "/etc/vivarium/lab-ca.pem"
WHEELS = "/opt/wheels"
GIBIBYTE = 1 << 30


class Lab(Life):
    """Everything around one agent. What it makes is gone when its `with` ends, however that is."""

    def __init__(
        self,
        agent: Path | None = None,
        *,
        installer: Path | None = None,
        volume_size: int = 16 * GIBIBYTE,
        attached: bool = True,
    ) -> None:
        self._program = agent
        self._installer = installer
        self._volume_size = volume_size
        self._attached = attached
        super().__init__()
        self.password = secrets.token_urlsafe(24)
        self.network: Network
        self.instance: Instance
        self.volume: Volume
        self.database: Database
        self.account: account.Account
        self.archive: shelf.Archive

    def build(self) -> None:
        self.network = Network.create(self.cleanup)
        self.authority = Authority(self.scratch.file("tls"))
        self._start_names()
        self._start_metadata()
        self.account = account.start(self.network, PYTHON, self._log("aws"))
        self._start_database()
        self._start_archive()
        self.account.remember_secret(account.SECRET, {"username": database.USER, "password": self.password})
        self.volume = Volume.create(self.scratch.file("volume.img"), self._volume_size)
        self.cleanup.callback(self.volume.release)
        self.boot()

    def boot(self) -> None:
        """Starts a fresh instance; the volume is attached to it if it is to be."""
        self.instance = Instance.start(self.network.instance, self.scratch.file("machine"))
        self.cleanup.callback(self.instance.end)
        self._furnish()
        if self._attached:
            self.volume.attach(self.instance)

    def replace_instance(self, snapshot: Path | None = None) -> None:
        """Terminates the instance and starts another, with the volume blank or made from a snapshot."""
        self.instance.end()
        self.volume.release()
        if snapshot is None:
            self.volume = Volume.create(self.volume.image, self._volume_size)
        else:
            self.volume.restore(snapshot)
        self.cleanup.callback(self.volume.release)
        self.boot()

    def agent(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs the agent in the instance to its end."""
        return self.instance.run([AGENT, *arguments], timeout=timeout)

    def settings(self) -> str:
        """The settings file of an agent in this lab."""
        return "\n".join(
            [
                f'volume = "{VOLUME_ID}"',
                "[database]",
                f'host = "{database.HOST}"',
                f'secret = "secretsmanager:{account.SECRET}"',
                f'sslrootcert = "{CA}"',
                *self.archive.settings(CA),
                "[psycopg2]",
                f'wheelhouse = "{WHEELS}"',
                "[aws]",
                f'endpoint = "{self.account.endpoint}"',
                "",
            ]
        )

    def ssm(self) -> dict[str, Any]:
        """What Systems Manager has received about the instance."""
        return self.account.received()

    def arrivals(self) -> list[str]:
        """Every run that inventory was ever told of."""
        accepted = ("PutInventory", "accepted")
        calls = [call for call in self.ssm()["calls"] if (call["action"], call["outcome"]) == accepted]
        return [row["run_id"] for call in calls for row in call["body"]["Items"][0]["Content"]]

    def spaces(self) -> dict[str, Namespace]:
        """Those that were made so far."""
        return self.network.namespaces() if hasattr(self, "network") else {}

    def _log(self, name: str) -> Path:
        return self.scratch.file(f"{name}.log")

    def _start_names(self) -> None:
        known = {database.HOST: network.DATABASE, shelf.HOST: network.ARCHIVE}
        known |= {f"{service}.us-east-1.amazonaws.com": network.AWS for service in account.SERVICES}
        pairs = [f"{name}={address}" for name, address in known.items()]
        listen = f"{network.NAMES}:53"
        argv = [sys.executable, str(HERE / "names.py"), "--listen", listen, *pairs]
        self.network.start(self.network.router, argv, log=self._log("names"), listens=f"udp:{listen}")

    def _start_metadata(self) -> None:
        listen = f"{network.METADATA}:80"
        argv = [sys.executable, str(HERE / "imds.py"), "--listen", listen, "--hop-limit", "1"]
        self.network.start(self.network.router, argv, log=self._log("imds"), listens=listen)

    def _start_database(self) -> None:
        self.database = Database.start(
            self.network,
            self.scratch.file("database"),
            KEPT / "postgres-template",
            self.authority.issue(database.HOST),
            self.password,
        )
        self.cleanup.callback(lambda: self.database.stop())

    def _start_archive(self) -> None:
        self.archive = shelf.start(
            self.network,
            self.authority.issue(shelf.HOST),
            self._installer or shelf.stand_in(KEPT / "installers"),
            self.scratch.file("archive"),
            self._log("archive"),
        )

    def _furnish(self) -> None:
        """What an image and its user data would have put there."""
        self.instance.write(CA, self.authority.certificate.read_text())
        self.instance.write(SETTINGS, self.settings())
        for wheel in sorted((KEPT / "wheels").glob("*.whl")):
            self.instance.path(WHEELS).mkdir(exist_ok=True)
            self.instance.install(wheel, f"{WHEELS}/{wheel.name}")
        if self._program is not None:
            self.instance.install(self._program, AGENT)
