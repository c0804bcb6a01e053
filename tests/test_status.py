"""`vivarium-check status`: what instances reported, as a table, and what is not known of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import account, shelf
from lab.lab import KEPT, REPOSITORY, Lab
from lab.owner import REGION
from lab.reporters import INSTANCE, Reporters, instance
from lab.reporters import started as aws

ROLE = "ASIALABLABLABLABLAB1"  # bound by the policy, as whoever runs a fleet
FLEET = json.loads((REPOSITORY / "packaging/iam/fleet.json").read_text())
TAG = {"Vivarium": "lab"}
Status = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporters]:
    with aws(tmp_path_factory.mktemp("aws")) as service:
        yield service


@pytest.fixture
def reporters(service: Reporters) -> Reporters:
    service.control("POST", "reset")
    service.control("PUT", "policy", FLEET)
    return service


@pytest.fixture
def status(checker: Path, reporters: Reporters, tmp_path: Path) -> Status:
    return lambda *words: run(checker, tmp_path, reporters.endpoint, words)


def run(checker: Path, home: Path, endpoint: str, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checker), "status", *words, "--endpoint", endpoint, "--region", REGION],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(home: Path) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": ROLE, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session"}
    return {"HOME": str(home), "USER": "ada", "PATH": os.environ["PATH"], **keys}


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {row["instance"]: row for row in json.loads(done.stdout)["instances"]}


def without(*actions: str) -> dict[str, Any]:
    """The fleet's policy, and a denial."""
    denial = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    return {"Statement": [*FLEET["Statement"], denial]}


def test_what_the_agent_reported_is_what_the_checker_reads(agent: Path, checker: Path, tmp_path: Path) -> None:
    """The agent of this tree and the checker of this tree agree on every name of the report."""
    with Lab(agent, installer=shelf.stand_in(KEPT / "installers-small", "--small"), attached=False) as lab:
        lab.account.control("PUT", "policy", {"Statement": [*FLEET["Statement"], *account.ROLE_POLICY["Statement"]]})

        def ask(*words: str) -> subprocess.CompletedProcess[str]:
            argv = [
                str(checker),
                "status",
                INSTANCE,
                *words,
                "--endpoint",
                lab.account.endpoint,
                "--region",
                "us-east-1",
            ]
            command = lab.network.router.command(argv)
            said = {"capture_output": True, "text": True, "timeout": 120, "check": False}
            return subprocess.run(command, env=environment(tmp_path), **said)

        before = ask()
        assert before.returncode == 3 and "nothing is reported" in before.stdout, before.stdout + before.stderr
        failed = lab.agent("run", "--set", "volume.wait=0")
        told = rows(ask("--json"))[INSTANCE]
        assert (ask().returncode, told["verdict"], told["failed_step"]) == (1, "failed", "volume")
        assert told["exit_code"] == failed.returncode == 5
        assert told["line"].startswith("volume: ") and told["hint"]
        lab.volume.attach(lab.instance)
        done = lab.agent("run", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        told = rows(ask("--json"))[INSTANCE]
        assert (told["verdict"], told["run_id"]) == ("ok", json.loads(done.stdout)["run"])
        version = lab.agent("--version").stdout.split()[1]
        assert (told["agent_version"], told["caller"], told["ping"]) == (version, "person", "Online")
        assert ask().stdout.startswith("ok: 1 instance reported that all is well\nINSTANCE ")


def test_a_fleet_of_many_pages_is_told_the_worst_first(status: Status, reporters: Reporters) -> None:
    fleet = reporters.launch(130, TAG)
    for number, one in enumerate(fleet):
        reporters.report(one, "failed" if number == 99 else "ok")
    reporters.report(instance(4711), "failed")  # not of the fleet
    done = status("--fleet", "Vivarium=lab")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "failed: 1 of 130 instances failed"
    assert lines[2].split()[0] == fleet[99] and "database: asking mydb: connection refused" in lines[2]
    assert {line.split()[0] for line in lines[2:132]} == set(fleet)
    assert status("--fleet", "Vivarium").stdout == done.stdout
    asked = [call["action"] for call in reporters.control("GET", "received")["calls"]]
    assert asked.count("DescribeInstanceInformation") >= 3 and asked.count("GetInventory") >= 4
    assert "ListResourceComplianceSummaries" not in asked, "nobody's report was missing"


def test_what_nobody_can_say_is_said_of_each_apart(status: Status, reporters: Reporters) -> None:
    well, never, lost, stranger, stopped, by_compliance = fleet = reporters.launch(6, TAG)
    for one in (well, lost, stopped):
        reporters.report(one, "ok")
    reporters.comply(by_compliance, "COMPLIANT", "NON_COMPLIANT")
    reporters.control("PUT", "registered", [one for one in fleet if one != stranger])
    reporters.control("PUT", "lost", [lost, stopped])
    reporters.stop(stopped)
    done = status("--fleet", "Vivarium=lab", "--json")
    told = rows(done)
    assert done.returncode == 1
    verdicts = {one: told[one]["verdict"] for one in fleet}
    assert verdicts == {
        well: "ok",
        never: "never",
        lost: "silent",
        stranger: "never",
        stopped: "ok",
        by_compliance: "failed",
    }
    assert "though it is online" in told[never]["line"]
    assert "ConnectionLost" in told[lost]["line"] and "amazon-ssm-agent" in told[lost]["hint"]
    assert "does not know it" in told[stranger]["line"] and told[stranger]["ping"] == "NotManaged"
    assert told[stopped]["line"] == "it is stopped"
    assert told[by_compliance]["line"].startswith("1 of 2 steps by compliance")
    assert told[by_compliance]["source"] == "compliance"
    assert json.loads(done.stdout)["summary"] == "1 of 6 instances failed, and 3 cannot be told"


def test_a_name_leads_to_its_instances_and_one_that_nobody_has_is_said(status: Status, reporters: Reporters) -> None:
    (one,) = reporters.launch(1, {"Name": "box"})
    reporters.report(one, "ok")
    assert status("box").returncode == 0
    done = status("box", "bax", "--json")
    assert done.returncode == 3
    assert rows(done)["bax"]["verdict"] == "missing" and rows(done)[one]["name"] == "box"


def test_a_tag_that_nobody_has_is_no_fleet_that_is_well(status: Status) -> None:
    done = status("--fleet", "Vivarium=nowhere")
    assert (done.returncode, done.stdout) == (
        3,
        "unknown: no instance in us-east-1 with tag Vivarium=nowhere is known\n",
    )


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        # Systems Manager has the tag, too: what it gives is told, and that there may be others.
        ("ec2:DescribeInstances", 3, "there may be others"),
        ("ssm:DescribeInstanceInformation", 3, "whether it is heard of was not read"),
        ("ssm:GetInventory", 3, "what it reported to inventory was not read"),
    ],
)
def test_a_permission_that_is_missing_is_named_and_never_taken_for_an_answer(
    status: Status, reporters: Reporters, action: str, code: int, words: str
) -> None:
    for one in reporters.launch(2, TAG):
        reporters.report(one, "ok")
    assert status("--fleet", "Vivarium=lab").returncode == 0, "with all of fleet.json it is an answer"
    reporters.control("PUT", "policy", without(action))
    done = status("--fleet", "Vivarium=lab")
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout and f"{action} is denied" in done.stdout
    assert f'"Action":"{action}"' in done.stdout, "the statement that would allow it"


def test_without_compliance_who_never_reported_to_inventory_is_not_known(status: Status, reporters: Reporters) -> None:
    reported, never = reporters.launch(2, TAG)
    reporters.report(reported, "ok")
    reporters.control("PUT", "policy", without("ssm:ListResourceComplianceSummaries"))
    done = status("--fleet", "Vivarium=lab", "--json")
    told = rows(done)
    assert (done.returncode, told[reported]["verdict"], told[never]["verdict"]) == (3, "ok", "unknown")
    assert "ssm:ListResourceComplianceSummaries is denied" in done.stdout


def test_throttling_is_waited_out(status: Status, reporters: Reporters) -> None:
    for one in reporters.launch(60, TAG):
        reporters.report(one, "ok")
    reporters.control("PUT", "throttle", {"refuse": 2, "of": 3})
    done = status("--fleet", "Vivarium=lab")
    assert done.stdout.startswith("ok: 60 instances"), done.stdout + done.stderr


def test_an_account_in_which_nobody_ever_reported_is_no_error(status: Status, reporters: Reporters) -> None:
    (one,) = reporters.launch(1, TAG)
    done = status(one, "--json")
    assert (done.returncode, rows(done)[one]["verdict"]) == (3, "never")


def test_what_an_instance_wrote_is_no_order_to_a_terminal(status: Status, reporters: Reporters) -> None:
    (one,) = reporters.launch(1, TAG)
    reporters.report(one, "failed", summary="\x1b]0;mine\x07\x1b[2J")
    done = status(one)
    assert done.returncode == 1 and "\x1b" not in done.stdout and "\x07" not in done.stdout


@pytest.mark.parametrize(
    "words", [(), ("box", "--fleet", "a=b"), ("box", "--no-aws"), ("--fleet", "=x"), ("box", "--assert")]
)
def test_what_cannot_be_asked_is_wrong_usage(status: Status, words: tuple[str, ...]) -> None:
    done = status(*words)
    assert done.returncode == 2 and done.stdout == "" and done.stderr
