"""All that is given away, in one folder: programs, tarballs, deb and rpm, an SBOM, SHA256SUMS.

python packaging/artefacts                             both programs for both processors, into dist/
python packaging/artefacts --architecture x86_64 --program vivarium-agent --only-build
python packaging/artefacts --binaries DIR              of programs that are built: DIR/vivarium-agent-x86_64 and so on
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import archive
import packages
import sbom
import stage
from build import ARCHITECTURES, PROGRAMS, ROOT, BuildFailed, build


def main() -> int:
    """Ends with 1, and says why, where something cannot be made."""
    asked = _arguments()
    try:
        binaries = _binaries(asked)
        if not asked.only_build:
            _give(asked, binaries)
    except (BuildFailed, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder; it is made anew")
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES, help="may be repeated")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="may be repeated")
    parser.add_argument("--targets", type=Path, default=ROOT / "target", help="where cargo builds")
    parser.add_argument("--only-build", action="store_true", help="build, and say where")
    parser.add_argument("--binaries", type=Path, help="take what is built from here")
    parser.add_argument("--pages-from", type=Path, help="the folder of the programs that write their pages")
    parser.add_argument("--version", default=_version(), help="another version, for tests")
    asked = parser.parse_args()
    asked.architecture = asked.architecture or list(ARCHITECTURES)
    asked.program = asked.program or list(PROGRAMS)
    return asked


def _binaries(asked: argparse.Namespace) -> dict[tuple[str, str], Path]:
    pairs = [(program, architecture) for architecture in asked.architecture for program in asked.program]
    if asked.binaries:
        return {pair: asked.binaries / "-".join(pair) for pair in pairs}
    built = {}
    for program, architecture in pairs:
        path = build(program, architecture, asked.targets.resolve())
        built[program, architecture] = path
        print(f"{path.stat().st_size:>12,} bytes  {path}", flush=True)
    return built


def _give(asked: argparse.Namespace, binaries: dict[tuple[str, str], Path]) -> None:
    epoch = _epoch()
    shutil.rmtree(asked.out, ignore_errors=True)
    asked.out.mkdir(parents=True)
    for (program, architecture), binary in binaries.items():
        shutil.copyfile(binary, asked.out / f"{program}-{architecture}")
        (asked.out / f"{program}-{architecture}").chmod(0o755)
    with tempfile.TemporaryDirectory() as scratch:
        for architecture in asked.architecture:
            _of_architecture(asked, architecture, binaries, Path(scratch), epoch)
    sbom.write(asked.out / f"vivarium-{asked.version}.cdx.json", asked.version, epoch)
    archive.sums(asked.out)
    for path in sorted(asked.out.iterdir()):
        print(f"{path.stat().st_size:>12,} bytes  {path.name}")


def _of_architecture(
    asked: argparse.Namespace, architecture: str, binaries: dict[tuple[str, str], Path], scratch: Path, epoch: int
) -> None:
    name = f"vivarium-{asked.version}-{architecture}"
    files = {
        f"{name}/{path}": (ROOT / path, 0o644) for path in ("LICENSE", "README.md", "CHANGELOG.md", str(stage.UNIT))
    }
    for program in asked.program:
        folder = scratch / architecture / program
        entries = stage.entries(program, binaries[program, architecture], _speaker(asked, program, binaries), folder)
        for kind in packages.NAMES:
            packages.package(kind, program, architecture, asked.version, entries, asked.out, epoch)
        files |= {
            f"{name}{row.place.removeprefix('/usr')}": (row.source, row.mode) for row in entries if row.only != "rpm"
        }
    archive.tarball(asked.out / f"{name}.tar.gz", files, epoch)


def _speaker(asked: argparse.Namespace, program: str, binaries: dict[tuple[str, str], Path]) -> Path:
    """The program that writes its own pages: of this machine's processor."""
    if asked.pages_from:
        return asked.pages_from / program
    own = os.uname().machine
    return binaries.get((program, own)) or build(program, own, asked.targets.resolve())


def _version() -> str:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    return str(manifest["workspace"]["package"]["version"])


def _epoch() -> int:
    """The time of the commit, or what SOURCE_DATE_EPOCH says."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    log = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(log, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
