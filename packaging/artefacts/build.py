"""Static release binaries of both programs, for both processors: the same bytes in whatever folder they are built."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = ("x86_64", "aarch64")
# The program, and the crate it comes of.
PROGRAMS = {"vivarium-agent": "vivarium-agent", "vivarium-check": "vivarium-checker"}
# Where tests/lab/setup.sh unpacks Debian's Rust library for aarch64, whose compiler has to be Debian's own then.
SYSROOT = ROOT / ".lab/aarch64/root/usr"


class BuildFailed(Exception):
    """What was being built, and what to do."""


def build(program: str, architecture: str, targets: Path) -> Path:
    """Builds one program with cargo, and says where it is."""
    triple = f"{architecture}-unknown-linux-gnu"
    cargo, environment = _compiler(architecture, triple)
    environment |= {
        "CARGO_TARGET_DIR": str(targets),
        "RUSTC_WRAPPER": str(ROOT / "packaging/rustc.sh"),
        "RUSTFLAGS": "-C target-feature=+crt-static",
        "VIVARIUM_ROOT": str(ROOT),
        "VIVARIUM_TARGETS": str(targets),
        "VIVARIUM_REGISTRY": str(_registry()),
    }
    # C's own __FILE__, in the cryptography.
    environment["CFLAGS_" + triple.replace("-", "_")] = " ".join(
        f"-ffile-prefix-map={path}={name}" for path, name in ((targets, "/target"), (_registry(), "/cargo"))
    )
    # One program at a time: together, each would have the features of the other's crates too.
    command = [cargo, "build", "--release", "--locked", "--target", triple, "-p", PROGRAMS[program]]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False)
    if run.returncode != 0:
        raise BuildFailed(f"building {program} for {architecture}\nhint: see what cargo says above")
    return targets / triple / "release" / program


def _registry() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").resolve()


def _compiler(architecture: str, triple: str) -> tuple[str, dict[str, str]]:
    """Cargo, and what tells it of the compilers."""
    if architecture == os.uname().machine:
        return "cargo", {}
    cross = f"{architecture}-linux-gnu-gcc"
    name = triple.replace("-", "_")
    environment = {f"CC_{name}": cross, f"CARGO_TARGET_{name.upper()}_LINKER": cross}
    if _knows("rustc", triple):
        return "cargo", environment
    if architecture == "aarch64" and SYSROOT.is_dir():
        return "/usr/bin/cargo", environment | {"RUSTC": "/usr/bin/rustc", "VIVARIUM_SYSROOT": str(SYSROOT)}
    raise BuildFailed(
        f"building for {architecture}: the Rust compiler has no library for it\n"
        f"hint: tests/lab/setup.sh dist, or rustup target add {triple}"
    )


def _knows(rustc: str, triple: str) -> bool:
    said = subprocess.run([rustc, "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.returncode == 0 and (Path(said.stdout.strip()) / "lib/rustlib" / triple / "lib").is_dir()
