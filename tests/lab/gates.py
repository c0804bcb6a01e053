"""Runs of the agent that go on beside a test, and gates at which they stand still until the test opens them."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from .lab import AGENT, Lab

Seen = TypeVar("Seen")
PATIENCE = 120
GATE = "/run/gate"
# In the place of a program, first in the agent's PATH: it stands still until the gate is opened. One that stands
# still neither writes into a pipe that nobody reads nor is stopped, so that the kernel has no reason to end it.
GATED = """#!/bin/sh
set -e
: > /run/{name}-began
read _ < {gate}
{program} "$@"
: > /run/{name}-ended
"""


@contextlib.contextmanager
def started(lab: Lab, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run that goes on beside the test."""
    argv = lab.instance.command([AGENT, *arguments])
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(argv, text=True, **pipes) as running:
        try:
            yield running
        finally:
            running.kill()


def wait_for(what: Callable[[], Seen | None], running: subprocess.Popen[str]) -> Seen:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if seen := what():
            return seen
        assert running.poll() is None, f"the run ended first: {running.communicate()[0]}"
        time.sleep(0.005)
    raise AssertionError("it did not come")


def arguments(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def find(lab: Lab, *words: str) -> int | None:
    """The process of the instance that has all these words among its arguments."""
    return next((process for process in lab.instance.processes() if {*words} <= {*arguments(process)}), None)


def gate(lab: Lab, program: str) -> tuple[Path, Path]:
    """Makes a program stand still when it is started; the files that say that it has begun, and ended."""
    name = Path(program).name
    lab.instance.write(f"/usr/local/sbin/{name}", GATED.format(name=name, gate=GATE, program=program), 0o755)
    lab.instance.shell(f"mkfifo {GATE}")
    return lab.instance.path(f"/run/{name}-began"), lab.instance.path(f"/run/{name}-ended")
