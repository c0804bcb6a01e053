"""What the tests look at in a machine."""

from __future__ import annotations

import json
from typing import Any

from lab.vm.lab import MachineLab

UNIT = "vivarium-agent.service"


def settled(lab: MachineLab) -> str:
    """Waits until the unit of this boot has done its work; what systemd then says of it: `active`, or `failed`."""
    lab.machine.await_ssh()
    return lab.machine.shell(
        f"""
        while :; do
            case $(systemctl show --value -p SubState {UNIT}) in exited | failed) break ;; esac
            sleep 1
        done
        systemctl is-active {UNIT} || :
        """
    ).strip()


def status(lab: MachineLab) -> dict[str, Any]:
    """The agent's own view of its host."""
    told: dict[str, Any] = json.loads(lab.machine.run("vivarium-agent status --json").stdout)
    return told


def steps(lab: MachineLab) -> dict[str, str]:
    """What the last run did."""
    return {step["name"]: step["outcome"] for step in status(lab)["last_run"]["steps"]}


def disks(lab: MachineLab) -> dict[str, dict[str, Any]]:
    """The machine's disks by their serial numbers, as its kernel tells them."""
    told = json.loads(lab.machine.shell("lsblk --json --bytes --output NAME,SERIAL,UUID,MOUNTPOINT,SIZE"))
    return {disk["serial"]: disk for disk in told["blockdevices"] if disk["serial"]}
