"""What is given away: made twice the same, and the packages' lives in clean roots. Tiny programs stand in for ours."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lab.clean_root import CleanRoot, clean_root
from lab.lab import REPOSITORY

STAND_IN = "#!/bin/sh\necho {} {}\n"
TOML = "/etc/vivarium/agent.toml"
JOURNAL = "/var/lib/vivarium/journal.jsonl"
UNIT = "/usr/lib/systemd/system/vivarium-agent.service"
# It notes what it is asked.
SYSTEMCTL = '#!/bin/sh\necho "$*" >> /systemctl.log\n'
OLD, NEW = "0.1.0", "0.2.0"
# The database knows nothing of what the root has; and Debian would rather have nobody install one.
ALONE = ("--nodeps", "--force-debian")


def give(folder: Path, version: str, speakers: Path, *only: str) -> Path:
    """Makes all of it, or only what is said, in a folder of its own."""
    binaries, out = folder / f"binaries-{version}", folder / version
    binaries.mkdir(parents=True)
    for program in ("vivarium-agent", "vivarium-check"):
        for architecture in ("x86_64", "aarch64"):
            (binaries / f"{program}-{architecture}").write_text(STAND_IN.format(program, version))
    command = [sys.executable, str(REPOSITORY / "packaging/artefacts"), "--version", version, "--out", str(out)]
    command += ["--binaries", str(binaries), "--pages-from", str(speakers), *only]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return out


@pytest.fixture(scope="module")
def given(agent: Path, checker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of each version."""
    assert agent.parent == checker.parent
    folder = tmp_path_factory.mktemp("given")
    give(folder, OLD, agent.parent)
    give(folder, NEW, agent.parent, "--architecture", "x86_64", "--program", "vivarium-agent")
    return folder


@pytest.fixture
def root(given: Path) -> Iterator[CleanRoot]:
    with clean_root(given) as root:
        yield root


def test_made_twice_in_two_folders_it_is_the_same(given: Path, agent: Path, tmp_path: Path) -> None:
    again = give(tmp_path / "elsewhere", OLD, agent.parent)
    sums = (given / OLD / "SHA256SUMS").read_text()
    assert (again / "SHA256SUMS").read_text() == sums
    told = dict(reversed(row.split("  ")) for row in sums.splitlines())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in again.iterdir()}
    del files["SHA256SUMS"]
    assert told == files and len(told) == 15


def test_the_sums_are_those_that_userdata_is_rendered_with(given: Path, agent: Path, tmp_path: Path) -> None:
    settings = tmp_path / "agent.toml"
    settings.write_text('volume = "vol-0123456789abcdef0"\n')
    url = "https://example.com/vivarium-agent-{architecture}"
    sums = str(given / OLD / "SHA256SUMS")
    command = [str(agent), "userdata", "--config", str(settings), "--url", url, "--sums", sums]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0 and run.stdout.count("h=") >= 2, run.stdout


def test_a_tarball_is_root_s_and_has_pages_completions_and_the_unit(given: Path) -> None:
    with tarfile.open(given / OLD / f"vivarium-{OLD}-aarch64.tar.gz") as tar:
        rows = {row.name.partition("/")[2]: row for row in tar}
    assert {(row.uid, row.gid, row.uname, row.mtime) for row in rows.values()} == {
        (0, 0, "root", rows["LICENSE"].mtime)
    }
    assert rows["bin/vivarium-agent"].mode == rows["bin/vivarium-check"].mode == 0o755
    for name in ("share/man/man1/vivarium-check-ssh.1.gz", "share/bash-completion/completions/vivarium-agent"):
        assert rows[name].size > 100
    assert "packaging/systemd/vivarium-agent.service" in rows


def test_the_bill_of_materials_names_what_is_linked_in_with_licence_and_hash(given: Path) -> None:
    text = (given / OLD / f"vivarium-{OLD}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None, "as CycloneDX's own schema has it"
    bill = json.loads(text)
    crates = {row["name"]: row for row in bill["components"]}
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert {"vivarium-agent", "vivarium-checker", "vivarium-bootstrap", "rustls", "aws-lc-rs", "tokio"} < crates.keys()
    assert not {"proptest", "serde_derive", "cc"} & crates.keys(), "they are not in the programs"
    assert all(row.get("licenses") for row in crates.values())
    assert all(row.get("hashes") for name, row in crates.items() if not name.startswith("vivarium-"))
    known = {row["bom-ref"] for row in bill["components"]}
    assert {other for row in bill["dependencies"] for other in row["dependsOn"]} <= known


def deb(version: str, program: str = "vivarium-agent") -> str:
    return f"/packages/{version}/{program}_{version}-1_amd64.deb"


def rpm(version: str, program: str = "vivarium-agent") -> str:
    return f"packages/{version}/{program}-{version}-1.x86_64.rpm"


def of_rpm(root: CleanRoot, *argv: str) -> str:
    """This machine's rpm, with the root's own database."""
    return root.from_outside("rpm", "--root", str(root.folder / "root"), "--dbpath", "/var/lib/rpm", *argv)


def settle(root: CleanRoot) -> None:
    """What UserData, a run and an administrator leave."""
    root.write(TOML, 'volume = "vol-0123456789abcdef0"\n')
    root.write(JOURNAL, '{"event":"run started"}\n')
    root.write("/etc/fstab", "UUID=0 /anaconda ext4 defaults 0 2\n")


def kept(root: CleanRoot) -> bool:
    return root.path(TOML).is_file() and root.path(JOURNAL).is_file()


def test_a_deb_is_installed_upgraded_with_its_settings_removed_and_purged(root: CleanRoot) -> None:
    root.run("dpkg", "--install", deb(OLD), deb(OLD, "vivarium-check"))
    assert root.run("vivarium-agent") == f"vivarium-agent {OLD}\n"
    assert root.run("sh", "-c", "ls /etc/vivarium /etc/systemd/system/*.wants/viv* 2>/dev/null || true") == ""
    root.write("/usr/bin/systemctl", SYSTEMCTL, 0o755)
    settle(root)
    root.run("dpkg", "--install", deb(NEW))
    assert root.run("vivarium-agent") == f"vivarium-agent {NEW}\n" and kept(root)
    assert not root.path("/systemctl.log").exists(), "an upgrade leaves the unit as it is"
    root.run("dpkg", "--remove", "vivarium-agent")
    assert root.path("/systemctl.log").read_text() == "disable vivarium-agent.service\n"
    assert kept(root) and not root.path(UNIT).is_file() and not root.path("/usr/bin/vivarium-agent").is_file()
    root.run("dpkg", "--purge", "vivarium-agent", "vivarium-check")
    assert not root.path(TOML).exists() and not root.path(JOURNAL).exists()
    assert "/anaconda" in root.path("/etc/fstab").read_text(), "the volume is the user's"
    assert root.run("dpkg", "--get-selections").count("vivarium") == 0


def test_dpkg_finds_nothing_to_say_of_what_it_has_unpacked(root: CleanRoot) -> None:
    root.run("dpkg", "--install", deb(OLD), deb(OLD, "vivarium-check"))
    assert root.run("dpkg", "--verify", "vivarium-agent", "vivarium-check") == ""
    assert root.run("dpkg", "--audit") == ""


def test_an_rpm_is_installed_upgraded_with_its_settings_and_removed(root: CleanRoot) -> None:
    of_rpm(root, "--initdb")
    of_rpm(root, "--install", *ALONE, rpm(OLD), rpm(OLD, "vivarium-check"))
    assert root.run("vivarium-agent") == f"vivarium-agent {OLD}\n"
    assert of_rpm(root, "--verify", "--nodeps", "vivarium-agent", "vivarium-check") == ""
    root.write("/usr/bin/systemctl", SYSTEMCTL, 0o755)
    settle(root)
    of_rpm(root, "--upgrade", *ALONE, rpm(NEW))
    assert root.run("vivarium-agent") == f"vivarium-agent {NEW}\n" and kept(root)
    assert not root.path("/systemctl.log").exists(), "an upgrade leaves the unit as it is"
    of_rpm(root, "--erase", "vivarium-agent", "vivarium-check")
    assert root.path("/systemctl.log").read_text() == "disable vivarium-agent.service\n"
    assert kept(root), "rpm knows no purge"
    assert not root.path(UNIT).is_file() and not root.path("/usr/bin/vivarium-agent").is_file()
    assert of_rpm(root, "--query", "--all") == ""


def test_both_formats_say_the_same_of_a_program(given: Path) -> None:
    for program in ("vivarium-agent", "vivarium-check"):
        control = subprocess.check_output(
            ["dpkg-deb", "--field", given / OLD / Path(deb(OLD, program)).name, "Version", "Description"], text=True
        )
        asked = ["rpm", "--query", "--package", "--queryformat", "%{VERSION}-%{RELEASE}\n%{SUMMARY}\n%{DESCRIPTION}\n"]
        said = subprocess.check_output([*asked, given / OLD / Path(rpm(OLD, program)).name], text=True)
        assert re.sub(r"(Version|Description): |^ ", "", control, flags=re.MULTILINE).split() == said.split()
