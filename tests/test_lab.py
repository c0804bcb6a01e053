"""The lab keeps its promises: what it shows is as on EC2, and nothing of it stays."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import database, scratch
from lab.instance import Instance
from lab.lab import CA, Lab
from lab.volume import VOLUME_ID

TESTS = Path(__file__).parent
UUID = "6e1ab0d5-1f0e-4a64-9bd1-8ad4c28b0f2d"
METADATA = "http://169.254.169.254/latest"
PAUSE = """
import signal, sys
sys.path.insert(0, sys.argv[1])
from lab.lab import Lab
with Lab() as lab:
    lab.instance.shell("mkfs.ext4 -q /dev/nvme1n1; mkdir -p /anaconda; mount /dev/nvme1n1 /anaconda")
    print(lab.scratch.path, flush=True)
    signal.pause()
"""


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for something that happens on its own."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


class OtherLab:
    """A lab in a process of its own, which can be killed; its processes are known by a mark."""

    def __init__(self) -> None:
        self.mark = f"VIVARIUM_LAB_MARK={secrets.token_hex(8)}"
        name, value = self.mark.split("=")
        before = set(scratch.HOME.glob("*"))
        self.process = subprocess.Popen(
            # Who is started in the background or by nohup ignores these, and so would the lab.
            ["env", "--default-signal=INT,HUP", sys.executable, "-c", PAUSE, str(TESTS)],
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            text=True,
        )
        until(lambda: set(scratch.HOME.glob("[!.]*")) - before != set(), "a scratch directory appears")
        self.path = (set(scratch.HOME.glob("[!.]*")) - before).pop()

    def wait_until_up(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == str(self.path)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def processes(self) -> list[str]:
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self.mark.encode() in environment.read_bytes():
                    found.append(environment.parent.name)
            except OSError:
                continue
        return found

    def mounts(self) -> list[str]:
        return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.path) in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["while it is built", "when it is up"])
def test_a_lab_ended_by_a_signal_leaves_nothing(number: int, moment: str) -> None:
    other = OtherLab()
    if moment == "when it is up":
        other.wait_until_up()
    assert other.end(number) != 0
    assert (other.processes(), scratch.loops_below(other.path), other.mounts()) == ([], [], [])
    assert not other.path.exists()


def test_what_a_killed_lab_could_not_remove_is_removed_by_the_next() -> None:
    other = OtherLab()
    other.wait_until_up()
    other.end(signal.SIGKILL)
    until(lambda: other.processes() == [], "its processes end with it")
    assert scratch.loops_below(other.path) != []
    scratch.sweep()
    assert scratch.loops_below(other.path) == []
    assert not other.path.exists()


def test_a_lab_that_is_alive_is_not_swept_away(lab: Lab) -> None:
    assert lab.scratch.path.name not in scratch.sweep()
    assert lab.scratch.path.exists()


def test_an_error_in_the_middle_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), Lab() as broken:
        1 / 0  # noqa: B018
    assert broken.leftovers() == []


def test_two_labs_run_side_by_side(lab: Lab) -> None:
    with Lab() as other:
        assert other.password != lab.password
        assert ask(other, database.HOST).returncode == 0
        assert ask(lab, database.HOST).returncode == 0
    assert other.leftovers() == []


def test_the_instance_sees_the_volume_as_nitro_shows_it(lab: Lab) -> None:
    serial = lab.instance.path("/sys/block/nvme1n1/device/serial").read_text()
    assert serial == VOLUME_ID.replace("-", "") + "\n"
    listed = json.loads(lab.instance.shell("lsblk --json --bytes"))["blockdevices"]
    sizes = {disk["name"]: disk["size"] for disk in listed}
    assert sizes["nvme1n1"] == 16 << 30
    assert "nvme0n1" in sizes


def test_the_instance_sees_no_other_device_of_this_machine(lab: Lab) -> None:
    nodes = lab.instance.shell("find /dev -type b").split()
    assert sorted(nodes) == ["/dev/nvme0n1", "/dev/nvme0n1p1", "/dev/nvme1n1"]


def test_a_filesystem_is_mounted_by_its_uuid() -> None:
    with Lab() as lab:
        lab.instance.shell(
            f"mkfs.ext4 -q -U {UUID} /dev/nvme1n1; mkdir -p /anaconda;"
            f"echo 'UUID={UUID} /anaconda ext4 defaults,nofail 0 2' >> /etc/fstab; mount /anaconda"
        )
        assert lab.instance.shell("findmnt -no SOURCE /anaconda") == "/dev/nvme1n1\n"


def test_the_volume_can_be_attached_late_grow_and_go() -> None:
    with Lab(attached=False) as lab:
        assert not lab.instance.path("/dev/nvme1n1").exists()
        lab.volume.attach(lab.instance)
        lab.instance.shell("mkfs.ext4 -q /dev/nvme1n1 && mkdir -p /anaconda && mount /dev/nvme1n1 /anaconda")
        lab.volume.grow(lab.instance, 20 << 30)
        assert lab.instance.shell("blockdev --getsize64 /dev/nvme1n1").strip() == str(20 << 30)
        lab.instance.shell("umount /anaconda")
        lab.volume.detach(lab.instance)
        assert not lab.instance.path("/dev/nvme1n1").exists()


def test_a_replaced_instance_has_forgotten_everything() -> None:
    with Lab() as lab:
        lab.instance.shell("echo x > /etc/left; mkfs.ext4 -q /dev/nvme1n1")
        lab.replace_instance()
        assert not lab.instance.path("/etc/left").exists()
        assert lab.instance.run(["blkid", "-p", "/dev/nvme1n1"]).returncode == 2
    assert not Path("/etc/left").exists()


def test_the_metadata_service_answers_with_a_token_only(lab: Lab) -> None:
    token = lab.instance.shell(
        f"curl -sS --fail -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {METADATA}/api/token"
    )
    ask_id = ["curl", "-sS", "--fail", f"{METADATA}/meta-data/instance-id"]
    assert lab.instance.run(ask_id).returncode == 22
    assert lab.instance.run([*ask_id, "-H", f"X-aws-ec2-metadata-token: {token}"]).stdout.startswith("i-")


def ask(lab: Lab, host: str, tls: str = "verify-full", password: str | None = None) -> subprocess.CompletedProcess[str]:
    target = f"host={host} user={database.USER} dbname={database.NAME} sslmode={tls} sslrootcert={CA} connect_timeout=5"
    environment = {"PGPASSWORD": lab.password if password is None else password}
    return lab.instance.run(["psql", "-XAtq", target, "-c", "SELECT NOW()"], environment=environment)


def test_the_database_answers_by_name_over_tls_to_the_password(lab: Lab) -> None:
    answer = ask(lab, database.HOST)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("20")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"tls": "disable"}, "no encryption"),
        ({"host": "10.0.2.20"}, "does not match host name"),
        ({"password": "wrong"}, "password authentication failed"),
        ({"host": "other.abc123.us-east-1.rds.amazonaws.com"}, "could not translate host name"),
    ],
)
def test_the_database_refuses_every_other_way(lab: Lab, changed: dict[str, str], complaint: str) -> None:
    answer = ask(lab, **{"host": database.HOST, **changed})
    assert answer.returncode != 0
    assert complaint in answer.stderr


def test_a_stopped_database_can_be_started_again() -> None:
    with Lab() as lab:
        lab.database.stop()
        assert "Connection refused" in ask(lab, database.HOST).stderr
        lab.database.restart()
        assert ask(lab, database.HOST).returncode == 0


def test_killing_the_instance_ends_everything_in_it(lab: Lab) -> None:
    with Lab() as other:
        running = subprocess.Popen(other.instance.command(["sleep", "1000"]), start_new_session=True)
        until(lambda: len(other.instance.processes()) > 0, "sleep runs")
        other.instance.end()
        assert running.wait(10) != 0
        assert isinstance(other.instance, Instance)


def test_aws_knows_the_secret_and_has_received_nothing(lab: Lab) -> None:
    known = lab.account.call("secretsmanager", "secretsmanager.GetSecretValue", SecretId="vivarium/mydb")
    assert json.loads(known["SecretString"]) == {"username": database.USER, "password": lab.password}
    assert lab.ssm()["inventory"] == {}
