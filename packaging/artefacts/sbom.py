"""What the programs are made of, as CycloneDX JSON: every crate that is linked in, of what cargo says of it."""

from __future__ import annotations

import json
import subprocess
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from build import ARCHITECTURES, PROGRAMS, ROOT

Json = dict[str, Any]


def write(path: Path, version: str, epoch: int) -> None:
    """One for both programs and both processors."""
    crates: dict[str, Json] = {}
    edges: dict[str, set[str]] = {}
    for architecture in ARCHITECTURES:
        metadata = _metadata(architecture)
        _walk(metadata, crates, edges)
    components = sorted((_component(crate) for crate in crates.values()), key=lambda row: str(row["bom-ref"]))
    references = {identity: _reference(crate) for identity, crate in crates.items()}
    dependencies = [
        {"ref": references[one], "dependsOn": sorted(references[other] for other in others)}
        for one, others in edges.items()
    ]
    said: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": "vivarium", "name": "vivarium", "version": version},
        },
        "components": components,
        "dependencies": sorted(dependencies, key=lambda row: str(row["ref"])),
    }
    said["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(said, sort_keys=True)).urn
    path.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


def _metadata(architecture: str) -> Json:
    only = ["--filter-platform", f"{architecture}-unknown-linux-gnu"]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *only]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
    answer: Json = json.loads(said.stdout)
    return answer


def _walk(metadata: Json, crates: dict[str, Json], edges: dict[str, set[str]]) -> None:
    """All that the programs reach by dependencies that are linked in; what only builds or tests them is left out."""
    packages = {row["id"]: row for row in metadata["packages"]}
    nodes = {row["id"]: row for row in metadata["resolve"]["nodes"]}
    left = [identity for identity, row in packages.items() if row["name"] in PROGRAMS.values()]
    seen = set()
    while left:
        one = left.pop()
        if one in seen:
            continue
        seen.add(one)
        linked = [row["pkg"] for row in nodes[one]["deps"] if any(kind["kind"] is None for kind in row["dep_kinds"])]
        linked = [other for other in linked if not _is_macro(packages[other])]
        crates[one] = packages[one]
        edges.setdefault(one, set()).update(linked)
        left += linked


def _is_macro(package: Json) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def _reference(crate: Json) -> str:
    return f"pkg:cargo/{crate['name']}@{crate['version']}"


def _component(crate: Json) -> Json:
    row: Json = {
        "type": "library" if crate["source"] else "application",
        "bom-ref": _reference(crate),
        "purl": _reference(crate),
        "name": crate["name"],
        "version": crate["version"],
    }
    if crate["license"]:
        row["licenses"] = [{"expression": crate["license"].replace("/", " OR ")}]
    checksum = _checksums().get((crate["name"], crate["version"]))
    if checksum:
        row["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return row


def _checksums() -> dict[tuple[str, str], str]:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(row["name"], row["version"]): row["checksum"] for row in lock["package"] if "checksum" in row}
