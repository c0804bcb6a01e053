"""Real connections in a random network: drawn from a seed, tried by the kernel, one line for each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from . import addresses
from .connections import Attempt, attempt_everywhere
from .describe import Description
from .random_network import PORTS, SOURCE_PORTS
from .vpc import Vpc

LAPTOP = addresses.LAPTOP
DATABASE_PORT = 5432
EACH = 5  # source ports


@dataclass(frozen=True)
class Question:
    """From where to where: an interface's id or the laptop's address; an address; a port."""

    source: str
    target: str
    port: int


@dataclass(frozen=True)
class Trial:
    """A question, and from which source port it was tried with what result."""

    question: Question
    source_port: int
    connected: bool

    def line(self, folder: str) -> dict[str, object]:
        """For `json.dumps`."""
        asked = {"from": self.question.source, "to": self.question.target, "port": self.question.port}
        return {"folder": folder, **asked, "source_port": self.source_port, "connected": self.connected}


def serve(vpc: Vpc) -> None:
    """Lets everything listen on the ports that are tried."""
    for row in vpc.description.interfaces:
        vpc.services.listeners(row.id, row.address, PORTS)
    vpc.services.listeners("laptop", LAPTOP, PORTS)


def draw(seed: int, description: Description, count: int) -> list[tuple[Question, tuple[int, ...]]]:
    """Questions with their source ports."""
    dice = random.Random(f"{seed} trials")
    questions = {_question(dice, description) for _ in range(count)}
    ordered = sorted(questions, key=lambda row: (row.source, row.target, row.port))
    return [(question, tuple(dice.sample(SOURCE_PORTS, EACH))) for question in ordered]


def _question(dice: random.Random, description: Description) -> Question:
    rows = description.interfaces
    port = dice.choice((22, 5432, *PORTS))
    source = dice.choice(rows)
    others = [row for row in rows if row.id != source.id]
    outside = [row.public for row in others if row.public]
    way = dice.random()
    if way < 0.4 and outside:
        return Question(LAPTOP, dice.choice(outside), port)
    if way < 0.55:
        return Question(source.id, LAPTOP, port)
    if way < 0.62 and outside:
        return Question(source.id, dice.choice(outside), port)  # out through the gateway and in again
    target = dice.choice(others)
    # A database listens on the port of its endpoint, and the checker knows that.
    return Question(source.id, target.address, DATABASE_PORT if target.is_of_rds else port)


def attempt(vpc: Vpc, drawn: Sequence[tuple[Question, tuple[int, ...]]], patience: float) -> list[Trial]:
    """Asks the kernel, everything at once and with nothing remembered from before."""
    vpc.topology.forget_connections()
    flat = [(question, port) for question, ports in drawn for port in ports]
    spaces = vpc.topology.namespaces
    tried = [
        (
            spaces["laptop" if question.source == LAPTOP else question.source],
            Attempt(question.target, question.port, port),
        )
        for question, port in flat
    ]
    outcomes = attempt_everywhere(tried, patience)
    return [Trial(*row, outcome.reached) for row, outcome in zip(flat, outcomes, strict=True)]
