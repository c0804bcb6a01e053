"""What `make dist` has left in dist/: static, small, sound, and the same program on both processors.

Not of `make test`: it needs the release programs. An empty root has a program, its settings, and nothing else; that of
the other processor has qemu's emulator beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.lab import REPOSITORY

DIST = Path(os.environ.get("VIVARIUM_DIST", REPOSITORY / "dist"))
ARCHITECTURES = ("x86_64", "aarch64")
PROGRAMS = ("vivarium-agent", "vivarium-check")
LARGEST_AGENT = 12_000_000
EXAMPLE = REPOSITORY / "tests/lab/vpc/example"
NETWORK = ["--network", "/network", "--no-history"]
# The catalogue's would be another one for each processor.
OWN = ["--set", "anaconda.url=file:///mine.sh", "--set", f"anaconda.sha256={'0' * 64}"]
COMMANDS = [
    ("vivarium-agent", ["--version"]),
    ("vivarium-agent", ["--help"]),
    ("vivarium-agent", ["settings", "--sample"]),
    ("vivarium-agent", ["settings", "--set", "volume.wiat=3"]),
    ("vivarium-agent", ["plan", "--set", "volume.wait=0s", *OWN]),
    ("vivarium-agent", ["completions", "bash"]),
    ("vivarium-check", ["--version"]),
    ("vivarium-check", ["--help"]),
    ("vivarium-check", ["path", "--from", "internet", "--to", "i-0123456789abcdef0", "--port", "22", *NETWORK]),
    ("vivarium-check", ["path", "--from", "i-0123456789abcdef0", "--to", "mydb", "--port", "5432", "--json", *NETWORK]),
    ("vivarium-check", ["replay", "/saved"]),
]
program_of_each = pytest.mark.parametrize("name", [f"{one}-{other}" for one in PROGRAMS for other in ARCHITECTURES])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with our programs and what they are to read."""
    root = tmp_path_factory.mktemp("root")
    for architecture in ARCHITECTURES:
        (root / architecture).mkdir()
        for program in PROGRAMS:
            shutil.copy(DIST / f"{program}-{architecture}", root / architecture / program)
    shutil.copy("/usr/bin/qemu-aarch64-static", root / "emulator")
    shutil.copytree(EXAMPLE, root / "network")
    (root / "etc/vivarium").mkdir(parents=True)
    (root / "etc/vivarium/agent.toml").write_text('volume = "vol-0123456789abcdef0"\nanaconda.accept_license = true\n')
    for folder in ("dev", "home", "proc", "sys"):
        (root / folder).mkdir()
    where = ["--from", "internet", "--to", "i-0123456789abcdef0", "--port", "22"]
    saved = run(root, "vivarium-check", "x86_64", ["path", *where, *NETWORK, "--save", "/saved"])
    assert (root / "saved").is_dir(), saved
    return root


def run(root: Path, program: str, architecture: str, arguments: list[str]) -> tuple[int, str, str]:
    """Runs it in the root with nothing of this machine but the kernel."""
    emulator = [] if architecture == os.uname().machine else ["/emulator"]
    script = 'mount --bind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
    enter = ["unshare", "--mount", "--propagation", "private", "--net", "sh", "-euc", script, str(root)]
    command = [*enter, *emulator, f"/{architecture}/{program}", *arguments]
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"], "HOME": "/home"}, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@program_of_each
def test_it_is_linked_to_nothing(name: str) -> None:
    headers = subprocess.check_output(["readelf", "--wide", "--program-headers", "--dynamic", DIST / name], text=True)
    assert "INTERP" not in headers and "NEEDED" not in headers
    machine = {"x86_64": "X86-64", "aarch64": "AArch64"}[name.rpartition("-")[2]]
    assert machine in subprocess.check_output(["readelf", "--file-header", DIST / name], text=True)


@program_of_each
def test_no_path_of_the_machine_it_was_built_on_is_in_it(name: str) -> None:
    content = (DIST / name).read_bytes()
    # Not the repository's own path, which may be as short as /src and be in every other one.
    ours = [REPOSITORY / folder for folder in ("agent/src", "bootstrap/src", "checker/src", "target")]
    for path in (*ours, Path.home() / ".cargo"):
        assert f"{path}/".encode() not in content, path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_agent_stays_small(architecture: str) -> None:
    assert (DIST / f"vivarium-agent-{architecture}").stat().st_size < LARGEST_AGENT


@pytest.mark.parametrize(("program", "arguments"), COMMANDS, ids=lambda value: str(value)[:40])
def test_in_an_empty_root_it_says_the_same_on_both_processors(root: Path, program: str, arguments: list[str]) -> None:
    ours = run(root, program, "x86_64", arguments)
    theirs = run(root, program, "aarch64", arguments)
    assert ours[0] == theirs[0] and ours[0] in range(12), ours[2] + theirs[2]
    assert ours[1] == theirs[1] and ours[1]
    assert "panicked" not in ours[2] + theirs[2]


def test_the_sums_are_right() -> None:
    check = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=DIST, capture_output=True, text=True)
    assert (check.returncode, check.stdout) == (0, "")


@program_of_each
def test_the_package_holds_the_same_program(name: str) -> None:
    program, _, architecture = name.rpartition("-")
    debian = {"x86_64": "amd64", "aarch64": "arm64"}[architecture]
    (deb,) = DIST.glob(f"{program}_*_{debian}.deb")
    (rpm,) = DIST.glob(f"{program}-*.{architecture}.rpm")
    unpack = {
        deb: 'dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/bin/$2"',
        rpm: 'rpm2archive - < "$1" | tar -xzO "./usr/bin/$2"',
    }
    wanted = hashlib.sha256((DIST / name).read_bytes()).hexdigest()
    for package, script in unpack.items():
        content = subprocess.check_output(["bash", "-euo", "pipefail", "-c", script, "bash", package, program])
        assert hashlib.sha256(content).hexdigest() == wanted, package.name
