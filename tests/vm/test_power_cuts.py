"""The power fails at random moments of a first run: the next boot goes on, and what was on the volume stays.

The moments come from a seed, which is printed: VIVARIUM_SEED gives the same ones again, VIVARIUM_CUTS more or fewer.
A moment is a line that the run says on the console, and a time after it: so it is within the run, however slow that is.
"""

from __future__ import annotations

import os
import random
import time
from bisect import bisect_right

import pytest

from lab.vm.lab import MachineLab
from lab.vm.machine import Machine
from lab.volume import VOLUME_ID

from .conftest import FINISHED
from .looks import disks, settled, status

SEED = os.environ.get("VIVARIUM_SEED") or str(random.randrange(1 << 32))
CUTS = int(os.environ.get("VIVARIUM_CUTS") or 12)
# In most of these boots cloud-init, which has nothing to do in them, is left out: it takes longer than all the rest.
WITH_CLOUD_INIT = range(0, CUTS, 4)
# What a step begins or has come to, and the verdict. Between them are lines that come as time goes.
LINE = r"cloud-init\[\d+\]: ([\d:]+ +INFO \w+|ok): "
VERDICT = r"cloud-init\[\d+\]: ok: "
# When each such line of a run that nothing disturbed was heard, in seconds from the moment in which the volume came.
heard: list[float] = []


def await_line(machine: Machine, number: int, patience: float) -> bool:
    """Whether so many lines of the run are said before patience ends."""
    deadline = time.monotonic() + patience
    while len(machine.said(LINE)) < number:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_volume_that_is_attached_late_at_launch_is_waited_for_and_nothing_on_it_is_lost(waiting: MachineLab) -> None:
    begun = time.monotonic()
    waiting.machine.attach(waiting.ebs)
    while not waiting.machine.said(VERDICT):
        assert await_line(waiting.machine, len(heard) + 1, patience=1800)
        heard.append(time.monotonic() - begun)
    print(f"a first run takes {heard[-1]:.0f} s from the moment in which the volume comes, and says {len(heard)} lines")
    waiting.machine.await_console(FINISHED)
    assert status(waiting)["exit_code"] == 0
    assert waiting.machine.shell("cat /anaconda/notes.txt") == "mine\n"


@pytest.mark.parametrize("number", range(CUTS))
def test_after_a_power_cut_the_next_boot_converges(waiting: MachineLab, number: int) -> None:
    if not heard:
        pytest.skip("how a run goes is not known: the test before this one says")
    moment = random.Random(f"{SEED}/{number}").random() * heard[-1]
    line = bisect_right(heard, moment)
    waiting.machine.attach(waiting.ebs)
    assert await_line(waiting.machine, line, patience=1800)
    # The time after the line; the next line says that it is over. This is what is tested.
    await_line(waiting.machine, line + 1, patience=moment - ([0.0, *heard])[line])
    waiting.machine.cut()
    said = waiting.machine.said(LINE)
    print(f"VIVARIUM_SEED={SEED}: cut {number} after {len(said)} of {len(heard)} lines, the last of them {said[-1:]}")
    assert not waiting.machine.said(FINISHED), "the run was over before"
    waiting.machine.power_on(waiting.ebs, words="" if number in WITH_CLOUD_INIT else "cloud-init=disabled")
    assert settled(waiting) == "active", waiting.machine.run("journalctl -b -u vivarium-agent").stdout
    assert status(waiting)["exit_code"] == 0
    assert disks(waiting)[VOLUME_ID.replace("-", "")]["mountpoint"] == "/anaconda"
    assert waiting.machine.shell("cat /anaconda/notes.txt") == "mine\n"
