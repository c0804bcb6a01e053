"""The template as a file: linted, small enough, its documents those of packaging/ssm, its UserData without a secret."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.lab import REPOSITORY
from lab.stack import documents, template
from lab.stack.template import SAID, TEMPLATE, Json, Stack

LINT = "import sys, cfnlint.runner; sys.exit(cfnlint.runner.main())"
LARGEST_BODY = 51_200  # CloudFormation's limit for a template that is not in S3
LARGEST_USER_DATA = 16_384
FETCH = re.compile(r"^ *fetch\(\) \{\n(.*?)^ *\}\n", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(template.read(), SAID)


@pytest.fixture(scope="module")
def user_data(stack: Stack) -> str:
    return base64.b64decode(one(stack, "AWS::EC2::Instance")["UserData"]).decode()


def one(stack: Stack, kind: str) -> Json:
    (row,) = stack.resources(kind).values()
    return row


def test_cfn_lint_has_nothing_to_say() -> None:
    command = [sys.executable, "-c", LINT, "--include-checks", "I", "--", str(TEMPLATE)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = [row for row in run.stdout.splitlines() if re.match(r"[EWI]\d{4}", row)]
    assert (run.returncode, said) == (0, [])


def test_the_template_goes_up_without_a_bucket() -> None:
    assert TEMPLATE.stat().st_size < LARGEST_BODY


def test_the_documents_in_the_template_are_those_of_the_folder() -> None:
    """`VIVARIUM_BLESS=1` writes them into it."""
    if os.environ.get("VIVARIUM_BLESS"):
        documents.embed()
    assert documents.embedded(TEMPLATE.read_text()) == TEMPLATE.read_text()
    inside = [row["Content"] for row in Stack(template.read(), SAID).resources("AWS::SSM::Document").values()]
    assert inside == list(documents.all_of_them().values())


def test_every_resource_that_holds_data_outlives_the_stack_and_is_encrypted(stack: Stack) -> None:
    for kind, flag in (("AWS::EC2::Volume", "Encrypted"), ("AWS::RDS::DBInstance", "StorageEncrypted")):
        (row,) = (row for row in stack.template["Resources"].values() if row["Type"] == kind)
        assert (row["DeletionPolicy"], row["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
        assert one(stack, kind)[flag] is True
    disks = one(stack, "AWS::EC2::Instance")["BlockDeviceMappings"]
    assert [disk["Ebs"]["Encrypted"] for disk in disks] == [True]


def test_the_database_is_private_in_the_other_zone_and_its_password_is_nobodys(stack: Stack) -> None:
    database = one(stack, "AWS::RDS::DBInstance")
    assert database["PubliclyAccessible"] is False
    assert database["ManageMasterUserPassword"] is True and "MasterUserPassword" not in database
    subnets = stack.resources("AWS::EC2::Subnet")
    assert subnets["SubnetA"]["AvailabilityZone"] != database["AvailabilityZone"]
    assert subnets["SubnetB"]["AvailabilityZone"] == database["AvailabilityZone"]


def test_the_instance_gives_its_credentials_for_a_token_only_and_not_a_hop_further(stack: Stack) -> None:
    options = one(stack, "AWS::EC2::Instance")["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)


def test_the_role_reads_this_secret_and_no_other(stack: Stack) -> None:
    role = one(stack, "AWS::IAM::Role")
    assert role["ManagedPolicyArns"] == ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
    (policy,) = role["Policies"]
    written = json.loads((template.PACKAGING / "iam/instance.json").read_text().replace("SECRET-ARN", template.SECRET))
    assert policy["PolicyDocument"] == written


@pytest.mark.parametrize("change", [{}, {"Architecture": "arm64"}, {"Image": "debian12", "KeyPair": "mine"}])
def test_user_data_fits_and_holds_no_secret(change: dict[str, str]) -> None:
    text = base64.b64decode(one(Stack(template.read(), SAID | change), "AWS::EC2::Instance")["UserData"]).decode()
    assert len(text.encode()) < LARGEST_USER_DATA
    assert not re.search(r"(?i)password|A[KS]IA[0-9A-Z]{12}|PRIVATE KEY", text)
    assert f'database.secret = "secretsmanager:{template.SECRET}"' in text


def test_the_settings_that_user_data_writes_are_settings(user_data: str, agent: Path, tmp_path: Path) -> None:
    text = re.search(r"<<'SETTINGS'\n(.*?)^SETTINGS$", user_data, re.MULTILINE | re.DOTALL)
    assert text is not None
    settings = tmp_path / "agent.toml"
    settings.write_text(text[1])
    run = subprocess.run([str(agent), "--config", str(settings), "settings"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_user_data_fetches_as_the_document_does(user_data: str) -> None:
    install = documents.all_of_them()["install"]["mainSteps"][0]["inputs"]["runCommand"][0]
    (here,), (there,) = FETCH.findall(user_data), FETCH.findall(install)
    assert here == there


def test_the_shell_in_the_template_and_in_the_documents_is_clean(user_data: str) -> None:
    scripts = [user_data]
    for document in documents.all_of_them().values():
        scripts += ["\n".join(step["inputs"]["runCommand"]) for step in document["mainSteps"]]
    for script in scripts:
        command = ["shellcheck", "--shell=dash", "--severity=warning", "-"]
        run = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stdout


def test_the_outputs_are_lines_to_type(stack: Stack) -> None:
    said: dict[str, Any] = {name: stack.resolve(row["Value"]) for name, row in stack.template["Outputs"].items()}
    assert said["Ssh"] == f"ssh ec2-user@{template.PUBLIC_ADDRESS}"
    assert said["Check"].startswith("vivarium-check ssh i-") and said["Secret"] == template.SECRET
    assert said["CheckDatabase"].startswith("vivarium-check path --from i-")


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        *[(row, True) for row in ("203.0.113.9/32", "0.0.0.0/32", "255.255.255.255/32", "9.9.9.9/32")],
        *[
            (row, False)
            for row in ("0.0.0.0/0", "203.0.113.9", "203.0.113.0/24", "256.1.1.1/32", "1.2.3/32", "::1/128")
        ],
        *[(row, False) for row in ("1.2.3.4/320", "01.2.3.4/32", " 1.2.3.4/32", "1.2.3.4/32,5.6.7.8/32", "")],
    ],
)
def test_my_address_is_one_address(stack: Stack, address: str, fits: bool) -> None:
    pattern = stack.template["Parameters"]["MyAddress"]["AllowedPattern"]
    assert (re.fullmatch(pattern, address) is not None) == fits


def test_few_parameters_have_to_be_said(stack: Stack) -> None:
    bare = {name for name, row in stack.template["Parameters"].items() if "Default" not in row}
    assert bare == {"MyAddress", "AgentUrl", "AgentSha256", "AcceptLicense"}


def test_the_association_verifies_daily_and_only_after_the_first_run(stack: Stack) -> None:
    (row,) = (row for row in stack.template["Resources"].values() if row["Type"] == "AWS::SSM::Association")
    assert row["DependsOn"] == "Ready"
    said = one(stack, "AWS::SSM::Association")
    assert said["ScheduleExpression"] == "rate(1 day)"
    assert said["Name"] == stack.id("VerifyDocument")
    assert {"MaxConcurrency", "MaxErrors"} <= said.keys()


def test_the_documents_are_under_what_the_command_line_takes() -> None:
    for path in documents.paths():
        assert path.stat().st_size < 64 * 1024
    assert REPOSITORY in TEMPLATE.parents
