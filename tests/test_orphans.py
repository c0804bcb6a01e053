"""The agent is killed while a program that it started goes on: what the next run does about that one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from lab import shelf
from lab.lab import AGENT, KEPT, Lab

Seen = TypeVar("Seen")
PATIENCE = 120
# In the place of mkfs.ext4, first in the agent's PATH: it stands still until the gate is opened.
GATED_MKFS = """#!/bin/sh
set -e
: > /run/mkfs-began
read _ < /run/gate
/usr/sbin/mkfs.ext4 "$@"
: > /run/mkfs-ended
"""


@pytest.fixture
def lab(agent: Path) -> Iterator[Lab]:
    installer = shelf.stand_in(KEPT / "installers-small", "--small")
    with Lab(agent, installer=installer, volume_size=4 << 30) as lab:
        yield lab


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


def kill_agent(lab: Lab) -> None:
    agent = find(lab, AGENT, "run")
    assert agent is not None
    os.kill(agent, signal.SIGKILL)


def is_alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    return False


def outcomes(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in json.loads(run.stdout)["steps"]}


@pytest.mark.parametrize("words", [("-b", "-p"), ("pip", "install")], ids=["installer", "pip"])
def test_nothing_that_may_be_interrupted_outlives_the_next_run_and_it_is_begun_anew(
    lab: Lab, words: tuple[str, ...]
) -> None:
    with started(lab, "run") as first:
        child = wait_for(lambda: find(lab, *words), first)
        kill_agent(lab)
        first.wait()
    # It may have ended already, of the pipe that nobody reads: what the next run ends is tested in lock.rs.
    second = lab.agent("run", "--json")
    assert second.returncode == 0, second.stdout + second.stderr
    assert not is_alive(child)
    assert [process for process in lab.instance.processes() if is_alive(process)] == []
    assert set(outcomes(lab.agent("run", "--json")).values()) == {"unchanged"}


def test_the_making_of_a_filesystem_is_waited_for(lab: Lab) -> None:
    lab.instance.write("/usr/local/sbin/mkfs.ext4", GATED_MKFS, 0o755)
    lab.instance.shell("mkfifo /run/gate")
    began, ended = lab.instance.path("/run/mkfs-began"), lab.instance.path("/run/mkfs-ended")
    with started(lab, "run") as first:
        wait_for(began.exists, first)
        kill_agent(lab)
        first.wait()
    refused = lab.agent("run", "--set", "run.lock_wait=0")
    assert refused.returncode == 75, refused.stdout + refused.stderr
    assert "at step filesystem" in refused.stdout + refused.stderr
    began.unlink()
    with started(lab, "run", "--set", "run.lock_wait=120", "--json") as second:
        wait_for(lambda: find(lab, AGENT, "run"), second)
        lab.instance.shell("echo > /run/gate")
        said = second.communicate(timeout=PATIENCE)[0]
    assert second.returncode == 0, said
    assert ended.exists(), "the orphan came to its end"
    assert not began.exists(), "what it made was kept"
    assert set(outcomes(lab.agent("run", "--json")).values()) == {"unchanged"}
