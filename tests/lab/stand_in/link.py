"""Links unpacked packages into the prefix: the stand-in for what conda does at that point.

Runs under the payload's own Python, out of `pkgs/`, before the prefix has one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path


def link_file(package: Path, prefix: Path, name: str, placeholder: str | None) -> None:
    """Puts one file of a package into the prefix, in place of whatever was there."""
    source, target = package / name, prefix / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if source.is_symlink():
        target.symlink_to(os.readlink(source))
    elif placeholder is not None:
        target.write_text(source.read_text().replace(placeholder, str(prefix)))
        shutil.copymode(source, target)
    else:
        os.link(source, target)


def link_package(prefix: Path, dist: str) -> None:
    """Puts the files of one package into the prefix."""
    package = prefix / "pkgs" / dist
    with_prefix = json.loads((package / "info/has_prefix.json").read_text())
    for name in (package / "info/files").read_text().splitlines():
        link_file(package, prefix, name, with_prefix.get(name))


def record_package(prefix: Path, dist: str) -> None:
    """Writes the record by which conda knows that a package is installed."""
    package = prefix / "pkgs" / dist
    record = json.loads((package / "info/index.json").read_text())
    record["files"] = (package / "info/files").read_text().splitlines()
    record["fn"] = f"{dist}.tar.bz2"
    record["link"] = {"source": str(package), "type": 1}
    directory = prefix / "conda-meta"
    directory.mkdir(exist_ok=True)
    (directory / f"{dist}.json").write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def register(prefix: Path) -> None:
    """Adds the prefix to the environments that this user knows of."""
    listing = Path(os.path.expanduser("~/.conda/environments.txt"))
    known = listing.read_text().splitlines() if listing.exists() else []
    if str(prefix) not in known:
        listing.write_text("\n".join([*known, str(prefix)]) + "\n")


def main() -> None:
    """One package (as in 2017), or all that a file lists (as today): first link all, then record all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root-prefix", type=Path, required=True)
    parser.add_argument("--link-dist")
    parser.add_argument("--file", type=Path)
    chosen = parser.parse_args()
    if chosen.link_dist:
        dists = [chosen.link_dist]
    else:
        lines = chosen.file.read_text().splitlines()
        dists = [line.removesuffix(".tar.bz2") for line in lines if line.endswith(".tar.bz2")]
    for dist in dists:
        link_package(chosen.root_prefix, dist)
    for dist in dists:
        record_package(chosen.root_prefix, dist)
    if chosen.file:
        register(chosen.root_prefix)


main()
