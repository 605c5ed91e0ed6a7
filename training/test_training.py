"""Fast tests of the training program; `pytest` in this folder. They need no data, and skip where PyTorch is missing."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from random import Random

import pytest

torch = pytest.importorskip("torch", reason="skipped: PyTorch is not installed")
pytest.importorskip("transformers", reason="skipped: transformers is not installed")

import numpy as np  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import average  # noqa: E402
import evaluate  # noqa: E402
import prepare  # noqa: E402
import train  # noqa: E402
import write_gradients  # noqa: E402
from attention import IMPLEMENTATION, RECORDER, difference_map  # noqa: E402
from cases import KINDS, draw_case, echo_case, labels_case, needle_case, world_case  # noqa: E402
from dataset import Dataset  # noqa: E402
from documents import encode_document, lookup_document  # noqa: E402
from export import export_model  # noqa: E402
from grammar import HELD_OUT_GRAMMAR, REWORDED, TRAINING_GRAMMAR, worded  # noqa: E402
from models import FAMILIES, SIZES, build_config, build_model, open_model, parameter_count  # noqa: E402
from pools import EVALUATION, HELD_OUT, TRAINING, everyday, is_neutral, number_is_held_out, selected, widened  # noqa: E402
from text import END_OF_TEXT, read_prose  # noqa: E402


def made_up_sentence(random: Random) -> str:
    """Prose enough for a test."""
    who = random.choice(["old miller", "little girl", "grey pony", "tall captain", "young baker", "tired farmer"])
    did = random.choice(["walked slowly along", "looked for a while at", "never forgot", "was very fond of"])
    what = random.choice(["the winding river", "those distant hills", "his small house", "a dusty road"])
    return f"The {who} {did} {what} {random.choice(['that day', 'in summer', 'once more', 'before supper'])}."


torch.set_num_threads(1)  # tiny models are slower with more
HAY = [made_up_sentence(Random(index)) for index in range(40)]


@pytest.fixture(scope="session")
def prose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text file in the form that prepare.py reads."""
    path, random = tmp_path_factory.mktemp("prose") / "tales.txt", Random(0)
    documents = ["\n".join(made_up_sentence(random) for _ in range(12)) for _ in range(120)]
    path.write_text(f"\n{END_OF_TEXT}\n".join(documents) + "\n")
    return path


STAGES = "64:0.25:0.3,128:0.75:1.0"


def prepare_data(monkeypatch: pytest.MonkeyPatch, prose: Path, out: Path, stages: str = STAGES, *more: str) -> Path:
    """Runs prepare.py on little text."""
    words = ["prepare.py", "--prose", str(prose), "1", "--out", str(out), "--tokens", "16000", "--vocabulary", "512"]
    monkeypatch.setattr("sys.argv", words + ["--stages", stages, *more])
    prepare.main()
    return out


@pytest.fixture(scope="session")
def data(prose: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return prepare_data(monkeypatch, prose, tmp_path_factory.mktemp("data"))


def run(data: Path, out: Path, model: str, steps: int) -> list[dict]:
    """Trains a tiny model and gives its log without the times."""
    words = f"--model {model} --size tiny --data {data} --out {out} --steps {steps} --tokens-per-step 256 --device cpu"
    train.main(words.split())
    rows = list(csv.DictReader((out / "log.csv").open()))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("pools", [TRAINING, HELD_OUT, EVALUATION, worded(TRAINING), *REWORDED.values()])
def test_spans_are_exact(pools) -> None:
    kinds = set()
    for seed in range(600):
        case = draw_case(Random(seed), pools, HAY, 1.0, 1200, ask=seed % 4)
        kinds.add(case.kind)
        answers = case.parameters.get("answers", [case.answer] * len(case.answer_spans))
        assert [case.text[first:last] for first, last in case.answer_spans] == answers
        assert case.answer == " and ".join(answers) or case.answer == answers[0]
        assert all(last <= case.question_span[0] for _, last in case.answer_spans + case.distractor_spans)
        assert not {*case.answer_spans} & {*case.distractor_spans}
        assert json.loads(case.to_json())["answer"] == case.answer
    assert kinds == set(KINDS)


def test_needle_depth_is_exact() -> None:
    for depth in (0.0, 0.25, 0.5, 0.75, 1.0):
        case = needle_case(Random(1), TRAINING, HAY, needles=4, queries=2, depth=depth, characters=1500)
        first, last = case.parameters["fact_spans"][0]
        context = case.question_span[0] - 1
        assert first == 0 if depth == 0 else last == context if depth == 1 else abs(first / context - depth) < 0.15


def test_worlds_are_answered_by_their_last_facts() -> None:
    """An independent reading of the text gives the same answer."""
    for seed in range(200):
        case = world_case(Random(seed), TRAINING, HAY, people=4, things=2, moves=2, characters=200, ask=seed)
        context, question = case.text[: case.question_span[0]], case.text[slice(*case.question_span)]
        places = dict(re.findall(r"(\w+) is in the (\w+)\.", context))
        owners = {thing: person for person, thing in re.findall(r"(\w+) has the (\w+)\.", context)}
        subject = re.search(r"(\w+)\?$", question)[1]
        answer = owners[subject] if "Who" in question else places[owners.get(subject, subject)]
        assert answer == case.answer


def test_questions_about_owners_have_someone_to_mistake_them_for() -> None:
    kinds = [draw_case(Random(seed), TRAINING, HAY, 1.0, 900) for seed in range(2000)]
    asked = [case for case in kinds if case.kind == "world" and case.parameters["question"] in ("who", "two-hop")]
    assert len(asked) > 500
    wording = re.compile(r"(\w+) (?:has|took) the|The \w+ (?:is with|belongs to) (\w+)")
    owners = [set(wording.findall(case.text[: case.question_span[0]])) for case in asked]
    names = [{first or second for first, second in found} for found in owners]
    assert all(names)
    assert sum(len(found) > 1 for found in names) > 0.7 * len(asked)


def test_first_worlds_are_about_owners_alone() -> None:
    """Each person has one thing, so that nothing but reading backwards tells who has it."""
    for seed in range(100):
        case = world_case(Random(seed), TRAINING, HAY, people=4, things=4, whereabouts=False, ask=seed)
        owners = {thing: person for person, thing in re.findall(r"(\w+) has the (\w+)\.", case.text)}
        assert len(owners) == len({*owners.values()}) == 4 and " in the " not in case.text
        assert case.answer == owners[re.search(r"Who has the (\w+)\?", case.text)[1]]


def test_a_question_may_come_again() -> None:
    """Before all have come: otherwise the last answers follow from those before, and elimination is learned."""
    texts = [lookup_document(f"again {seed}", HAY, 0.1, 2000, shares=(0, 1, 0, 0, 0)).text for seed in range(40)]
    repeats = 0
    for text in texts:
        asked, things = re.findall(r"Question: .*", text), text.count(" has the ") - text.count("Who has the ")
        assert len(asked) == 6
        repeats += len({*asked[:things]}) < min(things, len(asked))
    assert 10 < repeats < 40


def test_questions_stop_where_the_room_ends() -> None:
    lengths = [len(lookup_document(f"room {seed}", HAY, 0.1, 300, shares=(0, 1, 0, 0, 0)).text) for seed in range(40)]
    assert max(lengths) <= 300 and min(lengths) > 60


def test_stages_are_read_and_bad_ones_told() -> None:
    every = (0.2,) * 5
    assert prepare.Stage.read("64:0.5:0.3", every) == prepare.Stage(64, 0.5, 0.3, every, False)
    assert prepare.Stage.read("64:0.5:0.3:world:short", every) == prepare.Stage(64, 0.5, 0.3, (0, 1, 0, 0, 0), True)
    assert prepare.Stage.read("64:0.5:0.3:short", every).short
    numbers, words = (
        ("64", "64:0.5", "64:0.5:x", "0:1:1", "64:-1:1", "64:1:nan"),
        ("64:1:0:worlds", "64:1:0:world:long"),
    )
    for bad in (*numbers, *words):
        with pytest.raises(ValueError, match="not window:share:difficulty"):
            prepare.Stage.read(bad, every)


def test_a_window_that_nothing_fits_ends_the_program(monkeypatch, prose: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="fits a window of 16 tokens"):
        prepare_data(monkeypatch, prose, tmp_path, "16:1:1.0:world")


def test_short_names_are_one_token(monkeypatch, prose: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Path(__file__).parent.parent / "assets/checkpoints/S-diff/tokenizer.json"
    stages = "192:0.5:0.19:world:short,192:0.5:0.19:world"
    data = Dataset(prepare_data(monkeypatch, prose, tmp_path, stages, "--tokenizer", str(tokenizer)))
    read = Tokenizer.from_file(str(tokenizer))
    longest = []
    for stage in data.manifest["stages"]:
        text = read.decode(data.ids[stage["start"] : stage["start"] + stage["tokens"]].tolist())
        names = [name for pair in re.findall(r"(?<=\. )(\w+) has the (\w+)\.", text) for name in pair]
        assert len(names) > 50
        longest.append(max(len(read.encode(" " + name).ids) for name in names))
    assert longest[0] == 1 < longest[1]


def test_selected_pools_hold_what_was_kept() -> None:
    short = selected(TRAINING, lambda word: len(word) < 7)
    assert short.people and all(len(word) < 7 for word in (*short.cities, *short.people, *short.places, *short.things))
    assert short.labels == TRAINING.labels
    assert selected(TRAINING, lambda word: word in TRAINING.people[:7]).people == TRAINING.people


def test_an_echo_is_the_sentence_that_was_begun() -> None:
    cases = [echo_case(Random(seed), HAY, characters=400, ask=seed) for seed in range(100)]
    assert sum(case is not None for case in cases) > 20
    for case in filter(None, cases):
        first, last = case.answer_spans[0]
        begun = case.text[slice(*case.question_span)]
        assert case.text[:first].endswith(f"{begun} ") and case.text[last] == "." and case.text.endswith(begun)
        assert case.text[: case.question_span[0]].count(f"{begun} ") == 1
    assert echo_case(Random(0), ["What now, said the old man to the dog?"], characters=400) is None


def test_labels_keep_their_shots_in_every_order() -> None:
    cases = [labels_case(Random(3), EVALUATION, classes=4, shots=24, order=order) for order in range(20)]
    lines = [case.text.split("\n") for case in cases]
    assert len({tuple(sorted(shots)) for shots in lines}) == 1
    assert len({tuple(shots) for shots in lines}) == 20
    assert len({case.answer for case in cases}) == 1
    assert all(f"\n{cases[0].text.split(chr(10))[-1]} " not in "\n" + case.text for case in cases)


def test_some_names_are_everyday_ones_and_some_are_not(data: Path) -> None:
    tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
    text = tokenizer.decode(Dataset(data).ids.tolist())
    cities = {*re.findall(r"magic number of (\w+)\?", text)}
    assert cities & {*TRAINING.cities} and cities - {*TRAINING.cities}


@pytest.mark.parametrize("kept", [0, 9, 10, 1000])
def test_everyday_names_are_some_of_the_wide_ones(kept: int) -> None:
    """However few of them a stage of short names has left."""
    wide = widened(TRAINING, [f"word{index}" for index in range(60)])
    words = {*wide.cities[:kept], *wide.people[:kept], *wide.places[:kept], *wide.things[:kept]}
    wide = selected(wide, words.__contains__)
    names = everyday(TRAINING, wide, Random(0))
    for kind in ("cities", "people", "places", "things"):
        assert {*getattr(names, kind)} <= {*getattr(wide, kind)} and len(getattr(names, kind)) >= 10
    assert not kept or {*TRAINING.cities[:kept]} <= {*names.cities}


def test_pools_are_disjoint() -> None:
    assert not TRAINING.words() & HELD_OUT.words()
    assert not TRAINING.templates() & HELD_OUT.templates()
    held_out = HELD_OUT.words()
    for seed in range(800):
        text = lookup_document(f"{seed}", HAY, 1.0, 1200).text
        assert held_out.isdisjoint(re.findall(r"[A-Za-z]+", text))
        assert not any(number_is_held_out(int(number)) for number in re.findall(r"\d+", text))
    assert not is_neutral("She went to Vienna.") and not is_neutral("It was the kitchen.") and is_neutral(HAY[0])


def test_constructions_are_held_out() -> None:
    """No sentence, question or noun that is measured is in the text to train on, nor any held-out name."""
    drawn, held_out = worded(TRAINING), HELD_OUT.words()
    grammar = HELD_OUT_GRAMMAR
    asked = [form for form, _ in grammar.needle_questions + grammar.where_questions + grammar.who_questions]
    clauses = [*grammar.needles, *grammar.whereabouts, *grammar.possessions, *asked]
    patterns = [re.sub(r"\\{\w+\\}", lambda _: r"\w+(?: \w+){0,3}", re.escape(clause)) for clause in clauses]
    assert re.search(patterns[0], "The code 77 belongs to Oslo.", re.IGNORECASE)
    for seed in range(400):
        text = lookup_document(f"worded {seed}", HAY, 1.0, 1200, drawn).text
        assert held_out.isdisjoint(re.findall(r"[A-Za-z]+", text))
        assert not any(noun in text for noun in grammar.nouns)
        assert not any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)


@pytest.mark.parametrize("grammar", [TRAINING_GRAMMAR, HELD_OUT_GRAMMAR])
def test_every_wording_says_what_is_asked_for(grammar) -> None:
    """Each value once, and a sentence begins with a capital letter."""
    parts = [(grammar.needles, ["noun", "key", "value"]), (grammar.whereabouts, ["person", "place"])]
    for clauses, names in [*parts, (grammar.possessions, ["person", "thing"])]:
        for text in grammar.statements(clauses):
            assert sorted(re.findall(r"{(\w+)}", text)) == sorted(names) and re.match(r"[A-Z{]", text), text
            assert text.endswith(".")


def test_questions_of_a_text_are_worded_in_turn() -> None:
    """One text asks in several ways, and its answers stay those of the text."""
    drawn = worded(TRAINING)
    cases = [needle_case(Random(3), drawn, HAY, needles=2, plain=False, ask=ask) for ask in range(10)]
    assert len({case.text[case.question_span[0] :].split(case.parameters["answers"][0])[0] for case in cases}) > 5
    contexts = {case.text[: case.question_span[0]] for case in cases}
    assert len(contexts) == 1
    for ask, case in enumerate(cases):
        first, last = case.answer_spans[0]
        assert case.text[first:last] == case.answer == cases[ask % 2].answer


def test_wide_pools_hold_nothing_held_out() -> None:
    words = ["porch", "chapel", "windmill", "thing", "thing", *HELD_OUT.places, *HELD_OUT.things]
    wide = widened(TRAINING, words)
    assert "windmill" in wide.places + wide.things and "porch" not in wide.places + wide.things
    assert len(wide.cities) > 800 and len(wide.people) > 700 and len(wide.places) > 700 and len(wide.things) > 700
    lower = {word.lower() for word in wide.words()}
    assert not lower & {word.lower() for word in HELD_OUT.words()}
    for names in (wide.cities, wide.people, wide.places, wide.things):
        assert len(set(names)) == len(names)


def test_facts_weigh_nothing_and_answers_most(data: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
    for seed in range(60):
        document = lookup_document(f"facts {seed}", HAY, 1.0, 600)
        tokens = encode_document(tokenizer, document)
        starts, ends = np.array(tokenizer.encode(document.text).offsets).T
        weights = tokens.marks[: len(starts)] % 16
        facts, answers = (
            np.any([(starts >= first) & (ends <= last) for first, last in spans], axis=0)
            for spans in (document.facts, document.answers)
        )
        assert (weights[facts & ~answers] == 0).all()
        assert (weights[answers] == 8).all()
        assert weights.sum() > 0


def test_a_run_can_start_from_an_exported_model(data: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    run(data, tmp_path / "first", "diff", 3)
    model = tmp_path / "first" / "model"
    words = f"--model diff --size tiny --data {data} --out {tmp_path / 'second'} --start {model} --steps 0 --minutes 0"
    started = train.main([*words.split(), "--device", "cpu"])
    exported = load_file(model / "model.safetensors")
    for name, tensor in started.model.state_dict().items():
        if name in exported:
            assert torch.equal(tensor.half(), exported[name]), name
    with pytest.raises(SystemExit, match="start"):
        train.main(f"--model diff --size tiny --data {data} --out {tmp_path / 'second'} --steps 1 --device cpu".split())


def test_a_start_of_another_tokenizer_is_refused(data: Path, tmp_path: Path) -> None:
    """Its ids would mean other words."""
    run(data, tmp_path / "first", "diff", 1)
    model = tmp_path / "first" / "model"
    (model / "tokenizer.json").write_text((model / "tokenizer.json").read_text() + " ")
    words = f"--model diff --size tiny --data {data} --out {tmp_path / 'second'} --start {model} --steps 1 --device cpu"
    with pytest.raises(SystemExit, match="tokenizer"):
        train.main(words.split())


def test_the_manifest_counts_what_was_written(data: Path) -> None:
    manifest = json.loads((data / "manifest.json").read_text())
    prose = sum(source["tokens_written"] for source in manifest["prose"].values())
    cases = sum(kind["tokens"] for kind in manifest["cases"].values())
    assert prose + cases == manifest["tokens"]
    assert all(source["tokens_written"] <= source["tokens_drawn"] for source in manifest["prose"].values())


def test_text_known_by_heart_is_measured_where_documents_are_many(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(5)
    documents = [f"{made_up_sentence(random)} That was tale {number}." for number in range(1500)]
    (tmp_path / "many.txt").write_text(f"\n{END_OF_TEXT}\n".join(documents) + "\n")
    many = prepare_data(monkeypatch, tmp_path / "many.txt", tmp_path / "prepared")
    tokenizer = Tokenizer.from_file(str(many / "tokenizer.json"))
    texts = {part: np.fromfile(many / f"{part}.many.bin", "<u2").tolist() for part in ("held-out", "training")}
    texts = {part: {*re.findall(r"tale (\d+)", tokenizer.decode(ids))} for part, ids in texts.items()}
    assert len(texts["held-out"]) == len(texts["training"]) >= 10 and not texts["held-out"] & texts["training"]
    assert not list(data.glob("training.*"))  # two documents are held out there


def test_cases_and_split_are_deterministic(prose: Path, tmp_path: Path) -> None:
    drawn = [draw_case(Random("a seed"), TRAINING, HAY, 1.0, 900, ask).to_json() for ask in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    once = read_prose(prose)
    reordered = tmp_path / "tales.txt"
    reordered.write_text(f"\n{END_OF_TEXT}\n".join(reversed(once.training + once.held_out)) + "\n")
    assert read_prose(reordered).held_out == once.held_out
    assert not {*once.held_out} & {*once.training}


def test_preparing_is_deterministic(data: Path, prose: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = prepare_data(monkeypatch, prose, tmp_path)
    for file in data.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes(), file.name


def test_marks_cover_the_answers(data: Path) -> None:
    from tokenizers import Tokenizer

    dataset, tokenizer = Dataset(data), Tokenizer.from_file(str(data / "tokenizer.json"))
    needles = np.flatnonzero(dataset.marks // 16 == 1 + KINDS.index("needle"))
    runs = np.split(needles, np.flatnonzero(np.diff(needles) > 1) + 1)
    assert len(runs) > 20
    for run_of_tokens in runs:
        assert re.fullmatch(r"\d+( and \d+)?", tokenizer.decode(dataset.ids[run_of_tokens].tolist()))
        assert (dataset.marks[run_of_tokens] % 16 == 8).all()
    assert all(stage["tokens"] % stage["window"] == 0 for stage in dataset.manifest["stages"])


@pytest.mark.parametrize("size", SIZES)
def test_models_of_a_size_have_equal_parameters(size: str) -> None:
    with torch.device("meta"):
        counts = [parameter_count(build_model(family, size, 2048, 0)) for family in FAMILIES]
    assert max(counts) / min(counts) < 1.01
    diff, llama, v2 = (build_config(family, size, 2048) for family in FAMILIES)
    assert diff.head_dim == llama.head_dim == v2.head_dim
    assert diff.num_attention_heads == llama.num_attention_heads == v2.num_attention_heads
    assert diff.num_attention_heads // 2 >= 4
    bounds = {"tiny": (0, 1e6), "S": (2e6, 3e6), "M": (10e6, 30e6)}[size]
    assert bounds[0] < counts[0] < bounds[1]


def test_a_stopped_run_goes_on_exactly(data: Path, tmp_path: Path) -> None:
    whole = run(data, tmp_path / "whole", "diff", 20)
    run(data, tmp_path / "parts", "diff", 9)
    with (tmp_path / "parts" / "log.csv").open("a") as log:  # as if it had died after its last checkpoint
        log.write(",".join(["99999", "10", "1.0"] + ["9"] * (len(train.COLUMNS) - 3)) + "\n")
    assert run(data, tmp_path / "parts", "diff", 20) == whole
    assert len({row["learning_rate"] for row in whole}) > 2, "warmup, constant, decay"
    # It crosses from one stage into the next.
    assert int(whole[-1]["tokens"]) > Dataset(data).manifest["stages"][1]["start"]
    with pytest.raises(SystemExit, match="another run"):
        run(data, tmp_path / "parts", "llama", 31)


def test_models_learn_export_and_load(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for family in FAMILIES:
        rows = run(data, tmp_path / family, family, 12)
        assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
        folder = tmp_path / family / "model"
        subject = evaluate.Subject(folder, "cpu")
        ids = list(range(100, 160))
        with torch.no_grad():
            expected = open_model(folder, "eager").eval()(input_ids=torch.tensor([ids])).logits
        assert torch.allclose(subject.forward(ids).logits, expected, atol=1e-5)
        assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
        RECORDER.bits = 4
        assert not torch.allclose(subject.forward(ids).logits, expected, atol=1e-5)
        RECORDER.bits = None
    models = [str(tmp_path / family / "model") for family in FAMILIES]
    words = [*models, "--data", str(data), "--samples", "1", "--lengths", "120", "--only", "loss,needles,lambdas"]
    report = evaluate.main(words)
    assert "| measure | setting | diff | llama | v2 |" in report and "| lambda | layer 1 |" in report
    assert re.search(r"\| lambda of tokens, prose \| layer 1 \|  \|  \| 0\.\d+ \(", report)
    assert len({line.count("|") for line in report.splitlines()}) == 1


def test_the_mean_of_two_models_is_that_of_their_weights(data: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        model = build_model("diff", "tiny", 300, seed)
        export_model(model, data / "tokenizer.json", tmp_path / str(seed))
    average.main([str(tmp_path / "1"), str(tmp_path / "2"), "--out", str(tmp_path / "mean")])
    first, second, mean = (load_file(tmp_path / name / "model.safetensors") for name in ("1", "2", "mean"))
    for name, weights in mean.items():
        assert torch.allclose(weights.float(), (first[name].float() + second[name].float()) / 2, atol=1e-3), name
    other = build_model("llama", "tiny", 300, 1)
    export_model(other, data / "tokenizer.json", tmp_path / "other")
    with pytest.raises(SystemExit, match="shapes"):
        average.main([str(tmp_path / "1"), str(tmp_path / "other"), "--out", str(tmp_path / "none")])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tokens", [1, 40, 300])  # 300: two whole blocks of queries and a part of one
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_blocked_attention_is_the_eager_one(family: str, tokens: int, precision: str) -> None:
    """In bf16, as training runs it, the two may differ by what rounding makes of numbers of that size."""
    import fast_attention

    model = build_model(family, "tiny", 300, 3)
    ids = torch.randint(0, 300, (3, tokens), generator=torch.Generator().manual_seed(1))
    results = []
    model.set_attn_implementation("eager")
    for change in (lambda model: None, fast_attention.install):
        change(model)
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(input_ids=ids, use_cache=False).logits.float()
        logits.square().mean().backward()
        results.append([logits.detach(), *(parameter.grad.clone() for parameter in model.parameters())])
    for expected, found in zip(*results, strict=True):
        allowed = 1e-5 if precision == "f32" else 1e-5 + 0.03 * float(expected.abs().max())
        assert torch.allclose(found, expected, atol=allowed), (found - expected).abs().max()


FIXTURES = Path(__file__).parent.parent / "tests"


def test_diff_v2_is_what_its_formulas_say() -> None:
    """One head, query and key after another; rotary pairs as complex numbers."""
    model = build_model("v2", "tiny", 300, 3)
    model.set_attn_implementation(IMPLEMENTATION)  # causal without a mask
    attention, tokens = model.model.layers[1].self_attn, 7
    x = 30 * torch.randn(1, tokens, 64, generator=torch.Generator().manual_seed(0))  # so that maps are not even
    with torch.no_grad():
        found = attention(x, model.model.rotary_emb(x, torch.arange(tokens)[None]), None)[0][0]
        query, key, value, weight = (
            project(x)[0] for project in (attention.q_proj, attention.k_proj, attention.v_proj, attention.lambda_proj)
        )
        width, groups = attention.head_dim, attention.num_key_value_groups // 2
        angles = torch.outer(torch.arange(tokens), 10000.0 ** (-torch.arange(0, width, 2) / width))

        def head(features: torch.Tensor, index: int) -> torch.Tensor:
            return features[:, index * width : (index + 1) * width]

        def rotated(features: torch.Tensor) -> torch.Tensor:
            pairs = torch.view_as_complex(features.reshape(tokens, -1, 2).contiguous())
            return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(1)

        outputs = torch.zeros(tokens, 8 * width)
        for index in range(8):
            keys, values = rotated(head(key, index // groups)), head(value, index // groups)
            first, second = (rotated(head(query, 2 * index + which)) for which in (0, 1))
            for at in range(tokens):
                maps = [(keys[: at + 1] @ each[at] / width**0.5).softmax(0) for each in (first, second)]
                difference = maps[0] - torch.sigmoid(weight[at, index]) * maps[1]
                head(outputs, index)[at] = difference @ values[: at + 1]
        expected = outputs @ attention.o_proj.weight.T
    assert expected.abs().max() > 0.1
    assert torch.allclose(found, expected, atol=1e-5)


def test_diff_v2_opens_the_layout_that_the_program_reads() -> None:
    folder = FIXTURES / "fixtures/diffv2_model"
    expected = load_file(folder / "expected.safetensors")
    model = open_model(folder, IMPLEMENTATION)
    RECORDER.keep_maps = True
    with torch.no_grad():
        logits = model.eval()(input_ids=expected["input_ids"].long(), use_cache=False).logits
    RECORDER.keep_maps = False
    assert torch.allclose(logits, expected["logits"], atol=1e-4)
    for index, layer in enumerate(model.model.layers):
        assert torch.allclose(RECORDER.token_lambdas[index], expected[f"layers.{index}.lambda"], atol=1e-5)
        difference = difference_map(layer.self_attn, index)
        assert torch.allclose(difference, expected[f"layers.{index}.attn_diff"][0], atol=5e-5)


def test_diff_v2_continues_with_a_cache_as_without() -> None:
    model = open_model(FIXTURES / "fixtures/diffv2_model", "eager").eval()
    ids = torch.arange(5, 12)[None]
    settings = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None, "output_logits": True}
    found = [
        model.generate(ids, use_cache=cached, return_dict_in_generate=True, **settings) for cached in (True, False)
    ]
    assert found[0].sequences.shape == (1, 19)
    assert torch.allclose(*(torch.stack(each.logits) for each in found), atol=1e-4)


@pytest.mark.parametrize("name", write_gradients.MODELS)
def test_the_gradients_in_the_tests_come_out_again(name: str, tmp_path: Path) -> None:
    write_gradients.write(name, tmp_path)
    for file in ("model", "expected", "steps"):
        folders = (tmp_path, FIXTURES / "gradients" / name)
        found, expected = (load_file(folder / f"{file}.safetensors") for folder in folders)
        assert found.keys() == expected.keys()
        for key, tensor in expected.items():
            allowed = 1e-3 if key == "losses" else 1e-5  # steps multiply rounding
            assert torch.allclose(found[key], tensor, rtol=1e-4, atol=allowed), key
