"""The Command documents, and their place in the template."""

from __future__ import annotations

import textwrap
from pathlib import Path

import yaml

from .template import PACKAGING, TEMPLATE, Json

FOLDER = PACKAGING / "ssm"
BEGIN, END = "  # DOCUMENTS\n", "\nOutputs:\n"


def paths() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def read(path: Path) -> Json:
    return dict(yaml.safe_load(path.read_text()))


def all_of_them() -> dict[str, Json]:
    """Each by its file's name."""
    return {path.stem: read(path) for path in paths()}


def embedded(text: str) -> str:
    """The template with the documents as they are now."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return before + BEGIN + "".join(map(_resource, paths())) + END + after


def _resource(path: Path) -> str:
    head = f"""\
  {path.stem.capitalize()}Document:
    Type: AWS::SSM::Document
    Properties:
      Name: !Sub '${{AWS::StackName}}-{path.stem}'
      DocumentType: Command
      DocumentFormat: JSON
      TargetType: /AWS::EC2::Instance
      UpdateMethod: NewVersion
      Content:
"""
    return head + textwrap.indent(path.read_text(), "        ")


def embed() -> None:
    """Writes them into the template."""
    TEMPLATE.write_text(embedded(TEMPLATE.read_text()))
