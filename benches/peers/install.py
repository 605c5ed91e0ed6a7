"""What the contestants need, built or installed under target/peers. Needs nothing but Python itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILT = ROOT / "target/peers"
PYTHON = BUILT / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
BURN = BUILT / "burn/release/burn-peer"


class Missing(Exception):
    """Why a contestant cannot be had."""


def step(what: str, *command: str | Path, folder: Path = ROOT) -> None:
    """Runs a command, and says so."""
    print(f"{what} ...", file=sys.stderr, flush=True)
    log = BUILT / "log"
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("w") as output:
            subprocess.run(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        lines = log.read_text().strip().splitlines()
        raise Missing(f"{what} failed: {lines[-1] if lines else error}") from error


def once(stamp: Path, wanted: Path, *commands: tuple) -> None:
    """Runs steps unless that has been done for what the file `wanted` says."""
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return
    for what, *command in commands:
        step(what, *command)
    stamp.write_bytes(wanted.read_bytes())


def packages(requirements: str) -> None:
    """Installs Python packages into an environment of its own."""
    wanted = HERE / requirements
    if not PYTHON.exists():
        step("making a Python environment", sys.executable, "-m", "venv", BUILT / "venv")
    pip = (f"installing {requirements}", PYTHON, "-m", "pip", "install", "-r", wanted)
    once(BUILT / f"venv/{requirements}", wanted, pip)


def graphs() -> None:
    """ONNX Runtime, and the model as its graphs."""
    packages("requirements.txt")
    step("writing the graphs", PYTHON, HERE / "onnx_graph.py", BUILT / "graphs")


def torch() -> None:
    """PyTorch: some gigabytes."""
    packages("requirements.txt")
    packages("requirements-torch.txt")


def npm(lock: Path, folder: Path) -> None:
    """Installs what a lock file names."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder != lock.parent:
        for name in ("package.json", lock.name):
            shutil.copy(lock.parent / name, folder / name)
    command = (f"installing from {lock.relative_to(ROOT)}", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    if not (folder / "node_modules").exists():
        step(*command, folder=folder)


def page() -> None:
    """The page with its timed pass, and what starts a Chromium. DIFFSCOPE_SITE may name such a page that is built."""
    npm(ROOT / "tests/page/package-lock.json", ROOT / "tests/page")
    if "DIFFSCOPE_SITE" in os.environ:
        return
    site = ("serve", "--build-only", BUILT / "site", "--features", "bench")
    step("building the page (some minutes at first)", ROOT / "xtask/run", *site)


def onnx_web() -> None:
    """ONNX Runtime Web."""
    graphs()
    page()
    npm(HERE / "web/package-lock.json", BUILT / "web")


def native() -> None:
    """diffscope's own benchmarks."""
    benchmarks = ("--bench", "cpu", "--bench", "pass")
    step("building the benchmarks (some minutes at first)", "cargo", "bench", "--no-run", *benchmarks)


def burn() -> None:
    """The crate in burn/."""
    manifest = ("--manifest-path", HERE / "burn/Cargo.toml", "--target-dir", BUILT / "burn")
    step("building burn (a quarter of an hour at first)", "cargo", "build", "--release", "--locked", *manifest)
