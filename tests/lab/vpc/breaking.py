"""Breaks a running VPC for a while: `with broken(vpc, FAULTS["nacl-eph"]): …`."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ..network import ServiceFailed
from .connections import Attempt, Outcome
from .faults import Break, Fault
from .vpc import Vpc

# A connection in here takes a hundredth of a second, or is never made.
SILENCE, PATIENCE = 0.7, 20.0


@contextlib.contextmanager
def broken(vpc: Vpc, *faults: Fault) -> Iterator[None]:
    """All of these faults at once; as before afterwards."""
    healthy = vpc.folder
    with contextlib.ExitStack() as mending:
        mending.callback(vpc.apply, healthy)
        for fault in faults:
            if fault.edit:
                vpc.apply(fault.edit(vpc.folder))
            if fault.machine:
                mending.callback(_run, vpc, fault.machine, fault.machine.mend)
                _run(vpc, fault.machine, fault.machine.how)
        yield


def observe(vpc: Vpc, fault: Fault) -> tuple[Outcome, Outcome, Outcome]:
    """SSH from the laptop, the same from the fault's source port, and PostgreSQL from the instance."""
    ssh = Attempt(vpc.public_address, 22)
    from_port = Attempt(vpc.public_address, 22, fault.from_port)
    postgres = Attempt(vpc.server.address, 5432)
    with ThreadPoolExecutor(3) as threads:
        tried = [
            threads.submit(vpc.laptop.connect_all, [ssh], _patience(fault.ssh)),
            threads.submit(vpc.laptop.connect_all, [from_port], _patience(fault.ssh_from_port))
            if fault.from_port
            else None,
            threads.submit(vpc.instance().connect_all, [postgres], _patience(fault.postgres)),
        ]
        first, second, third = (each.result()[0] if each else fault.ssh_from_port for each in tried)
        return first, second, third


def _patience(expected: Outcome) -> float:
    """Who expects an answer waits for it; who expects silence has heard it soon."""
    return SILENCE if expected == Outcome.TIMED_OUT else PATIENCE


def _run(vpc: Vpc, what: Break, script: str) -> None:
    if script in ("stop", "restart"):
        getattr(vpc.database, script)()
    elif what.where in ("instance", "laptop"):
        machine = vpc.instance().machine if what.where == "instance" else vpc.laptop.machine
        if machine is None:
            raise ServiceFailed(f"there is no machine behind the {what.where}")
        machine.shell(script)
    else:
        name = vpc.server.id if what.where == "database" else what.where
        argv = vpc.topology.namespaces[name].command(["sh", "-euc", script])
        subprocess.run(argv, check=True, capture_output=True)
