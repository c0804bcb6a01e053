"""Reports that Systems Manager refuses at first, where systemd has a word in which processes go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from lab.vm.lab import MachineLab

from .conftest import FINISHED
from .looks import UNIT, settled, status

TRYING = "pgrep -f -- '--keep-trying' > /dev/null"


@pytest.fixture
def refused(lab: MachineLab) -> Iterator[Callable[[], None]]:
    """Every call for inventory is refused, until this is called or the test ends."""
    lab.account.control("PUT", "throttle", {"action": "PutInventory", "refuse": 1, "of": 1})
    yield lambda: lab.account.control("PUT", "throttle", {})
    lab.account.control("PUT", "throttle", {})


def await_arrival(lab: MachineLab, run: str, known: int) -> float:
    """Until it is among those that came after what is known. Between attempts there are pauses of up to two minutes."""
    begun = time.monotonic()
    while run not in lab.arrivals()[known:]:
        assert time.monotonic() - begun < 600, "it does not come"
        time.sleep(0.5)
    return time.monotonic() - begun


def test_the_report_of_a_first_run_arrives_later_though_userdata_has_ended(
    waiting: MachineLab, refused: Callable[[], None]
) -> None:
    # The run began in the kept moment, and has ended in other tests, too.
    known = len(waiting.arrivals())
    waiting.machine.attach(waiting.ebs)
    waiting.machine.await_console(FINISHED)
    waiting.machine.shell("cloud-init status --wait; systemctl is-active cloud-final")
    told = status(waiting)
    assert told["exit_code"] == 0, "the verdict is another thing"
    run = told["last_run"]["run"]
    assert len(waiting.arrivals()) == known
    waiting.machine.shell(TRYING)
    refused()
    print(f"after {await_arrival(waiting, run, known):.0f} s")


def test_the_report_of_a_boot_that_has_failed_arrives_later_though_its_unit_has_ended(
    launched: MachineLab, refused: Callable[[], None]
) -> None:
    known = len(launched.arrivals())
    launched.machine.power_on()
    launched.machine.await_ssh()
    # Nobody needs to see it wait for a volume that does not come.
    launched.machine.shell(
        f"""
        systemctl stop {UNIT}
        sed -i 's|^volume = \\(.*\\)|volume = {{ id = \\1, wait = "1s" }}|' /etc/vivarium/agent.toml
        systemctl reset-failed {UNIT}
        systemctl start {UNIT}
        """
    )
    assert settled(launched) == "failed"
    run = status(launched)["last_run"]["run"]
    assert len(launched.arrivals()) == known
    launched.machine.shell(TRYING)
    refused()
    print(f"after {await_arrival(launched, run, known):.0f} s")
