"""The stand-in installer fails as Anaconda's does: same exit codes, same things left behind.

Each test is a row of what was seen when a real installer of the same make was executed.
"""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import installer

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROOF = "import ssl, sqlite3, ctypes, sys; print(sys.prefix)"


@pytest.fixture(scope="session")
def payload() -> installer.Payload:
    """One payload for all: making it is the slow part."""
    return installer.make_payload(wrong_arch=False, small=False)


@pytest.fixture(scope="session")
def whole(payload: installer.Payload) -> bytes:
    """A good installer of today's shape."""
    return installer.whole_today(payload, "1.0")


@pytest.fixture
def good(whole: bytes, tmp_path: Path) -> Path:
    """A good installer as a file."""
    return written(tmp_path, whole)


@pytest.fixture
def old(payload: installer.Payload, tmp_path: Path) -> Path:
    """A good installer of 2017's shape."""
    return written(tmp_path, installer.whole_2017(payload, "0.5"))


def written(directory: Path, content: bytes, name: str = "Vivaconda3.sh") -> Path:
    """A file that other users may read too."""
    directory.chmod(0o755)
    path = directory / name
    path.write_bytes(content)
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    """The clean environment of a careful caller."""
    home.mkdir(exist_ok=True)
    return {"PATH": PATH, "HOME": str(home), "LC_ALL": "C", **more}


def install(script: Path, prefix: Path, *flags: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs the installer in batch mode."""
    command = ["bash", str(script), "-b", *flags, "-p", str(prefix)]
    env = environment(script.parent / "home", **more)
    return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@contextmanager
def mounted(at: Path, options: str) -> Iterator[Path]:
    """A tmpfs that is gone afterwards."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


def names(directory: Path) -> set[str]:
    """What stands in a directory."""
    return {path.name for path in directory.iterdir()}


def is_complete(prefix: Path) -> bool:
    """The interpreter runs from its prefix and has what it must have."""
    asked = subprocess.run([prefix / "bin/python", "-c", PROOF], env={}, capture_output=True, text=True)
    return asked.returncode == 0 and asked.stdout.strip() == str(prefix)


def wait_for(there: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a path exists, or the process that should make it has ended."""
    while not there.exists():
        assert process.poll() is None, f"ended before {there} was made"
        time.sleep(0.005)


def kill_when(there: Path, script: Path, prefix: Path, *flags: str) -> None:
    """Starts the installer and kills its whole process group once a path exists."""
    command = ["bash", str(script), "-b", *flags, "-p", str(prefix)]
    env = environment(script.parent / "home")
    process = subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_for(there, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_good_installer_leaves_a_python_that_runs_from_its_prefix(good: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "anaconda3"
    ran = install(good, prefix)
    assert ran.returncode == 0, ran.stderr
    assert is_complete(prefix)
    assert {"_conda", "pkgs", "conda-meta", "LICENSE.txt"} <= names(prefix)
    assert "install_tmp" not in names(prefix)
    assert "stand-in" in ran.stdout
    assert (tmp_path / "home/.conda/environments.txt").read_text() == f"{prefix}\n"
    assert "+vivarium::python-" in (prefix / "conda-meta/history").read_text()


def test_pip_runs_from_the_prefix_and_would_install_where_python_looks(good: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "anaconda3"
    install(good, prefix)
    for command in ([prefix / "bin/python", "-m", "pip"], [prefix / "bin/pip"]):
        said = subprocess.check_output([*command, "--version"], env={}, text=True)
        assert f"{prefix}/lib/" in said
    asked = "import sys, sysconfig; print(sysconfig.get_path('purelib') in sys.path)"
    assert subprocess.check_output([prefix / "bin/python", "-c", asked], env={}, text=True).strip() == "True"


def test_running_what_was_installed_writes_nothing_into_the_prefix(good: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "anaconda3"
    install(good, prefix)
    before = sorted(prefix.rglob("*"))
    subprocess.run([prefix / "bin/python", "-m", "pip", "list"], env={}, check=True, capture_output=True)
    subprocess.run([prefix / "bin/python", "-c", PROOF], env={}, check=True, capture_output=True)
    assert sorted(prefix.rglob("*")) == before


def test_a_flipped_byte_in_a_package_warns_and_ends_1_with_half_a_prefix(whole: bytes, tmp_path: Path) -> None:
    script = written(tmp_path, installer.damage(whole, "flipped"))
    ran = install(script, tmp_path / "p")
    assert ran.returncode == 1
    assert "WARNING: md5sum mismatch of tar archive" in ran.stderr
    assert "Traceback" in ran.stderr
    assert {"_conda", "install_tmp", "postconda.tar.bz2", "pkgs"} <= names(tmp_path / "p")
    assert not (tmp_path / "p/bin/python").exists()


def test_a_changed_licence_only_warns_and_is_installed(whole: bytes, tmp_path: Path) -> None:
    script = written(tmp_path, installer.damage(whole, "licence"))
    ran = install(script, tmp_path / "p")
    assert ran.returncode == 0
    assert "WARNING: md5sum mismatch of tar archive" in ran.stderr
    assert (tmp_path / "p/LICENSE.txt").read_bytes() != (installer.PARTS / "LICENSE.txt").read_bytes()
    assert is_complete(tmp_path / "p")


def test_an_engine_of_another_machine_ends_126_without_a_word_about_md5(
    payload: installer.Payload, tmp_path: Path
) -> None:
    foreign = dataclasses.replace(payload, engine=installer.engine(wrong_arch=True))
    ran = install(written(tmp_path, installer.whole_today(foreign, "1.0")), tmp_path / "p")
    assert ran.returncode == 126
    assert "Exec format error" in ran.stderr
    assert "md5sum" not in ran.stderr
    assert names(tmp_path / "p") == {"_conda", "install_tmp"}


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_an_unwritable_home_ends_1_after_all_is_unpacked(whole: bytes, open_path: Path) -> None:
    script, owned = written(open_path, whole), open_path / "owned"
    owned.mkdir()
    os.chown(owned, 65534, 65534)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", str(script)]
    ran = subprocess.run(
        [*as_nobody, "-b", "-p", str(owned / "p")],
        env=environment(open_path / "home", TMPDIR=str(owned)),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert "cannot create directory" in ran.stderr and ".conda" in ran.stderr
    assert ".nonadmin" in names(owned / "p")
    assert list((owned / "p/pkgs").glob("python-3*/bin/python3*")), "unpacked"
    assert not (owned / "p/bin").exists(), "not linked"


def test_an_empty_environment_is_survived_with_the_home_of_the_user_database(good: Path, tmp_path: Path) -> None:
    # A tmpfs over root's home, in a mount namespace of its own: what is written there is not kept.
    inside = (
        f"mount -t tmpfs tmpfs /root && env -i /bin/bash {good} -b -p {tmp_path}/p && cat /root/.conda/environments.txt"
    )
    ran = subprocess.run(["unshare", "-m", "sh", "-c", inside], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert f"{tmp_path}/p\n" in ran.stdout


def test_umask_077_gives_a_tree_that_nobody_else_can_use(good: Path, tmp_path: Path) -> None:
    command = ["bash", "-c", f"umask 077; exec bash {good} -b -p {tmp_path}/p"]
    ran = subprocess.run(command, env=environment(tmp_path / "home"), capture_output=True)
    assert ran.returncode == 0
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "p").rglob("*") if not path.is_symlink()}
    assert modes == {0}


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("truncated", 1, "md5sum mismatch"),
        ("truncated-in-engine", 255, "Could not load PyInstaller's embedded PKG archive"),
        ("truncated-in-header", 2, "unexpected EOF"),
    ],
)
def test_a_truncated_file_ends_with_the_code_of_the_place_where_it_was_cut(
    whole: bytes, tmp_path: Path, kind: str, code: int, said: str
) -> None:
    ran = install(written(tmp_path, installer.damage(whole, kind)), tmp_path / "p")
    assert ran.returncode == code
    assert said in ran.stderr
    assert (tmp_path / "p").exists() == (kind != "truncated-in-header")


def test_an_existing_empty_prefix_is_refused(good: Path, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    ran = install(good, tmp_path / "p")
    assert ran.returncode == 1
    assert "ERROR: File or directory already exists" in ran.stderr
    assert names(tmp_path / "p") == set()


def test_a_file_without_sh_in_its_name_is_refused(whole: bytes, tmp_path: Path) -> None:
    ran = install(written(tmp_path, whole, "installer.run"), tmp_path / "p")
    assert ran.returncode == 1
    assert not (tmp_path / "p").exists()


def test_an_installer_by_way_of_a_pipe_is_refused(good: Path, tmp_path: Path) -> None:
    with good.open("rb") as script:
        command = ["bash", "-s", "--", "-b", "-p", str(tmp_path / "p")]
        ran = subprocess.run(command, stdin=script, env=environment(tmp_path / "home"), capture_output=True)
    assert ran.returncode == 1
    assert not (tmp_path / "p").exists()


def test_too_small_a_disk_is_refused_and_poisons_the_next_run(good: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=70m") as small:
        first = install(good, small / "p")
        assert first.returncode == 1
        assert "Not enough free disk space" in first.stderr
        assert names(small / "p") == set()
        second = install(good, small / "p")
        assert second.returncode == 1
        assert "already exists" in second.stderr


def test_a_prefix_where_nothing_may_be_executed_ends_126(good: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "noexec", "noexec,size=300m") as noexec:
        ran = install(good, noexec / "p")
        assert ran.returncode == 126
        assert "Permission denied" in ran.stderr
        assert names(noexec / "p") == {"_conda", "install_tmp"}


def test_a_tmpdir_where_nothing_may_be_executed_ends_127(good: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "noexec", "noexec,size=10m") as noexec:
        ran = install(good, tmp_path / "p", TMPDIR=str(noexec))
        assert ran.returncode == 127
        assert "libz.so.1: failed to map segment" in ran.stderr
        assert names(tmp_path / "p") == {"_conda", "install_tmp"}
        assert names(noexec) == set()


def test_killed_while_unpacking_it_refuses_to_go_on_and_updates_with_u(good: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "p"
    # The packages are unpacked in the order of the alphabet, pip's before python's.
    kill_when(prefix / f"pkgs/{next_package(good)}", good, prefix)
    assert not (prefix / "bin").exists()
    assert install(good, prefix).returncode == 1
    assert install(good, prefix, "-u").returncode == 0
    assert is_complete(prefix)


def next_package(script: Path) -> str:
    """The package that is unpacked second."""
    return re.search(rb"python-3[.0-9]+-vivarium_0", script.read_bytes())[0].decode()  # type: ignore[index]


def test_killed_while_linking_there_are_files_without_records_and_u_completes(good: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "p"
    record = prefix / f"conda-meta/{next_package(good)}.json"
    record.parent.mkdir(parents=True)
    # Whoever writes this record waits for a reader that never comes: the kill cannot come too late.
    os.mkfifo(record)
    kill_when(prefix / "THIS_IS_A_STAND_IN.txt", good, prefix, "-f")
    record.unlink()
    assert (prefix / "bin/python").exists()
    assert not list(prefix.glob("conda-meta/*.json"))
    assert install(good, prefix, "-u").returncode == 0
    assert is_complete(prefix)
    assert len(list(prefix.glob("conda-meta/*.json"))) == 5


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-h"], 2, "usage:"),
        (["-z"], 1, "did not recognize option"),
        (["-b", "-p", "/nowhere/with space"], 1, "Cannot install into directories with spaces"),
    ],
)
def test_arguments_end_with_their_codes(good: Path, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    command = ["bash", str(good), *arguments]
    ran = subprocess.run(command, env=environment(tmp_path / "home"), capture_output=True, text=True)
    assert ran.returncode == code
    assert said in ran.stdout + ran.stderr


def test_a_licence_that_a_person_does_not_accept_ends_2(good: Path, tmp_path: Path) -> None:
    command = ["bash", str(good), "-p", str(tmp_path / "p")]
    ran = subprocess.run(command, input="no\n", env=environment(tmp_path / "home"), capture_output=True, text=True)
    assert ran.returncode == 2
    assert not (tmp_path / "p").exists()


def test_an_old_c_library_is_refused_before_anything_is_made(good: Path, tmp_path: Path) -> None:
    ran = install(good, tmp_path / "p", CONDA_OVERRIDE_GLIBC="2.26")
    assert ran.returncode == 1
    assert "requires GLIBC" in ran.stderr
    assert not (tmp_path / "p").exists()


def test_the_header_s_numbers_are_those_of_the_file(whole: bytes) -> None:
    header, end, behind = whole.partition(b"\n@@END_HEADER@@\n")
    sizes = re.findall(rb"boundary\d=\$\(\( \$?boundary\d \+ (\d+) \)\)", header)
    assert len(sizes) == 2
    assert len(header) + len(end) + sum(map(int, sizes)) == len(whole)
    assert behind.startswith(b"\x7fELF")
    assert behind[int(sizes[0]) + 257 :][:5] == b"ustar"


def test_the_same_machine_makes_the_same_bytes(whole: bytes) -> None:
    assert installer.whole_today(installer.make_payload(wrong_arch=False, small=False), "1.0") == whole


def test_an_installer_of_2017_says_its_bytes_and_lines(old: Path) -> None:
    content = old.read_bytes()
    said = dict(re.findall(rb"^# (BYTES|LINES): +(\d+)$", content, re.MULTILINE))
    assert int(said[b"BYTES"]) == len(content)
    payload = b"\n".join(content.split(b"\n")[int(said[b"LINES"]) - 1 :])
    assert payload[257:262] == b"ustar"


def test_an_installer_of_2017_installs_without_an_engine(old: Path, tmp_path: Path) -> None:
    ran = install(old, tmp_path / "p")
    assert ran.returncode == 0, ran.stderr
    assert is_complete(tmp_path / "p")
    assert "_conda" not in names(tmp_path / "p")


def test_a_truncated_installer_of_2017_is_refused_by_its_length(old: Path, tmp_path: Path) -> None:
    old.write_bytes(installer.damage(old.read_bytes(), "truncated"))
    ran = install(old, tmp_path / "p")
    assert ran.returncode == 1
    assert "ERROR: size of" in ran.stderr
    assert not (tmp_path / "p").exists()
