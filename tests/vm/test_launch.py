"""A real boot: Debian's kernel, systemd and cloud-init, from power-on to SELECT NOW() and the report, unattended."""

from __future__ import annotations

import json
import re

from lab.account import INSTANCE_ID
from lab.volume import VOLUME_ID

from .conftest import Launch

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00")


def test_from_power_on_to_select_now_nobody_does_anything(launch: Launch) -> None:
    (verdict,) = [line for line in launch.said.splitlines() if line.startswith("ok: ")]
    print(f"{launch.seconds:.0f} s from power-on: {verdict}")
    assert len(TIME.findall(verdict)) == 2, "the database's time, to the agent and to $python3"
    assert VOLUME_ID in verdict


def test_it_was_cloud_init_that_took_it_for_ec2_and_ran_the_launcher(launch: Launch) -> None:
    assert launch.cloud_init.splitlines()[0] == "aws"
    assert "status: done" in launch.cloud_init
    assert "DataSourceEc2" in launch.cloud_init


def test_the_metadata_service_was_asked_with_tokens_alone(launch: Launch) -> None:
    asked = {(row["method"], row["path"]): row["status"] for row in launch.metadata}
    assert asked["PUT", "/latest/api/token"] == 200
    assert [path for _, path in asked if path.endswith("/user-data")]
    assert 401 not in asked.values()


def test_the_agent_was_fetched_once_and_so_was_the_installer(launch: Launch) -> None:
    (agent,) = [count for path, count in launch.sent.items() if path.endswith("/vivarium-agent-x86_64")]
    (installer,) = [count for path, count in launch.sent.items() if path.endswith(".sh")]
    assert agent > 1_000_000
    assert installer > 1_000_000


def test_systems_manager_has_the_report_of_the_run(launch: Launch) -> None:
    items = launch.ssm["inventory"][INSTANCE_ID]
    assert '"ok"' in json.dumps(items["Custom:VivariumRun"])
    assert "Custom:Vivarium" in launch.ssm["compliance"][INSTANCE_ID]


def test_the_host_is_as_its_settings_ask(launch: Launch) -> None:
    assert launch.status["exit_code"] == 0
    assert launch.status["last_run"]["caller"] == "userdata"


def test_after_a_reboot_the_volume_is_mounted_by_its_uuid_and_the_unit_is_green(launch: Launch) -> None:
    (entry,) = [line for line in launch.reboot.fstab.splitlines() if " /anaconda " in line]
    assert entry.startswith(f"UUID={launch.reboot.disk['uuid']} ")
    assert launch.reboot.disk["mountpoint"] == "/anaconda"
    assert launch.reboot.unit == "active"
    assert launch.reboot.status["exit_code"] == 0
    last = launch.reboot.status["last_run"]
    assert (last["verdict"], last["caller"]) == ("ok", "boot")


def test_after_a_reboot_nothing_is_done_again_and_nothing_is_downloaded(launch: Launch) -> None:
    assert launch.reboot.sent == launch.sent
    done = {step["name"]: step["outcome"] for step in launch.reboot.status["last_run"]["steps"]}
    assert set(done.values()) == {"unchanged"}, done
