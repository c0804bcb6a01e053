"""Reading an account live, and changing it: what the program does with the API of AWS, from outside."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.ec2 import BOUND, Loopback, loopback

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "tests/lab/vpc/example"
HOME, ELSEWHERE = "203.0.113.7", "203.0.113.10"


@pytest.fixture(scope="module")
def account() -> Iterator[Loopback]:
    with loopback() as account:
        yield account


@pytest.fixture(autouse=True)
def as_found(account: Loopback) -> Iterator[None]:
    yield
    account.deny()
    account.control("PUT", "throttle", {})


class Checker:
    """The checker in the hands of somebody with an empty home and credentials of the account."""

    def __init__(self, program: Path, home: Path, account: Loopback) -> None:
        self.program, self.home, self.account = program, home, account

    def command(self, *words: str | Path) -> dict[str, Any]:
        environment = {"HOME": str(self.home), "USER": "ada", "PATH": os.environ["PATH"], **BOUND}
        told = [str(self.program), *map(str, words), "--endpoint", self.account.endpoint, "--no-checkip"]
        return {"args": told, "env": environment, "text": True}

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(**self.command(*words), capture_output=True, timeout=120, check=False)

    def talk(self, *words: str | Path, answers: dict[str, str | Callable[[], str]]) -> tuple[int, str]:
        """At a terminal: what is asked is answered in this order. The exit code, and all that was shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(**self.command(*words), stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown, pending = "", list(answers.items())
        try:
            while True:
                try:
                    shown += os.read(ours, 65536).decode(errors="replace")
                except OSError:
                    break
                if pending and shown.endswith(f"{pending[0][0]} [y/N] "):
                    answer = pending.pop(0)[1]
                    os.write(ours, ((answer if isinstance(answer, str) else answer()) + "\n").encode())
            assert not pending, shown
            return process.wait(timeout=60), shown.replace("\r\n", "\n")
        finally:
            process.kill()
            process.wait()
            os.close(ours)


@pytest.fixture
def check(checker: Path, tmp_path: Path, account: Loopback) -> Checker:
    home = tmp_path / "home"
    home.mkdir()
    return Checker(checker, home, account)


class Place:
    """A VPC with one instance that lets SSH in from an address that nobody has any more."""

    def __init__(self, account: Loopback, public: str | None = None) -> None:
        self.ec2 = ec2 = account.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.table = ec2.describe_route_tables(Filters=self._here())["RouteTables"][0]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.acl = ec2.describe_network_acls(Filters=self._here())["NetworkAcls"][0]["NetworkAclId"]
        self.group = ec2.create_security_group(GroupName="web", Description="web", VpcId=self.vpc)["GroupId"]
        image = ec2.describe_images()["Images"][0]["ImageId"]
        run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[self.group])
        self.instance = run["Instances"][0]["InstanceId"]
        address = ec2.allocate_address(Domain="vpc", **({"Address": public} if public else {}))
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=self.instance)
        self.let_in(ELSEWHERE)

    def let_in(self, address: str, port: int = 22) -> None:
        ports = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        rule = {**ports, "IpRanges": [{"CidrIp": f"{address}/32", "Description": "Ada's flat"}]}
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[rule])

    def stop(self, number: int = 50) -> None:
        """The network ACL denies what comes from home."""
        self.ec2.create_network_acl_entry(NetworkAclId=self.acl, RuleNumber=number, Protocol="6", RuleAction="deny",
                                          Egress=False, CidrBlock=f"{HOME}/32",
                                          PortRange={"From": 22, "To": 22})  # fmt: skip

    def _here(self) -> list[dict[str, Any]]:
        return [{"Name": "vpc-id", "Values": [self.vpc]}]

    def state(self) -> Any:
        """All that a change here could touch."""
        groups = self.ec2.describe_security_groups(Filters=self._here())["SecurityGroups"]
        acls = self.ec2.describe_network_acls(Filters=self._here())["NetworkAcls"]
        tables = self.ec2.describe_route_tables(Filters=self._here())["RouteTables"]
        return groups, [sorted(map(str, acl["Entries"])) for acl in acls], tables

    def path(self, *more: str) -> tuple[str, ...]:
        return ("path", "--from", HOME, "--to", self.instance, "--port", "22", *more)


@pytest.fixture
def place(account: Loopback) -> Place:
    return Place(account)


def changes(check: Checker) -> list[Path]:
    return sorted((check.home / ".local/state/vivarium/changes").glob("*"))


def test_what_was_proven_is_made_kept_and_undone(check: Checker, place: Place, account: Loopback) -> None:
    before, writes = place.state(), account.writes()
    assert check(*place.path()).returncode == 1
    made = check(*place.path("--apply", "--yes", "--json"))
    assert made.returncode == 0, made.stdout + made.stderr
    answer = json.loads(made.stdout)
    assert answer["verdict"] == "reachable"
    applied = answer["applied"]
    assert applied["changed"] and applied["exit_before"] == 1 and applied["because"] is None
    assert len(applied["made"]) == 1 and "modify-security-group-rules" in applied["made"][0]
    assert account.writes() == [*writes, ("ModifySecurityGroupRules", "accepted")]
    # What was shown beforehand is what was made, and how to go back.
    assert all(line in made.stderr for line in [*applied["made"], *applied["undo"]])
    assert check(*place.path()).returncode == 0
    [kept] = changes(check)
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "stands" in check("undo", "--list").stdout
    undone = check("undo", "--yes")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert place.state() == before
    assert check(*place.path()).returncode == 1
    assert "undone" in check("undo", "--list").stdout
    assert check("undo", "--yes").returncode == 2


def test_somebody_is_asked_and_only_a_yes_changes_anything(check: Checker, place: Place, account: Loopback) -> None:
    before, writes = place.state(), account.writes()
    for answer in ("n", "", "maybe"):
        code, shown = check.talk(*place.path("--apply"), answers={"Make this change?": answer})
        assert (code, place.state(), account.writes()) == (1, before, writes), shown
        assert "to be changed:" in shown and "undone by:" in shown and "nobody agreed" in shown
    code, shown = check.talk(*place.path("--apply"), answers={"Make this change?": "yes"})
    assert (code, place.state() == before) == (0, False), shown
    assert shown.index("not reachable: ") < shown.index("Make this change?") < shown.index("made:  ")
    code, shown = check.talk("undo", answers={"Undo this?": "no"})
    assert code == 1 and place.state() != before, shown
    code, shown = check.talk("undo", answers={"Undo this?": "y"})
    assert (code, place.state()) == (0, before), shown


def test_where_it_makes_no_sense_or_nobody_can_be_asked_it_is_wrong_usage(
    check: Checker, place: Place, account: Loopback, tmp_path: Path
) -> None:
    writes = account.writes()
    for words in [
        place.path("--apply"),
        ("undo",),
        place.path("--yes"),
        place.path("--apply", "--yes", "--no-aws"),
        (*place.path("--apply", "--yes"), "--network", str(EXAMPLE)),
        ("replay", str(tmp_path), "--apply", "--yes"),
        ("settings", "--apply", "--yes"),
        ("undo", "no-such-change", "--yes"),
    ]:
        run = check(*words)
        assert run.returncode == 2, (words, run.stdout)
        assert run.stderr.startswith("error: ") and "hint: " in run.stderr, run.stderr
    assert account.writes() == writes and changes(check) == []


def test_facts_that_changed_while_somebody_thought_are_refused(check: Checker, place: Place, account: Loopback) -> None:
    writes = account.writes()

    def meanwhile() -> str:
        place.let_in("198.51.100.200")
        return "y"

    code, shown = check.talk(*place.path("--apply"), answers={"Make this change?": meanwhile})
    assert code == 1 and "no longer what it was" in shown, shown
    assert account.writes() == writes and changes(check) == []


def test_what_aws_refuses_is_named_and_what_was_made_before_it_is_undone(
    check: Checker, place: Place, account: Loopback
) -> None:
    place.stop()
    before = place.state()
    account.deny("ec2:ModifySecurityGroupRules")
    run = check(*place.path("--apply", "--yes"))
    assert run.returncode == 1, run.stdout
    assert "made:     aws ec2 create-network-acl-entry" in run.stdout
    assert "not made: aws ec2 modify-security-group-rules" in run.stdout
    assert "error: ec2:ModifySecurityGroupRules is denied" in run.stdout
    assert '"Action":"ec2:ModifySecurityGroupRules"' in run.stdout
    undo = [line for line in run.stdout.splitlines() if line.startswith("undo: ")]
    assert len(undo) == 1 and "delete-network-acl-entry" in undo[0]
    assert place.state() != before
    assert check("undo", "--yes").returncode == 0
    assert place.state() == before


def test_two_faults_are_mended_together_and_somebody_s_later_change_is_left_alone(check: Checker, place: Place) -> None:
    place.stop()
    before = place.state()
    assert check(*place.path("--apply", "--yes")).returncode == 0
    entry = {"NetworkAclId": place.acl, "RuleNumber": 40, "Protocol": "6", "Egress": False}
    ports = {"PortRange": {"From": 22, "To": 22}}
    place.ec2.replace_network_acl_entry(**entry, **ports, RuleAction="allow", CidrBlock="198.51.100.0/24")
    undone = check("undo", "--yes")
    assert undone.returncode == 0 and "is gone:  aws ec2 create-network-acl-entry" in undone.stdout, undone.stdout
    assert place.state()[0] == before[0]
    assert any("198.51.100.0/24" in entry for entry in place.state()[1][0])


def test_what_is_not_known_is_not_changed(check: Checker, place: Place, account: Loopback) -> None:
    writes = account.writes()
    for permission in ("ec2:DescribeSecurityGroups", "ec2:DescribeRouteTables", "ec2:DescribeNetworkAcls"):
        account.deny(permission)
        run = check(*place.path("--apply", "--yes"))
        assert run.returncode in (1, 3) and "applied nothing: " in run.stdout, run.stdout
    assert account.writes() == writes and changes(check) == []


def test_a_crash_before_the_answer_leaves_how_to_go_back(check: Checker, place: Place, account: Loopback) -> None:
    before = place.state()
    account.control("PUT", "throttle", {"action": "ModifySecurityGroupRules", "refuse": 1, "of": 1})
    process = subprocess.Popen(
        **check.command(*place.path("--apply", "--yes")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: ("ModifySecurityGroupRules", "ThrottlingException") in account.writes()[-1:])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    [kept] = changes(check)
    plan, *events = map(json.loads, kept.read_text().splitlines())
    assert events == [{"begun": 0}] and "modify-security-group-rules" in plan["steps"][0]["undo"][0]
    account.control("PUT", "throttle", {})
    undone = check("undo", "--yes")
    assert undone.returncode == 0 and "is gone: " in undone.stdout, undone.stdout + undone.stderr
    assert place.state() == before


def test_where_it_stays_unreachable_undoing_is_offered_at_once(check: Checker, account: Loopback) -> None:
    place = Place(account, public="127.77.0.9")
    port = free_port()
    place.let_in(ELSEWHERE, port)
    before = place.state()
    config = check.home / "check.toml"
    config.write_text(f'settle = 1\nfrom = "{HOME}"\n')
    words = ("ssh", place.instance, "--port", str(port), "--config", str(config), "--apply")
    still = "It is still not reachable. Undo what was changed?"
    code, shown = check.talk(*words, answers={"Make this change?": "y", still: "n"})
    assert code == 1 and place.state() != before and "looking again in 1 s" in shown, shown
    assert check("undo", "--yes").returncode == 0
    code, shown = check.talk(*words, answers={"Make this change?": "y", still: "y"})
    assert code == 1 and place.state() == before and "undone:" in shown, shown


def until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# Reading: the whole account that the tests of the reader build, and more ways out of it.

WORLD = ROOT / "checker/tests/live/world.py"
# What a flow of these hangs on, by the permission that shows it.
DECIDES = {
    "ec2": """DescribeInstances DescribeSubnets DescribeRouteTables DescribeNetworkAcls DescribeSecurityGroups
        DescribeInternetGateways DescribeNatGateways DescribeVpcEndpoints DescribeVpcPeeringConnections
        DescribeVpcAttribute GetManagedPrefixListEntries DescribeVpcBlockPublicAccessOptions
        DescribeVpcBlockPublicAccessExclusions DescribeTransitGatewayAttachments SearchTransitGatewayRoutes""",
    "rds": "DescribeDBInstances",
}
# Others say the same: these may be missing, and the verdict stays what it was.
SAID_TWICE = {
    "ec2:DescribeNetworkInterfaces": "describe-instances repeats them",
    "ec2:DescribeAddresses": "the interfaces have them",
    "ec2:DescribeVpcs": "the local routes are their blocks",
    "ec2:DescribeManagedPrefixLists": "the entries are asked for by id",
    "ec2:DescribeSecurityGroupRules": "only the ids of rules are in it",
    "ec2:DescribeTransitGatewayVpcAttachments": "the attachments are in describe-transit-gateway-attachments",
    "ec2:DescribeEgressOnlyInternetGateways": "no flow of these goes through one",
    "ec2:DescribeInstanceConnectEndpoints": "it is another way in, and no gate of this one",
    "rds:DescribeDBSubnetGroups": "the database repeats its own",
}


class Region:
    """The account of `world.py` with a subnet behind its NAT gateway, and flows that meet everything in it."""

    def __init__(self, account: Loopback, folder: Path) -> None:
        python = [sys.executable, str(WORLD), account.endpoint]
        run = subprocess.run(python, capture_output=True, text=True, timeout=120, check=True)
        ids = self.ids = json.loads(run.stdout)["ids"]
        ec2 = account.ec2
        image = ec2.describe_images()["Images"][0]["ImageId"]
        groups = {"SecurityGroupIds": [ids["web_group"]]}
        run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=ids["private"], **groups)
        inner = run["Instances"][0]["InstanceId"]
        table = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=ids["private"])
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=ids["nat"])
        self.flows = [
            (HOME, ids["web"], 22),
            ("192.0.2.5", ids["web"], 22),  # of the prefix list
            (ids["web"], "mydb", 5432),
            (ids["web"], "10.1.0.10", 443),  # through the peering connection
            (ids["web"], "172.16.0.5", 443),  # through the transit gateway
            (ids["web"], "52.216.0.1", 443),  # through the endpoint of S3
            (inner, "198.51.100.77", 443),  # through the NAT gateway
        ]
        rows = (f'[[path]]\nfrom = "{source}"\nto = "{to}"\nport = {port}\n' for source, to, port in self.flows)
        self.settings = folder / "flows.toml"
        self.settings.write_text("".join(rows))

    def verdicts(self, check: Checker) -> list[tuple[str, set[str]]]:
        """For each flow the verdict, and the permissions that would tell more."""
        run = check("--config", self.settings, "--json")
        answers = json.loads(run.stdout)["answers"]
        assert len(answers) == len(self.flows)
        return [(one["verdict"], {row["permission"] for row in one["unknowns"]}) for one in answers]


@pytest.fixture(scope="module")
def region(account: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Region:
    return Region(account, tmp_path_factory.mktemp("region"))


def test_each_permission_that_is_missing_makes_unknown_what_hangs_on_it_and_is_named(
    check: Checker, account: Loopback, region: Region
) -> None:
    before = len(account.calls())
    whole = region.verdicts(check)
    assert {verdict for verdict, _ in whole} == {"reachable", "not_reachable", "unknown"}
    decides = {f"{service}:{name}" for service, names in DECIDES.items() for name in names.split()}
    asked = {action for action, _ in account.calls()[before:]} - {"GetCallerIdentity"}
    known = {permission.split(":")[1] for permission in decides | set(SAID_TWICE)}
    assert {action for action in asked if action.startswith(("Describe", "Get", "Search"))} <= known
    for permission in sorted(decides):
        account.deny(permission)
        without = region.verdicts(check)
        named = [permission in permissions for _, permissions in without]
        assert any(named), permission
        for (before, _), (after, _), is_named in zip(whole, without, named, strict=True):
            # What it does not hang on stays what it was; the rest is unknown, and never the opposite.
            assert after == before or (after == "unknown" and is_named), (permission, before, after)
    for permission, because in SAID_TWICE.items():
        account.deny(permission)
        assert [one for one, _ in region.verdicts(check)] == [one for one, _ in whole], (permission, because)


def test_nothing_is_written_without_being_asked_to(
    check: Checker, account: Loopback, region: Region, place: Place, tmp_path: Path
) -> None:
    writes, calls = account.writes(), len(account.calls())
    closed = f"127.0.0.1:{free_port()}"
    settings = tmp_path / "check.toml"
    settings.write_text(region.settings.read_text() + f'[[ssh]]\ntarget = "{closed}"\n')
    saved = tmp_path / "saved"
    for words in [
        place.path(),
        place.path("--json", "--save", str(saved), "--report", str(tmp_path / "page.html"), "--verbose"),
        ("ssh", closed),
        ("ssh", closed, "--json"),
        ("postgres", closed),
        ("--config", settings),
        ("replay", saved),
        ("settings",),
        ("undo", "--list"),
        place.path("--assert"),
    ]:
        assert check(*words).returncode in (0, 1, 3), words
    assert account.writes() == writes
    assert len(account.calls()) > calls + 100, "the account was hardly asked"
