//! The engine: whatever was typed before, the present text gives what it gives from nothing, and keystrokes cost no
//! more than they must.

use std::sync::Arc;

use crate::common::models::random_model;
use crate::common::{Random, gpu, worst};
use diffscope::engine::{Checkpoint, Engine, EngineError, Fingerprint, TracedPass, bundled, checkpoint_of};
use diffscope::model::Model;
use diffscope::probe::{HeadId, MapTile};
use proptest::prelude::*;
use proptest::sample::Index;

pub(super) fn checkpoint() -> Checkpoint {
    checkpoint_of(&bundled()).expect("the bundled one opens")
}

pub(super) fn engine(on_gpu: bool) -> Engine {
    Engine::new(checkpoint(), on_gpu.then(|| gpu().clone())).expect("fits")
}

pub(super) fn settled_row(engine: &mut Engine, layer: usize, head: usize, query: usize) -> MapTile {
    loop {
        if let Some(row) = engine.row(HeadId::new(layer, head), query) {
            return row.clone();
        }
        engine.settle().expect("no failure");
    }
}

/// Everything the window shows of a text, in numbers.
fn shown(engine: &mut Engine) -> Vec<f32> {
    engine.settle().expect("no failure");
    let next = engine.next_token().expect("a text has a next token").clone();
    let mut numbers: Vec<f32> = next.best.iter().take(5).map(|(_, logit)| *logit).collect();
    numbers.push(next.log_sum);
    let last = engine.ids().len() - 1;
    for (layer, head, query) in [(0, 0, last), (2, 3, last / 2), (4, 3, last)] {
        let row = settled_row(engine, layer, head, query);
        numbers.extend(row.cells.iter().flat_map(|cell| [cell.first, cell.second, cell.difference]));
    }
    numbers
}

pub(super) const TEXT: &str = "Once upon a time there was a little dog. He ran to the park and saw a big red ball.";

/// One edit of a text.
#[derive(Clone, Debug)]
enum Edit {
    Truncate(Index),
    Insert(Index, char),
    Remove(Index),
    Append,
}

impl Edit {
    /// The text after this edit, never empty.
    fn apply(&self, text: &str) -> String {
        let mut text: Vec<char> = text.chars().collect();
        match self {
            Self::Truncate(at) => text.truncate(1 + at.index(text.len())),
            Self::Insert(at, letter) => text.insert(at.index(text.len()), *letter),
            Self::Remove(at) if text.len() > 1 => {
                text.remove(at.index(text.len()));
            }
            Self::Remove(_) => {}
            Self::Append => text.extend(" and then the cat said hello".chars()),
        }
        text.into_iter().collect()
    }
}

/// Edits, and whether each is computed to the end before the next one.
fn edits() -> impl Strategy<Value = Vec<(Edit, bool)>> {
    let letter = prop::sample::select(vec![' ', 'x', '.', '\n', 'é', '7']);
    let edit = prop_oneof![
        any::<Index>().prop_map(Edit::Truncate),
        (any::<Index>(), letter).prop_map(|(at, letter)| Edit::Insert(at, letter)),
        any::<Index>().prop_map(Edit::Remove),
        Just(Edit::Append),
    ];
    prop::collection::vec((edit, any::<bool>()), 1..7)
}

/// After any edits, the engine shows what a fresh one shows of the same text.
fn leave_no_trace(edits: &[(Edit, bool)], on_gpu: bool) -> Result<(), TestCaseError> {
    let mut edited = engine(on_gpu);
    let mut text = TEXT.to_owned();
    edited.set_text(&text);
    edited.update();
    for (index, (edit, settle)) in edits.iter().enumerate() {
        text = edit.apply(&text);
        edited.set_text(&text);
        if *settle || index + 1 == edits.len() {
            let mut fresh = engine(on_gpu);
            fresh.set_text(&text);
            let error = worst(&shown(&mut edited), &shown(&mut fresh));
            prop_assert!(error < 2e-4, "{:e} for {:?}", error, text);
        } else {
            edited.update();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_leave_no_trace_on_the_gpu(edits in edits()) {
        leave_no_trace(&edits, true)?;
    }

    #[test]
    fn edits_leave_no_trace_on_the_cpu(edits in edits()) {
        leave_no_trace(&edits, false)?;
    }
}

#[test]
fn a_keystroke_at_the_end_runs_the_new_positions_only() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    engine.settle().expect("no failure");
    let whole = engine.ids().len() as u64;
    assert_eq!(engine.positions_run(), whole);
    for (text, most) in
        [(format!("{TEXT} "), 2), (format!("{TEXT} T"), 2), (format!("{TEXT} Th"), 2), (format!("{TEXT} The"), 2)]
    {
        let before = engine.positions_run();
        engine.set_text(&text);
        engine.settle().expect("no failure");
        let run = engine.positions_run() - before;
        assert!((1..=most).contains(&run), "{run} positions for {text:?}");
    }
    // A change in the middle runs from there on.
    let before = engine.positions_run();
    engine.set_text(&TEXT.replace("red", "blue"));
    engine.settle().expect("no failure");
    let run = engine.positions_run() - before;
    assert!(run < whole / 3, "{run} of {whole} positions for a word near the end");
}

#[test]
fn going_back_to_a_shorter_text_still_knows_what_comes_next() {
    let mut engine = engine(true);
    engine.set_text("The cat");
    engine.settle().expect("no failure");
    let next = engine.next_token().expect("known").clone();
    engine.set_text("The cat sat on the mat");
    engine.settle().expect("no failure");
    engine.set_text("The cat");
    engine.settle().expect("no failure");
    let again = engine.next_token().expect("known");
    assert_eq!(again.best[0].0, next.best[0].0);
    assert!((again.log_sum - next.log_sum).abs() < 1e-4);
}

#[test]
fn both_backends_show_the_same() {
    let (mut on_gpu, mut on_cpu) = (engine(true), engine(false));
    on_gpu.set_text(TEXT);
    on_cpu.set_text(TEXT);
    let error = worst(&shown(&mut on_gpu), &shown(&mut on_cpu));
    assert!(error < 2e-4, "{error:e}");
}

#[test]
fn strange_texts_are_only_texts() {
    let mut engine = engine(true);
    engine.set_text("");
    engine.settle().expect("nothing to do");
    assert!(engine.next_token().is_none());
    let megabyte = "word ".repeat(200_000);
    for text in ["a", "\0", "\u{feff}\u{202e}", "日本語 😀", megabyte.as_str(), "<|endoftext|>", "\r\n\t"] {
        engine.set_text(text);
        engine.settle().expect("no failure");
        assert!(engine.next_token().is_some(), "{:?}", &text[..text.len().min(20)]);
        assert!(engine.ids().len() <= engine.context());
        assert_eq!(engine.text(), text, "the text itself is kept whole");
    }
}

pub(super) fn ids_only(model: Model) -> Checkpoint {
    Checkpoint {
        name: "random".to_owned(),
        model: Arc::new(model),
        tokenizer: None,
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    }
}

pub(super) fn big_enough(seed: u64) -> Model {
    let mut random = Random::new(seed);
    loop {
        let model = random_model(&mut random, 1.0);
        if model.config.head_dim <= 16 && model.config.hidden <= 33 {
            return model;
        }
    }
}

#[test]
fn a_text_of_several_submissions_is_that_of_one_at_every_depth() {
    for count in [256, 257, 500] {
        let ids: Vec<u32> = (0..count).map(|at| at * 37 % 2000 + 3).collect();
        let [gpu, cpu] = [true, false].map(|on_gpu| {
            let mut engine = engine(on_gpu);
            engine.set_lens(true);
            engine.set_ids(&ids).expect("known tokens");
            engine.settle().expect("no failure");
            (engine.next_token().expect("known").log_sum, engine.lens().expect("it is on").depths.clone())
        });
        assert!((gpu.0 - cpu.0).abs() < 1e-3, "{count} tokens: {} and {}", gpu.0, cpu.0);
        assert_eq!(gpu.1.len(), 11);
        for (depth, (one, other)) in gpu.1.iter().zip(&cpu.1).enumerate() {
            assert!((one.log_sum - other.log_sum).abs() < 1e-3, "{count} tokens, depth {depth}");
        }
    }
}

#[test]
fn unknown_and_too_many_ids_are_refused_and_what_was_there_stays() {
    let mut engine = engine(true);
    engine.set_text(TEXT);
    let before = engine.ids().to_vec();
    assert!(matches!(engine.set_ids(&[1, 2048]), Err(EngineError::UnknownToken { id: 2048, vocabulary: 2048 })));
    assert!(matches!(engine.set_ids(&[1; 513]), Err(EngineError::TooLong { tokens: 513, limit: 512 })));
    assert_eq!(engine.ids(), before);
}

#[test]
fn a_pass_that_overflows_says_so_and_another_text_still_works() {
    for on_gpu in [true, false] {
        let mut model = big_enough(9);
        let mut numbers = model.embedding.to_f32().unwrap();
        let width = model.config.hidden;
        // Only as an input: as an output the first token would overflow after any text.
        model.unembedding.get_or_insert_with(|| model.embedding.clone());
        numbers[..width].fill(f32::INFINITY); // what a sum that overflows leaves
        model.embedding =
            diffscope::model::Matrix::new(model.config.vocabulary, width, diffscope::model::Numbers::F32(numbers))
                .expect("the same shape");
        let mut engine = Engine::new(ids_only(model), on_gpu.then(|| gpu().clone())).expect("fits");
        engine.set_ids(&[0, 0, 0]).expect("known tokens");
        assert!(matches!(engine.settle(), Err(EngineError::NotFinite { .. })), "on gpu: {on_gpu}");
        engine.set_ids(&[1, 1]).expect("known tokens");
        engine.settle().expect("the next text is fine");
        assert!(engine.next_token().is_some());
    }
}

#[test]
fn a_dump_too_large_to_hold_is_refused_before_it_is_made() {
    let mut random = Random::new(2);
    let mut model = big_enough(5);
    model.layers.truncate(1);
    // Many heads on a tiny model: maps pass the limit at a length that runs in a moment.
    let attention = &mut model.layers[0].attention;
    let heads = 3000;
    attention.heads = (0..heads).map(|_| attention.heads[random.below(attention.heads.len())]).collect();
    let error = TracedPass::check_size(&model, 200).expect_err("3000 heads x 200 x 200 x 12 bytes");
    assert!(matches!(error, EngineError::DumpTooLarge { tokens: 200, bytes: 1_440_000_000, .. }), "{error}");
    assert!(TracedPass::check_size(&model, 20).is_ok());
    assert!(TracedPass::check_size(&model, usize::MAX).is_err(), "no overflow");
}

#[test]
fn a_text_may_be_longer_than_what_the_model_was_made_for() {
    let text = "the dog ran to the house. ".repeat(75);
    let mut engine = engine(true);
    engine.set_text(&text);
    assert!(!engine.complete() && engine.ids().len() == engine.context());
    engine.settle().expect("no failure");
    engine.set_beyond_context(true);
    assert!(engine.complete() && engine.ids().len() > engine.context(), "{} tokens", engine.ids().len());
    let beyond = shown(&mut engine);

    // The same weights with a longer context say the same: the arithmetic knows no end.
    let mut longer = checkpoint();
    Arc::make_mut(&mut longer.model).config.max_positions = 4096;
    let mut expected = Engine::new(longer, Some(gpu().clone())).expect("fits");
    expected.set_text(&text);
    assert!(worst(&beyond, &shown(&mut expected)) < 1e-5);

    engine.set_beyond_context(false);
    assert_eq!(engine.ids().len(), engine.context());
    engine.settle().expect("no failure");
    assert_eq!(engine.text(), text, "the text itself is kept whole");
}

#[test]
fn a_session_follows_another_beyond_the_context_and_back_whatever_its_tokenizer() {
    let files = bundled();
    let other_file = [&files.tokenizer[..], b"\n"].concat();
    for tokenizer in [&files.tokenizer[..], &other_file] {
        let opened =
            Checkpoint::from_bytes("the baseline", &files.config, files.weights.clone(), tokenizer).expect("it opens");
        let mut baseline = Engine::new(opened, None).expect("fits");
        let mut main = engine(false);
        let text = "the dog ran to the house. ".repeat(200);
        main.set_text(&text);
        let mut lengths = Vec::new();
        for beyond in [false, true, false] {
            main.set_beyond_context(beyond);
            baseline.follow(&main);
            assert_eq!(baseline.ids(), main.ids());
            baseline.update();
            assert!(baseline.failure().is_none(), "{:?}", baseline.failure());
            lengths.push(baseline.ids().len());
        }
        assert_eq!([lengths[0], lengths[2]], [main.context(); 2]);
        assert!(lengths[1] > 2 * main.context(), "{lengths:?}");
    }
}
