"""The unit for each boot: as systemd reads it, as it is installed in the lab, and what a run under it does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab import REPOSITORY, Lab

NAME = "vivarium-agent.service"
UNIT = REPOSITORY / "packaging/systemd" / NAME
UNITS = Path("/usr/lib/systemd/system")
# Each of these gives a service a mount namespace of its own, where the volume would be mounted for nobody else.
NAMESPACED = re.compile(
    r"^(Private(?!Network|Users)|Protect(?!Hostname|Clock)|ProcSubset|Bind|Temporary|Mount|Root|Dynamic|Extension"
    r"|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|InaccessibleDirectories|LogNamespace)",
)
# systemctl as far as the agent asks it, with systemd's own tools for units: they work on files alone.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> /run/systemctl.log
[ "$1" = daemon-reload ] || SYSTEMD_OFFLINE=1 exec /bin/systemctl "$@"
"""

# Holds the lock until the run has found it held and sleeps at its door; or, of one that waits for nobody, has ended.
WAITS = """mkdir -p /run/vivarium
exec 9<>/run/vivarium/lock
flock 9
printf '{"pid":%d,"run":"abc","step":"download","interruptible":true}' $$ > /run/vivarium/lock
words=(run --only boot --caller "$1" --set run.lock_wait=0s --set report.ssm=false)
vivarium-agent "${words[@]}" 9>&- & run=$!
sleeps() { ls -l /proc/$run/fd | grep -q vivarium/lock && grep -q '^State:.S' /proc/$run/status; }
while kill -0 $run && { [ "$2" != 0 ] || ! sleeps; }; do sleep 0.05; done
exec 9>&-
wait $run
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The units of this machine, and ours, whose program is there."""
    shutil.copytree(UNITS, tmp_path / "usr/lib/systemd/system", symlinks=True)
    program = tmp_path / "usr/bin/vivarium-agent"
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", program)
    shutil.copy(UNIT, tmp_path / "usr/lib/systemd/system")
    return tmp_path


@pytest.fixture(scope="module")
def lab(agent: Path) -> Iterator[Lab]:
    """An instance that systemd seems to have started."""
    with Lab(agent) as lab:
        lab.instance.shell("mkdir -p /run/systemd/system")
        lab.instance.write("/usr/local/sbin/systemctl", SYSTEMCTL, 0o755)
        yield lab


def settings() -> list[tuple[str, str]]:
    rows = [row.partition("=") for row in UNIT.read_text().splitlines() if "=" in row and not row.startswith("#")]
    return [(name, value) for name, _, value in rows]


def test_systemd_has_nothing_to_say_of_it(root: Path) -> None:
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", f"--root={root}", NAME]
    run = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_it_is_as_closed_as_formatting_and_mounting_allow() -> None:
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=58", str(UNIT)]
    run = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout


def test_it_makes_no_mount_namespace_of_its_own() -> None:
    assert [name for name, _ in settings() if NAMESPACED.match(name)] == []


def test_nothing_of_a_boot_waits_for_it_and_it_for_nothing_that_may_wait_for_it() -> None:
    said = dict(settings())
    after = set(said["After"].split())
    assert {"multi-user.target", "network-online.target"} < after, "what wants it does not wait for it"
    assert not any(name.startswith("cloud-") for name in after), "they come after multi-user.target"
    assert said["Wants"] == "network-online.target" and said["WantedBy"] == "multi-user.target"
    assert not {"Before", "Requires", "Requisite", "BindsTo", "RequiredBy"} & said.keys()
    assert said["Type"] == "exec", "the job is done when the program is started"


def test_a_run_that_fails_fails_the_unit_and_one_that_was_not_needed_does_not() -> None:
    said = dict(settings())
    assert said["SuccessExitStatus"] == "75", "another run was at work all the time"
    assert said["RemainAfterExit"] == "yes" and "Restart" not in said


def test_its_program_is_found_where_userdata_and_where_packages_put_it() -> None:
    program, *words = dict(settings())["ExecStart"].split()
    assert (program, words) == ("vivarium-agent", ["run", "--caller", "boot"])
    launcher = (REPOSITORY / "packaging/userdata/launcher.sh.in").read_text()
    assert f"a=/usr/local/bin/{program} " in launcher


def test_the_settings_have_it_installed_once_as_the_first_step(lab: Lab) -> None:
    asked = ["run", "--only", "boot", "--json", "--set", "boot.unit=true", "--set", "report.ssm=false"]
    plan = lab.agent("plan", "--set", "boot.unit=true")
    assert re.search(rf"^  boot +change .*write /etc/systemd/system/{NAME}", plan.stdout, re.MULTILINE), plan.stdout
    for outcome in ("changed", "unchanged"):
        run = lab.agent(*asked)
        assert json.loads(run.stdout)["steps"][0]["outcome"] == outcome, run.stdout + run.stderr
    assert lab.instance.path(f"/etc/systemd/system/{NAME}").read_bytes() == UNIT.read_bytes()
    assert lab.instance.path(f"/etc/systemd/system/multi-user.target.wants/{NAME}").is_symlink()
    log = lab.instance.path("/run/systemctl.log").read_text()
    assert f"enable {NAME}\n" in log and "start" not in log
    assert " boot " not in lab.agent("plan").stdout, "nobody asked"


def test_at_boot_and_under_userdata_a_run_waits_for_the_one_that_goes_on(lab: Lab) -> None:
    for caller, code in (("boot", 0), ("userdata", 0), ("ssm", 75)):
        said = lab.instance.run(["bash", "-c", WAITS, "bash", caller, str(code)])
        assert said.returncode == code, said.stdout + said.stderr


def test_a_baked_image_has_all_but_the_database_and_no_report_of_the_machine_it_was_made_on(lab: Lab) -> None:
    bake = REPOSITORY / "packaging/image/bake.sh"
    lab.instance.write("/root/bake.sh", bake.read_text())
    lab.instance.install(lab.instance.path("/usr/local/bin/vivarium-agent"), "/root/vivarium-agent")
    lab.instance.write("/root/agent.toml", "boot.unit = true\n" + lab.settings())
    lab.instance.shell("rm -rf /var/lib/vivarium")
    run = lab.instance.run(["sh", "/root/bake.sh", "/root/vivarium-agent", "/root/agent.toml"])
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^  python3 +changed ", run.stdout, re.MULTILINE) and "SELECT NOW()" not in run.stdout
    for left in ("last-run.json", "queue", "journal.jsonl"):
        assert not lab.instance.path(f"/var/lib/vivarium/{left}").exists()
    first = json.loads(lab.agent("run", "--caller", "boot", "--json").stdout)
    assert {step["outcome"] for step in first["steps"]} == {"unchanged"}, "all was in the image"
    assert first["steps"][-1]["name"] == "database" and first["steps"][0]["name"] == "boot"
