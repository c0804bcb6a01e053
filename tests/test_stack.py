"""The checker proves the template: who reaches what in the network that it would make, and nobody else does."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.stack import network, template
from lab.stack.template import ME, SAID, Json, Stack
from lab.vpc import describe

STRANGER = "203.0.113.10"
PRIVATE, PUBLIC = {}, {"PublicDatabase": "yes"}
VARIANTS = pytest.mark.parametrize("more", [PRIVATE, PUBLIC], ids=["private", "public"])


@dataclass
class Proof:
    """Asks the checker about a template's network."""

    program: Path
    folder: Path
    stack: Stack

    def ask(self, source: str, to: str, port: int) -> Json:
        words = ["path", "--from", self._who(source), "--to", self._who(to), "--port", str(port), "--json"]
        command = [str(self.program), *words, "--network", str(self.folder), "--no-aws"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode in (0, 1), run.stderr
        return dict(json.loads(run.stdout))

    def verdict(self, source: str, to: str, port: int) -> str:
        return str(self.ask(source, to, port)["verdict"])

    def _who(self, name: str) -> str:
        return self.stack.id(name) if name in self.stack.template["Resources"] else name


Prove = Callable[..., Proof]


@pytest.fixture
def prove(checker: Path, tmp_path: Path) -> Prove:
    def of(more: Json, change: Callable[[Json], None] = lambda _: None) -> Proof:
        text = template.read()
        change(text["Resources"])
        stack = Stack(text, SAID | more)
        describe.write(network.tell(stack), tmp_path)
        return Proof(checker, tmp_path, stack)

    return of


@VARIANTS
def test_i_reach_the_instance_and_the_instance_reaches_the_database_there_and_back(prove: Prove, more: Json) -> None:
    proof = prove(more)
    assert proof.verdict(ME, "Instance", 22) == "reachable"
    assert proof.verdict("Instance", "Database", 5432) == "reachable"


@VARIANTS
def test_the_instance_reaches_what_it_fetches_from(prove: Prove, more: Json) -> None:
    assert prove(more).verdict("Instance", "internet", 443) == "reachable"


@pytest.mark.parametrize(
    ("more", "to", "port", "who"),
    [
        (PRIVATE, "Instance", 22, {ME}),
        (PUBLIC, "Instance", 22, {ME}),
        (PRIVATE, "Database", 5432, {"Instance"}),
        (PUBLIC, "Database", 5432, {"Instance", ME}),
    ],
    ids=["instance", "instance, database public", "database", "database, public"],
)
def test_of_all_addresses_there_are_only_these_reach_it(
    prove: Prove, more: Json, to: str, port: int, who: set[str]
) -> None:
    """The checker divides the whole of IPv4 into parts that fare alike; those that get through are exactly these."""
    proof = prove(more)
    # Both halves: all of it at once is a word for the internet, which private addresses are no part of.
    cases = [row for half in ("0.0.0.0/1", "128.0.0.0/1") for row in proof.ask(half, to, port)["cases"]]
    passing = [row["source"] for row in cases if row["verdict"] != "not_reachable"]
    # Itself it always reaches: that meets no filter.
    itself = proof.stack.id(to)
    passed = {part for row in passing for part in row.split(", ") if not part.startswith(f"{itself} ")}
    instance, card = proof.stack.id("Instance"), proof.stack.id("Interface")
    names = {"Instance": f"{instance} {card} 10.0.1.10"}
    assert passed == {names.get(name, name) for name in who}
    assert proof.verdict(STRANGER, to, port) == "not_reachable"


@pytest.mark.parametrize(("more", "verdict"), [(PRIVATE, "not_reachable"), (PUBLIC, "reachable")])
def test_the_database_is_mine_from_outside_only_where_it_is_asked_for(prove: Prove, more: Json, verdict: str) -> None:
    assert prove(more).verdict(ME, "Database", 5432) == verdict


@VARIANTS
@pytest.mark.parametrize("port", [21, 23, 80, 443, 1024, 5432, 65535])
def test_no_other_port_of_the_instance_is_open_to_me(prove: Prove, more: Json, port: int) -> None:
    assert prove(more).verdict(ME, "Instance", port) == "not_reachable"


@VARIANTS
def test_the_instance_reaches_no_other_port_of_the_database_and_the_database_reaches_nothing(
    prove: Prove, more: Json
) -> None:
    proof = prove(more)
    assert proof.verdict("Instance", "Database", 22) == "not_reachable"
    assert proof.verdict("Database", "Instance", 22) == "not_reachable"
    assert proof.verdict("Database", "internet", 443) == "not_reachable"


def set_of(logical: str, **properties: Any) -> Callable[[Json], None]:
    return lambda resources: resources[logical]["Properties"].update(properties)


def without(*logical: str) -> Callable[[Json], None]:
    def change(resources: Json) -> None:
        for name in logical:
            del resources[name]

    return change


def denied(acl: str, **more: Any) -> Callable[[Json], None]:
    entry = {"NetworkAclId": {"Ref": acl}, "RuleNumber": 50, "Protocol": 6, "RuleAction": "deny"}
    entry |= {"CidrBlock": "0.0.0.0/0", **more}
    return lambda resources: resources.update(
        Denied={"Type": "AWS::EC2::NetworkAclEntry", "Properties": copy.deepcopy(entry)}
    )


ACL, GROUP, ROUTE = "SUBNET_ACL_RESTRICTION", "ENI_SG_RULES_MISMATCH", "NO_ROUTE_TO_DESTINATION"
SSH, POSTGRES = (ME, "Instance", 22), ("Instance", "Database", 5432)
NARROW = {"From": 49152, "To": 65535}
# What was broken, what it breaks, how the checker answers, which gate it names, and at which thing.
BROKEN = {
    "my answers go to the upper ports only": (set_of("AOutAnswers", PortRange=NARROW), SSH, "partly", ACL, "AclA"),
    "the database's answers go to the upper ports only": (
        set_of("BOutAnswers", PortRange=NARROW), POSTGRES, "partly", ACL, "AclB"),
    "the instance hears answers at the upper ports only": (
        set_of("AInAnswers", PortRange=NARROW), POSTGRES, "partly", ACL, "AclA"),
    "no answers to me": (without("AOutAnswers"), SSH, "not_reachable", ACL, "AclA"),
    "no answers from the database": (without("BOutAnswers"), POSTGRES, "not_reachable", ACL, "AclB"),
    "no answers to the instance": (without("AInAnswers"), POSTGRES, "not_reachable", ACL, "AclA"),
    "no way out to the database": (without("AOutDatabase"), POSTGRES, "not_reachable", ACL, "AclA"),
    "no way in to the database": (without("BInDatabase"), POSTGRES, "not_reachable", ACL, "AclB"),
    "no way in to the instance": (without("AInSsh"), SSH, "not_reachable", ACL, "AclA"),
    "a list denies before it allows": (
        denied("AclA", PortRange={"From": 22, "To": 22}), SSH, "not_reachable", ACL, "AclA"),
    "a list denies on the way back": (denied("AclB", Egress=True), POSTGRES, "not_reachable", ACL, "AclB"),
    "the instance's group lets nothing out to the database": (
        without("InstanceToDatabase"), POSTGRES, "not_reachable", GROUP, "InstanceGroup"),
    "the database's group lets nobody in": (
        without("DatabaseFromInstance"), POSTGRES, "not_reachable", "SG_HAS_NO_RULES", "DatabaseGroup"),
    "the database's group names itself": (
        set_of("DatabaseFromInstance", SourceSecurityGroupId={"Ref": "DatabaseGroup"}),
        POSTGRES, "not_reachable", GROUP, "DatabaseGroup"),
    "the instance's group names another address": (
        set_of("InstanceGroup", SecurityGroupIngress=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "203.0.113.77/32"}]),
        SSH, "not_reachable", GROUP, "InstanceGroup"),
    "no route to the internet gateway": (without("RouteAToInternet"), SSH, "not_reachable", ROUTE, "RoutesA"),
    "the subnet has another route table": (without("RoutesOfA"), SSH, "not_reachable", ROUTE, "rtb-0f0f0f0f0f0f0f0f0"),
    "the interface has no address outside": (
        without("AddressOfInterface"), SSH, "not_reachable", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "Interface"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_variant_is_caught_at_its_gate(prove: Prove, name: str) -> None:
    change, question, verdict, code, at = BROKEN[name]
    proof = prove(PRIVATE, change)
    answer = proof.ask(*question)
    assert answer["verdict"] == verdict
    element = proof.stack.id(at) if at in proof.stack.template["Resources"] else at
    named = {(row["reachability_analyzer"], element in json.dumps(row)) for row in answer["blockers"]}
    assert (code, True) in named, answer["blockers"]
