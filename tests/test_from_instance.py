"""`--from-instance`: what is wrong on the machine is found over Run Command, while ssh itself does not work."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import database
from lab.vpc import describe, edits
from lab.vpc.addresses import LAPTOP
from lab.vpc.clinic import CHECK, Clinic
from lab.vpc.connections import Attempt
from lab.vpc.services import START_SSHD, STOP_SSHD, USER
from lab.vpc.vpc import Vpc

INSTANCE = "i-0123456789abcdef0"
AGENT = "/usr/local/bin/vivarium-agent"
HOME = f"/home/{USER}"
KEYS = f"{HOME}/.ssh/authorized_keys"
CONFIG = "/etc/ssh/sshd_config"
DROP = (
    "nft 'add table inet host; add chain inet host in { type filter hook input priority 0; policy accept; }; "
    "add rule inet host in ct state established accept; add rule inet host in tcp dport 22 drop'"
)
# A host that knows its client by a set, as fail2ban does.
BAN = (
    "nft 'add table inet f2b; add set inet f2b bad { type ipv4_addr; }; "
    f"add element inet f2b bad {{ {LAPTOP} }}; "
    "add chain inet f2b in { type filter hook input priority -1; }; "
    "add rule inet f2b in tcp dport 22 ip saddr @bad reject with icmp port-unreachable'"
)
SMALL = (
    f"cp -a {HOME} /run/kept; mount -t tmpfs -o size=64k,mode=700,uid=1000 small {HOME}; "
    f"cp -a /run/kept/. {HOME}/; chown -R {USER}: {HOME}; cat /dev/zero > {HOME}/full 2>/dev/null || true"
)


@dataclass(frozen=True)
class Fault:
    """What goes wrong on the instance, how it is mended, and the words of the first finding."""

    name: str
    how: str
    mend: str
    symptom: str
    words: str


FAULTS = [
    Fault("sshd-stopped", STOP_SSHD, START_SSHD, "H23", "sshd does not run"),
    Fault(
        "sshd-bad-config",
        f"echo 'Prot 22' >> {CONFIG}; {STOP_SSHD}; ! {START_SSHD} 2>/dev/null",
        f"sed -i '/^Prot/d' {CONFIG}; {START_SSHD}",
        "H23",
        "configuration is not valid",
    ),
    Fault(
        "sshd-no-host-key",
        f"chmod 644 /etc/ssh/lab_host_ed25519; {STOP_SSHD}; ! {START_SSHD} 2>/dev/null",
        f"chmod 600 /etc/ssh/lab_host_ed25519; {START_SSHD}",
        "H23",
        "no key of its own",
    ),
    Fault(
        "sshd-no-directory",
        f"{STOP_SSHD}; rmdir /run/sshd; ! {START_SSHD} 2>/dev/null",
        f"mkdir -m 755 /run/sshd; {START_SSHD}",
        "H23",
        "/run/sshd is missing",
    ),
    Fault(
        "sshd-elsewhere",
        f"{STOP_SSHD}; {START_SSHD} -p 2222",
        f"{STOP_SSHD}; {START_SSHD}",
        "H23",
        "does not listen on port 22",
    ),
    Fault("firewall-drops", DROP, "nft delete table inet host", "H25", "own firewall drops tcp 22"),
    Fault("firewall-bans", BAN, "nft delete table inet f2b", "H25", "own firewall rejects tcp 22"),
    Fault("hosts-deny", "echo 'sshd: ALL' > /etc/hosts.deny", "rm /etc/hosts.deny", "H26", "hosts.deny turns"),
    Fault("keys-writable", f"chmod 666 {KEYS}", f"chmod 600 {KEYS}", "H33", f"others may write {KEYS}"),
    Fault("home-writable", f"chmod 777 {HOME}", f"chmod 700 {HOME}", "H33", f"others may write {HOME}"),
    Fault("keys-not-ours", f"chown 4711 {KEYS}", f"chown {USER} {KEYS}", "H33", f"others may write {KEYS}"),
    Fault("keys-gone", f"mv {KEYS} /run/keys", f"mv /run/keys {KEYS}", "H33", "no file of keys"),
    Fault("disk-full", SMALL, f"umount {HOME}; rm -r /run/kept", "H39", f"filesystem of {HOME} is full"),
    Fault("nologin-file", "echo later > /etc/nologin", "rm /etc/nologin", "H39", "/etc/nologin keeps everybody out"),
    Fault(
        "nologin-shell",
        f"usermod -s /usr/sbin/nologin {USER}",
        f"usermod -s /bin/bash {USER}",
        "H39",
        "ends every login at once",
    ),
    Fault(
        "deny-users",
        f"echo 'DenyUsers {USER}' >> {CONFIG}; {STOP_SSHD}; {START_SSHD}",
        f"sed -i /^DenyUsers/d {CONFIG}; {STOP_SSHD}; {START_SSHD}",
        "H31",
        f"keeps {USER} out",
    ),
    Fault("expired", f"chage -E 1 {USER}", f"chage -E -1 {USER}", "H39", "expired on 1970-01-02"),
    Fault("locked", f"usermod -p '!x' {USER}", f"usermod -p '*' {USER}", "H39", "is locked"),
]


class Ward(Clinic):
    """A VPC with its account and the checker; the agent is on the instance, and Run Command reaches it."""

    def __init__(self, vpc: Vpc, checker: Path, agent: Path) -> None:
        super().__init__(vpc, checker)
        self.laptop, self.instance = self.machine("laptop"), self.machine("instance")
        self.instance.install(agent, AGENT)
        self.restore()

    def restore(self) -> None:
        self.say("registered", [INSTANCE])
        self.say("lost", [])
        self.say("machines", {INSTANCE: ["nsenter", "--target", str(self.instance.first_process), "--all", "--"]})

    def say(self, name: str, value: Any) -> None:
        self.account.control("PUT", name, value)

    def check(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.laptop.run([CHECK, *words], environment={**self.environment("laptop"), **variables})

    def ssh(self, *more: str, **variables: str) -> dict[str, Any]:
        words = ["ssh", f"{USER}@{self.vpc.public_address}", "--from-instance", "--json", *more]
        run = self.check(*words, **variables)
        assert run.stdout, run.stderr
        return dict(json.loads(run.stdout))

    def logs_in(self) -> bool:
        """Whether a person gets in and can work there."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]
        work = "head -c 100000 /dev/zero > ~/work && rm ~/work"
        return self.laptop.run(["ssh", *options, f"{USER}@{self.vpc.public_address}", work]).returncode == 0

    @contextlib.contextmanager
    def configured(self, edit: edits.Edit) -> Iterator[None]:
        healthy = self.vpc.folder
        try:
            self.vpc.apply(edit(healthy))
            self.account.hold(self.vpc.folder)
            yield
        finally:
            self.vpc.apply(healthy)
            self.account.hold(healthy)

    @contextlib.contextmanager
    def broken(self, fault: Fault) -> Iterator[None]:
        self.instance.shell(fault.how)
        try:
            yield
        finally:
            self.instance.shell(fault.mend)


@pytest.fixture(scope="module")
def clinic(checker: Path, agent: Path) -> Iterator[Ward]:
    with Vpc(describe.EXAMPLE) as vpc:
        yield Ward(vpc, checker, agent)
    assert vpc.leftovers() == []


def first(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["findings"], answer["headline"]
    return dict(answer["findings"][0])


def test_a_host_that_is_well_says_so_and_nothing_is_found(clinic: Ward) -> None:
    assert clinic.logs_in()
    answer = clinic.ssh()
    assert (answer["verdict"], answer["findings"]) == ("reachable", [])
    assert any("finds nothing that keeps a login out" in note for note in answer["notes"])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_first_finding_names_the_cause_on_the_host_while_ssh_does_not_work(clinic: Ward, fault: Fault) -> None:
    with clinic.broken(fault):
        assert not clinic.logs_in()
        answer = clinic.ssh()
    found = first(answer)
    assert (found["symptom"], fault.words in found["verdict"]) == (fault.symptom, True), answer["findings"]
    assert answer["verdict"] == "not_reachable_explained"
    assert found["evidence"] and "`" in found["hint"]
    assert "cannot_tell" not in {row["kind"] for row in answer["findings"]}


def test_all_is_well_after_all_faults(clinic: Ward) -> None:
    assert clinic.logs_in()


def test_a_packet_that_arrives_and_is_answered_puts_the_blame_on_the_way_back(clinic: Ward) -> None:
    with clinic.configured(edits.no_entry(edits.PUBLIC_ACL, 100, egress=True)):
        assert not clinic.logs_in()
        found = first(clinic.ssh())
    assert found["symptom"] == "H7"
    assert any("answers left" in row["line"] or "SYN_RECV" in row["line"] for row in found["evidence"])


def test_a_packet_that_does_not_arrive_puts_the_blame_on_the_way_in(clinic: Ward) -> None:
    with clinic.configured(edits.inbound(edits.INSTANCE_GROUP)):
        assert not clinic.logs_in()
        found = first(clinic.ssh())
    assert found["symptom"] == "H1"
    assert any("no packet of" in row["line"] for row in found["evidence"])


def test_two_faults_at_once_are_both_found(clinic: Ward) -> None:
    stopped = FAULTS[0]
    with clinic.configured(edits.inbound(edits.INSTANCE_GROUP)), clinic.broken(stopped):
        answer = clinic.ssh()
    assert [row["symptom"] for row in answer["findings"]][:2] == ["H1", "H23"], answer["findings"]


def test_what_is_saved_is_said_again_and_holds_no_key_and_no_account(clinic: Ward) -> None:
    """The key that is looked for is one that only the instance has."""
    fault = next(fault for fault in FAULTS if fault.name == "home-writable")
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIPlantedPlantedPlantedPlantedPlantedPlanted"
    clinic.instance.shell(f"echo 'ssh-ed25519 {key} other' >> {KEYS}")
    try:
        with clinic.broken(fault):
            words = ["ssh", f"{USER}@{clinic.vpc.public_address}", "--from-instance", "--save", "/root/saved"]
            said = clinic.check(*words)
    finally:
        clinic.instance.shell(f"sed -i /Planted/d {KEYS}")
    again = clinic.check("replay", "/root/saved")
    assert again.stdout == said.stdout
    assert f"others may write {HOME}" in again.stdout
    kept = clinic.laptop.shell("cat /root/saved/vivarium.json /root/saved/network/*")
    assert '"keys"' in kept and key not in kept and "123456789012" not in kept


def test_a_database_is_asked_for_from_the_instance_which_reaches_it_while_this_machine_does_not(
    clinic: Ward,
) -> None:
    target = f"postgres://{database.USER}@{database.HOST}/{database.NAME}"
    run = clinic.check("postgres", target, f"--from-instance={INSTANCE}", "--json")
    answer = json.loads(run.stdout)
    assert answer["verdict"] == "reachable", answer["findings"]
    assert answer["from"] == INSTANCE
    assert any(note.startswith("from this machine: ") for note in answer["notes"])


def test_a_database_whose_group_forgot_the_instance_is_explained_from_the_instance(clinic: Ward) -> None:
    target = f"postgres://{database.USER}@{database.HOST}/{database.NAME}"
    with clinic.configured(edits.inbound(edits.DATABASE_GROUP)):
        run = clinic.check("postgres", target, f"--from-instance={INSTANCE}", "--json")
    found = first(json.loads(run.stdout))
    assert found["symptom"] == "P5"


def test_the_settings_of_the_instance_prove_the_database_up_to_its_answer(clinic: Ward) -> None:
    """The password never leaves the instance."""
    settings = (
        'volume.path = "/dev/null"\n'
        f'database.host = "{database.HOST}"\ndatabase.user = "{database.USER}"\n'
        f'database.sslmode = "require"\ndatabase.secret = "file:/etc/vivarium/password"\n'
    )
    clinic.instance.write("/etc/vivarium/agent.toml", settings)
    clinic.instance.write("/etc/vivarium/password", clinic.vpc.password + "\n", 0o600)
    target = f"postgres://{database.USER}@{database.HOST}/{database.NAME}"
    try:
        run = clinic.check("postgres", target, f"--from-instance={INSTANCE}", "--json")
        direct = clinic.instance.run([AGENT, "probe"]).stdout
    finally:
        clinic.instance.shell("rm /etc/vivarium/agent.toml /etc/vivarium/password")
    assert json.loads(run.stdout)["verdict"] == "reachable", run.stdout
    assert clinic.vpc.password not in run.stdout
    assert "SELECT NOW() says 2" in direct


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("registered", [], "does not know"),
        ("lost", [INSTANCE], "ConnectionLost"),
        ("machines", {}, "takes no command"),
        ("machines", {INSTANCE: ["sh", "-c", "exit 71"]}, "not installed"),
        ("machines", {INSTANCE: ["sh", "-c", "head -c 30000 /dev/zero | tr '\\0' x"]}, "cut off"),
        ("machines", {INSTANCE: ["sh", "-c", "echo no >&2; exit 1"]}, "gave no answer (exit code 1): no"),
    ],
)
def test_what_keeps_the_instance_from_being_asked_is_named_with_what_to_do(
    clinic: Ward, name: str, value: Any, words: str
) -> None:
    clinic.say(name, value)
    try:
        answer = clinic.ssh()
    finally:
        clinic.restore()
    assert answer["verdict"] == "reachable", "the rest of the answer stands"
    (note,) = [note for note in answer["notes"] if "was not heard" in note]
    assert words in note and len(note) > 100, note
    assert any(row["what"] == f"what {INSTANCE} itself sees" for row in answer["unknowns"])


def test_who_may_not_send_commands_is_told_the_statement(clinic: Ward) -> None:
    reads = {"Effect": "Allow", "Action": ["ec2:*", "rds:*", "sts:*"], "Resource": "*"}
    clinic.say("policy", {"Statement": [reads]})
    try:
        answer = clinic.ssh(AWS_ACCESS_KEY_ID="ASIALAB")
    finally:
        clinic.say("policy", "everything")
    (note,) = [note for note in answer["notes"] if "was not heard" in note]
    assert "ssm:SendCommand is denied" in note and "document/AWS-RunShellScript" in note


def sent(clinic: Ward) -> int:
    calls = clinic.account.control("GET", "received")["calls"]
    return [row["action"] for row in calls].count("SendCommand")


def test_no_command_is_sent_unless_the_instance_is_to_be_asked(clinic: Ward) -> None:
    clinic.say("machines", {INSTANCE: ["false"]})
    try:
        run = clinic.check("ssh", f"{USER}@{clinic.vpc.public_address}", "--json")
        before = sent(clinic)
        clinic.check("ssh", f"{USER}@{clinic.vpc.public_address}", "--json")
        after = sent(clinic)
    finally:
        clinic.restore()
    assert run.returncode == 0
    assert before == after


def test_a_path_is_not_asked_of_an_instance(clinic: Ward) -> None:
    run = clinic.check("path", "--from", "internet", "--to", INSTANCE, "--port", "22", "--from-instance")
    assert run.returncode == 2
    assert "hint: " in run.stderr


def test_the_answer_of_a_busy_host_fits_into_what_run_command_keeps(clinic: Ward) -> None:
    """Two hundred listeners, and a set of rules that is long."""
    opened = (
        "import socket,sys\nkept=[socket.create_server(('127.0.0.1',0)) for _ in range(200)]\nprint(1,flush=True)\n"
    )
    rules = "add table ip long; add chain ip long c; " + "; ".join(
        f"add rule ip long c ip saddr 10.1.{index}.0/24 drop" for index in range(200)
    )
    clinic.instance.shell(f"nft '{rules}'")
    command = clinic.instance.command(["python3", "-c", opened + "sys.stdin.read()"])
    busy = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert busy.stdout is not None and busy.stdout.readline() == b"1\n"
        said = clinic.instance.run([AGENT, "probe", "--json", "--client", LAPTOP]).stdout
    finally:
        busy.communicate(b"")
        clinic.instance.shell("nft delete table ip long")
    assert len(said) < 24_000 and said.count("\n") == 1 and said.isascii()
    assert said.startswith('{"verdict":"ok: ')


def test_a_probe_changes_nothing(clinic: Ward) -> None:
    """Neither the rules, nor a file of the root, nor a process that stays."""
    snapshot = "nft list ruleset; find /etc /home /root /var/lib/vivarium -newer /run/mark 2>/dev/null || true"
    clinic.instance.shell("touch /run/mark")
    before = clinic.instance.shell(snapshot), len(clinic.instance.processes())
    clinic.instance.run([AGENT, "probe", "--client", LAPTOP, "--watch", "1"], check=True)
    assert (clinic.instance.shell(snapshot), len(clinic.instance.processes())) == before


def test_somebody_else_s_packets_are_not_the_client_s(clinic: Ward) -> None:
    def knock() -> None:
        clinic.vpc.laptop.connect_all([Attempt(clinic.vpc.public_address, 22)] * 3, 1)

    watching = clinic.instance.command([AGENT, "probe", "--json", "--client", "203.0.113.99", "--watch", "3"])
    process = subprocess.Popen(watching, stdout=subprocess.PIPE, text=True)
    knocking = threading.Thread(target=knock)
    knocking.start()
    said, _ = process.communicate(timeout=30)
    knocking.join()
    seen = json.loads(said)["facts"]["arrivals"]["known"]
    assert seen["syn"] == 0
