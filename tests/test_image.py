"""The files for who makes images: EC2 Image Builder's component, Packer's template, their settings."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import hcl2
import yaml

from lab.lab import REPOSITORY

FOLDER = REPOSITORY / "packaging/image"
# Of the phases and actions that Image Builder has, those that are used here.
PHASES = ["build", "validate", "test"]
ACTIONS = {"S3Download", "ExecuteBash"}


def test_the_component_is_one_of_image_builder_s_and_its_shell_is_clean() -> None:
    component = yaml.safe_load((FOLDER / "component.yaml").read_text())
    assert {"name", "description", "schemaVersion", "phases"} <= component.keys() and component["schemaVersion"] == 1.0
    assert [phase["name"] for phase in component["phases"]] == PHASES
    parameters = {name for row in component["parameters"] for name in row}
    text = (FOLDER / "component.yaml").read_text()
    assert set(re.findall(r"\{\{ (\w+) \}\}", text)) == parameters
    steps = [step for phase in component["phases"] for step in phase["steps"]]
    assert {step["action"] for step in steps} == ACTIONS
    for step in steps:
        if step["action"] == "ExecuteBash":
            script = "\n".join(step["inputs"]["commands"])
            command = ["shellcheck", "--shell=bash", "-"]
            run = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=False)
            assert run.returncode == 0, run.stdout


def test_nothing_unverified_is_baked() -> None:
    component = (FOLDER / "component.yaml").read_text()
    assert component.index("sha256sum --check") < component.index("bake.sh /tmp/vivarium-agent")


def test_packer_s_template_is_hcl_whose_variables_and_files_are_there() -> None:
    text = (FOLDER / "vivarium.pkr.hcl").read_text()
    template = hcl2.loads(text)
    assert {"packer", "variable", "source", "build"} <= template.keys()
    declared = {name.strip('"') for row in template["variable"] for name in row}
    assert set(re.findall(r"var\.(\w+)", text)) == declared
    for path in re.findall(r'"(packaging/[^"]+)"', text):
        assert (REPOSITORY / path).is_file(), path


def test_the_settings_of_an_image_are_settings_that_hold_for_every_instance(agent: Path) -> None:
    settings = FOLDER / "agent.toml"
    command = [str(agent), "--config", str(settings), "settings"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    said = settings.read_text()
    assert "volume.device" in said and "vol-" not in said, "each instance has a volume of its own"
    assert "boot.unit = true" in said
