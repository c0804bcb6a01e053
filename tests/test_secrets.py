"""A planted password is looked for in everything that the agent leaves, shows or starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab import Lab

TRACE = "/root/trace"
# Every program that is started, with all of its arguments and its whole environment.
PROGRAMS = ["strace", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-e", "signal=none", "-o", TRACE]
# What a person or the host gets to see of a failure.
BROKEN = [
    ["--set", "database.secret=secretsmanager:no/such/secret"],
    ["--set", "database.name=no_such_database"],
    ["--set", "database.user=nobody"],
    ["--set", "database.port=1"],
]


@pytest.fixture(scope="module")
def traced(agent: Path) -> Iterator[Lab]:
    """A lab in which a first run was made under strace, talking as much as it can."""
    with Lab(agent) as lab:
        run = lab.instance.run([*PROGRAMS, "/usr/local/bin/vivarium-agent", "--verbose", "run"], timeout=300)
        assert run.returncode == 0, run.stdout + run.stderr
        lab.said = run.stdout + run.stderr  # type: ignore[attr-defined]
        yield lab


def test_no_program_is_given_it_as_an_argument_or_in_its_environment(traced: Lab) -> None:
    trace = traced.instance.path(TRACE).read_text()
    assert trace.count("execve(") > 10, "there was something to look at"
    assert "SELECT NOW" in trace, "$python3 was asked to ask"
    assert traced.password not in trace


def test_nothing_that_is_printed_or_logged_holds_it(traced: Lab) -> None:
    said = [traced.said]  # type: ignore[attr-defined]
    for settings in BROKEN:
        run = traced.agent("--verbose", "run", *settings)
        assert run.returncode != 0
        said += [run.stdout, run.stderr]
    for command in ("plan", "status", "doctor"):
        run = traced.agent("--verbose", command, "--json")
        said += [run.stdout, run.stderr]
    assert traced.password not in "".join(said)


def test_no_file_of_the_instance_or_the_volume_holds_it(traced: Lab) -> None:
    traced.instance.shell(f"rm -f {TRACE}")
    search = ["grep", "-rlF", "--devices=skip", "--exclude-dir=proc", "--exclude-dir=sys", traced.password]
    places = ["/anaconda", "/etc", "/root", "/run", "/tmp", "/var"]
    found = traced.instance.run([*search, *places], timeout=120)
    assert found.stdout == ""


def test_nothing_that_is_reported_holds_it(traced: Lab) -> None:
    received = json.dumps(traced.ssm())
    assert "Custom:VivariumRun" in received
    assert traced.password not in received


def test_a_password_in_the_place_of_its_reference_is_not_repeated(traced: Lab) -> None:
    run = traced.agent("run", "--set", f"database.secret={traced.password}")
    assert run.returncode == 9
    assert traced.password not in run.stdout + run.stderr


def test_a_crash_leaves_no_core(traced: Lab) -> None:
    """Killed by a signal that dumps core, as soon as it holds the password: while `$python3` is asked."""
    script = """
        ulimit -c unlimited
        cd /root
        vivarium-agent run & agent=$!
        until pgrep -P $agent -f psycopg2 > /dev/null || ! kill -0 $agent 2> /dev/null; do :; done
        kill -ABRT $agent
        wait $agent && echo finished || echo "ended with $?"
        find / -xdev -name 'core*' -type f -newer /proc/$$ -not -path '/proc/*' -not -path '/sys/*'
    """
    said = traced.instance.run(["bash", "-c", script]).stdout.splitlines()
    assert said[-1:] == ["ended with 134"], said
    assert traced.instance.run(["pgrep", "-x", "vivarium-agent"]).returncode == 1
