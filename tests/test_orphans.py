"""The agent is killed while a program that it started goes on: what the next run does about that one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import shelf
from lab.gates import GATE, PATIENCE, find, gate, started, wait_for
from lab.lab import AGENT, KEPT, WHEELS, Lab

StandsStill = Callable[[Lab], contextlib.AbstractContextManager[Callable[[], bool]]]


@pytest.fixture
def lab(agent: Path) -> Iterator[Lab]:
    installer = shelf.stand_in(KEPT / "installers-small", "--small")
    with Lab(agent, installer=installer, volume_size=4 << 30) as lab:
        yield lab


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


@contextlib.contextmanager
def installer_stands_still(lab: Lab) -> Iterator[Callable[[], bool]]:
    """While this lasts it waits for the checksum of itself; gives what tells that it does."""
    began, _ = gate(lab, "/usr/bin/md5sum")
    yield began.exists
    lab.instance.path("/usr/local/sbin/md5sum").unlink()


@contextlib.contextmanager
def pip_stands_still(lab: Lab) -> Iterator[Callable[[], bool]]:
    """While this lasts it waits for the first byte of the wheel; gives what tells that it does."""
    wheel = next(lab.instance.path(WHEELS).glob("psycopg2_binary-*-cp311-*.whl"))
    content = wheel.read_bytes()
    wheel.unlink()
    os.mkfifo(wheel)
    yield lambda: has_reader(wheel)
    wheel.unlink()
    wheel.write_bytes(content)


def has_reader(fifo: Path) -> bool:
    """Whether somebody reads it, who then waits on: this writes nothing and, once opened, never hangs up."""
    with contextlib.suppress(OSError):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        return True
    return False


@pytest.mark.parametrize(
    ("step", "stands_still", "words"),
    [("anaconda", installer_stands_still, ("-b", "-p")), ("psycopg2", pip_stands_still, ("pip", "install"))],
    ids=["installer", "pip"],
)
def test_the_next_run_ends_what_may_be_interrupted_and_begins_it_anew(
    lab: Lab, step: str, stands_still: StandsStill, words: tuple[str, ...]
) -> None:
    with stands_still(lab) as reached, started(lab, "run") as first:
        wait_for(reached, first)
        child = find(lab, *words)
        kill_agent(lab)
        first.wait()
    assert child is not None
    assert is_alive(child), "without the next run it would stand there for ever"
    second = lab.agent("run", "--json")
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"which a run that was killed at step {step} left behind" in second.stderr
    assert not is_alive(child)
    assert [process for process in lab.instance.processes() if is_alive(process)] == []
    assert set(outcomes(lab.agent("run", "--json")).values()) == {"unchanged"}


def test_the_making_of_a_filesystem_is_waited_for(lab: Lab) -> None:
    began, ended = gate(lab, "/usr/sbin/mkfs.ext4")
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
        lab.instance.shell(f"echo > {GATE}")
        said = second.communicate(timeout=PATIENCE)[0]
    assert second.returncode == 0, said
    assert ended.exists(), "the orphan came to its end"
    assert not began.exists(), "what it made was kept"
    assert set(outcomes(lab.agent("run", "--json")).values()) == {"unchanged"}
