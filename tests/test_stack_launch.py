"""The stack's UserData, run as cloud-init runs it: what is fetched, what is run, and what the stack hears of it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.stack import executor, release, template
from lab.stack.executor import Host
from lab.stack.release import Archive
from lab.stack.template import SAID, Json, Stack

SHELLS = pytest.mark.parametrize(
    "shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]], ids=lambda words: words[0]
)
AGENT = """#!/bin/sh
echo "$*" >> /run/told
echo "ENDS: volume \\"vol\\" and a \\\\ mark"
exit CODE
"""
RAN = "/run/told"


@dataclass
class Launch:
    """A host that boots with the stack's UserData."""

    host: Host
    archive: Archive

    def boot(self, release: dict[str, str], shell: list[str]) -> subprocess.CompletedProcess[str]:
        said = SAID | {"AgentUrl": release["Url"], "AgentSha256": release["Sha256"]}
        (instance,) = Stack(template.read(), said).resources("AWS::EC2::Instance").values()
        text = base64.b64decode(instance["UserData"]).decode()
        script = self.host.folder / "part-001"
        script.write_text(text.replace(template.SIGNAL, f"{self.archive.url}/signal?X-Amz-Signature=0"))
        inside = ["nsenter", f"--mount=/proc/{self.host.holder.pid}/ns/mnt", "--", *shell, str(script)]
        return subprocess.run(
            inside, env=self.host.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    def heard(self) -> Json:
        """What the stack was told, once."""
        ((path, kind, body),) = self.archive.put
        assert (path, kind) == ("/signal?X-Amz-Signature=0", None)  # its signature is one of no type
        return dict(json.loads(body))


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    shown = tmp_path / "shown"
    shown.mkdir()
    with release.archive(shown) as archive, executor.host(tmp_path) as host:
        archive.trusted_by(host)
        yield Launch(host, archive)


def agent(says: str, code: int) -> str:
    return AGENT.replace("ENDS", says).replace("CODE", str(code))


@SHELLS
def test_the_stack_hears_the_agent_s_verdict(launch: Launch, shell: list[str]) -> None:
    run = launch.boot(launch.archive.publish("agent", agent("ok", 0)), shell)
    assert run.returncode == 0, run.stderr
    heard = launch.heard()
    assert (heard["Status"], heard["Reason"]) == ("SUCCESS", "ok: volume vol and a  mark")
    assert launch.host.path(RAN).read_text() == "run --caller userdata\n"
    assert run.stdout.startswith("ok: volume ")


@SHELLS
def test_the_stack_hears_of_a_failure_with_the_agent_s_exit_code(launch: Launch, shell: list[str]) -> None:
    run = launch.boot(launch.archive.publish("agent", agent("failed", 8)), shell)
    assert run.returncode == 8
    assert launch.heard()["Status"] == "FAILURE"
    assert launch.heard()["Reason"].startswith("exit 8: failed: volume ")


@SHELLS
def test_what_has_another_hash_is_never_run(launch: Launch, shell: list[str]) -> None:
    run = launch.boot(launch.archive.publish("agent", agent("ok", 0)) | {"Sha256": "0" * 64}, shell)
    assert run.returncode == 6
    assert "was not run" in launch.heard()["Reason"]
    assert not launch.host.path(RAN).exists() and not launch.host.path(f"{executor.BIN}/vivarium-agent").exists()


def test_an_agent_that_cannot_be_fetched_fails_the_stack_at_once(launch: Launch) -> None:
    run = launch.boot({"Url": f"{launch.archive.url}/none", "Sha256": "0" * 64}, ["dash"])
    assert run.returncode == 6
    assert launch.heard()["Reason"] == f"exit 6: fetching {launch.archive.url}/none"
