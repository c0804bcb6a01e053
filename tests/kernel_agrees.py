#!/usr/bin/env python3
"""Holds the checker's evaluator against the Linux kernel, on random networks with real connections.

    .lab/venv/bin/python tests/kernel_agrees.py --count 2000 --seed 1 --checker target/debug/vivarium-check

Each network is drawn from a seed, applied to running namespaces, and tried from several source ports; the
checker is asked the same of the same folder (`path --from --to --port --source-ports --json --network`).
Ends 1 if they differ anywhere; a network is made again from its seed. What the networks held and what decided is
counted at the end. Without --checker only the kernel is asked. With --lines each trial is a line of JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lab.vpc import coverage, describe, trials
from lab.vpc.crowd import crowd
from lab.vpc.random_network import random_network
from lab.vpc.trials import Question, Trial
from lab.vpc.vpc import Vpc

QUESTIONS = 8  # a network
# Every handshake in the lab is over in a few hundredths of a second. Where the checker says that a
# connection passes and none came in that time, the kernel is asked again with all the patience there is.
PATIENCE, ALL_PATIENCE = 0.15, 4.0


class CheckerFailed(Exception):
    """It gave no answer."""


@dataclass(frozen=True)
class Answer:
    """Which of the source ports pass, in the checker's opinion, None if it does not know; and what decided."""

    passing: frozenset[int] | None
    code: str


@dataclass
class Tally:
    """What was seen."""

    kernel: Counter[bool] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    questions: int = 0
    unknown: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def main() -> int:
    arguments = parse()
    started = time.monotonic()
    tally = Tally()
    with tempfile.TemporaryDirectory() as temporary, Vpc(crowd(), machines=False) as vpc, ThreadPoolExecutor(2) as pool:
        trials.serve(vpc)
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            examine(vpc, seed, Path(temporary), arguments, tally, pool)
    said = f"seeds {arguments.seed} to {arguments.seed + arguments.count - 1}: {arguments.count} networks, "
    said += f"{tally.questions} questions ({tally.partial} of them pass from some source ports only), "
    said += f"{tally.kernel[True]} connections made, {tally.kernel[False]} not, in {time.monotonic() - started:.0f} s; "
    said += f"{len(tally.different)} differences, {len(tally.unknown)} unknown"
    print("\n".join([*tally.different[:50], *tally.unknown[:10], *counted(tally), said]), file=sys.stderr)
    return 1 if tally.different or tally.unknown else 0


def counted(tally: Tally) -> list[str]:
    """What the networks held, and what decided, each with how often."""
    held = [f"  {number:6} {name}" for name, number in sorted(tally.held.items())]
    decided = [f"  {number:6} {name}" for name, number in tally.decided.most_common()]
    return ["networks that hold:", *held, *(["questions decided by:", *decided] if decided else [])]


def examine(
    vpc: Vpc, seed: int, temporary: Path, arguments: argparse.Namespace, tally: Tally, pool: ThreadPoolExecutor
) -> None:
    """One network."""
    folder = random_network(seed)
    vpc.apply(folder)
    tally.held.update(coverage.features(folder))
    drawn = trials.draw(seed, vpc.description, QUESTIONS)
    place = (arguments.keep or temporary) / f"network-{seed}"
    asked = []
    if arguments.checker:
        describe.write(folder, place)
        asked = [pool.submit(ask, arguments.checker, place, *row) for row in drawn]
    made = trials.attempt(vpc, drawn, PATIENCE)
    answers = {question: answer.result() for (question, _), answer in zip(drawn, asked, strict=False)}
    made = again_where_needed(vpc, made, answers)
    count(made, tally)
    tally.decided.update(answer.code for answer in answers.values())
    for trial in made if arguments.lines else []:
        print(json.dumps(trial.line(place.name)))
    compare(made, answers, place, tally)


def ask(checker: Path, place: Path, question: Question, ports: Sequence[int]) -> Answer:
    """The checker's."""
    argv = [str(checker), "path", "--network", str(place), "--json", "--from", question.source]
    argv += ["--to", question.target, "--port", str(question.port), "--source-ports", ",".join(map(str, sorted(ports)))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    try:
        trace = json.loads(done.stdout)
        return Answer(passing(trace, ports), decided(trace))
    except (ValueError, KeyError) as error:
        raise CheckerFailed(f"{' '.join(argv)}: {error!r}: {done.stdout[:300]} {done.stderr[:300]}") from error


def decided(trace: dict[str, Any]) -> str:
    """The code of the gate that decided, or that all gates let it through."""
    deciding = trace["deciding"] or {}
    way = f", on the way {'there' if deciding['direction'] == 'forward' else 'back'}" if deciding.get("code") else ""
    return f"{deciding.get('code') or 'nothing: it passes'}{way}"


def passing(trace: dict[str, Any], ports: Iterable[int]) -> frozenset[int] | None:
    """What docs/trace.md says of a trace, for these ports."""
    verdict = trace["verdict"]
    if verdict == "unknown":
        return None
    if verdict == "not_reachable":
        return frozenset()
    if verdict == "reachable":
        return frozenset(ports)
    ranges = [
        (int(first), int(last or first))
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", trace["passing_source_ports"])
    ]
    return frozenset(port for port in ports if any(first <= port <= last for first, last in ranges))


def again_where_needed(vpc: Vpc, made: list[Trial], answers: dict[Question, Answer]) -> list[Trial]:
    """Silence is only silence when there was time enough to answer."""
    doubted = {
        trial.question
        for trial in made
        if not trial.connected and trial.source_port in expected(answers, trial.question)
    }
    if not doubted:
        return made
    drawn = defaultdict(list)
    for trial in made:
        if trial.question in doubted:
            drawn[trial.question].append(trial.source_port)
    anew = trials.attempt(vpc, [(question, tuple(ports)) for question, ports in drawn.items()], ALL_PATIENCE)
    return [trial for trial in made if trial.question not in doubted] + anew


def expected(answers: dict[Question, Answer], question: Question) -> frozenset[int]:
    """The source ports that the checker lets through."""
    answer = answers.get(question)
    return answer.passing if answer and answer.passing else frozenset()


def count(made: Iterable[Trial], tally: Tally) -> None:
    results = defaultdict(set)
    for trial in made:
        tally.kernel[trial.connected] += 1
        results[trial.question].add(trial.connected)
    tally.questions += len(results)
    tally.partial += sum(len(seen) == 2 for seen in results.values())


def compare(made: Iterable[Trial], answers: dict[Question, Answer], place: Path, tally: Tally) -> None:
    for trial in made:
        if trial.question not in answers:
            continue
        answer, said = answers[trial.question].passing, json.dumps(trial.line(place.name))
        if answer is None:
            tally.unknown.append(f"unknown: {said}")
        elif (trial.source_port in answer) != trial.connected:
            tally.different.append(f"the kernel says otherwise: {said}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50, help="networks [default: 50]")
    parser.add_argument("--seed", type=int, default=1, help="of the first; the next ones follow [default: 1]")
    parser.add_argument("--checker", type=Path, help="the program to hold against the kernel")
    parser.add_argument("--keep", type=Path, help="write the networks to this folder and leave them there")
    parser.add_argument("--lines", action="store_true", help="print every trial as a line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
