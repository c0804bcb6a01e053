"""The lab's VPC does what AWS does: every fault shows the symptom that it is known by, and no other."""

from __future__ import annotations

import functools
import ipaddress
import select
import subprocess
from collections.abc import Iterator
from typing import Any

import botocore
import botocore.session
import pytest

from lab import database
from lab.vpc import describe, edits, rules, trials
from lab.vpc.addresses import CONTROL
from lab.vpc.breaking import broken, observe
from lab.vpc.connections import Attempt, Outcome
from lab.vpc.crowd import crowd
from lab.vpc.faults import FAULTS, Fault
from lab.vpc.group_rules import group_rules
from lab.vpc.random_network import random_network
from lab.vpc.vpc import Vpc

HEALTHY = Fault("none", "nothing", Outcome.CONNECTED, Outcome.CONNECTED)
SILENCE = 0.7  # after so many seconds, nothing comes any more
KINDS = {"string": str, "boolean": bool, "integer": int, "long": int, "timestamp": str}


@pytest.fixture(scope="module")
def vpc() -> Iterator[Vpc]:
    with Vpc(describe.EXAMPLE) as vpc:
        yield vpc
    assert vpc.leftovers() == []


def test_all_is_well_without_a_fault(vpc: Vpc) -> None:
    assert observe(vpc, HEALTHY) == (Outcome.CONNECTED,) * 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_a_fault_shows_its_symptom(vpc: Vpc, fault: Fault) -> None:
    with broken(vpc, fault):
        ssh, from_port, postgres = observe(vpc, fault)
    assert (ssh, from_port, postgres) == (fault.ssh, fault.ssh_from_port, fault.postgres)


def test_all_is_well_after_all_faults(vpc: Vpc) -> None:
    assert observe(vpc, HEALTHY) == (Outcome.CONNECTED,) * 3


def test_a_person_logs_in_and_asks_the_database(vpc: Vpc) -> None:
    assert vpc.laptop.machine is not None
    asked = (
        f"PGPASSWORD={vpc.password} psql 'host={database.HOST} user={database.USER} dbname=postgres sslmode=require'"
    )
    login = ["ssh", "-o", "StrictHostKeyChecking=no", f"ec2-user@{vpc.public_address}", f"{asked} -Atc 'select 41+1'"]
    assert vpc.laptop.machine.run(login).stdout == "42\n"


def test_names_depend_on_where_one_asks(vpc: Vpc) -> None:
    name = "ec2-198-51-100-20.compute-1.amazonaws.com"
    assert (vpc.laptop.resolve(name), vpc.instance().resolve(name)) == ("198.51.100.20", "10.0.1.10")
    assert vpc.laptop.resolve(database.HOST) == vpc.instance().resolve(database.HOST) == "10.0.2.20"
    assert vpc.laptop.resolve("nobody.example") is None


def test_a_session_outlives_its_group_s_rule_but_not_its_list_s(vpc: Vpc) -> None:
    """S3 and N16. The reply to a line is awaited where it comes, and missed where it does not."""
    talk = _Talk(vpc)
    try:
        assert talk.answers()
        with broken(vpc, FAULTS["sg-no-inbound"]):
            assert talk.answers()
        with broken(vpc, FAULTS["nacl-eph"]):
            assert not talk.answers()
    finally:
        talk.end()


class _Talk:
    """A login that repeats what it is told."""

    def __init__(self, vpc: Vpc) -> None:
        assert vpc.laptop.machine is not None
        login = ["ssh", "-o", "StrictHostKeyChecking=no", f"ec2-user@{vpc.public_address}", "cat"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(vpc.laptop.machine.command(login), stdin=pipe, stdout=pipe)

    def answers(self) -> bool:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"still there?\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], 3)
        return bool(ready) and self.process.stdout.readline() == b"still there?\n"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def test_the_world_sees_the_public_address_only(vpc: Vpc) -> None:
    assert vpc.instance().connect(CONTROL, 443) == Outcome.CONNECTED
    assert vpc.laptop.connect("10.0.1.10", 22, patience=SILENCE) == Outcome.TIMED_OUT
    assert vpc.laptop.connect(CONTROL, 22) == Outcome.CONNECTED


def test_a_home_rewrites_source_ports() -> None:
    """So a range that a laptop's own ports lie in is not enough (N13)."""
    own = edits.entry(edits.PUBLIC_ACL, 100, "allow", ports=(32768, 60999), egress=True)
    theirs = edits.entry(edits.PUBLIC_ACL, 100, "allow", ports=(20000, 29999), egress=True)
    with Vpc(own(describe.example()), home=True, machines=False) as vpc:
        attempt = [Attempt(vpc.public_address, 22, 40000 + index) for index in range(5)]
        assert set(vpc.laptop.connect_all(attempt, SILENCE)) == {Outcome.TIMED_OUT}
        vpc.apply(theirs(describe.example()))
        assert vpc.laptop.connect(vpc.public_address, 22).reached


def test_two_networks_stand_side_by_side() -> None:
    stopped = edits.instance_state(80, "stopped")
    with Vpc(describe.EXAMPLE, machines=False) as one, Vpc(stopped(describe.example()), machines=False) as other:
        assert one.laptop.connect(one.public_address, 22).reached
        assert not other.laptop.connect(other.public_address, 22, patience=SILENCE).reached


def test_rules_of_a_list_are_asked_in_the_order_of_their_numbers() -> None:
    folder = edits.entry(edits.PUBLIC_ACL, 7, "deny", "203.0.113.0/24")(describe.example())
    text = rules.fabric(
        describe.describe(folder), {row: row for row in (edits.INSTANCE_INTERFACE, edits.DATABASE_INTERFACE)}
    )
    first = text.split("chain acl0in {\n")[1].splitlines()[0].strip()
    assert first == "ip saddr 203.0.113.0/24 tcp dport 0-65535 drop"


def test_a_reference_means_the_private_addresses_of_its_members() -> None:
    text = rules.security_groups(describe.describe(describe.example()), [edits.DATABASE_GROUP], "10.0.2.20")
    assert "ip saddr 10.0.1.10 tcp dport 5432-5432 accept" in text
    assert "198.51.100.20" not in text


def test_ports_do_not_matter_where_the_protocol_has_none() -> None:
    row = edits.permission("50", (1, 2), block="10.0.0.0/8")
    folder = edits.inbound(edits.DATABASE_GROUP, row)(describe.example())
    text = rules.security_groups(describe.describe(folder), [edits.DATABASE_GROUP], "10.0.2.20")
    assert "ip saddr 10.0.0.0/8 ip protocol 50 accept" in text


def test_every_edit_leaves_its_folder_alone() -> None:
    healthy = describe.example()
    for fault in FAULTS.values():
        if fault.edit:
            assert fault.edit(healthy) != healthy, fault.name
    assert healthy == describe.example()


FOLDERS = {"healthy": describe.example(), "crowd": crowd(), "random": random_network(1)} | {
    fault.name: fault.edit(describe.example()) for fault in FAULTS.values() if fault.edit
}


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_is_what_the_cli_prints(folder: describe.Folder) -> None:
    """Every field is one that botocore knows, of the type it says; groups and their rules agree."""
    operations = _operations()
    for name, document in folder.items():
        command = max((command for command in operations if name.startswith(command)), key=len)
        _hold(document, operations[command].output_shape, command)
    assert folder["describe-security-group-rules"] == group_rules(folder["describe-security-groups"])


@functools.cache
def _operations() -> dict[str, Any]:
    session = botocore.session.get_session()
    models = [session.get_service_model(name) for name in ("ec2", "rds", "sts")]
    return {_words(name): model.operation_model(name) for model in models for name in model.operation_names}


def _words(operation: str) -> str:
    return botocore.xform_name(operation, "-")


def _hold(value: Any, shape: Any, path: str) -> None:
    if shape.type_name == "structure":
        for key, inner in value.items():
            assert key in shape.members, f"{path}.{key}"
            _hold(inner, shape.members[key], f"{path}.{key}")
    elif shape.type_name == "list":
        for inner in value:
            _hold(inner, shape.member, path)
    else:
        assert type(value) is KINDS[shape.type_name], path


def test_addresses_lie_in_their_subnets() -> None:
    described = describe.describe(describe.example())
    blocks = {subnet.id: ipaddress.ip_network(subnet.block) for subnet in described.subnets}
    assert all(ipaddress.ip_address(row.address) in blocks[row.subnet] for row in described.interfaces)


def test_a_random_network_is_the_same_each_time() -> None:
    assert random_network(7) == random_network(7) != random_network(8)


def test_random_networks_let_some_through_and_some_not_and_forget_the_one_before() -> None:
    """The same network gives the same results after another was there."""
    with Vpc(crowd(), machines=False) as vpc:
        trials.serve(vpc)
        first = [_tried(vpc, seed) for seed in range(10)]
        again = [_tried(vpc, seed) for seed in reversed(range(10))]
    assert first == again[::-1]
    assert {trial.connected for row in first for trial in row} == {True, False}


def _tried(vpc: Vpc, seed: int) -> list[trials.Trial]:
    vpc.apply(random_network(seed))
    return trials.attempt(vpc, trials.draw(seed, vpc.description, 8), SILENCE)
