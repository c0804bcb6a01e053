"""What it takes a network that carries packets to see: what the checker finds, and changes, by trying."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.vpc import describe
from lab.vpc.breaking import broken
from lab.vpc.clinic import CHECK, Clinic, lasting
from lab.vpc.faults import FAULTS
from lab.vpc.vpc import Vpc


@pytest.fixture(scope="module")
def clinic(checker: Path) -> Iterator[Clinic]:
    with Vpc(describe.EXAMPLE) as vpc:
        yield Clinic(vpc, checker)


def tried(clinic: Clinic, question: str, *more: str) -> subprocess.CompletedProcess[str]:
    machine = clinic.machine("laptop" if question == "ssh" else "instance")
    return machine.run([CHECK, *clinic.words(question), "--no-aws", "--json", *more])


@pytest.mark.parametrize(
    ("fault", "lost"), [("nacl-eph-partial", "1024-32767, 61000-65535"), ("nacl-eph-windows", "1024-60999")]
)
def test_the_ports_that_a_list_forgot_are_found_by_trying_without_a_word_of_aws(
    clinic: Clinic, fault: str, lost: str
) -> None:
    with broken(clinic.vpc, FAULTS[fault]):
        done = tried(clinic, "ssh", "--sample-ports=32")
    assert done.returncode == 1, done.stdout
    first, *_ = json.loads(done.stdout)["findings"]
    assert first["symptom"] == "H8", done.stdout
    assert first["verdict"] == f"it answers some of your ports and not others: {lost} are lost"


@pytest.mark.parametrize("question", ["ssh", "postgres"])
def test_where_every_port_is_answered_a_sample_finds_nothing(clinic: Clinic, question: str) -> None:
    done = tried(clinic, question, "--sample-ports")
    seen = [row for row in json.loads(done.stdout)["seen"] if "port_from" in json.dumps(row["asked"])]
    assert (done.returncode, len(seen)) == (0, 12), done.stdout


@pytest.mark.parametrize(("question", "fault"), [("ssh", "sg-ssh"), ("postgres", "nacl-eph")])
def test_a_change_that_was_agreed_to_is_seen_to_work_by_the_probes(clinic: Clinic, question: str, fault: str) -> None:
    """The checker asks again until it gets through; the network becomes what AWS says as soon as AWS says it."""
    with broken(clinic.vpc, FAULTS[fault]):
        clinic.account.hold(clinic.vpc.folder)
        before = lasting(clinic.account.read())
        place = "laptop" if question == "ssh" else "instance"
        command = clinic.command(question, "", "--apply", "--yes")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as asking:
            while lasting(clinic.account.read()) == before and asking.poll() is None:
                pass
            clinic.now()
            said, _ = asking.communicate(timeout=120)
    assert asking.returncode == 0, said
    assert "reachable" in said, place
