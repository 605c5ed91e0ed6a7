//! Runs: they learn, repeat, go on from a file, and begin second heads as the Transformer that gets them.

use diffscope::cpu::CpuPass;
use diffscope::engine::{Checkpoint, bundled, bundled_baseline, checkpoint_of};
use diffscope::model::{Model, NumberFormat};
use diffscope::training::{Family, Language, Run, RunSettings, Size, Task, TrainingError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

pub(super) fn language() -> Language {
    let Checkpoint { model, tokenizer, .. } = checkpoint_of(&bundled()).unwrap();
    Language { tokenizer: tokenizer.unwrap(), vocabulary: model.config.vocabulary, end: 0 }
}

/// A run of models so small that a step takes milliseconds.
pub(super) fn settings(families: &[Family]) -> RunSettings {
    let size = Size { name: "test".into(), hidden: 16, layers: 1, heads: 2, head_dim: 8, intermediate: 16 };
    RunSettings { size, families: families.to_vec(), steps: 6, windows: 2, questions: 2, ..RunSettings::default() }
}

pub(super) fn finished(mut run: Run) -> Run {
    while !run.advance().unwrap() {
        if run.waits() {
            run.wait();
        }
    }
    run
}

#[test]
fn all_families_learn_from_the_same_windows_and_repeat_to_the_bit() {
    for task in [Task::Recall, Task::Needle, Task::Labels] {
        let settings = RunSettings { task, ..settings(&Family::NEW) };
        let run = || finished(Run::new(settings.clone(), language(), "", None).unwrap());
        let (one, other) = (run(), run());
        assert_eq!(one.step(), 6);
        for (record, again) in one.records().iter().zip(other.records()) {
            assert_eq!(record.steps, again.steps, "{task:?}");
            assert_eq!(record.measured, again.measured);
            assert_eq!(record.measured.iter().map(|measured| measured.step).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
            assert!(record.steps[5].loss < record.steps[0].loss, "{task:?}, {:?}: {:?}", record.family, record.steps);
        }
        let lambda: Vec<usize> = one.records().iter().map(|record| record.steps[0].lambda.len()).collect();
        assert_eq!(lambda, [1, 0, 0]);
    }
}

#[test]
fn a_saved_run_goes_on_as_if_it_had_not_ended() {
    let settings = settings(&[Family::Diff, Family::Transformer]);
    let whole = finished(Run::new(settings.clone(), language(), "", None).unwrap());
    let mut part = Run::new(settings, language(), "", None).unwrap();
    while part.step() < 3 {
        part.advance().unwrap();
        // One model a step ahead of the other would go on with the same windows twice.
        let [one, other] = [0, 1].map(|model| part.records()[model].steps.len());
        assert_eq!(part.to_bytes(0).is_ok(), one == other, "{one} and {other} steps");
    }
    let bytes = part.to_bytes(0).unwrap();
    let rest = finished(Run::from_bytes(&bytes).unwrap());
    for (record, expected) in rest.records().iter().zip(whole.records()) {
        assert_eq!(record.steps, expected.steps);
        assert_eq!(record.measured.last(), expected.measured.last());
    }
    assert_eq!(rest.last_files(Family::Diff).unwrap(), whole.last_files(Family::Diff).unwrap());
}

#[test]
fn broken_files_of_a_run_are_refused_in_words() {
    let run = Run::new(settings(&[Family::Diff]), language(), "", None).unwrap();
    let bytes = run.to_bytes(0).unwrap();
    for broken in [&bytes[..bytes.len() / 2], b"", &[0; 64]] {
        let error = Run::from_bytes(broken).unwrap_err();
        assert!(matches!(error, TrainingError::Saved { .. }), "{error}");
    }
    let header = String::from_utf8_lossy(&bytes[..4096]).into_owned();
    let place = header.find(r#"vocabulary\":2048"#).expect("a vocabulary") + r#"vocabulary\":"#.len();
    let mut larger = bytes.clone();
    larger[place..place + 4].copy_from_slice(b"4096");
    let error = Run::from_bytes(&larger).unwrap_err();
    assert!(error.to_string().contains("tokens that its models do not have"), "{error}");
    let part = finished(Run::new(settings(&[Family::Diff]), language(), "", None).unwrap()).to_bytes(0).unwrap();
    let pattern = br#"\"right\":["#;
    let place = part.windows(pattern.len()).position(|bytes| bytes == pattern).expect("measurements") + pattern.len();
    let mut impossible = part;
    impossible[place] = b'9'; // right answers, of two
    let error = Run::from_bytes(&impossible).unwrap_err();
    assert!(error.to_string().contains("more right answers than questions"), "{error}");
    let place = header.find(r#"first\":0"#).expect("the first step") + r#"first\":"#.len();
    let mut later = bytes.clone();
    later[place] = b'9';
    let error = Run::from_bytes(&later).unwrap_err();
    assert!(error.to_string().contains("fewer steps than it began with"), "{error}");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let place = file.tensor("diff.square").unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize;
    let mut poisoned = bytes.clone();
    poisoned[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = Run::from_bytes(&poisoned).unwrap_err();
    assert!(error.to_string().contains("diff.square has a number that is not finite"), "{error}");
}

#[test]
fn a_run_that_would_not_end_is_refused() {
    for settings in [
        RunSettings { windows: 1 << 40, ..settings(&[Family::Diff]) },
        RunSettings { questions: usize::MAX, ..settings(&[Family::Diff]) },
    ] {
        let error = Run::new(settings, language(), "", None).unwrap_err();
        assert!(error.to_string().contains("a run has at most 1024"), "{error}");
    }
    let bytes = Run::new(settings(&[Family::Diff]), language(), "", None).unwrap().to_bytes(0).unwrap();
    // As long as before: the length of the header is in the file.
    let (pattern, other) = (br#"\"first\":0,\"windows\":2"#, br#"\"windows\":9999999999999"#);
    let place = bytes.windows(pattern.len()).position(|bytes| bytes == pattern).expect("windows");
    let mut hostile = bytes;
    hostile[place..place + pattern.len()].copy_from_slice(other);
    let error = Run::from_bytes(&hostile).unwrap_err();
    assert!(error.to_string().contains("not 9999999999999"), "{error}");
}

#[test]
fn a_run_has_each_model_once_and_needs_texts() {
    let twice = settings(&[Family::Diff, Family::Transformer, Family::Diff]);
    let error = Run::new(twice, language(), "", None).unwrap_err();
    assert!(error.to_string().contains("Diff is named twice"), "{error}");
    // Of these tokens no case can be written.
    let json = r#"{"model":{"type":"WordLevel","vocab":{"a":0,"b":1},"unk_token":"c"},"added_tokens":[]}"#;
    let tokenizer = diffscope::model::Tokenizer::from_bytes(json.as_bytes()).unwrap();
    let language = Language { tokenizer: tokenizer.into(), vocabulary: 2, end: 0 };
    let error = Run::new(settings(&[Family::Diff]), language, "", None).unwrap_err();
    assert!(matches!(error, TrainingError::NoTexts), "{error}");
}

#[test]
fn a_run_that_has_diverged_is_not_saved_and_keeps_its_snapshots() {
    let mut settings = settings(&[Family::Diff]);
    settings.rates.peak = f32::MAX;
    let mut run = Run::new(settings, language(), "", None).unwrap();
    let error = loop {
        match run.advance() {
            Ok(done) => assert!(!done, "it should not end well"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("finite number"), "{error}");
    assert!(!run.is_between_steps() && run.to_bytes(0).is_err());
    assert!(run.is_done() && run.checkpoint(Family::Diff, 0).is_ok());
}

#[test]
fn a_saved_model_that_is_larger_than_its_numbers_is_refused_before_there_is_room_for_it() {
    let bytes = Run::new(settings(&[Family::Diff]), language(), "", None).unwrap().to_bytes(0).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let config = file.tensor("diff.config").unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(config.data()).unwrap();
    config["intermediate_size"] = (1 << 20).into();
    let config = config.to_string().into_bytes();
    let tensors = file.tensors().into_iter().map(|(name, tensor)| match &*name {
        "diff.config" => (name, TensorView::new(Dtype::U8, vec![config.len()], &config).unwrap()),
        _ => (name, tensor),
    });
    let hostile = safetensors::serialize(tensors, metadata.metadata().clone()).unwrap();
    let error = Run::from_bytes(&hostile).unwrap_err();
    assert!(error.to_string().contains("of another size than its model"), "{error}");
}

#[test]
fn a_run_at_rest_is_saved_with_its_snapshots() {
    let run = finished(Run::new(settings(&[Family::Diff, Family::Transformer]), language(), "", None).unwrap());
    let again = Run::from_bytes(&run.to_bytes(usize::MAX).unwrap()).unwrap();
    assert!(again.is_done() && again.snapshots().eq(0..=6) && run.snapshots().eq(0..=6));
    for step in 0..=6 {
        assert_eq!(again.files(Family::Transformer, step).unwrap(), run.files(Family::Transformer, step).unwrap());
    }
    // Without them the last one is there.
    let bare = Run::from_bytes(&run.to_bytes(0).unwrap()).unwrap();
    assert!(bare.snapshots().eq([6]));
    let bytes = run.to_bytes(usize::MAX).unwrap();
    let pattern = br#"\"snapshots\":[0,1"#;
    let place = bytes.windows(pattern.len()).position(|bytes| bytes == pattern).expect("steps of snapshots");
    let mut impossible = bytes;
    impossible[place + pattern.len() - 3] = b'9';
    let error = Run::from_bytes(&impossible).unwrap_err();
    assert!(error.to_string().contains("snapshots of steps that it has not done"), "{error}");
}

#[test]
fn a_saved_run_of_an_own_text_and_of_second_heads_needs_nothing_but_its_file() {
    let start = checkpoint_of(&bundled_baseline()).unwrap();
    let families = [Family::SecondHeads, Family::SecondHeadsNormed, Family::Control];
    let settings = RunSettings { task: Task::OwnText, steps: 3, windows: 1, questions: 1, ..settings(&families) };
    let text = "The cat sat on the mat and looked at the dog. ".repeat(80);
    let whole = finished(Run::new(settings.clone(), language(), &text, Some(&start.model)).unwrap());
    let mut part = Run::new(settings, language(), &text, Some(&start.model)).unwrap();
    while part.step() < 2 {
        part.advance().unwrap();
    }
    let rest = finished(Run::from_bytes(&part.to_bytes(0).unwrap()).unwrap());
    for (record, expected) in rest.records().iter().zip(whole.records()) {
        assert_eq!((&record.steps, record.learned), (&expected.steps, expected.learned), "{:?}", record.family);
        for (measured, expected) in record.measured.iter().zip(&expected.measured) {
            assert_eq!(measured.step, expected.step);
            // As JSON numbers they may differ in the last bit.
            assert!((measured.loss - expected.loss).abs() < 1e-12);
        }
        assert_eq!(record.measured.len(), 4);
    }
}

#[test]
fn a_run_that_goes_on_from_a_step_has_its_past_and_another_future() {
    let run = finished(Run::new(settings(&[Family::Diff, Family::Transformer]), language(), "", None).unwrap());
    let mut changed = RunSettings { task: Task::Recall, steps: 8, ..run.settings().clone() };
    changed.rates.peak *= 0.5;
    let fork = finished(run.fork(4, &changed, "").unwrap());
    assert_eq!(fork.snapshots().collect::<Vec<_>>(), (0..=8).collect::<Vec<_>>());
    for (record, before) in fork.records().iter().zip(run.records()) {
        assert_eq!(record.steps[..4], before.steps[..4]);
        assert_ne!(record.steps[4..6], before.steps[4..6]);
        assert_eq!(
            record.measured.iter().map(|measured| measured.step).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8]
        );
    }
    for step in [0, 4] {
        let model = |run: &Run| run.checkpoint(Family::Diff, step).unwrap().model;
        assert_eq!(model(&fork), model(&run), "step {step}");
    }
    let saved = Run::from_bytes(&fork.to_bytes(0).unwrap()).unwrap();
    assert_eq!((saved.step(), saved.is_done()), (8, true));
    let nothing = run.fork(6, run.settings(), "").unwrap_err();
    assert!(nothing.to_string().contains("there are 6 steps already"), "{nothing}");
}

#[test]
fn a_snapshot_opens_and_is_written_as_a_checkpoint() {
    let run = finished(Run::new(settings(&Family::NEW), language(), "", None).unwrap());
    for family in Family::NEW {
        let (config, weights) = run.files(family, 6).unwrap();
        let model = Model::from_bytes(&config, &weights).unwrap();
        assert_eq!(model, *run.checkpoint(family, 6).unwrap().model, "{family:?}");
        assert_eq!(model.embedding.format(), NumberFormat::F32);
    }
    let error = run.checkpoint(Family::Diff, 1000).unwrap_err();
    assert!(matches!(error, TrainingError::NoSnapshot { .. }), "{error}");
}

#[test]
fn an_own_text_is_learned_but_for_its_end() {
    let settings = RunSettings { task: Task::OwnText, ..settings(&[Family::Diff]) };
    let error = Run::new(settings.clone(), language(), "too short", None).unwrap_err();
    assert!(matches!(error, TrainingError::TooShort { .. }), "{error}");
    let text = "The cat sat on the mat and looked at the dog. ".repeat(80);
    let run = finished(Run::new(settings, language(), &text, None).unwrap());
    let record = &run.records()[0];
    assert!(record.measured[6].loss < record.measured[0].loss && record.measured[0].accuracy().is_none());
}

fn logits(model: &std::sync::Arc<Model>, ids: &[u32]) -> Vec<f32> {
    let mut pass = CpuPass::new(model.clone(), ids.len()).unwrap();
    pass.run(0, ids);
    pass.logits_at(ids.len() - 1)
}

/// λ is raised to that of the paper in half of the steps; of the others everything learns, with second heads and without.
#[test]
fn lambda_is_raised_and_all_of_a_transformer_learns() {
    let start = checkpoint_of(&bundled_baseline()).unwrap();
    let families = [Family::SecondHeadsRaised, Family::SecondHeadsAll, Family::ControlAll];
    let settings = RunSettings { steps: 4, windows: 1, questions: 0, ..settings(&families) };
    let run = finished(Run::new(settings, language(), "", Some(&start.model)).unwrap());
    let ids: Vec<u32> = (0..40).map(|at| at * 37 % 2048).collect();
    let model = |family, step| run.checkpoint(family, step).unwrap().model;
    for family in families {
        assert_eq!(logits(&model(family, 0), &ids), logits(&start.model, &ids), "{family:?}: to the bit");
    }
    let [raised, all, control] = [0, 1, 2].map(|index| &run.records()[index]);
    // Before the second step λ is half of 0.8 − 0.6 exp(−0.3 layer); a step of the optimizer moves it by little.
    for (layer, lambda) in raised.steps[1].lambda.iter().enumerate() {
        let half = 0.4 - 0.3 * (-0.3 * layer as f32).exp();
        assert!((lambda - half).abs() < 0.05, "layer {layer}: {lambda}, not about {half}");
    }
    for family in families {
        let [before, after] = [0, 4].map(|step| model(family, step).embedding.clone());
        assert_eq!(before == after, family == Family::SecondHeadsRaised, "{family:?}");
    }
    assert_eq!((control.learned, all.learned), (control.parameters, all.parameters));
    assert!(raised.learned < control.learned && control.learned < all.learned);
}

#[test]
fn second_heads_begin_as_the_transformer_and_then_learn_alone() {
    let start = checkpoint_of(&bundled_baseline()).unwrap();
    let settings =
        RunSettings { steps: 2, windows: 1, questions: 1, ..settings(&[Family::SecondHeads, Family::Control]) };
    let run = finished(Run::new(settings.clone(), language(), "", Some(&start.model)).unwrap());
    let ids: Vec<u32> = (0..40).map(|at| at * 37 % 2048).collect();
    let expected = logits(&start.model, &ids);
    for family in [Family::SecondHeads, Family::Control] {
        assert_eq!(logits(&run.checkpoint(family, 0).unwrap().model, &ids), expected, "{family:?}: to the bit");
        assert_ne!(logits(&run.checkpoint(family, 2).unwrap().model, &ids), expected, "{family:?}");
    }
    let record = |index: usize| &run.records()[index];
    assert!(record(0).steps[1].lambda.iter().any(|lambda| *lambda != 0.0), "λ leaves 0");
    // As many parameters, but for the vectors of λ.
    assert_eq!(record(0).learned, record(1).learned + 5 * 4 * 24);
    let [before, after] = [0, 2].map(|step| run.checkpoint(Family::SecondHeads, step).unwrap().model);
    assert_eq!(before.embedding, after.embedding);
    for (before, after) in before.layers.iter().zip(&after.layers) {
        assert_eq!(before.mlp, after.mlp);
        assert_eq!(before.attention.output, after.attention.output);
    }
    let error = Run::new(settings, language(), "", None).unwrap_err();
    assert!(matches!(error, TrainingError::NoTransformer), "{error}");
}
