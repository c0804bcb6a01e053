"""The IAM policies: linted, made of actions that exist, and no wider than what the programs ask."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.session
import pytest
from parliament import analyze_policy_string

from lab.lab import REPOSITORY
from lab.stack import documents, template

FOLDER = template.PACKAGING / "iam"
POLICIES = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
EVERY = pytest.mark.parametrize("name", POLICIES)
READERS = REPOSITORY / "checker/src/aws/live/action.rs"
WRITERS = REPOSITORY / "checker/src/aws/change/write.rs"
REPORTS = REPOSITORY / "checker/src/aws/reports.rs"
STATUS = REPOSITORY / "checker/src/check/status.rs"
COMMANDS = REPOSITORY / "checker/src/aws/command/mod.rs"
LIMIT = 6144  # IAM's, of a managed policy, white space left out
# What the linter says and why it may: who looks for the thing that is in the way cannot name it beforehand; and who may
# send a command is asked twice, about the document and about the instance, so that each has a statement of its own.
MAY = {
    "checker": {"RESOURCE_STAR"},
    "checker-from-instance": {"RESOURCE_MISMATCH"},
    "fleet": {"RESOURCE_STAR", "RESOURCE_MISMATCH"},
}


def text(name: str) -> str:
    return POLICIES[name].read_text().replace("SECRET-ARN", template.SECRET)


def statements(name: str) -> list[template.Json]:
    return list(json.loads(text(name))["Statement"])


def actions(name: str) -> list[str]:
    return [action for row in statements(name) for action in row["Action"]]


@EVERY
def test_the_linter_finds_nothing_but_what_is_meant(name: str) -> None:
    found = analyze_policy_string(text(name)).findings
    assert {row.issue for row in found} == MAY.get(name, set()), [(row.issue, row.detail) for row in found]


@EVERY
def test_every_action_is_one_of_aws_and_is_named_in_full(name: str) -> None:
    session = botocore.session.get_session()
    for action in actions(name):
        service, operation = action.split(":")
        assert operation in session.get_service_model(service).operation_names, action


@EVERY
def test_a_policy_allows_each_thing_once_and_fits(name: str) -> None:
    assert len("".join(text(name).split())) < LIMIT
    assert all(row["Effect"] == "Allow" for row in statements(name))
    pairs = [(action, str(row["Resource"])) for row in statements(name) for action in row["Action"]]
    assert len(pairs) == len(set(pairs))


@EVERY
def test_only_what_looks_is_allowed_on_everything(name: str) -> None:
    wide = {action for row in statements(name) if row["Resource"] == "*" for action in row["Action"]}
    changing = {action for action in wide if not re.match(r"\w+:(Describe|Get|List|Search)", action)}
    assert changing <= {"ssm:CancelCommand"}  # a command has no ARN


def test_the_checker_may_exactly_what_it_asks() -> None:
    asked = {f"{service}:{name}" for service, name in re.findall(r'A::\w+,\s*"(\w+)",\s*"(\w+)"', READERS.read_text())}
    assert len(asked) > 30
    assert set(actions("checker")) == asked


@pytest.mark.skipif(not WRITERS.exists(), reason="the checker changes nothing yet")
def test_who_applies_fixes_may_exactly_what_they_are_made_of() -> None:
    listed = re.search(r"pub enum Write \{\n(.*?)\n\}", WRITERS.read_text(), re.DOTALL)
    assert listed is not None
    names = re.findall(r"^ +(\w+),$", listed[1], re.MULTILINE)
    assert set(actions("checker-apply")) == {f"{'rds' if 'DBInstance' in name else 'ec2'}:{name}" for name in names}


@pytest.mark.skipif(not COMMANDS.exists(), reason="the checker does not look from an instance yet")
def test_who_looks_from_an_instance_may_exactly_what_that_takes() -> None:
    called = {f"ssm:{name}" for name in re.findall(r'self\.call\("(\w+)"', COMMANDS.read_text())}
    assert set(actions("checker-from-instance")) == called


def test_who_runs_a_fleet_may_ask_all_that_status_asks() -> None:
    asked = {f"ssm:{name}" for name in re.findall(r'self\.pages\("(\w+)"', REPORTS.read_text())}
    asked |= {f"ec2:{name}" for name in re.findall(r"Action::(\w+)", STATUS.read_text())}
    assert len(asked) == 4
    everywhere = {action for row in statements("fleet") if row["Resource"] == "*" for action in row["Action"]}
    assert asked <= everywhere


def test_a_fleet_runs_our_documents_on_our_instances_and_nothing_else() -> None:
    sending = [row for row in statements("fleet") if "ssm:SendCommand" in row["Action"]]
    assert [row["Resource"] for row in sending] == [
        ["arn:aws:ssm:*:*:document/vivarium-*"],
        ["arn:aws:ec2:*:*:instance/*"],
    ]
    assert sending[1]["Condition"] == {"StringLike": {"ssm:resourceTag/Vivarium": ["*"]}}
    named = template.Stack(template.read(), template.SAID).resources("AWS::SSM::Document").values()
    assert {row["Name"] for row in named} == {f"vivarium-{name}" for name in documents.all_of_them()}


def test_the_instance_reads_one_secret() -> None:
    assert actions("instance") == ["secretsmanager:GetSecretValue"]
    assert [row["Resource"] for row in statements("instance")] == [[template.SECRET]]


def test_every_policy_is_told_in_the_documents() -> None:
    told = Path(REPOSITORY / "docs/permissions.md").read_text()
    assert all(f"packaging/iam/{name}.json" in told for name in POLICIES)
