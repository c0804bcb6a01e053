"""The lab with a whole machine for its instance: `with MachineLab(agent) as lab: lab.machine.power_on(lab.ebs)`."""

from __future__ import annotations

import email
import hashlib
import http.client
import json
import ssl
import subprocess
import sys
from email.mime.text import MIMEText
from pathlib import Path

from .. import network, shelf
from ..imds import default_metadata
from ..lab import CA, HERE, KEPT, Lab
from ..network import ARCHIVE, NAMES
from .ebs import Ebs
from .image import image
from .machine import LINK, MAC, Machine

GATEWAY = "10.0.1.1"
SHOP = 80  # the port of the archive's neighbour, who has the agent
METADATA = {
    "meta-data/ami-launch-index": "0",
    "meta-data/public-keys/": "0=vivarium",
    f"meta-data/network/interfaces/macs/{MAC}/device-number": "0",
    f"meta-data/network/interfaces/macs/{MAC}/mac": MAC,
    f"meta-data/network/interfaces/macs/{MAC}/local-ipv4s": network.INSTANCE,
    f"meta-data/network/interfaces/macs/{MAC}/subnet-ipv4-cidr-block": "10.0.1.0/24",
}


class MachineLab(Lab):
    """The same services, with a machine in front of them that has a kernel and a first process of its own."""

    machine: Machine
    ebs: Ebs

    def __init__(self, agent: Path) -> None:
        # The whole of Python takes minutes longer to install in software emulation, and shows nothing more.
        super().__init__(agent, installer=shelf.stand_in(KEPT / "installers-small", "--small"), attached=False)
        self.agent_sha256 = ""

    def boot(self) -> None:
        """The machine stands there, switched off; its volume is blank."""
        made = image(KEPT / "vm", KEPT / "wheels")
        self._plug_in()
        self.machine = Machine.create(self.network.router, made, self.scratch.file("machine"))
        self.cleanup.callback(lambda: self.machine.cut())
        self.ebs = Ebs.blank(self.scratch.file("ebs.img"))
        self._open_shop()
        self.tell("meta-data/public-keys/0/openssh-key", self.machine.public_key)

    def launch(self, instance_id: str, user_data: bytes) -> None:
        """What the metadata service says from now on, and whom Systems Manager knows."""
        known = default_metadata(instance_id)
        for path in ("dynamic/instance-identity/document", "meta-data/instance-id"):
            self.tell(path, known[path])
        self.tell("user-data", user_data)
        self.account.control("PUT", "registered", [instance_id])

    def user_data(self, *words: str, **settings: str) -> bytes:
        """Rendered by the agent; joined with a part that brings the lab's certificate, which is no secret."""
        assert self._program is not None
        file = self.scratch.file("agent.toml")
        file.write_text(self.settings())
        sets = [word for key, value in settings.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
        url = f"http://{ARCHIVE}/vivarium-agent-{{architecture}}"
        argv = [str(self._program), "userdata", "--config", str(file), "--url", url, "--mime", *sets, *words]
        argv += ["--sha256", f"x86_64={self.agent_sha256}"]
        message = email.message_from_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
        files = [{"path": CA, "content": self.authority.certificate.read_text()}]
        # JSON is YAML too.
        message.attach(MIMEText(f"#cloud-config\n{json.dumps({'write_files': files})}\n", "cloud-config"))
        return message.as_bytes()

    def sent(self) -> dict[str, int]:
        """Bytes that machines have fetched until now: the agent, the installer."""
        return {**self._counts(443), **self._counts(SHOP)}

    def tell(self, path: str, value: str | bytes) -> None:
        """Sets what the metadata service answers."""
        self.ask("PUT", f"/_lab/metadata/{path}", value if isinstance(value, bytes) else value.encode())

    def asked_of_metadata(self) -> list[dict[str, str]]:
        """Every request that the metadata service has seen."""
        return list(json.loads(self.ask("GET", "/_lab/requests")))

    def ask(self, method: str, path: str, body: bytes = b"") -> str:
        """The metadata service, with the rights of the lab."""
        with self.network.router.inside():
            connection = http.client.HTTPConnection(network.METADATA, 80, timeout=60)
            try:
                connection.request(method, path, body)
                return connection.getresponse().read().decode()
            finally:
                connection.close()

    def _start_metadata(self) -> None:
        listen = f"{network.METADATA}:80"
        file = self.scratch.file("metadata.json")
        file.write_text(json.dumps(METADATA))
        argv = [sys.executable, str(HERE / "imds.py"), "--listen", listen, "--hop-limit", "1", "--metadata", str(file)]
        self.network.start(self.network.router, argv, log=self._log("imds"), listens=listen)

    def _plug_in(self) -> None:
        """The router's link to the instance ends in a machine; the machine is given its address by DHCP, as in EC2."""
        commands = [
            "link delete to-instance",
            f"tuntap add dev {LINK} mode tap",
            f"addr add {GATEWAY}/24 dev {LINK}",
            f"link set {LINK} up",
        ]
        batch = self.network.router.command(["ip", "-batch", "-"])
        subprocess.run(batch, input="\n".join(commands), check=True, capture_output=True, text=True)
        options = ["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", f"--interface={LINK}", "--leasefile-ro"]
        options += ["--bind-interfaces", "--no-ping", "--user=root", "--pid-file=", "--log-facility=-", "--log-dhcp"]
        options += [f"--dhcp-range={network.INSTANCE},{network.INSTANCE},255.255.255.0,1h"]
        options += [f"--dhcp-host={MAC},{network.INSTANCE}"]
        options += [f"--dhcp-option=option:router,{GATEWAY}", f"--dhcp-option=option:dns-server,{NAMES}"]
        self.network.start(self.network.router, ["dnsmasq", *options], log=self._log("dhcp"), listens="udp:0.0.0.0:67")

    def _open_shop(self) -> None:
        """Over HTTP, since it is the SHA-256 that is trusted, there is the agent; without its debugging symbols."""
        assert self._program is not None
        shelf_ = self.scratch.file("shop")
        shelf_.mkdir()
        agent = shelf_ / "vivarium-agent-x86_64"
        subprocess.run(["strip", "-o", str(agent), str(self._program)], check=True)
        self.agent_sha256 = hashlib.sha256(agent.read_bytes()).hexdigest()
        listen = f"{ARCHIVE}:{SHOP}"
        argv = [sys.executable, str(HERE / "archive.py"), "--listen", listen, "--root", str(shelf_)]
        self.network.start(self.network.router, argv, log=self._log("shop"), listens=listen)

    def _counts(self, port: int) -> dict[str, int]:
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.check_hostname = False  # it is asked by its address
        with self.network.router.inside():
            if port == SHOP:
                connection = http.client.HTTPConnection(ARCHIVE, port, timeout=60)
            else:
                connection = http.client.HTTPSConnection(ARCHIVE, port, timeout=60, context=context)
            try:
                connection.request("GET", "/.lab/counts")
                return dict(json.loads(connection.getresponse().read()))
            finally:
                connection.close()
