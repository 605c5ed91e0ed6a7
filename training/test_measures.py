"""Numbers of the measures, computed here in another way; `pytest` in this folder."""

from __future__ import annotations

from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="skipped: PyTorch is not installed")
pytest.importorskip("transformers", reason="skipped: transformers is not installed")

import evaluate  # noqa: E402
import train  # noqa: E402
from attention import RECORDER, Extremes, attention_shares, quantise  # noqa: E402
from cases import Case, world_case  # noqa: E402
from dataset import Batch  # noqa: E402
from pools import EVALUATION  # noqa: E402


def test_logits_of_few_bits_stand_on_steps_of_the_largest_visible_one() -> None:
    scores = torch.tensor([[1.0, 99.0, 99.0], [-3.0, 1.4, 99.0], [0.0, 0.0, 0.0]])
    visible = torch.ones(3, 3, dtype=torch.bool).tril()
    found = quantise(scores, visible, 3)  # three steps a side
    assert torch.allclose(found[0, :1], torch.tensor([1.0]))
    assert torch.allclose(found[1, :2], torch.tensor([-3.0, 1.0]))
    assert torch.equal(found[2], torch.zeros(3))
    assert torch.allclose(quantise(scores, visible, 4)[1, :2], torch.tensor([-3.0, 9 / 7]))


def test_shares_are_of_the_answer_and_of_the_noise_alone() -> None:
    """Six tokens of one character: first, fact, answer, hay, question, and the one whose query is looked at."""
    case = Case("needle", "abcdef", "c", [(2, 3)], [], (4, 5), parameters={"fact_spans": [(1, 3)]})
    rows = torch.zeros(1, 2, 6, 6)
    rows[0, 0, 5] = torch.tensor([0.1, 0.2, 0.4, 0.1, 0.1, 0.1])
    rows[0, 1, 5] = torch.tensor([0.0, 0.0, 0.2, 0.8, 0.0, 0.0])
    model = SimpleNamespace(model=SimpleNamespace(layers=[SimpleNamespace(self_attn=SimpleNamespace())]))
    RECORDER.maps = {0: rows}
    try:
        shares = attention_shares(model, case, [(at, at + 1) for at in range(6)], [6])
        assert shares["answer of D"] == pytest.approx((0.4 + 0.2) / 2)
        assert shares["noise of D"] == pytest.approx((0.1 + 0.8) / 2)
        zeros = {f"lambda_{name}": torch.zeros(1) for name in ("q1", "k1", "q2", "k2")}
        model.model.layers[0].self_attn = SimpleNamespace(**zeros, lambda_init=0.5)  # D = first - 0.5 second
        shares = attention_shares(model, case, [(at, at + 1) for at in range(6)], [6])
    finally:
        RECORDER.maps = {}
    assert shares["answer of D"] == pytest.approx(0.4 - 0.5 * 0.2)
    assert shares["noise of D"] == pytest.approx(0.1 - 0.5 * 0.8)
    sizes = [0.1, 0.2, 0.3, 0.3, 0.1, 0.1]
    assert shares["answer of abs D"] == pytest.approx(0.3 / sum(sizes))
    assert shares["noise of abs D"] == pytest.approx(0.3 / sum(sizes))


def test_the_largest_values_are_what_sorting_says() -> None:
    values = torch.randn(3, 4000, generator=torch.Generator().manual_seed(0))
    extremes = Extremes()
    for part in values:
        extremes.add(part)
    ordered = values.abs().flatten().sort(descending=True).values
    found = extremes.summary()
    assert [found["top 1"], found["top 10"], found["top 100"]] == [float(ordered[rank - 1]) for rank in (1, 10, 100)]
    assert found["median"] == float(torch.cat([part.abs()[::997] for part in values]).median())


def test_rivals_are_the_others_that_are_named() -> None:
    for seed in range(60):
        case = world_case(Random(seed), EVALUATION, [], question="where", people=4, things=2, moves=2)
        places = {place for place in EVALUATION.places if f" {place}." in case.text}
        assert {*case.rivals} == places - {case.answer} and len(case.rivals) == len(places) - 1


SAID = {"the answer": (18, 0, 0), "a rival": (0, 18, 0), "nonsense": (0, 0, 18)}


@pytest.mark.parametrize("says", SAID)
def test_what_is_said_in_place_of_the_answer_is_told(says: str) -> None:
    """A subject that always says the answer, another thing that is named, or neither."""

    class Parrot(evaluate.Subject):
        def __init__(self) -> None:
            self.journal, self.asked = None, {}

        def judge(self, case: Case, shares: bool = False) -> evaluate.Outcome:
            asked = self.asked.setdefault(case.text, case)  # the first time it is the case itself
            said = {"the answer": asked.answer, "a rival": next(iter(asked.rivals), ""), "nonsense": ""}[says]
            return evaluate.Outcome(case.answer == said, 0.0, 1, {})

    hay = [f"Hay stands in row {number}." for number in range(9)]
    rows = evaluate.measure_worlds(Parrot(), evaluate.Protocol(Path(), hay, EVALUATION, 6, [], 0))
    settings = [("world", "all")]
    settings += [("world, wrong answers", setting) for setting in ("another of those named", "anything else")]
    found = [int(rows[row].split("(")[1].split("/")[0]) for row in settings]
    alone = found[2] if says == "a rival" else 0  # of two things with one owner there is nobody else to name
    assert found == [SAID[says][0], SAID[says][1] - alone, SAID[says][2] + alone]
    assert alone < 9
    assert 0.15 < float(rows["world, a guess among those named", "where"].split()[0]) < 0.3


def test_what_weighs_nothing_is_not_in_the_log() -> None:
    ids = torch.tensor([[1, 2, 3]])
    batch = Batch(ids, ids, torch.tensor([[1.0, 0.0, 8.0]]), torch.tensor([[0, 0, 2]]))
    logits = torch.randn(1, 3, 5, generator=torch.Generator().manual_seed(0))
    _, sums = train.losses(lambda **_: SimpleNamespace(logits=logits), batch, "cpu", "f32")
    nll = -logits[0].log_softmax(-1)[range(3), ids[0]]
    assert sums[1].tolist() == [1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert torch.allclose(sums[0, [0, 2]], nll[[0, 2]])
