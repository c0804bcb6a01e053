"""deb and rpm of one description, packages.toml, by nfpm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from build import ROOT
from stage import Entry

DESCRIPTION = ROOT / "packaging/packages.toml"
SCRIPTS = ROOT / "packaging/packages"
NFPM = Path(sys.executable).parent / "nfpm"
# What the formats call the processors in the names of files.
NAMES = {
    "deb": ("{name}_{version}-1_{arch}.deb", {"x86_64": "amd64", "aarch64": "arm64"}),
    "rpm": ("{name}-{version}-1.{arch}.rpm", {"x86_64": "x86_64", "aarch64": "aarch64"}),
}


def package(
    kind: str, program: str, architecture: str, version: str, entries: list[Entry], out: Path, epoch: int
) -> Path:
    """Makes one package."""
    name, architectures = NAMES[kind]
    path = out / name.format(name=program, version=version, arch=architectures[architecture])
    described = _described(kind, program, version, epoch)
    described["arch"] = NAMES["deb"][1][architecture]
    described["contents"] = [_content(entry) for entry in entries if entry.only in ("", kind)]
    config = out / f".{program}-{architecture}.{kind}.json"
    config.write_text(json.dumps(described, indent=1))
    try:
        _nfpm(config, kind, path, epoch)
    finally:
        config.unlink()
    return path


def _described(kind: str, program: str, version: str, epoch: int) -> dict[str, Any]:
    text = tomllib.loads(DESCRIPTION.read_text())
    of_both, of_one = text["every"], text[program]
    # Where rpm has a field of its own, deb has the first line.
    description = of_one["description"].strip()
    if kind == "deb":
        description = f"{of_one['summary']}\n{description}"
    described: dict[str, Any] = {
        "name": program,
        "platform": "linux",
        "version": version,
        "version_schema": "none",
        "release": "1",
        "mtime": _time(epoch),
        "maintainer": of_both["maintainer"],
        "license": of_both["license"],
        "section": of_both["section"],
        "priority": "optional",
        "description": description,
        "depends": of_one.get("depends", {}).get(kind, []),
        "recommends": of_one.get("recommends", []),
        "deb": {"compression": "xz"},
        "rpm": {"compression": "xz", "buildhost": "localhost", "group": of_both["group"], "summary": of_one["summary"]},
    }
    if of_one.get("scripts"):
        described["scripts"] = {name: str(SCRIPTS / f"{name}.sh") for name in of_one["scripts"]}
    return described


def _content(entry: Entry) -> dict[str, Any]:
    info = {"mode": entry.mode, "owner": "root", "group": "root"}
    return {"src": str(entry.source), "dst": entry.place, "file_info": info}


def _time(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nfpm(config: Path, kind: str, path: Path, epoch: int) -> None:
    command = [str(NFPM), "package", "--config", str(config), "--packager", kind, "--target", str(path)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"making {path.name}: {run.stderr or run.stdout}")
