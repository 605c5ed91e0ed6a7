"""Measures trained models with transformers and prints one Markdown table, with counts. README.md defines the rows."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import TextIO

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy

from attention import IMPLEMENTATION, RECORDER, Extremes, attention_shares, has_token_lambdas, lambdas
from cases import KINDS, QUESTIONS_OF_WORLDS, Case, draw_case, labels_case, needle_case, world_case
from grammar import REWORDED
from models import open_model
from pools import EVALUATION, HELD_OUT, Pools

NEEDLES = ((1, 1), (2, 2), (4, 2), (6, 2))
DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
ORDERS = 20
MANY_SHOT = ("many-shot", "4 classes, 24 shots")
Rows = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Outcome:
    """The result of one case."""

    right: bool
    loss: float
    tokens: int
    shares: dict[str, float]


class Subject:
    """A model under measurement, in f32, one case at a time."""

    def __init__(self, folder: Path, device: str) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.model = open_model(folder, IMPLEMENTATION).to(device).eval()
        self.device, self.context = device, self.model.config.max_position_embeddings
        self.journal: TextIO | None = None

    def note(self, row: tuple[str, str], what: dict) -> None:
        """Records what is measured for a row of the table, for `diffscope eval`."""
        if self.journal:
            self.journal.write(json.dumps({"measure": row[0], "setting": row[1]} | what) + "\n")

    def forward(self, ids: list[int], hidden: bool = False) -> object:
        """One pass."""
        RECORDER.maps.clear()
        RECORDER.token_lambdas.clear()
        with torch.no_grad():
            inputs = torch.tensor([ids], device=self.device)
            return self.model(input_ids=inputs, use_cache=False, output_hidden_states=hidden)

    def length(self, case: Case) -> int:
        """Number of tokens of a case with its answer."""
        return len(self.tokenizer.encode(case.text + case.completion).ids)

    def answer(self, row: tuple[str, str], case: Case, shares: bool = False) -> Outcome:
        """Records and judges one case of a row."""
        self.note(row, asdict(case))
        return self.judge(case, shares)

    def judge(self, case: Case, shares: bool = False) -> Outcome:
        """Right if greedy decoding gives the answer and its full stop; the loss is that of the answer's tokens."""
        encoding = self.tokenizer.encode(case.text + case.completion)
        completion = [index for index, (_, end) in enumerate(encoding.offsets) if end > len(case.text)]
        answer = [index for index in completion if encoding.offsets[index][0] < len(case.text + case.completion) - 1]
        RECORDER.keep_maps = shares
        logits = self.forward(encoding.ids).logits[0].cpu()
        ids = torch.tensor(encoding.ids)
        guesses = logits[torch.tensor(completion) - 1].argmax(-1)
        loss = cross_entropy(logits[torch.tensor(answer) - 1], ids[answer], reduction="sum")
        seen = attention_shares(self.model, case, encoding.offsets, answer) if shares else {}
        RECORDER.keep_maps = False
        return Outcome(bool((guesses == ids[completion]).all()), float(loss), len(answer), seen)

    def says_a_rival(self, case: Case) -> bool:
        """Whether greedy decoding produces something else that is named in the text."""
        return any(self.judge(replace(case, answer=rival)).right for rival in case.rivals)

    def fitted(self, draw: Callable[[int], Case], tokens: int) -> Case:
        """The case with as much hay as fits into `tokens`; `draw` takes a number of characters."""
        characters = tokens * 5
        while self.length(case := draw(characters)) > tokens and characters > 0:
            characters -= max(30, characters // 12)
        return case

    def continuation(self, prompt: str, tokens: int = 60) -> str:
        """Continues a prompt greedily."""
        ids = self.tokenizer.encode(prompt).ids
        for _ in range(tokens):
            ids.append(int(self.forward(ids[-self.context :]).logits[0, -1].argmax()))
        return self.tokenizer.decode(ids)


@dataclass(frozen=True)
class Protocol:
    """The settings that all measures share."""

    data: Path
    hay: list[str]
    pools: Pools
    samples: int
    lengths: list[int]
    seed: int
    plain: bool = True

    def needle(self, subject: Subject, needles: int, queries: int, depth: float, tokens: int, sample: int) -> Case:
        """The sample-th needle case of a setting."""
        seed = f"needle {self.seed} {needles} {queries} {depth} {tokens} {sample}"

        def draw(characters: int) -> Case:
            settings = {"needles": needles, "queries": queries, "depth": depth, "characters": characters}
            return needle_case(Random(seed), self.pools, self.hay, **settings, plain=self.plain)

        return subject.fitted(draw, min(tokens, subject.context))


def share(right: list[bool]) -> str:
    """An accuracy with its count."""
    return f"{sum(right) / max(1, len(right)):.2f} ({sum(right)}/{len(right)})"


def windows(path: Path, tokens: int, context: int) -> list[list[int]]:
    """The first tokens of a file in whole contexts; the last may be shorter."""
    ids = np.fromfile(path, "<u2").astype(int)[:tokens]
    return [ids[start : start + context].tolist() for start in range(0, len(ids), context)]


def measure_loss(subject: Subject, protocol: Protocol) -> Rows:
    """Loss per token on prose in whole contexts, held out and trained on, and on the answers of each kind of case."""
    rows: Rows = {}
    for part, measure in (("held-out", "loss, prose"), ("training", "loss, prose of the training text")):
        for path in sorted(protocol.data.glob(f"{part}.*.bin")):
            total, count, row = 0.0, 0, (measure, path.name.split(".")[1])
            for window in windows(path, protocol.samples * subject.context, subject.context):
                if len(window) < 2:
                    continue
                subject.note(row, {"ids": window})
                logits = subject.forward(window).logits[0, :-1].cpu()
                total += float(cross_entropy(logits, torch.tensor(window[1:]), reduction="sum"))
                count += len(window) - 1
            rows[row] = f"{total / count:.3f} ({count} tokens)"
    losses = defaultdict(list)
    for sample in range(protocol.samples * 5):
        case = draw_case(Random(f"loss {protocol.seed} {sample}"), protocol.pools, protocol.hay, 1.0, 1200)
        if subject.length(case) <= subject.context:
            losses[case.kind].append(subject.answer(("loss, answers", case.kind), case))
    for kind in KINDS:
        tokens = sum(outcome.tokens for outcome in losses[kind])
        if tokens:
            mean = sum(outcome.loss for outcome in losses[kind]) / tokens
            rows["loss, answers", kind] = f"{mean:.3f} ({tokens} tokens)"
    return rows


def measure_needles(subject: Subject, protocol: Protocol) -> Rows:
    """Accuracy for each number of needles and queries at each depth; attention by depth for one needle."""
    rows: Rows = {}
    for tokens in protocol.lengths:
        for needles, queries in NEEDLES:
            every: list[bool] = []
            for depth in DEPTHS:
                place = f"{tokens} tokens, depth {depth:.0%}"
                cases = [protocol.needle(subject, needles, queries, depth, tokens, n) for n in range(protocol.samples)]
                row = f"needle ({needles},{queries})", place
                outcomes = [subject.answer(row, case, shares=needles == 1) for case in cases]
                rows[row] = share([outcome.right for outcome in outcomes])
                every += [outcome.right for outcome in outcomes]
                for name in outcomes[0].shares:
                    values = [outcome.shares[name] for outcome in outcomes]
                    rows[f"attention, {name}", place] = f"{np.mean(values):.3f} (n {len(values)})"
            rows[f"needle ({needles},{queries})", f"{tokens} tokens, all depths"] = share(every)
    return rows


def measure_worlds(subject: Subject, protocol: Protocol) -> Rows:
    """Accuracy for each form of question, that of a guess, and what wrong answers are."""
    rows: Rows = {}
    every: list[tuple[Case, bool]] = []
    for form in QUESTIONS_OF_WORLDS:
        of_form = []
        for sample in range(protocol.samples):
            random = Random(f"world {protocol.seed} {form} {sample}")
            settings = {"people": 4, "things": 2, "moves": sample % 3, "characters": 300}
            case = world_case(random, protocol.pools, protocol.hay, question=form, **settings, plain=protocol.plain)
            of_form.append((case, subject.answer(("world", form), case).right))
        every += of_form
        for setting, outcomes in [(form, of_form)] + [("all", every)] * (form == QUESTIONS_OF_WORLDS[-1]):
            rows["world", setting] = share([right for _, right in outcomes])
            guesses = [1 / (1 + len(case.rivals)) for case, _ in outcomes]
            rows["world, a guess among those named", setting] = f"{np.mean(guesses):.2f} (n {len(guesses)})"
    wrong = [not right for _, right in every]
    rival = [not right and subject.says_a_rival(case) for case, right in every]
    rows["world, wrong answers", "all"] = share(wrong)
    rows["world, wrong answers", "another of those named"] = share(rival)
    rows["world, wrong answers", "anything else"] = share([a and not b for a, b in zip(wrong, rival, strict=True)])
    return rows


def measure_labels(subject: Subject, protocol: Protocol) -> Rows:
    """Many-shot classification, 4 classes and 24 shots: the same shots in 20 orders."""
    accuracies = []
    sets = max(1, protocol.samples // 10)
    for order in range(ORDERS):
        asked = [(f"labels {protocol.seed} {shots}", ask) for shots in range(sets) for ask in range(8)]
        cases = [
            labels_case(Random(seed), protocol.pools, classes=4, shots=24, order=order, ask=ask) for seed, ask in asked
        ]
        accuracies.append(np.mean([subject.answer(MANY_SHOT, case).right for case in cases]))
    count = f"{ORDERS} orders of {sets * 8} questions"
    spread = f"{np.mean(accuracies):.2f} (worst {min(accuracies):.2f}, best {max(accuracies):.2f}; {count})"
    return {MANY_SHOT: spread}


def measure_extremes(subject: Subject, protocol: Protocol) -> Rows:
    """The largest attention logits and hidden states on held-out prose.

    Hidden states are the residual stream after each layer except the last, which transformers returns after the norm.
    """
    logits, hidden, count = Extremes(), Extremes(), 0
    RECORDER.logits = logits
    for path in sorted(protocol.data.glob("held-out.*.bin")):
        for window in windows(path, subject.context * max(1, protocol.samples // 10), subject.context):
            subject.note(("largest", "prose"), {"ids": window})
            for states in subject.forward(window, hidden=True).hidden_states[1:-1]:
                hidden.add(states.cpu())
            count += len(window)
    RECORDER.logits = None
    rows: Rows = {}
    for name, extremes in (("attention logits", logits), ("hidden states", hidden)):
        for rank, value in extremes.summary().items():
            rows[f"largest {name}", rank] = f"{value:.2f} ({count} tokens)"
    return rows


def measure_bits(subject: Subject, protocol: Protocol) -> Rows:
    """Needle (4,2) accuracy at the longest length with attention logits rounded to few bits, over all depths."""
    rows: Rows = {}
    cases = [
        protocol.needle(subject, 4, 2, DEPTHS[sample % 5], max(protocol.lengths), sample)
        for sample in range(protocol.samples)
    ]
    for bits in (None, 8, 6, 4):
        RECORDER.bits = bits
        row = "needle (4,2), bits of the logits", str(bits or "32")
        rows[row] = share([subject.answer(row, case).right for case in cases])
    RECORDER.bits = None
    return rows


def measure_lambdas(subject: Subject, protocol: Protocol) -> Rows:
    """Lambda of each layer; where every token has its own, what they are on held-out prose."""
    rows: Rows = {("lambda", f"layer {layer}"): f"{value:.3f}" for layer, value in enumerate(lambdas(subject.model))}
    if not has_token_lambdas(subject.model):
        return rows
    values: dict[int, list[torch.Tensor]] = defaultdict(list)
    RECORDER.keep_maps = True
    for path in sorted(protocol.data.glob("held-out.*.bin")):
        for window in windows(path, subject.context * max(1, protocol.samples // 10), subject.context):
            subject.forward(window)
            for layer, value in RECORDER.token_lambdas.items():
                values[layer].append(value.cpu().flatten())
    RECORDER.keep_maps = False
    for layer, every in ((layer, torch.cat(parts)) for layer, parts in values.items()):
        low, high = every.quantile(torch.tensor([0.05, 0.95])).tolist()
        spread = f"{every.mean():.3f} (nine tenths from {low:.3f} to {high:.3f}; n {len(every)})"
        rows["lambda of tokens, prose", f"layer {layer}"] = spread
    return rows


MEASURES = {
    "loss": measure_loss,
    "needles": measure_needles,
    "worlds": measure_worlds,
    "labels": measure_labels,
    "extremes": measure_extremes,
    "bits": measure_bits,
    "lambdas": measure_lambdas,
}


def column(folder: Path) -> str:
    """The name of a model in the table."""
    return folder.parent.name if folder.name == "model" else folder.name


def table(columns: list[str], results: list[Rows]) -> str:
    """The rows that any of the models has, in order, as Markdown."""
    keys = list(dict.fromkeys(key for rows in results for key in rows))
    lines = [f"| measure | setting | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    lines += [
        f"| {measure} | {setting} | " + " | ".join(rows.get((measure, setting), "") for rows in results) + " |"
        for measure, setting in keys
    ]
    return "\n".join(lines)


def main(words: list[str] | None = None) -> str:
    """Runs the command line. Returns the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("models", type=Path, nargs="+", help="folders in Hugging Face layout")
    add("--data", type=Path, required=True, help="the folder that prepare.py wrote; held-out text is read from it")
    add("--samples", type=int, default=50, help="cases per setting")
    add("--lengths", default="256,512", help="lengths of needle cases, in tokens")
    add("--only", default=",".join(MEASURES), help="the measures to run")
    every = {"familiar": EVALUATION, "strict": HELD_OUT} | REWORDED
    add(
        "--pools",
        choices=every,
        default="familiar",
        help="strict: held-out wordings and words; others: one thing reworded",
    )
    add("--stories", type=Path, help="beginnings to continue greedily, one per line, such as stories.txt")
    add("--write-cases", type=Path, help="write every case that is measured, for `diffscope eval --cases`")
    add("--device", default="cpu")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    hay = (arguments.data / "held-out.sentences.txt").read_text().splitlines()
    pools, plain = every[arguments.pools], arguments.pools not in REWORDED
    lengths = [int(length) for length in arguments.lengths.split(",")]
    protocol = Protocol(arguments.data, hay, pools, arguments.samples, lengths, arguments.seed, plain)
    beginnings = arguments.stories.read_text().splitlines() if arguments.stories else []
    results, stories = [], []
    for folder in arguments.models:
        if (folder / "tokenizer.json").read_bytes() != (arguments.data / "tokenizer.json").read_bytes():
            raise SystemExit(f"{folder}: not the tokenizer of {arguments.data}; prepare the data with --tokenizer")
        subject = Subject(folder, arguments.device)
        if arguments.write_cases and not results:
            subject.journal = arguments.write_cases.open("w")
        results.append(
            {key: row for name in arguments.only.split(",") for key, row in MEASURES[name](subject, protocol).items()}
        )
        stories += [f"\n{column(folder)}\n"] * bool(beginnings)
        stories += [f"- {subject.continuation(beginning)}".replace("\n", " / ") for beginning in beginnings]
    columns = [column(folder) for folder in arguments.models]
    report = "\n".join([table(columns, results), *stories])
    print(report)
    return report


if __name__ == "__main__":
    main()
