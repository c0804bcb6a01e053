"""The checker from outside: what it prints, how it ends, what it keeps, and what it says of bad input."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from documents import held

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "tests/lab/vpc/example"
INSTANCE = "i-0123456789abcdef0"
SECRET = "hunter2-and-more"
ACCOUNT = "123456789012"


class Check:
    """Runs the checker for somebody with an empty home."""

    def __init__(self, program: Path, home: Path) -> None:
        self.program, self.home = program, home

    def __call__(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.home), "USER": "ada", "PATH": os.environ["PATH"], **variables}
        command = [str(self.program), *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def path(self, source: str, to: str, port: int, *more: str | Path) -> subprocess.CompletedProcess[str]:
        return self("path", "--from", source, "--to", to, "--port", str(port), "--network", EXAMPLE, *more)


@pytest.fixture
def check(checker: Path, tmp_path: Path) -> Check:
    home = tmp_path / "home"
    home.mkdir()
    return Check(checker, home)


@pytest.fixture
def greeter() -> Iterator[int]:
    with greeting() as port:
        yield port


@contextmanager
def greeting() -> Iterator[int]:
    """A port of loopback that speaks like an SSH server and hangs up; afterwards it refuses."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            with stream:
                stream.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_path_that_is_open_is_reachable(check: Check) -> None:
    run = check.path(INSTANCE, "mydb", 5432)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("reachable: ")


def test_a_path_that_is_closed_names_the_rule_and_ends_with_1(check: Check) -> None:
    run = check.path("203.0.113.99", INSTANCE, 22)
    assert run.returncode == 1
    assert run.stdout.startswith("not reachable: ")
    assert "ENI_SG_RULES_MISMATCH" in run.stdout
    assert "aws ec2 " in run.stdout


def test_a_path_that_hangs_on_what_was_not_saved_is_unknown_and_says_what(check: Check, tmp_path: Path) -> None:
    folder = tmp_path / "network"
    folder.mkdir()
    for name in EXAMPLE.glob("*.json"):
        if "security-group" not in name.name:
            (folder / name.name).write_bytes(name.read_bytes())
    words = ["path", "--from", "203.0.113.9", "--to", INSTANCE, "--port", "22", "--network", folder]
    run = check(*words, "--json")
    assert run.returncode == 3
    answer = json.loads(run.stdout)
    assert answer["verdict"] == "unknown"
    assert any("ec2:DescribeSecurityGroups" in str(row["permission"]) for row in answer["unknowns"])


def test_the_json_of_a_path_has_what_the_documents_promise(check: Check) -> None:
    answer = json.loads(check.path("203.0.113.99", INSTANCE, 22, "--json").stdout)
    assert answer["version"] == 1
    assert answer["verdict"] == "not_reachable"
    assert answer["flow"]["to"] == INSTANCE
    deciding = answer["deciding"]
    assert deciding["reachability_analyzer"] == "ENI_SG_RULES_MISMATCH"
    assert deciding["by"]["element"].startswith("sg-")
    assert deciding in answer["gates"]
    assert deciding in answer["blockers"]
    for field in ("unknowns", "assumptions", "findings", "warnings", "notes", "cases", "failing_share"):
        assert field in answer, field


@pytest.mark.parametrize(
    ("source", "assertion", "code"),
    [
        (INSTANCE, "--assert", 0),
        (INSTANCE, "--assert=not-reachable", 1),
        ("internet", "--assert=not-reachable", 0),
        ("internet", "--assert=reachable", 1),
        ("no-such-name", "--assert=not-reachable", 3),
    ],
)
def test_an_assertion_turns_the_exit_code(check: Check, source: str, assertion: str, code: int) -> None:
    assert check.path(source, "mydb", 5432, assertion).returncode == code


def test_ssh_is_probed_without_credentials(check: Check, greeter: int) -> None:
    run = check("ssh", f"ada@127.0.0.1:{greeter}", "--no-aws", "--json")
    answer = json.loads(run.stdout)
    assert answer["service"] == "ssh"
    assert any("OpenSSH_9.2p1" in json.dumps(one) for one in answer["seen"])
    assert run.returncode in (0, 1)


def test_a_port_where_nothing_listens_is_explained(check: Check) -> None:
    for command in ("ssh", "postgres"):
        run = check(command, "127.0.0.1:1", "--no-aws")
        assert run.returncode == 1, run.stdout
        assert "refuse" in run.stdout


def test_without_a_command_all_that_the_settings_name_is_looked_at(check: Check) -> None:
    folder = check.home / ".config/vivarium"
    folder.mkdir(parents=True)
    (folder / "check.toml").write_text(f"""
        network = "{EXAMPLE}"
        [[path]]
        from = "{INSTANCE}"
        to = "mydb"
        port = 5432
        [[path]]
        from = "internet"
        to = "mydb"
        port = 5432
    """)
    run = check("--json")
    assert run.returncode == 1
    assert [one["verdict"] for one in json.loads(run.stdout)["answers"]] == ["reachable", "not_reachable"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_replay_says_the_same_byte_for_byte(check: Check, tmp_path: Path, greeter: int, form: str) -> None:
    json_or_not = ["--json"] if form == "json" else []
    target = f"127.0.0.1:{greeter}"
    for number, words in enumerate(
        [
            ["path", "--from", "203.0.113.99", "--to", INSTANCE, "--port", "22", "--network", str(EXAMPLE)],
            ["ssh", target, "--no-aws"],
            ["ssh", target, "--network", str(EXAMPLE)],
            ["postgres", target, "--no-aws"],
            ["postgres", "127.0.0.1:1", "--no-aws"],
        ]
    ):
        folder = tmp_path / f"saved-{number}"
        said = check(*words, *json_or_not, "--save", folder)
        again = check("replay", folder, *json_or_not)
        assert said.stdout != ""
        assert (again.stdout, again.returncode) == (said.stdout, said.returncode), words
        assert check("replay", folder, *json_or_not, "--save", tmp_path / f"again-{number}").stdout == said.stdout


CONSOLE = f"""cloud-init: the password is {SECRET}
[ 901.1] Out of memory: Killed process 512 (sshd)
-----BEGIN SSH HOST KEY FINGERPRINTS-----
256 SHA256:abc root@ip-10-0-1-10 (ED25519)
-----END SSH HOST KEY FINGERPRINTS-----
"""


def test_what_a_console_tells_is_said_again_and_nothing_else_of_it_is_kept(check: Check, tmp_path: Path) -> None:
    """H20: the instance is at an address of loopback, where nobody listens on its port."""
    network, saved = example_at(tmp_path / "network", "127.0.0.1"), tmp_path / "saved"
    (network / "get-console-output.json").write_text(json.dumps({"InstanceId": INSTANCE, "Output": CONSOLE}))
    words = ["ssh", "127.0.0.1", "--port", "1", "--network", network]
    said = check(*words, "--save", saved)
    assert (said.returncode, said.stderr) == (1, "")
    assert "(H20)" in said.stdout
    assert "Killed process 512 (sshd)" in said.stdout
    assert check("replay", saved).stdout == said.stdout
    kept = "".join(path.read_text() for path in saved.rglob("*.json"))
    assert "SHA256:abc" in kept
    assert SECRET not in kept
    assert "root@" not in kept


def test_what_changed_since_it_worked_comes_first(check: Check, tmp_path: Path) -> None:
    """H2: it worked from home; then somebody put another address into the rule, and nobody listens any more."""
    network, saved = example_at(tmp_path / "network", "127.0.0.1"), tmp_path / "saved"
    with greeting() as port:
        words = ["ssh", f"127.0.0.1:{port}", "--network", str(network)]
        assert check(*words).returncode == 0
    [kept] = check.home.rglob("last-good.json")
    assert (kept.parent.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    assert ACCOUNT not in kept.read_text()
    for name in ("describe-security-groups.json", "describe-security-group-rules.json"):
        text = (network / name).read_text()
        (network / name).write_text(text.replace("203.0.113.10/32", "203.0.113.77/32"))
    said = check(*words, "--save", saved, "--report", tmp_path / "page.html")
    assert said.returncode == 1
    first, second = said.stdout.splitlines()[1:3]
    assert first.split()[0] == "since", said.stdout
    assert "it worked on 20" in first
    assert second.endswith("203.0.113.10/32, is tcp 22 203.0.113.77/32"), said.stdout
    assert check("replay", saved).stdout == said.stdout
    assert "What changed since it worked" in (tmp_path / "page.html").read_text()
    told = json.loads(check(*words, "--json").stdout)["since"]
    assert told["worked"].startswith("20")
    assert told["changes"][0]["was"].endswith("203.0.113.10/32")
    assert "since" not in json.loads(check(*words, "--json", "--no-history").stdout)


def test_a_history_that_cannot_be_read_or_written_is_a_note_and_no_verdict(check: Check, tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    with greeting() as port:
        words = ["ssh", f"127.0.0.1:{port}", "--no-aws", "--json"]
        run = check(*words, XDG_STATE_HOME=str(nowhere))
        assert run.returncode == 0
        assert any("--no-history" in note for note in json.loads(run.stdout)["notes"])
        assert check(*words).returncode == 0
    [kept] = check.home.rglob("last-good.json")
    for content in ["", "{", "[]", '{"version": 99}', '{"version": 1}', "\0" * 100]:
        kept.write_text(content)
        run = check(*words)
        assert (run.returncode, run.stderr) == (1, ""), content
        assert any("since it worked is not known" in note for note in json.loads(run.stdout)["notes"]), content


def test_h34_a_key_that_others_may_read_keeps_ssh_out_of_a_server_that_answers(check: Check, greeter: int) -> None:
    folder = check.home / ".ssh"
    folder.mkdir()
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    words = ["ssh", f"127.0.0.1:{greeter}", "--no-aws"]
    assert check(*words).returncode == 0
    key.chmod(0o644)
    run = check(*words)
    assert (run.returncode, run.stderr) == (1, "")
    assert "(H34)" in run.stdout
    assert f"chmod 600 {key}" in run.stdout


def test_h37_an_agent_with_many_keys_is_told_before_a_server_hangs_up(
    check: Check, tmp_path: Path, greeter: int
) -> None:
    socket_of_agent = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket_of_agent], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()  # It says where it listens once it does.
        environment = {"SSH_AUTH_SOCK": str(socket_of_agent), "PATH": os.environ["PATH"]}
        for number in range(6):
            key = tmp_path / f"key-{number}"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            subprocess.run(["ssh-add", "-q", key], env=environment, check=True)
        run = check("ssh", f"127.0.0.1:{greeter}", "--no-aws", SSH_AUTH_SOCK=str(socket_of_agent))
    finally:
        agent.kill()
        agent.wait()
    assert run.returncode == 0
    assert "ssh-agent holds 6 keys" in run.stdout


def example_at(folder: Path, public: str) -> Path:
    """The example's network, whose instance the world sees at another address."""
    folder.mkdir()
    for name in EXAMPLE.glob("*.json"):
        (folder / name.name).write_text(name.read_text().replace("198.51.100.20", public))
    return folder


def test_what_is_kept_or_shown_holds_no_secret_and_no_account(check: Check, tmp_path: Path) -> None:
    network = tmp_path / "network"
    network.mkdir()
    for name in EXAMPLE.glob("*.json"):
        answer = json.loads(name.read_text())
        for row in next((rows for rows in answer.values() if isinstance(rows, list)), []):
            row["OwnerId"] = ACCOUNT
            row["Tags"] = [*row.get("Tags", []), {"Key": "password", "Value": SECRET}]
            row["MasterUserPassword"] = SECRET
            row["Description"] = row.get("Description", SECRET)
        (network / name.name).write_text(json.dumps(answer))
    secrets = {"PGPASSWORD": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET}
    saved, page = tmp_path / "saved", tmp_path / "page.html"
    for words in [
        ["path", "--from", "internet", "--to", INSTANCE, "--port", "22", "--network", network],
        ["postgres", f"postgres://ada:{SECRET}@127.0.0.1:1/db", "--network", network],
    ]:
        run = check(*words, "--save", saved, "--report", page, "--verbose", **secrets)
        assert run.returncode == 1, run.stderr
        files = [path.read_text() for path in [*saved.rglob("*"), page] if path.is_file()]
        assert len(files) > 10
        for text in [*files, run.stdout, run.stderr]:
            assert SECRET not in text
            assert ACCOUNT not in text


def test_the_report_is_one_page(check: Check, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    check.path("internet", INSTANCE, 22, "--report", page)
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "src=" not in text


MALFORMED: dict[str, str | bytes] = {
    "empty.json": "",
    "cut.json": '{"Vpcs": [{"VpcId": "vpc-1"',
    "words.json": "An error occurred (UnauthorizedOperation)",
    "number.json": "7",
    "null.json": "null",
    "empty-object.json": "{}",
    "deep.json": "[" * 100_000,
    "not-a-list.json": '{"Vpcs": {"VpcId": "vpc-1"}}',
    "other.json": '{"Buckets": []}',
    "binary.json": b"\xc3\x28\x00\x81",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_folder_is_a_clear_error(check: Check, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "network"
    folder.mkdir()
    content = MALFORMED[name]
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    run = check("path", "--from", "internet", "--to", "i-1", "--port", "22", "--network", folder, "--json")
    clear_error(run)
    assert json.loads(run.stdout)["error"]["message"]


USAGE = [
    ["path", "--from", "internet", "--to", "i-1", "--port", "22"],
    ["path", "--from", "internet", "--to", "i-1", "--port", "22", "--network", "/nowhere"],
    ["path", "--from", "", "--to", "i-1", "--port", "22", "--network", str(EXAMPLE)],
    ["path", "--from", "a", "--to", "b", "--port", "70000"],
    ["path", "--from", "a", "--to", "b", "--port", "22", "--protocol", "carrier-pigeon"],
    ["path", "--from", "a", "--to", "b", "--port", "22", "--source-ports", "9-1"],
    ["ssh", ""],
    ["ssh", "ada:pw@host"],
    ["ssh", "10.0.0.300"],
    ["ssh", "host:0"],
    ["ssh", "[fd00::1"],
    ["ssh", "sg-0123456789abcdef0"],
    ["ssh", "https://example.com/"],
    ["ssh", INSTANCE, "--no-aws"],
    ["postgres", "postgres://ada:a@b@host/db"],
    ["postgres", "postgres://host:port/db"],
    ["postgres", "postgres://host/%zz"],
    ["postgres", "mysql://host/db"],
    ["postgres", "service=nobody"],
    ["replay", "/nowhere"],
    ["replay", str(EXAMPLE)],
    ["frobnicate"],
    [],
    ["settings", "--config", "/nowhere.toml"],
]


@pytest.mark.parametrize("words", USAGE, ids=" ".join)
def test_what_cannot_be_carried_out_is_a_clear_error(check: Check, words: list[str]) -> None:
    clear_error(check(*words))


CONFIGS = [
    "timeout = 0",
    "timeout = 'soon'",
    f"password = '{SECRET}'",
    f"[[postgres]]\ntarget = 'x'\npassword = '{SECRET}'",
    "[ssh]\ntarget = 'x'",
    "[[ssh]]\nport = 22",
    "[[ssh]]\ntarget = 'x'\nport = 70000",
    "from = 'home'",
    "[[path]]\nfrom = 'a'\nto = 'b'",
    "= =",
]


@pytest.mark.parametrize("text", CONFIGS)
def test_a_malformed_settings_file_is_a_clear_error(check: Check, tmp_path: Path, text: str) -> None:
    file = tmp_path / "check.toml"
    file.write_text(text)
    run = check("settings", "--config", file)
    clear_error(run)
    assert str(file) in run.stderr
    assert SECRET not in run.stderr


def clear_error(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode in (2, 3), run.stdout
    assert run.stderr.startswith("error: "), run.stderr
    assert "panicked" not in run.stderr
    assert len(run.stderr.splitlines()) < 20


def test_the_help_that_is_documented_is_the_program_s(check: Check) -> None:
    held("check-help.md", help_of(check))


def test_the_settings_that_are_documented_are_the_program_s(check: Check) -> None:
    held("check.toml", check("settings", "--sample").stdout)


def help_of(check: Check) -> str:
    names = ["", "ssh", "postgres", "path", "status", "replay", "undo", "settings"]
    parts = []
    for name in names:
        title = f"vivarium-check {name}".strip() + " --help"
        shown = check(*filter(None, [name]), "--help").stdout
        parts.append(f"{'#' if not name else '##'} {title}\n\n```text\n{shown}```\n")
    return "\n".join(parts)
