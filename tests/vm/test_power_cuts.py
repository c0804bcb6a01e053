"""The power fails at random moments of a first run: the next boot goes on, and what was on the volume stays.

The moments come from a seed, which is printed: VIVARIUM_SEED gives the same ones again, VIVARIUM_CUTS more or fewer.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from lab.vm.lab import MachineLab
from lab.volume import VOLUME_ID

from .conftest import FINISHED
from .looks import disks, settled, status

SEED = os.environ.get("VIVARIUM_SEED") or str(random.randrange(1 << 32))
CUTS = int(os.environ.get("VIVARIUM_CUTS") or 12)
# In most of these boots cloud-init, which has nothing to do in them, is left out: it takes longer than all the rest.
WITH_CLOUD_INIT = range(0, CUTS, 4)
length: list[float] = []


def test_a_volume_that_is_attached_late_at_launch_is_waited_for_and_nothing_on_it_is_lost(waiting: MachineLab) -> None:
    begun = time.monotonic()
    waiting.machine.attach(waiting.ebs)
    waiting.machine.await_console(FINISHED)
    length.append(time.monotonic() - begun)
    print(f"a first run takes {length[0]:.0f} s from the moment in which the volume comes")
    assert status(waiting)["exit_code"] == 0
    assert waiting.machine.shell("cat /anaconda/notes.txt") == "mine\n"


@pytest.mark.parametrize("number", range(CUTS))
def test_after_a_power_cut_the_next_boot_converges(waiting: MachineLab, number: int) -> None:
    if not length:
        pytest.skip("how long a run takes is not known: the test before this one says")
    moment = random.Random(f"{SEED}/{number}").random() * length[0]
    waiting.machine.attach(waiting.ebs)
    time.sleep(moment)  # the moment is what is tested
    done = waiting.machine.console_text()[waiting.machine.mark :].strip().splitlines()[-1:]
    waiting.machine.cut()
    print(f"VIVARIUM_SEED={SEED}: cut {number} after {moment:.1f} s, at {done}")
    waiting.machine.power_on(waiting.ebs, words="" if number in WITH_CLOUD_INIT else "cloud-init=disabled")
    assert settled(waiting) == "active", waiting.machine.run("journalctl -b -u vivarium-agent").stdout
    assert status(waiting)["exit_code"] == 0
    assert disks(waiting)[VOLUME_ID.replace("-", "")]["mountpoint"] == "/anaconda"
    assert waiting.machine.shell("cat /anaconda/notes.txt") == "mine\n"
