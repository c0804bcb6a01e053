"""The Command documents, run as Systems Manager runs them: what they do, what they print, and what cannot get in."""

from __future__ import annotations

import base64
import itertools
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import re2

from lab.stack import documents, executor, release
from lab.stack.executor import Host, Refused, Step
from lab.stack.release import Archive

DOCUMENTS = documents.all_of_them()
EVERY = pytest.mark.parametrize("name", DOCUMENTS)
PARAMETERS = [(name, parameter) for name, row in DOCUMENTS.items() for parameter in row.get("parameters", {})]
SHA256 = "0123456789abcdef" * 4
VALID = {
    "install": {"Url": "https://releases.example/vivarium-agent", "Sha256": SHA256, "Settings": "keep"},
    "run": {"Only": "database", "Plan": "35522a46db70be7e"},
    "plan": {"Only": "volume"},
    "verify": {},
    "probe": {"Client": "203.0.113.9", "Port": "22", "Watch": "5"},
    "support": {"Lines": "100"},
}
# Writes down what it was told, and ends as it is told.
STAND_IN = """#!/bin/sh
printf '%s|' "$@" >> /run/told
echo >> /run/told
echo "ok: $1"
[ "$1" != "$FAILS" ] || exit 2
"""
CANARY = "/run/canary"
SEEDS = ["", "all", "keep", SHA256, "https://a.example/x", "203.0.113.9", "22", "any"]
TOUCH = f"touch {CANARY}"
OPENINGS = ["; ", "&& ", "|| ", "| ", "& ", "\n", "\r\n", "\\n", "' ; ", '" ; ', "`", "$("]
AROUND = [("`", "`"), ("$(", ")"), ("';", ";'"), ('";', ';"'), ("${x:-$(", ")}")]
ENDINGS = [
    *(opening + TOUCH for opening in OPENINGS),
    *(opening + TOUCH + closing for opening, closing in AROUND),
    *(f"$IFS;touch$IFS{CANARY}", f"\n. {CANARY}", f" --config={CANARY}", "{{ssm:secret}}", "{{ Only }}"),
    *("\u037e x", "\uff04(x)", "*?", "\x1b[0m", "\t"),
]
HOSTILE = [seed + ending for seed, ending in itertools.product(SEEDS, ENDINGS)]
# Java and RE2 read these alike: letters, escaped marks, classes of letters and ranges, groups that capture nothing,
# alternatives, and counts of at most 1000.
COMMON = re.compile(
    r"\^(?:[A-Za-z0-9/:_=-]|\\[.]|\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9.:_~/%+=@&?-])+\]"
    r"|\(\?:|\)|\||[?+*]|\{\d{1,3}(?:,\d{0,3})?\})*\$"
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with executor.host(tmp_path_factory.mktemp("host")) as host:
        host.install("vivarium-agent", STAND_IN)
        yield host


@pytest.fixture
def host(shared: Host) -> Host:
    shared.environment = {}
    shared.path("/run/told").write_text("")
    return shared


def told(host: Host) -> list[list[str]]:
    return [line.split("|")[:-1] for line in host.path("/run/told").read_text().splitlines()]


@EVERY
def test_a_document_has_the_form_that_systems_manager_takes(name: str) -> None:
    document = DOCUMENTS[name]
    assert document["schemaVersion"] == "2.2" and document["description"]
    assert set(document) <= {"schemaVersion", "description", "parameters", "mainSteps"}
    for step in document["mainSteps"]:
        assert set(step) == {"action", "name", "precondition", "inputs"}
        assert step["action"] == "aws:runShellScript"
        assert step["precondition"] == {"StringEquals": ["platformType", "Linux"]}
        assert set(step["inputs"]) <= {"runCommand", "timeoutSeconds", "onFailure", "finallyStep", "workingDirectory"}
        assert 5 <= int(step["inputs"]["timeoutSeconds"]) <= 172_800
    assert len({step["name"] for step in document["mainSteps"]}) == len(document["mainSteps"])


@EVERY
def test_the_last_step_sends_the_report_whatever_came_before(name: str) -> None:
    *first, last = DOCUMENTS[name]["mainSteps"]
    assert last["inputs"]["finallyStep"] is True
    assert "vivarium-agent report" in last["inputs"]["runCommand"][0]
    assert all(step["inputs"]["onFailure"] == "exit" for step in first)


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_pattern_is_anchored_and_read_alike_by_java_and_re2(name: str, parameter: str) -> None:
    row = DOCUMENTS[name]["parameters"][parameter]
    assert set(row) <= {
        *("type", "description", "default", "interpolationType", "allowedPattern", "allowedValues", "maxChars")
    }
    assert (row["type"], row["interpolationType"]) == ("String", "ENV_VAR")
    pattern = row["allowedPattern"]
    assert COMMON.fullmatch(pattern), pattern
    re2.compile(pattern)
    for value in [
        VALID[name][parameter],
        *([row["default"]] if "default" in row else []),
        *row.get("allowedValues", []),
    ]:
        assert executor.by_the_service(row, value) and executor.by_the_agent(row, value)


@EVERY
def test_no_value_is_ever_written_into_a_script(name: str) -> None:
    for step in DOCUMENTS[name]["mainSteps"]:
        assert "{{" not in "".join(step["inputs"]["runCommand"])


def test_there_are_200_hostile_values_and_each_is_refused_by_every_pattern() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200
    for (name, parameter), value in itertools.product(PARAMETERS, HOSTILE):
        with pytest.raises(Refused):
            executor.given(DOCUMENTS[name], VALID[name] | {parameter: value})


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_line_s_end_that_java_overlooks_is_seen_by_the_agent(name: str, parameter: str) -> None:
    with pytest.raises(Refused):
        executor.given(DOCUMENTS[name], VALID[name] | {parameter: VALID[name][parameter] + "\n"})


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_a_hostile_value_past_all_patterns_is_refused_by_the_script(host: Host, name: str, parameter: str) -> None:
    row = DOCUMENTS[name]["mainSteps"][0]

    def attempt(value: str) -> Step:
        return host.step(row, {f"SSM_{key}": word for key, word in (VALID[name] | {parameter: value}).items()})

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(attempt, HOSTILE))
    assert {(step.code, step.stdout.startswith("failed: ")) for step in ended} == {(9, True)}
    assert told(host) == [] and not host.path(CANARY).exists()


@pytest.mark.parametrize("name", [name for name, row in DOCUMENTS.items() if row.get("parameters")])
def test_an_old_ssm_agent_that_passes_nothing_is_told_what_to_do(host: Host, name: str) -> None:
    first, last = host.execute(DOCUMENTS[name], {})
    assert first.code == 9 and "AWS-UpdateSSMAgent" in first.stdout
    assert (last.name, last.status) == ("report", "Success")


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("run", {}, ["run", "--caller", "ssm"]),
        ("run", VALID["run"], ["run", "--caller", "ssm", "--only", "database", "--plan", "35522a46db70be7e"]),
        ("plan", {}, ["plan"]),
        ("plan", VALID["plan"], ["plan", "--only", "volume"]),
        ("verify", {}, ["status"]),
        ("probe", {}, ["probe", "--port", "22", "--watch", "0"]),
        ("probe", VALID["probe"], ["probe", "--port", "22", "--watch", "5", "--client", "203.0.113.9"]),
    ],
)
def test_a_document_asks_the_agent_and_prints_its_answer_first(
    host: Host, name: str, said: dict[str, str], words: list[str]
) -> None:
    first, last = host.run(DOCUMENTS[name], said)
    assert (first.status, last.status) == ("Success", "Success")
    assert first.stdout == f"ok: {words[0]}\n"
    assert told(host) == [words, ["report"]]


def test_drift_fails_the_verification_and_the_report_is_sent_all_the_same(host: Host) -> None:
    host.environment = {"FAILS": "status"}
    first, last = host.run(DOCUMENTS["verify"], {})
    assert (first.status, first.code, last.status) == ("Failed", 2, "Success")
    assert told(host) == [["status"], ["report"]]


def test_every_command_line_is_one_that_the_agent_knows(agent: Path) -> None:
    for words in (
        ["run", "--caller", "ssm", "--only", "database", "--plan", "0"],
        ["plan"],
        ["status"],
        ["probe"],
        ["report"],
    ):
        run = subprocess.run([str(agent), *words, "--help"], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with release.archive(tmp_path_factory.mktemp("archive")) as archive:
        yield archive


NEW = """#!/bin/sh
case $* in
    --version) echo vivarium-agent 9.9.9 ;;
    *settings) grep -q volume "$2" || { echo 'failed: no volume is named'; exit 9; } ;;
esac
"""


@pytest.fixture
def fresh(tmp_path: Path, archive: Archive) -> Iterator[Host]:
    """A host without an agent."""
    with executor.host(tmp_path) as host:
        archive.trusted_by(host)
        yield host


INSTALLED = f"{executor.BIN}/vivarium-agent"
TOML = "/etc/vivarium/agent.toml"


def test_an_agent_is_installed_with_its_settings(fresh: Host, archive: Archive) -> None:
    settings = base64.b64encode(b'volume = "vol-0123456789abcdef0"\n').decode()
    first, _ = fresh.run(DOCUMENTS["install"], archive.publish("new", NEW) | {"Settings": settings})
    assert (first.code, first.stdout) == (0, f"ok: vivarium-agent 9.9.9 is {INSTALLED}\n")
    assert fresh.path(INSTALLED).read_text() == NEW
    assert fresh.path(TOML).read_text() == 'volume = "vol-0123456789abcdef0"\n'
    assert fresh.path(TOML).stat().st_mode & 0o777 == 0o600


def test_what_has_another_hash_is_not_run_and_the_old_one_stays(fresh: Host, archive: Archive) -> None:
    fresh.install("vivarium-agent", STAND_IN)
    wrong = archive.publish("wrong", f"#!/bin/sh\ntouch {CANARY}\n") | {"Sha256": SHA256}
    first, last = fresh.run(DOCUMENTS["install"], wrong)
    assert first.code == 6 and "it was not run" in first.stdout and "\nhint: " in first.stdout
    assert fresh.path(INSTALLED).read_text() == STAND_IN and not fresh.path(CANARY).exists()
    assert last.status == "Success"


def test_settings_that_are_wrong_change_nothing(fresh: Host, archive: Archive) -> None:
    settings = base64.b64encode(b"nothing = 1\n").decode()
    first, _ = fresh.run(DOCUMENTS["install"], archive.publish("new", NEW) | {"Settings": settings})
    assert (first.code, first.stdout) == (9, "failed: no volume is named\n")
    assert not fresh.path(INSTALLED).exists() and not fresh.path(TOML).exists()
    assert [path.name for path in fresh.path(executor.BIN).glob("vivarium-agent*")] == []


def test_without_a_place_for_the_settings_the_agent_is_not_replaced(fresh: Host, archive: Archive) -> None:
    fresh.install("vivarium-agent", STAND_IN)
    fresh.path("/etc/vivarium").write_text("a file where a folder should be")
    settings = base64.b64encode(b'volume = "vol-0123456789abcdef0"\n').decode()
    first, _ = fresh.run(DOCUMENTS["install"], archive.publish("new", NEW) | {"Settings": settings})
    assert first.code == 1 and first.stdout.startswith("failed: the settings cannot be put into /etc/vivarium\nhint: ")
    assert fresh.path(INSTALLED).read_text() == STAND_IN


def test_a_url_that_gives_nothing_is_told_with_what_to_do(fresh: Host, archive: Archive) -> None:
    first, _ = fresh.run(DOCUMENTS["install"], {"Url": f"{archive.url}/none", "Sha256": SHA256})
    assert first.code == 6
    assert first.stdout.startswith(f"failed: fetching {archive.url}/none\nhint: ")


SECRETS = {
    "a password": 'password = "hunter2-and-more"',
    "a password in a URL": "postgres://ada:hunter2-and-more@db.example/x",
    "a token": '"token": "hunter2-and-more"',
    "a key": "AKIA" + "HUNTER2ANDMORE00",
    "a secret key": "aws_secret_access_key=hunter2-and-more",
    "a signature": "https://b.s3.amazonaws.com/k?X-Amz-Signature=hunter2-and-more&a=1",
    "a secret's text": '{"SecretString":"hunter2-and-more"}',
    "an account": "arn:aws:iam::123456789012:role/x",
    "a private key": "-----BEGIN EC PRIVATE KEY-----\nhunter2-and-more\n-----END EC PRIVATE KEY-----",
}


def test_the_support_bundle_holds_what_explains_and_no_secret(fresh: Host) -> None:
    fresh.install("vivarium-agent", STAND_IN)
    fresh.path("/etc/vivarium").mkdir()
    fresh.path(TOML).write_text("\n".join([*SECRETS.values(), 'volume = "vol-0123456789abcdef0"', "caf\u00e9", ""]))
    fresh.path("/var/lib/vivarium").mkdir()
    fresh.path("/var/lib/vivarium/journal.jsonl").write_text('{"event":"run started"}\n' * 3000)
    first, _ = fresh.run(DOCUMENTS["support"], {"Lines": "2000"})
    assert first.code == 0 and first.stdout.startswith("ok: ") and executor.CUT not in first.stdout
    assert first.stdout.isascii() and len(first.stdout) < executor.STDOUT
    bundle = fresh.path("/var/lib/vivarium/support.txt")
    assert bundle.stat().st_mode & 0o777 == 0o600 and bundle.stat().st_size > executor.STDOUT
    for text in (bundle.read_text(), first.stdout):
        assert not re.search(r"hunter2|HUNTER2|123456789012", text)
        assert 'volume = "vol-0123456789abcdef0"' in text and text.count("== ") >= 5
    assert '{"event":"run started"}' in bundle.read_text()
