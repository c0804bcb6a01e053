"""Reports of many kinds, as the checker writes them, to be looked at in a browser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .vpc import edits
from .vpc.addresses import LAPTOP
from .vpc.describe import Folder, example, write
from .vpc.faults import FAULTS

STRANGER = "203.0.113.99"
# As long as a Name tag can be, with nowhere to break it, and letters that mean something in markup.
LONG_NAME = "<analytics&reporting>_" + "W" * 234
NOBODY = "127.0.0.1:1"  # nothing listens there


@dataclass(frozen=True)
class Report:
    """What is asked of which network; a replay is the same, kept and said again."""

    folder: Callable[[], Folder]
    words: tuple[str, ...]
    replayed: bool = False


def _with(*faults: str) -> Callable[[], Folder]:
    chosen = [FAULTS[name].edit for name in faults]
    return lambda: edits.together(*(edit for edit in chosen if edit))(example())


def _path(source: str, to: str, port: int) -> tuple[str, ...]:
    return ("path", "--from", source, "--to", to, "--port", str(port))


def _without_groups() -> Folder:
    return {name: document for name, document in example().items() if "security-group" not in name}


def _long() -> Folder:
    folder = _with("sg-no-inbound", "nacl-new", "igw-detached", "eip", "instance-stopped")()
    edits.instance(folder)["Tags"] = [{"Key": "Name", "Value": LONG_NAME}]
    return folder


REPORTS = {
    "healthy": Report(example, _path(LAPTOP, edits.INSTANCE, 22)),
    "group": Report(example, _path(STRANGER, edits.INSTANCE, 22)),
    "partly": Report(_with("nacl-eph-partial"), _path(LAPTOP, edits.INSTANCE, 22)),
    "database": Report(_with("sg-db"), _path(edits.INSTANCE, "mydb", 5432)),
    "two-faults": Report(_with("sg-ssh", "nacl-eph"), _path(LAPTOP, edits.INSTANCE, 22)),
    "unknown": Report(_without_groups, _path(LAPTOP, edits.INSTANCE, 22)),
    "long": Report(_long, _path("internet", LONG_NAME, 22)),
    "probed": Report(example, ("ssh", NOBODY)),
    "replay": Report(_with("route-blackhole"), _path(LAPTOP, edits.INSTANCE, 22), replayed=True),
}


def write_report(program: Path, name: str, place: Path) -> Path:
    """The page, in a folder of its own below the place."""
    report = REPORTS[name]
    own, page = place / name, place / name / f"{name}.html"
    write(report.folder(), own / "network")
    words = [*report.words, "--network", str(own / "network")]
    if report.replayed:
        _run(program, own, [*words, "--save", str(own / "saved")])
        words = ["replay", str(own / "saved")]
    _run(program, own, [*words, "--report", str(page)])
    return page


def _run(program: Path, home: Path, words: list[str]) -> None:
    """The checker, for somebody with an empty home. What it finds is its business."""
    environment = {"HOME": str(home), "USER": "ada", "PATH": os.environ["PATH"]}
    done = subprocess.run([program, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 2:
        raise RuntimeError(f"{words}: {done.stderr}")
