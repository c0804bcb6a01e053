"""The template, deployed as far as moto goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab.stack import documents, in_moto, template
from lab.stack.template import SAID, Stack


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with in_moto.deployed(SAID) as session:
        yield session


def test_the_stack_is_complete_and_only_what_is_listed_was_skipped(session: Any) -> None:
    cloudformation = session.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="vivarium")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = {
        row["LogicalResourceId"]
        for row in cloudformation.list_stack_resources(StackName="vivarium")["StackResourceSummaries"]
    }
    wanted = Stack(template.read(), SAID)
    there = {name for name, row in wanted.template["Resources"].items() if wanted.holds(row.get("Condition"))}
    kinds = {wanted.template["Resources"][name]["Type"] for name in there - made}
    assert kinds == in_moto.SKIPPED
    assert {row["OutputKey"] for row in stack["Outputs"]} == wanted.template["Outputs"].keys()


def test_the_instance_lies_in_one_zone_and_the_database_in_the_other(session: Any) -> None:
    ec2, rds = session.client("ec2"), session.client("rds")
    (instance,) = (row for each in ec2.describe_instances()["Reservations"] for row in each["Instances"])
    (database,) = rds.describe_db_instances()["DBInstances"]
    assert instance["Placement"]["AvailabilityZone"] != database["AvailabilityZone"]
    assert (database["PubliclyAccessible"], database["StorageEncrypted"]) == (False, True)
    (volume,) = (row for row in ec2.describe_volumes()["Volumes"] if row["Size"] == 20)
    assert [row["InstanceId"] for row in volume["Attachments"]] == [instance["InstanceId"]]


def test_the_groups_let_in_what_the_template_says(session: Any) -> None:
    groups = session.client("ec2").describe_security_groups()["SecurityGroups"]
    named = {row["Description"]: row for row in groups}
    (ssh,) = named["SSH from one address; out to HTTP, HTTPS and the database"]["IpPermissions"]
    assert [row["CidrIp"] for row in ssh["IpRanges"]] == [SAID["MyAddress"]]
    (postgres,) = named["PostgreSQL from the instance"]["IpPermissions"]
    assert (postgres["FromPort"], postgres["IpRanges"]) == (5432, [])


def test_systems_manager_takes_the_documents(session: Any) -> None:
    listed = session.client("ssm").list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    ours = {row["Name"]: (row["DocumentType"], row["SchemaVersion"], row["TargetType"]) for row in listed}
    form = ("Command", "2.2", "/AWS::EC2::Instance")
    assert ours == {f"vivarium-{name}": form for name in documents.all_of_them()}


def test_the_role_may_read_the_secret(session: Any) -> None:
    iam = session.client("iam")
    (role,) = iam.list_roles()["Roles"]
    policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName="secret")["PolicyDocument"]
    assert f"'{template.SECRET}'" in str(policy)  # moto keeps it as Python prints it
