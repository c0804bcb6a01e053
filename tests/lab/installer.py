#!/usr/bin/python3
"""Makes a stand-in for Anaconda's installer, out of this machine's CPython and pip.

Anaconda's archive cannot be reached from everywhere, and its installers are a gigabyte. What the
agent must survive is not their size but their ways: a shell header with numbers in it, a checksum
that only warns, an engine executed out of the prefix, a half prefix left by every failure. This
makes a file with those ways (`stand_in/` holds its script, its engine and its linker) and with a
real Python in it. It says everywhere that it is a stand-in.

    tests/lab/installer.py --into DIR [--era today|2017] [--damage KIND] [--small]

The same machine gives the same bytes every time. Python's own libraries (OpenSSL, SQLite, …) stay
the machine's: they are not in the payload, so the result belongs to the Debian it was made on.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = HERE / "stand_in"
PYTHON = Path("/usr/bin/python3")
WHEELS = Path("/usr/share/python-wheels")
NAME = "Vivaconda3"
# Long, as conda's are: the prefix that replaces it in a text file may be as long.
PLACEHOLDER = "/opt/" + "placehold_" * 20 + "end"
MOMENT = 1_500_000_000
ERAS = {"today": "1.0", "2017": "0.5"}
DAMAGES = ("truncated", "truncated-in-engine", "truncated-in-header", "flipped", "licence", "wrong-arch")
AARCH64, X86_64 = 183, 62
LEFT_OUT = {
    "__pycache__",
    "EXTERNALLY-MANAGED",
    "LICENSE.txt",
    "_distutils_system_mod.py",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "sitecustomize.py",
    "test",
    "tkinter",
    "turtledemo",
}


@dataclass
class Package:
    """One conda-like package: its name and version, and the directory where its files stand."""

    name: str
    version: str
    files: Path
    depends: list[str] = field(default_factory=list)
    with_prefix: list[str] = field(default_factory=list)

    @property
    def dist(self) -> str:
        """The name of the package's file without its ending."""
        return f"{self.name}-{self.version}-vivarium_0"


@dataclass
class Payload:
    """What stands behind the header."""

    engine: bytes
    tarball: bytes
    dists: list[str]
    installed_kilobytes: int


# --- the packages -------------------------------------------------------------------------------


def python_version() -> str:
    """The version of the machine's own Python, such as 3.11.2."""
    asked = "import platform; print(platform.python_version())"
    return subprocess.check_output([PYTHON, "-I", "-c", asked], text=True).strip()


def minor(version: str) -> str:
    """`python3.11` of `3.11.2`."""
    return "python" + ".".join(version.split(".")[:2])


def replace_exactly(path: Path, old: str, new: str) -> None:
    """Changes a text that must be there: a Debian that changed its patch must not pass unseen."""
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"{path.name} of this machine's Python has no {old!r}: the payload would be wrong")
    path.write_text(text.replace(old, new))


def undo_debian_layout(library: Path) -> None:
    """Debian's Python installs into dist-packages below local/; one with a prefix of its own must not."""
    replace_exactly(library / "sysconfig.py", "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")
    shutil.copyfile(PARTS / "sitecustomize.py", library / "sitecustomize.py")


def left_out(directory: str, names: list[str]) -> set[str]:
    """What the payload does without: tests, the parts for desktops, Debian's own additions."""
    return {
        name
        for name in names
        if name in LEFT_OUT
        or name.startswith(("config-3", "_test", "xxlimited", "_xxtestfuzz"))
        or (Path(directory) / name).is_symlink()
    }


def needed_modules() -> set[str]:
    """What of the standard library pip and the proofs of an installation import, by its first name."""
    asked = (
        "import sys, argparse, compileall, ctypes, datetime, decimal, importlib, pkgutil, runpy, sqlite3, ssl, uuid;"
        f"sys.path.insert(0, {str(wheel('pip'))!r});"
        "import pip._internal, pip._vendor.pkg_resources;"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(pip._internal.__path__, 'pip._internal.')];"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    return set(subprocess.check_output([PYTHON, "-I", "-c", asked], text=True).split())


def drop_unneeded(library: Path) -> None:
    """Leaves of a standard library what an installation needs: a third of its files, twice as fast."""
    needed = needed_modules() | {"lib-dynload", "sitecustomize"}
    for path in [*library.iterdir(), *(library / "lib-dynload").iterdir()]:
        if path.name.split(".")[0] not in needed and not path.name.startswith("_sysconfigdata"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def stage_python(stage: Path, version: str, small: bool) -> Package:
    """The interpreter and its standard library."""
    files, short = stage / "python", minor(version)
    (files / "bin").mkdir(parents=True)
    shutil.copyfile(PYTHON.resolve(), files / "bin" / short)
    (files / "bin" / short).chmod(0o755)
    for alias in ("python", "python3"):
        (files / "bin" / alias).symlink_to(short)
    library = files / "lib" / short
    shutil.copytree(f"/usr/lib/{short}", library, ignore=left_out)
    undo_debian_layout(library)
    if small:
        drop_unneeded(library)
    return Package("python", version, files)


def wheel(name: str) -> Path:
    """The wheel that Debian keeps for making virtual environments."""
    found = sorted(WHEELS.glob(f"{name}-*.whl"))
    if not found:
        raise SystemExit(f"{WHEELS} has no wheel of {name}: install python3-venv (tests/lab/setup.sh demo does)")
    return found[-1]


def stage_wheel(stage: Path, name: str, short: str) -> Package:
    """A wheel of Debian's, unpacked to site-packages."""
    path, files = wheel(name), stage / name
    with zipfile.ZipFile(path) as archive:
        archive.extractall(files / "lib" / short / "site-packages")
    return Package(name, path.name.split("-")[1], files, depends=["python"])


def stage_pip(stage: Path, short: str) -> Package:
    """pip, and its command with the prefix in its first line."""
    package = stage_wheel(stage, "pip", short)
    command = f"#!{PLACEHOLDER}/bin/python\nimport sys\n\nfrom pip._internal.cli.main import main\n\nsys.exit(main())\n"
    (package.files / "bin").mkdir()
    for name in ("pip", "pip3"):
        (package.files / "bin" / name).write_text(command)
        (package.files / "bin" / name).chmod(0o755)
        package.with_prefix.append(f"bin/{name}")
    return package


def stage_bytecode(stage: Path, packages: list[Package], version: str) -> Package:
    """The compiled modules of the others.

    In the payload, so that a first import writes nothing into an installed tree. One process and
    hashes in place of times: both so that the same sources give the same bytes.
    """
    files = stage / "bytecode"
    for package in packages:
        command = [PYTHON, "-I", "-m", "compileall", "-q", "-s", package.files, "--invalidation-mode", "unchecked-hash"]
        subprocess.run([*command, package.files / "lib"], check=True, env={"PYTHONHASHSEED": "0"})
        for cache in sorted(package.files.rglob("__pycache__")):
            target = files / cache.relative_to(package.files)
            target.parent.mkdir(parents=True, exist_ok=True)
            cache.rename(target)
    return Package("python-bytecode", version, files, depends=["python"])


def stage_notice(stage: Path) -> Package:
    """What a person who meets the prefix should read."""
    files = stage / "notice"
    files.mkdir()
    shutil.copyfile(PARTS / "LICENSE.txt", files / "THIS_IS_A_STAND_IN.txt")
    return Package("vivaconda", ERAS["today"], files)


def stage_packages(stage: Path, small: bool) -> list[Package]:
    """All packages in the order in which they are linked: python first."""
    version = python_version()
    short = minor(version)
    compiled = [stage_python(stage, version, small), stage_pip(stage, short)]
    if not small:
        compiled.insert(1, stage_wheel(stage, "setuptools", short))
    return [*compiled, stage_bytecode(stage, compiled, version), stage_notice(stage)]


# --- archives -----------------------------------------------------------------------------------


def member(name: str, mode: int) -> tarfile.TarInfo:
    """A tar header without anything of the machine or the moment."""
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = mode, MOMENT
    info.uname = info.gname = "root"
    return info


def add_bytes(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Adds a file that is only in memory."""
    info = member(name, mode)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def add_path(archive: tarfile.TarFile, name: str, path: Path) -> None:
    """Adds a file or a symbolic link from the stage."""
    if path.is_symlink():
        info = member(name, 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
        archive.addfile(info)
    else:
        add_bytes(archive, name, path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)


def tarball(contents: dict[str, bytes]) -> bytes:
    """A tar of files in memory, in the order given."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            add_bytes(archive, name, content)
    return whole.getvalue()


def file_names(package: Package) -> list[str]:
    """The files of a package, relative, sorted."""
    found = (path for path in package.files.rglob("*") if path.is_symlink() or path.is_file())
    return sorted(str(path.relative_to(package.files)) for path in found)


def index(package: Package) -> bytes:
    """`info/index.json`: what conda would want to know of a package."""
    told = {
        "build": "vivarium_0",
        "build_number": 0,
        "depends": package.depends,
        "license": "see LICENSE.txt",
        "name": package.name,
        "subdir": platform_name(),
        "version": package.version,
    }
    return json.dumps(told, indent=2, sort_keys=True).encode()


def package_archive(package: Package) -> bytes:
    """The `.tar.bz2` of a package."""
    whole, names = io.BytesIO(), file_names(package)
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.GNU_FORMAT) as archive:
        add_bytes(archive, "info/index.json", index(package))
        add_bytes(archive, "info/files", "".join(f"{name}\n" for name in names).encode())
        add_bytes(archive, "info/has_prefix.json", json.dumps(dict.fromkeys(package.with_prefix, PLACEHOLDER)).encode())
        for name in names:
            add_path(archive, name, package.files / name)
    # Small blocks unpack twice as fast, and cost a twentieth of the size.
    return bz2.compress(whole.getvalue(), compresslevel=1)


def platform_name() -> str:
    """conda's word for this machine."""
    return {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[platform.machine()]


# --- the payload --------------------------------------------------------------------------------


def engine(wrong_arch: bool) -> bytes:
    """`_conda`: an ELF program, and behind it the data that it needs whole."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "_conda"
        flags = ["-O1", "-s", "-Wall", "-Werror", "-Wl,--build-id=none", "-Wno-format-truncation"]
        subprocess.run(["gcc", *flags, "-o", program, PARTS / "engine.c"], check=True)
        content = bytearray(program.read_bytes())
    if wrong_arch:
        other = X86_64 if platform.machine() == "aarch64" else AARCH64
        content[18:20] = other.to_bytes(2, "little")
    notice = (PARTS / "LICENSE.txt").read_bytes()
    return bytes(content) + notice * (300_000 // len(notice)) + b"VIVAPACK"


def preconda(dists: list[str]) -> bytes:
    """What is unpacked before the packages: the list of them, and the installer's own scripts."""
    names = [f"{dist}.tar.bz2" for dist in dists]
    made_by = {"name": NAME, "made_by": "Vivarium's lab: a stand-in", "platform": platform_name()}
    return bz2.compress(
        tarball(
            {
                "conda-meta/initial-state.explicit.txt": "\n".join(["@EXPLICIT", *names, ""]).encode(),
                "conda-meta/history": b"",
                "pkgs/urls.txt": "\n".join([*names, ""]).encode(),
                "pkgs/.constructor-build.info": json.dumps(made_by, sort_keys=True).encode(),
                "pkgs/.install.py": (PARTS / "link.py").read_bytes(),
                "pkgs/pre_install.sh": b"exit 0\n",
                "pkgs/post_install.sh": b"exit 0\n",
            }
        )
    )


def postconda(dists: list[str]) -> bytes:
    """What is unpacked last: conda's history of the prefix."""
    lines = ["==> 2017-07-14 02:40:00 <==", "# cmd: constructor (stand-in)", *(f"+vivarium::{dist}" for dist in dists)]
    return bz2.compress(tarball({"conda-meta/history": "\n".join([*lines, ""]).encode(), ".condarc": b""}))


def make_payload(wrong_arch: bool, small: bool) -> Payload:
    """Everything behind the header."""
    with tempfile.TemporaryDirectory() as directory:
        packages = stage_packages(Path(directory), small)
        archives = {f"pkgs/{package.dist}.tar.bz2": package_archive(package) for package in packages}
        unpacked = sum(path.lstat().st_size for path in Path(directory).rglob("*") if path.is_file())
    dists = [package.dist for package in packages]
    contents = {
        "preconda.tar.bz2": preconda(dists),
        "postconda.tar.bz2": postconda(dists),
        "LICENSE.txt": (PARTS / "LICENSE.txt").read_bytes(),
        **archives,
    }
    installed = unpacked + sum(len(content) for content in archives.values())
    return Payload(engine(wrong_arch), tarball(contents), dists, installed // 1000)


# --- the file -----------------------------------------------------------------------------------


def fill(template: str, values: dict[str, object]) -> bytes:
    """The header with its numbers."""
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template.encode()


def names_of(version: str) -> dict[str, object]:
    """What the headers of both eras call the thing."""
    return {
        "NAME": NAME,
        "VER": version,
        "PLAT": platform_name(),
        "MACHINE": platform.machine(),
        "DEFAULT_DIR": NAME.lower(),
    }


def whole_today(payload: Payload, version: str) -> bytes:
    """Header, engine, tarball: the layout since 2022, with exact sizes in the header."""
    behind = payload.engine + payload.tarball
    return (
        fill(
            (PARTS / "header.sh").read_text(),
            {
                **names_of(version),
                "MD5": hashlib.md5(behind, usedforsecurity=False).hexdigest(),
                "ENGINE_SIZE": len(payload.engine),
                "TARBALL_SIZE": len(payload.tarball),
                "INSTALLED_KB": payload.installed_kilobytes,
                "GLIBC": platform.libc_ver()[1],
            },
        )
        + behind
    )


def whole_2017(payload: Payload, version: str) -> bytes:
    """Header and tarball: the layout of Anaconda3-5.0.1, with the whole length in the header."""
    template = (PARTS / "header-2017.sh").read_text()
    values = {
        **names_of(version),
        "MD5": hashlib.md5(payload.tarball, usedforsecurity=False).hexdigest(),
        "LINES": len(template.splitlines()) + 1,
        "PYTHON_DIST": payload.dists[0],
        "DISTS": " ".join(payload.dists),
    }
    # The length is written in the header three times, with as many digits as it will have.
    digits = "0" * len(str(len(payload.tarball)))
    length = len(fill(template, {**values, "BYTES": digits})) + len(payload.tarball)
    return fill(template, {**values, "BYTES": length}) + payload.tarball


def changed(content: bytes, at: int) -> bytes:
    """The same bytes but one."""
    return content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]


def damage(content: bytes, kind: str | None) -> bytes:
    """What a bad disk, a cut download or a bad actor makes of a good file."""
    if kind == "truncated":
        return content[: len(content) * 6 // 10]
    if kind == "truncated-in-engine":
        return content[: content.index(b"\n@@END_HEADER@@\n") + 100_000]
    if kind == "truncated-in-header":
        return content[: content.index(b"Do you accept the license terms?")]
    if kind == "flipped":
        # In the last third: inside a compressed package, well behind the engine and the licence.
        return changed(content, len(content) * 2 // 3)
    if kind == "licence":
        # The last one that stands as plain text is the payload's own file.
        return changed(content, content.rindex(b"This is a stand-in for Anaconda's installer"))
    return content


def file_name(version: str) -> str:
    """A name like Anaconda's that cannot be taken for one of Anaconda's."""
    return f"{NAME}-{version}-Linux-{platform.machine()}.sh"


def make(directory: Path, era: str = "today", broken: str | None = None, small: bool = False) -> Path:
    """Writes the installer into a directory; returns its path."""
    version = ERAS[era]
    payload = make_payload(broken == "wrong-arch", small)
    content = (whole_today if era == "today" else whole_2017)(payload, version)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / file_name(version)
    partial = path.with_suffix(".part")
    partial.write_bytes(damage(content, broken))
    partial.rename(path)
    return path


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Makes a stand-in for Anaconda's installer.")
    parser.add_argument("--into", type=Path, required=True, help="the directory to write it to")
    parser.add_argument("--era", choices=sorted(ERAS), default="today", help="whose layout it has")
    parser.add_argument("--damage", choices=DAMAGES, help="break it in this way")
    parser.add_argument("--small", action="store_true", help="with no more of Python than an installation needs")
    chosen = parser.parse_args()
    path = make(chosen.into, chosen.era, chosen.damage, chosen.small)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}\n  a stand-in, not Anaconda's; {path.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
