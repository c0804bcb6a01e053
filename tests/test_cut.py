"""The cut: whatever the agent was doing when it was killed, the next run ends where every run ends.

The agent is killed by SIGKILL right before a system call that changes something, one call after
another, each time on a fresh instance. A recording run tells which calls there are. All of them take
half an hour; `VIVARIUM_CUT` says how many, `all`, or a share such as `1/2` for one of two machines.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import manifest
from lab.lab import AGENT, Lab

# What changes the instance or its volume. Calls that only read cannot leave anything half done.
CALLS = (
    *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "rmdir", "ftruncate", "fallocate", "fsync", "fdatasync", "syncfs"),
    *("chmod", "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "mount", "umount2", "flock"),
    *("clone", "clone3", "vfork", "fork", "ioctl", "kill", "write", "pwrite64"),
)
# These come by the hundred, most of them of one download: so many of them are enough.
WRITES = 25
USERS_FILE = "anaconda/notes/mine.txt"
USERS_TEXT = "a user put this here\n"
TRACE = "/tmp/cut.trace"
LOG_LINE = re.compile(r"^(\w+)\(")
# The agent never deletes what it does not understand; what it set aside is not part of the result.
ASIDE = re.compile(r"(^|/)anaconda3\.[a-z]+-")
NOT_THE_RESULT = frozenset({"lost+found"})
# Two runs are remembered as two.
HISTORY = frozenset({"var/lib/vivarium", "var/log"})


@dataclass(frozen=True)
class Cut:
    """The n-th time that the agent makes this call."""

    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.call}#{self.number}"


@dataclass
class Result:
    """What a run that was not disturbed leaves, and the calls it made."""

    tree: dict[str, str]
    cuts: list[Cut]


def traced(lab: Lab, *options: str) -> int:
    """Runs the agent under strace: its main thread, where every door is, and none of its children."""
    argv = ["strace", "-o", TRACE, "-e", f"trace={','.join(CALLS)}", *options, "--", AGENT, "run"]
    return lab.instance.run(argv, timeout=900).returncode


def cuts_of(log: str) -> list[Cut]:
    """The calls of a recording in their order, most of the many writes left out."""
    seen: Counter[str] = Counter()
    cuts = []
    for line in log.splitlines():
        if match := LOG_LINE.match(line):
            seen[match[1]] += 1
            cuts.append(Cut(match[1], seen[match[1]]))
    stride = max(1, seen["write"] // WRITES)
    return [cut for cut in cuts if cut.call != "write" or cut.number % stride == 0]


def chosen(cuts: list[Cut]) -> list[Cut]:
    wish = os.environ.get("VIVARIUM_CUT", "10")
    if wish == "all":
        return cuts
    if "/" in wish:
        share, of = (int(part) for part in wish.split("/"))
        return cuts[share - 1 :: of]
    return cuts[:: max(1, len(cuts) // int(wish))]


def tree(lab: Lab) -> dict[str, str]:
    """The volume, and what was changed on the root disk."""
    volume = manifest.of(lab.instance.path("/anaconda"), without=NOT_THE_RESULT)
    result = {f"anaconda/{path}": what for path, what in volume.items() if not ASIDE.search(path)}
    root = manifest.of(lab.instance.changes, without=HISTORY)
    return result | {f"root/{path}": what for path, what in root.items()}


def used_volume(lab: Lab) -> Path:
    """A snapshot of a volume with a filesystem on it, and a file that a user put there."""
    snapshot = lab.scratch.file("used.img")
    lab.instance.shell(
        "mkfs.ext4 -q /dev/nvme1n1; mkdir -p /mnt/used; mount /dev/nvme1n1 /mnt/used; mkdir /mnt/used/notes;"
        f"printf '%s' '{USERS_TEXT}' > /mnt/used/notes/mine.txt; umount /mnt/used; rmdir /mnt/used"
    )
    lab.instance.end()
    lab.volume.release()
    lab.volume.save(snapshot)
    return snapshot


def undisturbed(lab: Lab, snapshot: Path | None) -> Result:
    lab.replace_instance(snapshot)
    assert traced(lab) == 0, "the run that is recorded must succeed"
    return Result(tree(lab), cuts_of(lab.instance.path(TRACE).read_text()))


def converges(lab: Lab, snapshot: Path | None, cut: Cut, wanted: dict[str, str]) -> str | None:
    """Cuts one run and starts another. What is wrong then, if anything is."""
    lab.replace_instance(snapshot)
    ended = traced(lab, "-e", f"inject={cut.call}:signal=SIGKILL:when={cut.number}")
    if ended == 0:
        return None  # a run may make fewer calls than the recorded one; then it ended well
    if ended != -signal.SIGKILL:
        return f"the cut run ended with {ended}"
    again = lab.agent("run")
    if again.returncode != 0:
        return f"the second run ended with {again.returncode}: {(again.stderr or again.stdout).strip()[-1500:]}"
    different = manifest.differences(wanted, tree(lab))
    return "\n  ".join(different[:10]) or None


@pytest.fixture(scope="module")
def lab(agent: Path) -> Iterator[Lab]:
    with Lab(agent, volume_size=4 << 30) as lab:
        yield lab


@pytest.mark.parametrize("volume", ["blank", "used"])
def test_a_run_cut_anywhere_is_made_whole_by_the_next(lab: Lab, volume: str) -> None:
    snapshot = used_volume(lab) if volume == "used" else None
    result = undisturbed(lab, snapshot)
    assert (USERS_FILE in result.tree) == (volume == "used")
    cuts = chosen(result.cuts)
    print(f"\n{volume} volume: {len(result.cuts)} calls recorded, {len(cuts)} cuts")
    wrong = {str(cut): problem for cut in cuts if (problem := converges(lab, snapshot, cut, result.tree))}
    assert wrong == {}, "\n".join(f"{cut}: {problem}" for cut, problem in wrong.items())
