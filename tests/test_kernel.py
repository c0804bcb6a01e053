"""The evaluator and the Linux kernel say the same of random networks: a few here, two thousand in `make kernel`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab.lab import REPOSITORY
from lab.vpc import coverage
from lab.vpc.random_network import random_network

# What the two must agree on, each of it in the networks of the run above, and most of it in these few.
HELD = (
    "groups: reference, inbound",
    "groups: reference, outbound",
    "groups: range of ports, inbound",
    "groups: another protocol, inbound",
    "lists: allows and denies in turn",
    "lists: allow of part of the ephemeral ports",
    "lists: deny of part of the ephemeral ports",
    "routes: blackhole",
    "routes: more specific one leads elsewhere",
    "routes: more specific than local",
    "routes: the main table's",
)


def test_the_kernel_agrees_with_the_checker_on_random_networks() -> None:
    checker = os.environ.get("VIVARIUM_CHECK", str(REPOSITORY / "target/debug/vivarium-check"))
    words = [str(Path(__file__).with_name("kernel_agrees.py")), "--count", "10", "--seed", "2001", "--checker", checker]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "0 differences, 0 unknown" in done.stderr


def test_random_networks_hold_what_the_two_must_agree_on() -> None:
    found = [coverage.features(random_network(seed)) for seed in range(1, 41)]
    seldom = {name: sum(name in features for features in found) for name in HELD}
    assert all(seldom.values()), seldom
