"""What belongs to a program besides itself: manual pages, completions, the unit, the licence."""

from __future__ import annotations

import gzip
import subprocess
from dataclasses import dataclass
from pathlib import Path

from build import ROOT

BASH = "/usr/share/bash-completion/completions/{}"
# Where deb and rpm have them for zsh and fish.
COMPLETIONS = {
    "deb": {"zsh": "/usr/share/zsh/vendor-completions/_{}", "fish": "/usr/share/fish/vendor_completions.d/{}.fish"},
    "rpm": {"zsh": "/usr/share/zsh/site-functions/_{}", "fish": "/usr/share/fish/vendor_completions.d/{}.fish"},
}
UNIT = Path("packaging/systemd/vivarium-agent.service")


@dataclass(frozen=True)
class Entry:
    """A file of a package: where it is, where it goes, for which format alone."""

    source: Path
    place: str
    mode: int = 0o644
    only: str = ""


def pages(program: str, speaker: Path, folder: Path) -> tuple[list[Path], dict[str, Path]]:
    """The manual pages and completions, as the program itself writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    man = folder / "man"
    subprocess.run([speaker, "man", man], check=True, stdout=subprocess.DEVNULL, timeout=60)
    completions = {}
    for shell in ("bash", "zsh", "fish"):
        said = subprocess.run([speaker, "completions", shell], check=True, capture_output=True, timeout=60)
        completions[shell] = folder / f"{program}.{shell}"
        completions[shell].write_bytes(said.stdout)
    return sorted(man.glob("*.1")), completions


def entries(program: str, binary: Path, speaker: Path, folder: Path) -> list[Entry]:
    """All files of a program's package."""
    man, completions = pages(program, speaker, folder)
    found = [Entry(binary, f"/usr/bin/{program}", 0o755)]
    for page in man:
        packed = folder / f"{page.name}.gz"
        packed.write_bytes(gzip.compress(page.read_bytes(), 9, mtime=0))
        found.append(Entry(packed, f"/usr/share/man/man1/{packed.name}"))
    found.append(Entry(completions["bash"], BASH.format(program)))
    for kind, places in COMPLETIONS.items():
        found += [Entry(completions[shell], place.format(program), only=kind) for shell, place in places.items()]
    found.append(Entry(ROOT / "LICENSE", f"/usr/share/doc/{program}/copyright"))
    return found + (_agent_s() if program == "vivarium-agent" else _checker_s())


def _agent_s() -> list[Entry]:
    """The unit stays disabled until settings ask for it. They are nobody's but the host's, and never shipped: UserData
    and Run Command write them, and dpkg would ask nobody what to keep."""
    sample = Entry(ROOT / "docs/agent.toml", "/usr/share/doc/vivarium-agent/agent.toml")
    return [Entry(ROOT / UNIT, f"/usr/lib/systemd/system/{UNIT.name}"), sample]


def _checker_s() -> list[Entry]:
    return [Entry(ROOT / "docs/check.toml", "/usr/share/doc/vivarium-check/check.toml")]
