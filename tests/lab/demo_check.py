"""The demo's second half: what does not connect, explained by the checker and mended by the lines that it prints."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .vpc import addresses, describe, edits
from .vpc.breaking import broken
from .vpc.clinic import CHECK, Clinic
from .vpc.faults import FAULTS, Fault
from .vpc.vpc import Vpc

BREAKS = (("sg-ssh", "ssh"), ("nacl-eph", "ssh"), ("sg-db", "postgres"), ("sshd-down", "ssh"))
WHERE = {"ssh": "laptop", "postgres": "instance"}


class NotMended(Exception):
    """What was to be mended is not."""


def show(vpc: Vpc, program: Path) -> None:
    """A healthy VPC, a few faults one after another, and all is well again."""
    clinic = Clinic(vpc, program)
    title("vivarium-check: is the way to the instance open, and from there to the database?")
    for question in WHERE:
        expect(ask(clinic, question), 0)
    for name, question in BREAKS:
        with sick(clinic, FAULTS[name]):
            treat(clinic, FAULTS[name], question)
        # The checker remembers when it last worked, and is to see it as it was.
        clinic.ask(question, edits.INSTANCE)
    title("All is well again")
    for question in WHERE:
        expect(ask(clinic, question, only_the_verdict=True), 0)


def introduce() -> None:
    title("A VPC with an instance and a database, a laptop outside, and the AWS API")
    print(
        f"namespaces   a laptop {addresses.LAPTOP}, the internet, the VPC's routes and network ACLs, security groups,\n"
        f"             the instance {edits.INSTANCE} (10.0.1.10, Elastic IP {edits.PUBLIC_ADDRESS}), the database\n"
        "services     sshd, PostgreSQL 15 with TLS, names, metadata, and moto, which holds the same network\n"
        f"made from    {describe.EXAMPLE.relative_to(Path.cwd())}/*.json, as `aws … describe-*` prints them"
        if describe.EXAMPLE.is_relative_to(Path.cwd())
        else f"made from {describe.EXAMPLE}"
    )


@contextmanager
def sick(clinic: Clinic, fault: Fault) -> Iterator[None]:
    """The fault is there, in the lab and in the account; both are as before afterwards."""
    with broken(clinic.vpc, fault):
        clinic.account.hold(clinic.vpc.folder)
        yield
    clinic.account.hold(clinic.vpc.folder)


def treat(clinic: Clinic, fault: Fault, question: str) -> None:
    title(f"A fault: {fault.about}")
    expect(ask(clinic, question), 1)
    lines = list(clinic.ask(question, edits.INSTANCE).lines("commands"))
    if lines:
        print("\nTyped, as it is printed:\n")
        clinic.type(*lines)
    elif fault.machine:
        lines = [fault.machine.mend]
        print(f"\nNo line of the AWS CLI mends that. Typed on the {fault.machine.where}, as over Session Manager:\n")
        clinic.machine("instance").shell(fault.machine.mend)
    print("\n".join(f"$ {line}" for line in lines), end="\n\n")
    expect(ask(clinic, question, only_the_verdict=True), 0)
    print("\n(Then the lab is put back as it was.)")


def ask(clinic: Clinic, question: str, *, only_the_verdict: bool = False) -> int:
    """Runs the checker before the eyes of the user."""
    words = " ".join(clinic.words(question, edits.INSTANCE))
    print(f"{WHERE[question]}$ vivarium-check {words}", flush=True)
    done = subprocess.run(
        clinic.command(question, edits.INSTANCE), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    said = done.stdout.splitlines()
    print("\n".join(said[:1] if only_the_verdict else said), flush=True)
    sys.stderr.write(done.stderr)
    return done.returncode


def expect(code: int, wanted: int) -> None:
    if code != wanted:
        raise NotMended(f"`{CHECK}` ended with exit code {code} where {wanted} was due")


def title(text: str) -> None:
    print(f"\n== {text} ==\n", flush=True)
