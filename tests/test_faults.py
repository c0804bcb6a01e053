"""Every fault of the lab is named by the checker's first finding, and every line that it prints does what it says.

The real program asks from the laptop and from the instance, with its real probes; the configuration is read live from
moto, which holds the faulty network. The printed lines are typed at the real AWS CLI, word for word; what AWS then
says is what the lab becomes, and the checker is asked again. The trials run in a few labs side by side.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from documents import held
from lab import database
from lab.vpc import describe
from lab.vpc.breaking import broken, observe
from lab.vpc.clinic import Answer, Clinic, lasting
from lab.vpc.connections import Outcome
from lab.vpc.edits import PUBLIC_ADDRESS
from lab.vpc.faults import FAULTS, PAIRS, Cause, Fault
from lab.vpc.vpc import Vpc

LABS = 3
NOTHING = Fault("none", "nothing", Outcome.CONNECTED, Outcome.CONNECTED, causes={"ssh": Cause(), "postgres": Cause()})
PRIVATE = Fault(
    "db-private",
    "nothing: the database is in private subnets",
    Outcome.CONNECTED,
    Outcome.CONNECTED,
    causes={"private": Cause("database_not_publicly_accessible", "mydb")},
)
ALONE: list[tuple[Fault, ...]] = [(fault,) for fault in (*FAULTS.values(), PRIVATE)]
TOGETHER = [tuple(FAULTS[name] for name in pair) for pair in PAIRS]


@dataclass
class Trial:
    """What came of some faults at once: what was said, and what typing the printed lines brought about."""

    first: dict[str, Answer] = field(default_factory=dict)
    cured: dict[str, Answer] = field(default_factory=dict)
    undone: Any = None
    faulty: Any = None
    again: tuple[Outcome, ...] = ()


Trials = dict[str, Future[Trial]]


def name_of(faults: tuple[Fault, ...]) -> str:
    return " and ".join(fault.name for fault in faults)


@pytest.fixture(scope="module")
def trials(request: pytest.FixtureRequest, checker: Path) -> Iterator[Trials]:
    """The trials of the tests that were asked for, by their faults' names."""
    wanted = {}
    for item in request.session.items:
        if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            faults = item.callspec.params.get("faults")
            wanted |= {name_of(faults): faults} if faults else {}
    with contextlib.ExitStack() as ending:
        vpcs = [ending.enter_context(Vpc(describe.EXAMPLE)) for _ in range(min(LABS, len(wanted)))]
        idle: queue.SimpleQueue[Clinic] = queue.SimpleQueue()
        for vpc in vpcs:
            idle.put(Clinic(vpc, checker))
        # A server that a trial starts again ends with the thread that started it: these live until the last trial.
        threads = ending.enter_context(ThreadPoolExecutor(LABS))
        yield {name: threads.submit(tried, idle, faults) for name, faults in wanted.items()}
        threads.shutdown(cancel_futures=True)
    assert [left for vpc in vpcs for left in vpc.leftovers()] == []


def tried(idle: queue.SimpleQueue[Clinic], faults: tuple[Fault, ...]) -> Trial:
    clinic = idle.get()
    try:
        return trial(clinic, faults)
    finally:
        idle.put(clinic)


def trial(clinic: Clinic, faults: tuple[Fault, ...]) -> Trial:
    target = next((fault.target for fault in faults if fault.target), "")
    questions = sorted({question for fault in faults for question in fault.causes})
    found = Trial()
    with broken(clinic.vpc, *faults):
        clinic.account.hold(clinic.vpc.folder)
        found.first = {question: clinic.ask(question, target) for question in questions}
        for question in questions:
            cure(clinic, question, target, found, faults)
    return found


def cure(clinic: Clinic, question: str, target: str, found: Trial, faults: tuple[Fault, ...]) -> None:
    """Types what was printed for one question, and then what takes it back."""
    lines = list(found.first[question].lines("commands"))
    if not lines:
        return
    found.faulty = found.faulty or lasting(clinic.account.read())
    clinic.type(*lines)
    found.cured[question] = clinic.ask(question, target)
    found.undone = lasting(clinic.type(*found.first[question].lines("undo")))
    found.again = observe(clinic.vpc, faults[0])


one_fault = pytest.mark.parametrize("faults", ALONE, ids=name_of)
two_faults = pytest.mark.parametrize("faults", TOGETHER, ids=name_of)


@pytest.mark.parametrize("faults", [(NOTHING,)], ids=name_of)
def test_without_a_fault_there_is_no_finding(trials: Trials, faults: tuple[Fault, ...]) -> None:
    for answer in trials[name_of(faults)].result().first.values():
        assert (answer.code, answer.findings) == (0, [])


@one_fault
def test_the_first_finding_names_the_cause(trials: Trials, faults: tuple[Fault, ...]) -> None:
    answers = trials[name_of(faults)].result().first
    for question, cause in faults[0].causes.items():
        assert answers[question].code == 1, answers[question].text
        assert names(answers[question].findings[0], cause), answers[question].text


@two_faults
def test_two_faults_at_once_are_both_found(trials: Trials, faults: tuple[Fault, ...]) -> None:
    answers = trials[name_of(faults)].result().first
    for fault in faults:
        for question, cause in fault.causes.items():
            if all(question in each.causes for each in faults):
                findings = answers[question].findings
                assert any(names(finding, cause) for finding in findings), answers[question].text


def names(finding: dict[str, Any], cause: Cause) -> bool:
    if cause.code:
        return (cause.code, cause.element) in set(gates(finding))
    is_suspect = not cause.suspect or cause.suspect in finding.get("suspects", [])
    return finding["kind"] == "cause" and finding["symptom"] == cause.symptom and is_suspect


def gates(finding: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for evidence in finding["evidence"]:
        if evidence["evidence"] == "gate":
            yield evidence["code"], evidence["gate"]["element"]


def by_hand(fault: Fault) -> bool:
    """What is broken on a machine has no line; nor has a spare address, whose instance only its owner knows."""
    of_machine = fault.machine is not None and fault.name != "laptop-moved"
    return of_machine or fault.name in ("eip", PRIVATE.name)


@one_fault
def test_the_lines_that_are_printed_make_it_reachable(trials: Trials, faults: tuple[Fault, ...]) -> None:
    trial = trials[name_of(faults)].result()
    assert set(trial.cured) == (set() if by_hand(faults[0]) else set(faults[0].causes))
    for question, answer in trial.cured.items():
        assert (answer.code, answer.findings) == (0, []), f"{question}: {answer.text}"
        assert trial.first[question].json["left_after_fixes"] == []


@two_faults
def test_the_lines_for_two_faults_make_it_reachable_together(trials: Trials, faults: tuple[Fault, ...]) -> None:
    trial = trials[name_of(faults)].result()
    if all(fault.edit for fault in faults):
        assert [answer.code for answer in trial.cured.values()] == [0]


@one_fault
def test_the_lines_that_undo_it_bring_back_what_was(trials: Trials, faults: tuple[Fault, ...]) -> None:
    fault, trial = faults[0], trials[name_of(faults)].result()
    if by_hand(fault):
        return
    if fault.undone:
        (finding,) = (row for answer in trial.first.values() for row in answer.findings)
        assert any("cannot be made again" in caution for caution in finding["fix"]["cautions"])
        return
    assert trial.undone == trial.faulty
    assert trial.again == (fault.ssh, fault.ssh_from_port, fault.postgres)


@pytest.mark.parametrize("faults", [(PRIVATE,)], ids=name_of)
def test_the_tunnel_to_a_private_database_is_printed(trials: Trials, faults: tuple[Fault, ...]) -> None:
    """P1 and P41: the way leads through the instance, which the database's group lets in."""
    answer = trials[name_of(faults)].result().first["private"]
    assert answer.json["tunnel"] == f"ssh -N -L 15432:{database.HOST}:{database.PORT} ec2-user@{PUBLIC_ADDRESS}"


@pytest.mark.parametrize("faults", ALONE[:1], ids=["all"])
def test_the_table_of_faults_is_what_the_checker_says(trials: Trials, faults: tuple[Fault, ...]) -> None:
    if not {name_of(row) for row in ALONE} <= set(trials):
        pytest.skip("the table is made of all trials")
    held("faults.md", f"{HEAD}{''.join(rows(trials))}{FOOT}")


HEAD = """# The faults that the checker is tried on

Each is made in [the lab's VPC](testing.md); the checker then asks with its real probes, over SSH from the laptop
and over PostgreSQL from the instance, and reads the configuration live from the AWS API that holds the faulty
network. Here is what its first finding says, and what it prints to type. The printed lines are typed at the AWS
CLI word for word: then it connects. The lines that undo them bring back what was. `tests/test_faults.py` does all
of it and makes this table.

| fault | what is broken | asked | what one sees | the first finding | what it prints to type |
|---|---|---|---|---|---|
"""
FOOT = f"""
What looks the same from outside is said as a list, and the true cause is in it: a service that does not run, a
host's own firewall that resets, and a middlebox that does, all refuse.

## Two at once

Both are found, and all lines that are printed make it reachable together:
{", ".join(f"`{one}` with `{other}`" for one, other in PAIRS)}.
What a machine does wrong is not seen behind a gate that is closed: once the one is mended, the other is found.

## What is not undone, and what is not typed

- `route-blackhole`: {FAULTS["route-blackhole"].undone}.
- `eip`: which instance a spare address is for, only its owner knows; asked for by the instance's id, the line is
  printed (`eip-of-instance`).
- What is broken on a machine or on the way has no line of the AWS CLI: the hint says where to look.
"""


def rows(trials: Trials) -> Iterator[str]:
    for (fault,) in ALONE:
        answers = trials[fault.name].result().first
        for question in fault.causes:
            yield f"| {' | '.join(cells(fault, question, answers[question]))} |\n"


def cells(fault: Fault, question: str, answer: Answer) -> tuple[str, ...]:
    first = answer.findings[0]
    seen = fault.ssh if question == "ssh" else fault.postgres if question == "postgres" else Outcome.TIMED_OUT
    sometimes = f", from some ports {fault.ssh_from_port}" if fault.from_port else ""
    whats = [finding["fix"]["what"] for finding in answer.findings if "fix" in finding]
    who = f"; it is one of: {', '.join(first['suspects']).replace('_', ' ')}" if first.get("suspects") else ""
    said = f"{first['verdict']} ({first['symptom']}){who}"
    typed = "; ".join(whats) or "nothing"
    return f"`{fault.name}`", fault.about, ASKED[question], f"{seen}{sometimes}", said, typed


ASKED = {"ssh": "ssh", "postgres": "postgres", "private": "postgres, from the laptop"}
