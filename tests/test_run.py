"""The agent from outside: what it promises on a machine as EC2 gives it, seen in its answers and on the host."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.account import INSTANCE_ID
from lab.lab import AGENT, Lab
from lab.volume import VOLUME_ID

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00")
STEPS = ["volume", "filesystem", "mount", "grow", "download", "anaconda", "psycopg2", "python3", "database"]


@pytest.fixture
def fresh(agent: Path) -> Iterator[Lab]:
    """A lab of one's own, with a blank volume."""
    with Lab(agent) as lab:
        yield lab


@pytest.fixture(scope="module")
def done(agent: Path) -> Iterator[Lab]:
    """A lab in which the first run has been made; tests leave it as they found it."""
    with Lab(agent) as lab:
        first = lab.agent("run")
        assert first.returncode == 0, first.stdout + first.stderr
        yield lab


def outcomes(answer: str) -> dict[str, str]:
    report = json.loads(answer)
    return {step["name"]: step["outcome"] for step in report["steps"]}


def test_one_command_brings_a_blank_volume_to_select_now(fresh: Lab) -> None:
    run = fresh.agent("run")
    verdict = run.stdout.splitlines()[0]
    assert run.returncode == 0, run.stdout + run.stderr
    assert verdict.startswith("ok: ")
    assert len(TIME.findall(verdict)) == 2, "the database's time, to the agent and to $python3"
    assert fresh.instance.shell("bash -lc '$python3 -c \"import psycopg2, ssl; print(1)\"'") == "1\n"
    again = fresh.agent("run", "--json")
    assert outcomes(again.stdout) == dict.fromkeys(STEPS, "unchanged")


def test_a_run_under_userdata_without_home_or_terminal_is_the_same(fresh: Lab) -> None:
    run = fresh.instance.run(
        ["/usr/local/bin/vivarium-agent", "run", "--caller", "userdata"], environment={"PATH": "/bin"}
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_plan_changes_nothing_and_a_run_holds_the_host_to_its_hash(fresh: Lab) -> None:
    before = fresh.instance.shell("cat /etc/fstab; blkid -p /dev/nvme1n1 || true")
    plan = fresh.agent("plan", "--json")
    agreed = json.loads(plan.stdout)["hash"]
    assert plan.returncode == 0
    assert fresh.instance.shell("cat /etc/fstab; blkid -p /dev/nvme1n1 || true") == before
    other = fresh.agent("run", "--plan", "0123456789abcdef")
    assert (other.returncode, "the facts have changed" in other.stdout) == (11, True)
    fresh.instance.shell("printf x | dd of=/dev/nvme1n1 bs=1 seek=4096 conv=notrunc,fsync status=none")
    assert fresh.agent("run", "--plan", agreed).returncode == 11
    fresh.instance.shell("dd if=/dev/zero of=/dev/nvme1n1 bs=1 count=1 seek=4096 conv=notrunc,fsync status=none")
    assert fresh.agent("run", "--only", "volume", "--plan", agreed).returncode == 11
    assert fresh.agent("run", "--plan", agreed).returncode == 0


def test_without_the_licence_accepted_nothing_at_all_is_touched(fresh: Lab) -> None:
    run = fresh.agent("run", "--set", "anaconda.accept_license=false")
    assert run.returncode == 4
    assert "anaconda.accept_license = true" in run.stdout
    assert fresh.instance.run(["blkid", "-p", "/dev/nvme1n1"]).returncode == 2, "it is still blank"
    assert "vivarium" not in fresh.instance.shell("cat /etc/fstab")


def test_wrong_settings_are_refused_with_their_place(done: Lab) -> None:
    done.instance.write("/tmp/wrong.toml", f'volume = "{VOLUME_ID}"\n[mount]\npiont = "/data"\n')
    run = done.agent("--config", "/tmp/wrong.toml", "run")
    assert run.returncode == 9
    assert run.stdout.splitlines() == [
        "failed: reading settings: /tmp/wrong.toml:3:1: there is no setting mount.piont",
        "hint: the nearest there is: mount.point",
    ]


@pytest.mark.parametrize("place", ["ssm:/vivarium/agent.toml", "s3://settings/vivarium/agent.toml"])
def test_settings_are_fetched_with_the_role_checked_and_kept_for_every_later_run(done: Lab, place: str) -> None:
    endpoint = f"aws.endpoint={done.account.endpoint}"
    fetch = ["settings", "--from", place, "--set", endpoint, "--config", "/etc/vivarium/fetched.toml"]
    kept = done.instance.path("/etc/vivarium/fetched.toml")
    done.account.keep(place, "volume = 7\n")
    refused = done.agent(*fetch)
    assert refused.returncode == 9
    assert refused.stdout.startswith(f"failed: reading settings: {place}:1:10: volume: expected ")
    assert not kept.exists()
    done.account.keep(place, done.settings())
    assert done.agent(*fetch).stdout.startswith("ok: volume ")
    assert kept.read_text() == done.settings()
    kept.unlink()
    absent = done.agent(*[word.replace(place, f"{place}.bak") for word in fetch])
    assert absent.returncode == 9
    assert f"fetching settings from {place}.bak: " in absent.stdout
    assert "hint: " in absent.stdout


def test_wrong_usage_ends_as_wrong_settings_do(done: Lab) -> None:
    assert done.agent("run", "--only", "nonsense").returncode == 9
    assert done.agent("--help").returncode == 0


def test_a_second_run_is_told_who_is_running_and_at_which_step(done: Lab) -> None:
    holder = '{"pid":%d,"run":"abc","step":"download","interruptible":true}'
    hold = f"exec 9<>/run/vivarium/lock; flock 9; printf '{holder}' $$ > /run/vivarium/lock"
    script = f"{hold}; vivarium-agent run --set run.lock_wait=1s; echo $?"
    said = done.instance.run(["bash", "-c", script])
    assert said.stdout.splitlines()[-1] == "75", said.stdout + said.stderr
    assert "at step download" in said.stdout


def test_status_says_ok_of_a_host_that_is_as_asked_and_names_what_is_not(done: Lab) -> None:
    status = done.agent("status", "--json")
    told = json.loads(status.stdout)
    assert (status.returncode, told["exit_code"], told["last_run"]["verdict"]) == (0, 0, "ok")
    done.instance.shell("mv /etc/profile.d/vivarium.sh /root/kept")
    try:
        status = done.agent("status")
        assert status.returncode == 2
        assert re.search(r"^  python3 +change ", status.stdout, re.MULTILINE), status.stdout
    finally:
        done.instance.shell("mv /root/kept /etc/profile.d/vivarium.sh")


def test_a_database_that_is_down_is_named_reported_and_the_rest_stays(done: Lab) -> None:
    done.database.stop()
    try:
        run = done.agent("run")
    finally:
        done.database.restart()
    assert run.returncode == 8
    assert run.stdout.startswith("failed: step database: ")
    assert "refuses connections" in run.stdout.splitlines()[0]
    assert run.stdout.splitlines()[1].startswith("hint: ")
    rows = done.ssm()["inventory"]
    assert "refuses connections" in json.dumps(rows), "the failure reached inventory"
    assert done.agent("run").returncode == 0


def test_a_report_that_cannot_be_sent_waits_and_arrives_with_the_next_run(done: Lab) -> None:
    done.account.control("PUT", "down", "ssm")
    try:
        person = done.agent("run", "--set", "report.budget=2s", "--json")
        userdata = done.agent("run", "--set", "report.budget=2s", "--caller", "userdata")
        strict = done.agent("run", "--set", "report.budget=2s", "--set", "run.strict=true", "--caller", "ssm")
        missed = json.loads(person.stdout)["run"]
        assert missed not in json.dumps(done.ssm()["inventory"])
    finally:
        done.account.control("PUT", "down", False)
    assert (person.returncode, userdata.returncode, strict.returncode) == (2, 0, 2)
    assert userdata.stdout.startswith("ok: ")
    assert done.agent("run").returncode == 0
    assert missed in done.arrivals()


def test_a_report_that_is_throttled_arrives_later_though_nobody_does_anything(done: Lab) -> None:
    done.account.control("PUT", "throttle", {"action": "PutInventory", "refuse": 1, "of": 1})
    try:
        run = done.agent("run", "--caller", "userdata", "--json")
        assert run.returncode == 0, "the run does not wait for it"
        sent = json.loads(run.stdout)["run"]
        assert sent not in done.arrivals()
        assert is_still_trying(done)
    finally:
        done.account.control("PUT", "throttle", {})
    wait_until(lambda: sent in done.arrivals())
    wait_until(lambda: not is_still_trying(done))
    assert done.instance.shell("ls /var/lib/vivarium/queue") == "sent\n", "nothing waits any more"
    compliance = json.dumps(done.ssm()["compliance"])
    assert sent in compliance, "and compliance had it, too"


# Says of each of its threads what it opens and syncs, by name.
STRACE = ["strace", "-f", "-qq", "-y", "-e", "trace=openat,fsync", "-e", "signal=none", "-o", "/root/trace"]


def test_the_settings_of_a_run_are_on_the_disk_for_the_next_boot(done: Lab) -> None:
    """Whoever wrote them: what goes on after a power cut goes by them."""
    assert done.instance.run([*STRACE, AGENT, "run"]).returncode == 0
    trace = done.instance.shell("cat /root/trace; rm /root/trace")
    synced = re.findall(r" fsync\(\d+<(.*)>\) += 0$", trace, re.MULTILINE)
    assert {"/etc/vivarium/agent.toml", "/etc/vivarium"} <= set(synced)


def test_settings_that_come_through_a_pipe_are_opened_by_nobody_but_who_reads_them(done: Lab) -> None:
    """What the writer says to one that closes again is lost, and the next one waits for ever."""
    done.instance.shell("mkfifo /root/settings")
    piped = (
        f"cat /etc/vivarium/agent.toml > /root/settings & {shlex.join([*STRACE, AGENT])} --config /root/settings run"
    )
    run = done.instance.run(["sh", "-c", piped], timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    trace = done.instance.shell("cat /root/trace; rm /root/trace /root/settings")
    assert trace.count('"/root/settings"') == 1


def test_a_report_is_sent_again_before_inventory_forgets_it(done: Lab) -> None:
    last = json.loads(done.agent("run", "--json").stdout)["run"]
    before = len(done.arrivals())
    assert done.agent("report").stdout == "ok: no report waits\n"
    done.instance.write("/var/lib/vivarium/queue/sent", f"{INSTANCE_ID} 2026-01-01T00:00:00Z")
    assert done.agent("report").returncode == 0
    assert done.arrivals()[before:] == [last]
    assert done.agent("report").stdout == "ok: no report waits\n"


def is_still_trying(lab: Lab) -> bool:
    return any(b"--keep-trying" in command(process) for process in lab.instance.processes())


def command(process: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def wait_until(what: Callable[[], bool]) -> None:
    """It begins with a pause of up to half a minute."""
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def test_the_stock_role_is_enough_and_what_it_denies_is_named(done: Lab) -> None:
    run = done.agent("run", "--set", "report.parameter=/vivarium")
    received = done.ssm()
    assert "Custom:VivariumRun" in json.dumps(received["inventory"])
    assert "Custom:Vivarium" in json.dumps(received["compliance"])
    assert "ssm:PutParameter" in run.stdout + run.stderr
    assert run.stdout.startswith("ok: ")


def test_a_volume_that_never_comes_is_said_to_be_missing(agent: Path) -> None:
    with Lab(agent, attached=False) as lab:
        run = lab.agent("run", "--set", "volume.wait=1s")
        assert run.returncode == 5
        assert VOLUME_ID in run.stdout.splitlines()[0]


def test_a_volume_that_has_grown_gives_its_filesystem_the_room(fresh: Lab) -> None:
    """XFS: growing a mounted ext4 takes CAP_SYS_RESOURCE, which machines that are sandboxes lack."""
    for step in ("volume", "filesystem", "mount"):
        assert fresh.agent("run", "--only", step, "--set", "volume.filesystem=xfs").returncode == 0
    fresh.volume.grow(fresh.instance, 20 << 30)
    run = fresh.agent("run", "--only", "grow", "--json")
    assert outcomes(run.stdout) == {"grow": "changed"}
    assert int(fresh.instance.shell("stat -f -c '%b' /anaconda")) * 4096 > 19 << 30


def test_an_old_volume_on_a_new_instance_is_kept_and_nothing_is_downloaded(fresh: Lab, tmp_path: Path) -> None:
    assert fresh.agent("run").returncode == 0
    fresh.instance.shell("echo mine > /anaconda/notes.txt; sync")
    snapshot = tmp_path / "snapshot"
    subprocess.run(["cp", "--sparse=always", fresh.volume.image, snapshot], check=True)
    fresh.replace_instance(snapshot)
    run = fresh.agent("run", "--json")
    assert outcomes(run.stdout) == dict.fromkeys(STEPS, "unchanged") | {
        "mount": "changed",
        "python3": "changed",
        "database": "unchanged",
    }
    assert fresh.instance.shell("cat /anaconda/notes.txt") == "mine\n"


def test_a_step_alone_says_what_comes_first_and_never_fills_the_root_disk(fresh: Lab) -> None:
    for step, code in [
        ("mount", 4),
        ("grow", 4),
        ("download", 4),
        ("anaconda", 4),
        ("psycopg2", 4),
        ("python3", 4),
        ("database", 8),
    ]:
        run = fresh.agent("run", "--only", step, "--set", "report.ssm=false")
        assert run.returncode == code, (step, run.stdout)
        hint = run.stdout.splitlines()[1]
        assert hint.startswith("hint: run ") and ("--only" in hint or "first" in hint), (step, hint)
        assert run.stdout.isascii(), step
    assert fresh.instance.shell("ls -A /anaconda 2>/dev/null || true") == ""
