"""UserData as cloud-init runs it: under each shell, with each fetcher alone, and never anything unverified."""

from __future__ import annotations

import email
import gzip
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.lab import REPOSITORY

INSTALLED = Path("/usr/local/bin/vivarium-agent")
SETTINGS = Path("/etc/vivarium/agent.toml")
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "ash"]}
FETCHERS = ["curl", "wget", "python3", "busybox wget", "aws"]
# What every image has, besides a shell and a fetcher.
TOOLS = ["cat", "chmod", "mkdir", "mv", "sha256sum", "sleep", "sync", "tee", "uname"]
KEY = {"AWS_ACCESS_KEY_ID": "AKIALABLABLABLABLAB1", "AWS_SECRET_ACCESS_KEY": "lab", "AWS_DEFAULT_REGION": "eu-west-1"}
# In the place of the agent: says how it was started, and ends in a way of its own.
STAND_IN = b'#!/bin/sh\necho "started: $*"\necho "settings: $(cat /etc/vivarium/agent.toml)"\nexit 7\n'
BAD = STAND_IN.replace(b"started", b"taken over")


@dataclass
class Archive:
    """Serves files, whole or not; knows what was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_first: int = 0
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, name: str = "vivarium-agent-{architecture}") -> str:
        return f"http://127.0.0.1:{self.port}/bucket/{name}"


@pytest.fixture
def archive() -> Iterator[Archive]:
    archive = Archive()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            archive.asked.append(name)
            content = archive.files.get(name)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content is not None and len(archive.asked) <= archive.cut_first:
                content = content[: len(content) // 2]
            self.wfile.write(content or b"")

        def do_HEAD(self) -> None:
            content = archive.files.get(self.path.rsplit("/", 1)[-1])
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("Last-Modified", "Wed, 25 Nov 2026 12:00:00 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        archive.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield archive
        server.shutdown()
        thread.join()


def architecture() -> str:
    return os.uname().machine


def render(agent: Path, *words: str, content: bytes = STAND_IN, output: Path | None = None) -> bytes:
    """What the agent prints for a launch with these options."""
    sums = f"{architecture()}={hashlib.sha256(content).hexdigest()}"
    argv = [agent, "userdata", "--set", "volume=vol-0123456789abcdef0", "--sha256", sums, *words]
    if output is not None:
        argv += ["--output", output]
    done = subprocess.run(list(map(str, argv)), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout if output is None else output.read_bytes()


class Image:
    """An image with one shell and one fetcher: a mount namespace whose writable places are its own."""

    def __init__(self, folder: Path, fetcher: str) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.bin.mkdir(parents=True)
        for tool in TOOLS:
            self.link(tool)
        match fetcher:
            case "busybox wget":
                self.script("wget", 'exec busybox wget "$@"')
            case "aws":
                self.script("aws", f'exec {sys.executable} -m awscli "$@"')
            case _:
                self.link(fetcher)
        self.link("busybox")

    def link(self, tool: str) -> None:
        found = "/usr/bin/python3" if tool == "python3" else shutil.which(tool)
        assert found, f"{tool} is missing: tests/lab/setup.sh test installs it"
        (self.bin / tool).symlink_to(found)

    def script(self, name: str, line: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def run(
        self, script: bytes, shell: list[str], under: Sequence[str] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs it as cloud-init does: as root, with little in its environment."""
        file = self.folder / "user-data"
        file.write_bytes(script)
        for place in ("local", "etc"):
            (self.folder / place).mkdir(exist_ok=True)
        for name in ("nsswitch.conf", "hosts", "passwd"):
            shutil.copy(f"/etc/{name}", self.folder / "etc")
        program = shutil.which(shell[0])
        assert program, f"{shell[0]} is missing: tests/lab/setup.sh test installs it"
        mounts = (
            f"mount --bind {self.folder}/local {INSTALLED.parent} && mount --bind {self.folder}/etc /etc && "
            f": > {self.folder}/console && mount --bind {self.folder}/console /dev/console && "
            f'exec env -i PATH={self.bin} {" ".join(f"{k}={v}" for k, v in variables.items())} "$@"'
        )
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"]
        return subprocess.run([*under, *argv, program, *shell[1:], file], capture_output=True, text=True, check=False)

    def installed(self) -> Path:
        return self.folder / "local" / INSTALLED.name

    def console(self) -> str:
        return (self.folder / "console").read_text()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "image", "curl")


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
@pytest.mark.parametrize("fetcher", FETCHERS)
def test_under_each_shell_one_fetcher_is_enough(
    agent: Path, archive: Archive, tmp_path: Path, fetcher: str, shell: list[str]
) -> None:
    archive.files[f"vivarium-agent-{architecture()}"] = STAND_IN
    url = "s3://bucket/vivarium-agent-{architecture}" if fetcher == "aws" else archive.url()
    aws = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{archive.port}", **KEY} if fetcher == "aws" else {}
    image = Image(tmp_path / "image", fetcher)
    ran = image.run(render(agent, "--url", url), shell, **aws)
    assert "started: run --caller userdata\n" in ran.stdout, ran.stderr
    assert 'settings: volume = "vol-0123456789abcdef0"\n' in ran.stdout
    assert ran.returncode == 7, "the agent's exit code is the launcher's"
    assert image.installed().read_bytes() == STAND_IN


def test_what_is_already_there_is_not_fetched_again(agent: Path, archive: Archive, image: Image) -> None:
    archive.files[f"vivarium-agent-{architecture()}"] = STAND_IN
    script = render(agent, "--url", archive.url())
    for _ in range(2):
        assert "started" in image.run(script, ["dash"]).stdout
    assert len(archive.asked) == 1


def test_the_agent_and_its_settings_are_on_the_disk_before_they_are_in_their_place(
    agent: Path, archive: Archive, image: Image, tmp_path: Path
) -> None:
    """A power cut leaves them whole or not at all: an empty file of settings would be all that the next boot has."""
    archive.files[f"vivarium-agent-{architecture()}"] = STAND_IN
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-e", "signal=none", "-o"]
    image.run(render(agent, "--url", archive.url()), ["dash"], under=[*strace, str(trace)])
    calls = re.findall(r"^\d+ +(\w+)\(.*?(/[\w./-]+\.part)", trace.read_text(), re.MULTILINE)
    parts = [f"{INSTALLED}.part", f"{SETTINGS}.part"]
    assert calls == [(call, part) for part in parts for call in ("fsync", "renameat2")], trace.read_text()


def test_a_wrong_sha_256_never_runs(agent: Path, archive: Archive, image: Image) -> None:
    archive.files[f"vivarium-agent-{architecture()}"] = BAD
    image.script("sleep", "exit 0")
    ran = image.run(render(agent, "--url", archive.url()), ["dash"])
    assert (ran.returncode, ran.stdout) == (1, "")
    assert not image.installed().exists()
    assert not (image.folder / "etc/vivarium").exists()
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("vivarium: no agent with SHA-256 ")
    assert "; hint: " in last
    assert image.console() == last + "\n"


def test_an_installed_agent_that_was_changed_is_replaced_before_it_runs(
    agent: Path, archive: Archive, image: Image
) -> None:
    archive.files[f"vivarium-agent-{architecture()}"] = STAND_IN
    image.installed().parent.mkdir()
    image.installed().write_bytes(BAD)
    ran = image.run(render(agent, "--url", archive.url()), ["dash"])
    assert "started" in ran.stdout
    assert "taken over" not in ran.stdout
    assert image.installed().read_bytes() == STAND_IN


@pytest.mark.parametrize("fetcher", ["curl", "wget", "python3"])
def test_a_download_that_was_cut_is_tried_again(agent: Path, archive: Archive, tmp_path: Path, fetcher: str) -> None:
    archive.files[f"vivarium-agent-{architecture()}"] = STAND_IN
    archive.cut_first = 2
    image = Image(tmp_path / "image", fetcher)
    image.script("sleep", "exit 0")
    ran = image.run(render(agent, "--url", archive.url()), ["dash"])
    assert "started" in ran.stdout, ran.stderr
    assert len(archive.asked) >= 3


def test_the_second_url_is_asked_where_the_first_has_nothing(agent: Path, archive: Archive, image: Image) -> None:
    archive.files["elsewhere"] = STAND_IN
    script = render(agent, "--url", archive.url(), "--url", archive.url("elsewhere"))
    ran = image.run(script, ["dash"])
    assert "started" in ran.stdout
    assert archive.asked == [f"vivarium-agent-{architecture()}", "elsewhere"]
    assert f"vivarium: not from {archive.url(f'vivarium-agent-{architecture()}')}\n" in ran.stderr


def test_a_processor_without_an_agent_is_named(agent: Path, archive: Archive, image: Image) -> None:
    image.script("uname", "echo riscv64")
    ran = image.run(render(agent, "--url", archive.url()), ["dash"])
    assert ran.returncode == 1
    assert ran.stderr == "vivarium: no agent for riscv64; hint: use x86_64 or aarch64\n"
    assert archive.asked == []


def test_settings_that_cannot_be_fetched_end_it_with_the_agent_s_own_code(
    agent: Path, archive: Archive, image: Image
) -> None:
    refuses = b'#!/bin/sh\necho "asked: $*"\nexit 9\n'
    archive.files[f"vivarium-agent-{architecture()}"] = refuses
    script = render(agent, "--url", archive.url(), "--settings-from", "ssm:/vivarium/agent.toml", content=refuses)
    ran = image.run(script, ["dash"])
    assert (ran.returncode, ran.stdout) == (9, "asked: settings --from ssm:/vivarium/agent.toml\n")


def test_a_message_and_a_compressed_one_hold_the_same_launcher(agent: Path, tmp_path: Path) -> None:
    words = ["--url", "https://example.com/vivarium-agent-{architecture}"]
    plain = render(agent, *words)
    compressed = render(agent, *words, "--mime", "--gzip", output=tmp_path / "user-data.gz")
    message = email.message_from_bytes(gzip.decompress(compressed))
    assert message.get_content_type() == "multipart/mixed"
    (part,) = message.get_payload()
    assert part.get_content_type() == "text/x-shellscript"
    assert part.get_payload(decode=True).strip() == plain.strip()


def test_the_settings_of_the_readme_take_a_tenth_of_what_ec2_takes(agent: Path, tmp_path: Path) -> None:
    readme = (REPOSITORY / "README.md").read_text()
    settings = tmp_path / "agent.toml"
    settings.write_text(readme.split("$ cat /etc/vivarium/agent.toml\n")[1].split("\n\n")[0] + "\n")
    words = ["--config", str(settings), "--url", "https://example.com/vivarium-agent-{architecture}"]
    sums = ["--sha256", f"x86_64={'0' * 64}", "--sha256", f"aarch64={'1' * 64}"]
    done = subprocess.run([agent, "userdata", *words, *sums], capture_output=True, check=True)
    assert len(done.stdout) < 1_638, len(done.stdout)
