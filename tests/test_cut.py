"""The cut: whatever the agent was doing when it was killed, the next run ends where every run ends.

The agent is killed by SIGKILL right before a call that changes something, one call after another, each
time on a fresh instance, once with a blank volume and once with one that holds a user's file. A run
that is not disturbed tells which calls there are. By default one call of each kind and one of each step
is cut at, half of them with each volume; `VIVARIUM_CUT=all` cuts at every one, `1/2` at every second.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab import cut, manifest, shelf
from lab.cut import Cut
from lab.lab import AGENT, KEPT, Lab

USERS_FILE = "/anaconda/notes/mine.txt"
USERS_TEXT = "a user put this here\n"
POINT = "/anaconda"
STATE = "/var/lib/vivarium"
# How often these are called is the network's choice. A cut at the last of them may find no call to cut.
# The writes of a download are as many as the network makes of them, and alike: so many of them are enough.
DOWNLOAD_WRITES = 25
DOWNLOAD_WRITE = re.compile(r"write .*\.sh\.part$")
NETWORK_S_CHOICE = re.compile(r"(write|writev|sendto|sendmsg|connect) (socket|port|.*\.part$)")


@dataclass
class Result:
    """What is there after a run that ended well."""

    volume: dict[str, str]
    root: dict[str, str]
    own: dict[str, str]
    mounts: list[str]

    def differences(self, found: Result) -> list[str]:
        different = []
        for part in ("volume", "root", "own"):
            lines = manifest.differences(getattr(self, part), getattr(found, part))
            different += [f"{part}: {line}" for line in lines]
        gone, new = set(self.mounts) - set(found.mounts), set(found.mounts) - set(self.mounts)
        return different + [f"mount gone: {mount}" for mount in gone] + [f"mount left: {mount}" for mount in new]


@dataclass
class Tally:
    """What became of the cuts."""

    converged: list[Cut] = field(default_factory=list)
    missed: list[Cut] = field(default_factory=list)
    wrong: dict[Cut, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{len(self.converged)} converged, {len(self.wrong)} did not, {len(self.missed)} were never reached"


def thinned(cuts: list[Cut]) -> list[Cut]:
    """All calls, but of the writes of a download only some, from its first to its end."""
    writes = [cut for cut in cuts if DOWNLOAD_WRITE.match(cut.key)]
    few = {writes[number * len(writes) // DOWNLOAD_WRITES] for number in range(DOWNLOAD_WRITES)} if writes else set()
    return [cut for cut in cuts if not DOWNLOAD_WRITE.match(cut.key) or cut in few]


def chosen(cuts: list[Cut], volume: str) -> list[Cut]:
    wish = os.environ.get("VIVARIUM_CUT", "sample")
    if wish == "all":
        return cuts
    if "/" in wish:
        share, of = (int(part) for part in wish.split("/"))
        return cuts[share - 1 :: of]
    return cut.sample(cuts, 1 if volume == "blank" else 2, 2)


def observe(lab: Lab) -> Result:
    """The volume, and what was changed on the root disk; of the agent's memory of its runs the names only."""
    root = manifest.of(lab.instance.changes)
    memory = f"{STATE.lstrip('/')}/"
    root = {path: what for path, what in root.items() if not path.startswith(memory)}
    uuid = lab.instance.shell("blkid -o value -s UUID /dev/nvme1n1").strip()
    # The UUID was chosen by the run. That this one is meant and no other is proven by the entry in full.
    root["etc/fstab"] = lab.instance.path("/etc/fstab").read_text().replace(uuid, "UUID")
    root |= {f"{STATE}/{path}": what for path, what in manifest.names(lab.instance.path(STATE)).items()}
    own = {f"{own}/{path}": what for own in ("root", "tmp") for path, what in directory(lab, own).items()}
    own |= {f"run/{path}": what for path, what in manifest.names(lab.instance.path("/run/vivarium")).items()}
    return Result(manifest.of(lab.instance.path(POINT)), root, own, mounts(lab))


def directory(lab: Lab, name: str) -> dict[str, str]:
    return manifest.of(lab.instance.path(f"/{name}"))


def mounts(lab: Lab) -> list[str]:
    """Every mount of the instance: what, where and how; not the numbers that the kernel gives anew."""
    lines = Path(f"/proc/{lab.instance.first_process}/mountinfo").read_text().splitlines()
    found = []
    for line in lines:
        before, after = line.split(" - ")
        options = re.sub(r"(shared|master):\d+", "", " ".join(before.split()[3:6]))
        found.append(f"{options} {after.split()[0]}")
    return sorted(found)


def used_volume(lab: Lab) -> Path:
    """A snapshot of a volume with a filesystem on it, and a file that a user put there."""
    snapshot = lab.scratch.file("used.img")
    lab.replace_instance()
    lab.instance.shell(
        "mkfs.ext4 -q /dev/nvme1n1; mkdir -p /mnt/used; mount /dev/nvme1n1 /mnt/used; mkdir /mnt/used/notes;"
        f"printf '%s' '{USERS_TEXT}' > /mnt/used/notes/mine.txt; umount /mnt/used; rmdir /mnt/used"
    )
    lab.instance.end()
    lab.volume.release()
    lab.volume.save(snapshot)
    return snapshot


def fresh(lab: Lab, snapshot: Path | None) -> None:
    lab.replace_instance(snapshot)
    lab.instance.install(cut.program(KEPT), cut.PROGRAM)


def undisturbed(lab: Lab, snapshot: Path | None) -> tuple[Result, list[Cut]]:
    fresh(lab, snapshot)
    ran = cut.run(lab.instance, [AGENT, "run"])
    assert ran.exit == 0, "the run that is recorded must succeed"
    assert snapshot is None or lab.instance.path(USERS_FILE).read_text() == USERS_TEXT
    return observe(lab), ran.cuts


def problem(lab: Lab, wanted: Result) -> str | None:
    """Starts the agent again after a cut, and once more. What is wrong then, if anything is."""
    again = lab.agent("run")
    if again.returncode != 0:
        return f"the second run ended with {again.returncode}: {(again.stderr or again.stdout).strip()[-1500:]}"
    if left := lab.instance.processes():
        return f"processes left: {left}"
    for number, line in enumerate(lab.instance.path(f"{STATE}/journal.jsonl").read_text().splitlines(), 1):
        try:
            json.loads(line)
        except ValueError:
            return f"line {number} of the journal cannot be read: {line!r}"
    if different := wanted.differences(observe(lab)):
        return "\n  ".join([f"{len(different)} differences", *different[:10]])
    third = lab.agent("run", "--json")
    outcomes = {step["name"]: step["outcome"] for step in json.loads(third.stdout)["steps"]}
    if third.returncode != 0 or set(outcomes.values()) != {"unchanged"}:
        return f"the third run ended with {third.returncode}: {outcomes}"
    return None


def try_cut(lab: Lab, snapshot: Path | None, where: Cut, wanted: Result, tally: Tally) -> str:
    """Cuts one run; what became of it in a word."""
    fresh(lab, snapshot)
    ran = cut.run(lab.instance, [AGENT, "run"], where)
    if not ran.was_cut:
        assert ran.exit == 0, f"{where}: the run that was to be cut ended by itself with {ran.exit}"
        tally.missed.append(where)
        return "never reached"
    if wrong := problem(lab, wanted):
        tally.wrong[where] = wrong
        return f"WRONG: {wrong}"
    tally.converged.append(where)
    return "converged"


@pytest.fixture(scope="module")
def lab(agent: Path) -> Iterator[Lab]:
    installer = shelf.stand_in(KEPT / "installers-small", "--small")
    with Lab(agent, installer=installer, volume_size=4 << 30) as lab:
        yield lab


@pytest.mark.parametrize("volume", ["blank", "used"])
def test_a_run_cut_anywhere_is_made_whole_by_the_next(lab: Lab, volume: str) -> None:
    snapshot = used_volume(lab) if volume == "used" else None
    wanted, cuts = undisturbed(lab, snapshot)
    assert ("notes/mine.txt" in wanted.volume) == (volume == "used")
    assert wanted.root["etc/fstab"].count(f" {POINT} ") == 1
    began, tally, picked = time.monotonic(), Tally(), chosen(thinned(cuts), volume)
    print(f"\n{volume} volume: {len(cuts)} calls recorded, {len(picked)} to be cut at", flush=True)
    for number, where in enumerate(picked, 1):
        said = try_cut(lab, snapshot, where, wanted, tally)
        print(f"{volume} {number}/{len(picked)} {time.monotonic() - began:.0f} s {where}: {said}", flush=True)
    print(f"{volume} volume: {tally}; {time.monotonic() - began:.0f} s", flush=True)
    assert tally.wrong == {}, "\n".join(f"{where}: {wrong}" for where, wrong in tally.wrong.items())
    assert [str(where) for where in tally.missed if not NETWORK_S_CHOICE.match(where.key)] == []
    assert tally.converged


def test_the_sample_has_every_kind_of_call_and_every_step() -> None:
    step = [cut.STEP_BEGINS, "write /a", "fsync /a", "write /b"]
    calls = cut.read(0, "\n".join(["mkdir /run/vivarium", *step, *step, "chmod /c", *step, *step, "= exit 0"])).cuts
    whole = [*cut.sample(calls, 1, 2), *cut.sample(calls, 2, 2)]
    assert {where.call for where in whole} == {"mkdir", "ftruncate", "write", "fsync", "chmod"}
    assert len(cut.steps(calls)) == 5
    assert all(set(step) & set(whole) for step in cut.steps(calls))
    assert len(whole) == len(set(whole)) < len(calls)
