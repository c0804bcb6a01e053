"""Disks that fail and packets that are lost: by dm-flakey and netem of the machine's own kernel."""

from __future__ import annotations

import subprocess

import pytest

from lab.vm.ebs import Ebs
from lab.vm.lab import MachineLab

from .conftest import FINISHED
from .looks import settled, status

SETTINGS = "/root/flaky.toml"
FLAKY = "/dev/mapper/flaky"
HEALTHY = "linear /dev/nvme0n1 0"
READS_FAIL = "flakey /dev/nvme0n1 0 0 3600"
WRITES_FAIL = "flakey /dev/nvme0n1 0 0 3600 1 error_writes"


@pytest.fixture
def idle(waiting: MachineLab) -> MachineLab:
    """Nobody waits for a volume any more, and there are settings that name a disk which can be made to fail."""
    waiting.machine.shell(
        f"""
        pkill -INT -x vivarium-agent
        while pgrep -x vivarium-agent; do sleep 1; done
        sed 's|^volume = .*|volume.path = "{FLAKY}"|' /etc/vivarium/agent.toml > {SETTINGS}
        """
    )
    return waiting


def put_between(lab: MachineLab, table: str) -> None:
    """The disk that can be made to fail, over the volume."""
    lab.machine.shell(
        f"""
        until [ -b /dev/nvme0n1 ]; do sleep 1; done
        echo "0 $(blockdev --getsz /dev/nvme0n1) {table}" | dmsetup create flaky
        """
    )


def run(lab: MachineLab) -> subprocess.CompletedProcess[str]:
    return lab.machine.run(f"vivarium-agent --config {SETTINGS} run")


def test_a_blank_volume_that_cannot_be_read_is_not_formatted(idle: MachineLab) -> None:
    volume = Ebs.blank(idle.ebs.image)
    idle.machine.attach(volume)
    put_between(idle, READS_FAIL)
    said = run(idle)
    print(said.stdout)
    assert said.returncode != 0
    assert "Input/output error" in said.stdout
    assert "hint: " in said.stdout
    idle.machine.cut()
    assert volume.image.stat().st_blocks == 0, "nothing was ever written to it"


def test_a_volume_that_takes_no_more_writes_ends_the_run_and_the_next_boot_goes_on(idle: MachineLab) -> None:
    volume = Ebs.blank(idle.ebs.image)
    idle.machine.attach(volume)
    put_between(idle, HEALTHY)
    idle.machine.shell(
        f"""
        for step in filesystem mount; do vivarium-agent --config {SETTINGS} run --only $step; done
        echo mine > /anaconda/notes.txt
        sync
        vivarium-agent --config {SETTINGS} run > /root/said 2> /root/log &
        until grep -q 'anaconda: install' /root/log; do sleep 1; done
        dmsetup suspend --noflush --nolockfs flaky
        echo "0 $(blockdev --getsz /dev/nvme0n1) {WRITES_FAIL}" | dmsetup load flaky
        dmsetup resume flaky
        code=0
        wait $! || code=$?
        echo $code > /root/code
        """
    )
    said = idle.machine.shell("cat /root/code /root/said")
    print(said)
    assert said.splitlines()[0] != "0"
    assert said.splitlines()[1].startswith("failed: ")
    assert "\nhint: " in said
    idle.machine.cut()
    idle.machine.power_on(volume, words="cloud-init=disabled")
    assert settled(idle) == "active"
    assert status(idle)["exit_code"] == 0
    assert idle.machine.shell("cat /anaconda/notes.txt") == "mine\n"


def test_a_run_over_a_network_that_loses_packets_comes_to_its_end(waiting: MachineLab) -> None:
    waiting.machine.shell("modprobe sch_netem; tc qdisc add dev eth0 root netem loss 10% delay 50ms 20ms")
    waiting.machine.attach(waiting.ebs)
    waiting.machine.await_console(FINISHED)
    lost = waiting.machine.shell("tc -s qdisc show dev eth0")
    print(lost)
    assert "dropped 0," not in lost
    assert status(waiting)["exit_code"] == 0
