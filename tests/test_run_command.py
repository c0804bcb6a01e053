"""Run Command while a UserData run still goes on: the documents' scripts beside a run that stands still within a step.
Both come to the right end, and nothing is broken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import shelf
from lab.gates import GATE, PATIENCE, find, gate, started, wait_for
from lab.lab import AGENT, CA, KEPT, SETTINGS, Lab
from lab.stack import documents
from lab.stack.executor import Managed, Step

DOCUMENTS = documents.all_of_them()


@pytest.fixture(scope="module")
def lab(agent: Path) -> Iterator[Lab]:
    installer = shelf.stand_in(KEPT / "installers-small", "--small")
    with Lab(agent, installer=installer, volume_size=4 << 30) as lab:
        yield lab


@pytest.fixture
def command(lab: Lab) -> Managed:
    return Managed(lab.instance, {"CURL_CA_BUNDLE": CA})


def newer(lab: Lab) -> dict[str, str]:
    """A release with another SHA-256, as parameters of the document that installs it."""
    served = lab.scratch.file("archive") / "served/archive/vivarium-agent-newer"
    served.write_bytes(lab.instance.path(AGENT).read_bytes() + b"newer")
    sha256 = hashlib.sha256(served.read_bytes()).hexdigest()
    return {"Url": f"https://{shelf.HOST}/archive/{served.name}", "Sha256": sha256}


def waits_for_lock(lab: Lab, seconds: int) -> None:
    lab.instance.write(SETTINGS, f"{lab.settings()}\n[run]\nlock_wait = '{seconds}s'\n")


def sha256(lab: Lab) -> str:
    return hashlib.sha256(lab.instance.path(AGENT).read_bytes()).hexdigest()


def said(step: Step) -> str:
    return f"{step.status} {step.code}: {step.stdout}{step.stderr}"


def test_what_is_sent_while_userdata_still_runs_neither_breaks_it_nor_is_broken(lab: Lab, command: Managed) -> None:
    waits_for_lock(lab, 0)
    began, _ = gate(lab, "/usr/bin/md5sum")  # the installer asks for the checksum of itself
    with started(lab, "run", "--caller", "userdata", "--json") as userdata:
        wait_for(began.exists, userdata)

        verify, report = command.run(DOCUMENTS["verify"], {})
        assert verify.code == 2 and verify.stdout.startswith("to do: "), said(verify)
        assert "running now: " in verify.stdout and "at step anaconda" in verify.stdout
        assert report.status == "Success"

        refused, report = command.run(DOCUMENTS["run"], {})
        assert refused.code == 75 and refused.stdout.startswith("busy: "), said(refused)
        assert "at step anaconda" in refused.stdout and "\nhint: " in refused.stdout
        assert report.status == "Success"

        release, before = newer(lab), sha256(lab)
        install, _ = command.run(DOCUMENTS["install"], release)
        assert install.code == 0 and install.stdout.startswith("ok: "), said(install)
        assert sha256(lab) == release["Sha256"] != before

        waits_for_lock(lab, 10 * PATIENCE)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(command.run, DOCUMENTS["run"], {})
            wait_for(lambda: find(lab, "vivarium-agent", "run", "ssm"), userdata)
            assert not sent.done() and userdata.poll() is None
            lab.instance.path("/usr/local/sbin/md5sum").unlink()
            lab.instance.shell(f"echo > {GATE}")
            output = userdata.communicate(timeout=PATIENCE)[0]
            run, report = sent.result(timeout=PATIENCE)
    assert userdata.returncode == 0, output
    assert run.code == 0 and run.stdout.startswith("ok: "), said(run)
    assert report.status == "Success"
    assert lines(run, "unchanged") >= 9 and lines(run, "changed") == 0, "it found all done by the run before it"
    assert verified(command).code == 0
    reported = lab.ssm()["inventory"]
    rows = [row for items in reported.values() for row in items["Custom:VivariumRun"]["Content"]]
    assert [(row["verdict"], row["caller"]) for row in rows if row["latest"] == "true"] == [("ok", "ssm")]
    callers = {row["caller"] for row in every_row(lab)}
    assert callers == {"userdata", "ssm"}, "both reports arrived"
    assert sha256(lab) == release["Sha256"], "the run before has not put its own back"


def lines(step: Step, outcome: str) -> int:
    return sum(line.split()[1:2] == [outcome] for line in step.stdout.splitlines())


def every_row(lab: Lab) -> list[dict[str, str]]:
    calls = [call for call in lab.ssm()["calls"] if call["action"] == "PutInventory" and call["outcome"] == "accepted"]
    return [row for call in calls for row in call["body"]["Items"][0]["Content"]]


def verified(command: Managed) -> Step:
    return command.run(DOCUMENTS["verify"], {})[0]
