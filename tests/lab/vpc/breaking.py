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


def observe(vpc: Vpc, fault: Fault, patience: float) -> tuple[Outcome, Outcome, Outcome]:
    """SSH from the laptop, the same from the fault's source port, and PostgreSQL from the instance."""
    target = vpc.public_address
    from_laptop = [Attempt(target, 22), *([Attempt(target, 22, fault.from_port)] if fault.from_port else [])]
    from_instance = [Attempt(vpc.server.address, 5432)]
    with ThreadPoolExecutor(2) as threads:
        ssh = threads.submit(vpc.laptop.connect_all, from_laptop, patience)
        postgres = threads.submit(vpc.instance().connect_all, from_instance, patience)
        seen = ssh.result()
        return seen[0], seen[-1], postgres.result()[0]


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
