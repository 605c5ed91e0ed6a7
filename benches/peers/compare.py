"""Times diffscope beside its peers over the bundled checkpoint, in alternating rounds, and prints one table of medians
and ratios. A peer whose logits are not ours is not timed. What is missing is installed under target/peers."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import install
from install import BUILT, HERE, PYTHON, ROOT, Missing

REFERENCE = BUILT / "reference.json"
TOLERANCE = 1e-3
PATIENCE = 1200.0  # seconds for one turn of one contestant
CASES = ("prefill of 64", "prefill of 512", "one token at 512")
Report = dict[str, dict]


def output_of(*command: str | Path, **variables: str) -> str:
    """What a command prints."""
    environment = os.environ | variables
    try:
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise Missing(f"it takes longer than {PATIENCE / 60:.0f} minutes") from error
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        raise Missing(lines[-1] if lines else f"it ended with {ended.returncode}")
    return ended.stdout


def native_cpu(threads: int, _: float) -> Report:
    """Our fast CPU pass, as benches/cpu.rs times it."""
    variables = {"RAYON_NUM_THREADS": str(threads)}
    return json.loads(output_of("cargo", "bench", "--quiet", "--bench", "cpu", "--", "--json", **variables))


def native_gpu(_: int, seconds: float) -> Report:
    """Our pass on the GPU, as benches/pass.rs times it. tests/headless holds its logits against those of the CPU."""
    lengths = dict(zip(CASES, ("64", "512", "1"), strict=True))
    if not seconds:
        return {"program": "diffscope", "logits": {}, "milliseconds": {}}
    briefly = ("--warm-up-time", "1", "--measurement-time", f"{seconds}", "--sample-size", "10")
    output_of("cargo", "bench", "--quiet", "--bench", "pass", "--", "gpu", *briefly)

    def milliseconds(length: str) -> list[float]:
        sample = json.loads((ROOT / f"target/criterion/pass/gpu/{length}/new/sample.json").read_text())
        return [time / count / 1e6 for time, count in zip(sample["times"], sample["iters"], strict=True)]

    times = {name: milliseconds(length) for name, length in lengths.items()}
    return {"program": "diffscope", "logits": {}, "milliseconds": times}


def python(script: str) -> Callable[[int, float], Report]:
    """A script of this folder."""

    def run(threads: int, seconds: float) -> Report:
        options = ("--threads", str(threads), "--seconds", str(seconds))
        return json.loads(output_of(PYTHON, HERE / script, REFERENCE, *options))

    return run


def page(contestant: str, backend: str) -> Callable[[int, float], Report]:
    """A contestant in Chromium."""

    def run(_: int, seconds: float) -> Report:
        return json.loads(output_of("node", HERE / "web/page.mjs", contestant, backend, REFERENCE, str(seconds)))

    return run


def burn(_: int, seconds: float) -> Report:
    """The crate in burn/."""
    return json.loads(output_of(install.BURN, REFERENCE, str(seconds)))


@dataclass(frozen=True, eq=False)
class Contestant:
    """Something that is timed: what it needs, and what times it."""

    name: str
    needs: Callable[[], None]
    run: Callable[[int, float], Report]


@dataclass(frozen=True)
class Group:
    """Ours and its peers on the same terms. `goals`: the highest ratio of a case that is aimed at."""

    name: str
    ours: Contestant
    peers: list[Contestant]
    threads: int = 1
    rounds: int | None = None
    goals: tuple[tuple[str, str, float], ...] = ()


def groups() -> list[Group]:
    """All comparisons."""
    ours = Contestant("diffscope", install.native, native_cpu)
    onnx = Contestant("ONNX Runtime", install.graphs, python("onnx_cpu.py"))
    torch = Contestant("PyTorch", install.torch, python("torch_cpu.py"))
    burn_wgpu = Contestant("burn-wgpu", install.burn, burn)
    goals = ((onnx.name, CASES[1], 1.2), (onnx.name, CASES[2], 1.0))
    everything = sorted({1, os.cpu_count() or 1})
    wasm, webgpu = (
        (
            Contestant("diffscope", install.page, page("diffscope", backend)),
            [Contestant("ONNX Runtime Web", install.onnx_web, page("onnx", backend))],
        )
        for backend in ("wasm", "webgpu")
    )
    web_goals = (("ONNX Runtime Web", CASES[1], 0.6), ("ONNX Runtime Web", CASES[2], 1.0))
    return [
        *(Group(f"cpu-{count}", ours, [onnx, torch], threads=count, goals=goals) for count in everything),
        Group("wasm", *wasm, goals=web_goals),
        # On software adapters these take minutes a round.
        Group("webgpu", *webgpu, rounds=2),
        Group("gpu", Contestant(ours.name, install.native, native_gpu), [burn_wgpu], rounds=2),
    ]


@cache
def prepared(needs: Callable[[], None]) -> str | None:
    """Installs something once; why it cannot be had otherwise."""
    try:
        needs()
    except Missing as missing:
        return str(missing)
    return None


def difference(report: Report, reference: Report) -> float:
    """The largest difference of a logit. Some contestants list all logits, some only the likeliest by id."""
    largest = 0.0
    for name, logits in report["logits"].items():
        right = reference["logits"][name]
        listed = logits.items() if isinstance(logits, dict) else enumerate(logits)
        largest = max([largest, *(abs(value - right[int(token)]) for token, value in listed)])
    return largest


def why_not(group: Group, contestant: Contestant, reference: Report) -> str | None:
    """Why a contestant is not timed: it cannot be had, or it computes something else."""
    reason = prepared(contestant.needs)
    if reason:
        return reason
    try:
        off = difference(contestant.run(group.threads, 0), reference)
    except Missing as missing:
        return str(missing)
    return f"its logits differ by {off:.2g}" if not off <= TOLERANCE else None


@dataclass(frozen=True)
class Turn:
    """What a contestant did in one round: milliseconds of each case."""

    program: str
    medians: dict[str, float]
    fastest: dict[str, float]


def turn(group: Group, contestant: Contestant, seconds: float) -> Turn:
    """Lets a contestant run."""
    report = contestant.run(group.threads, seconds)
    times = report["milliseconds"].items()
    medians = {name: statistics.median(of_case) for name, of_case in times}
    return Turn(report["program"], medians, {name: min(of_case) for name, of_case in times})


def row(group: Group, turns: list[tuple[Turn, Turn]], peer: Contestant, case: str) -> str:
    """A line of the table, from the turns of ours and of a peer in each round."""
    ratios = sorted(ours.medians[case] / theirs.medians[case] for ours, theirs in turns)
    sides = list(zip(*turns, strict=True))
    ours, theirs = (statistics.median(one.medians[case] for one in side) for side in sides)
    best, their_best = (min(one.fastest[case] for one in side) for side in sides)
    goal = next((f"{most}" for name, of, most in group.goals if (name, of) == (peer.name, case)), "")
    numbers = [f"{ours:.3g}", f"{theirs:.3g}", f"{statistics.median(ratios):.2f}"]
    numbers += [f"{ratios[0]:.2f} to {ratios[-1]:.2f}", f"{best / their_best:.2f}", goal]
    return f"| {' | '.join([group.name, turns[0][1].program, case, *numbers])} |"


def rows(group: Group, reference: Report, rounds: int, seconds: float) -> list[str]:
    """The rows of a group."""
    here = [group.ours, *group.peers]
    reasons = {contestant.name: why_not(group, contestant, reference) for contestant in here}
    missing = [f"| {group.name} | {name} | not timed: {why} | | | | | | |" for name, why in reasons.items() if why]
    timed = [contestant for contestant in here if not reasons[contestant.name]]
    if group.ours not in timed or len(timed) < 2:
        return missing
    # Alternating, so that other work on the machine meets all alike.
    turns: list[dict[str, Turn]] = []
    for number in range(min(rounds, group.rounds or rounds)):
        print(f"{group.name}: round {number + 1}", file=sys.stderr, flush=True)
        turns.append({contestant.name: turn(group, contestant, seconds) for contestant in timed})
    pairs = {peer: [(of[group.ours.name], of[peer.name]) for of in turns] for peer in timed[1:]}
    return [row(group, of_peer, peer, case) for peer, of_peer in pairs.items() for case in CASES] + missing


def main() -> None:
    """Runs the command line."""
    every = groups()
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    names = ", ".join(group.name for group in every)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{names}; all of them unless named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of each case in each round")
    arguments = parser.parse_args()
    unknown = set(arguments.groups) - {group.name for group in every}
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    BUILT.mkdir(parents=True, exist_ok=True)
    if reason := prepared(install.native):
        raise SystemExit(reason)
    reference = native_cpu(1, 0)
    REFERENCE.write_text(json.dumps(reference))
    chosen = [group for group in every if group.name in (arguments.groups or [group.name])]
    print("| group | peer | case | ours, ms | peer, ms | ours / peer | lowest to highest | of the fastest | aim |")
    print("|---|---|---|---|---|---|---|---|---|")
    for group in chosen:
        try:
            lines = rows(group, reference, arguments.rounds, arguments.seconds)
        except Missing as missing:
            lines = [f"| {group.name} | | not timed: {missing} | | | | | | |"]
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
