"""The cut: which calls a run makes that change something, and the end of a run right before one of them.

`cut.c` does it; this makes the program, puts it into the instance and reads what it has seen.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .instance import Instance

SOURCE = Path(__file__).with_suffix(".c")
PROGRAM = "/usr/local/bin/cut-before"
LOG = "/run/cut.log"
KILLED = "= signal 9"
STEP_BEGINS = "ftruncate /run/vivarium/lock"


@dataclass(frozen=True)
class Cut:
    """The n-th time that the program makes this call: the call and what it is made on."""

    key: str
    number: int

    @property
    def call(self) -> str:
        return self.key.split(maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.key.strip()} #{self.number}"


@dataclass(frozen=True)
class Ran:
    """How a run ended, the calls that it made, and whether it ended by the cut."""

    exit: int
    cuts: list[Cut]
    was_cut: bool


def program(kept: Path) -> Path:
    """The tracer, compiled when its source is newer."""
    made = kept / "cut-before"
    if not made.exists() or made.stat().st_mtime < SOURCE.stat().st_mtime:
        flags = ["-O1", "-Wall", "-Werror", "-Wno-format-truncation"]
        partial = made.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", *flags, "-o", str(partial), str(SOURCE)], check=True)
        partial.rename(made)
    return made


def run(instance: Instance, argv: list[str], cut: Cut | None = None) -> Ran:
    """Runs a program in an instance that has the tracer, to its end or to the cut."""
    where = [cut.key, str(cut.number)] if cut else []
    done = instance.run([PROGRAM, LOG, *where, "--", *argv], timeout=600)
    return read(done.returncode, instance.path(LOG).read_text())


def read(exit: int, log: str) -> Ran:
    """What the tracer has noted."""
    lines = log.splitlines()
    keys = [line for line in lines if not line.startswith(("! ", "= "))]
    seen: Counter[str] = Counter()
    cuts = []
    for key in keys:
        seen[key] += 1
        cuts.append(Cut(key, seen[key]))
    was_cut = lines[-1:] == [KILLED] and any(line.startswith("! ") for line in lines)
    return Ran(exit, cuts, was_cut)


def sample(cuts: list[Cut], share: int, of: int) -> list[Cut]:
    """A share of one cut of each kind of call, its place another for each kind, and one in every step."""
    kinds: dict[str, list[Cut]] = {}
    for cut in cuts:
        kinds.setdefault(cut.call, []).append(cut)
    # The rarest first: where a kind has many calls, there is a choice of the part of the run.
    ordered = sorted(kinds.values(), key=lambda some: (len(some), some[0].call))
    chosen = [some[position * len(some) // len(ordered)] for position, some in enumerate(ordered)]
    chosen += [step[len(step) // 2] for step in steps(cuts) if not set(step) & set(chosen)]
    return chosen[share - 1 :: of]


def steps(cuts: list[Cut]) -> list[list[Cut]]:
    """The calls of each step: it begins where the agent notes it in its lock."""
    parts: list[list[Cut]] = [[]]
    for cut in cuts:
        if cut.key.startswith(STEP_BEGINS) and parts[-1]:
            parts.append([])
        parts[-1].append(cut)
    return parts
