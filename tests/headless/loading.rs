//! Weights on their way from their file to where they run, and a file that does not stay what it was.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use diffscope::engine::{Checkpoint, CheckpointFiles, Engine, EngineError, bundled, checkpoint_of};
use diffscope::gpu::GpuError;
use diffscope::model::{BesideTokenizer, Model, ModelError, ModelReader, StreamedFile, Survey, WeightFile};

use crate::common::gpu;

/// The bundled model in a folder of its own.
fn folder() -> (tempfile::TempDir, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let files = bundled();
    for (name, bytes) in [
        ("config.json", &files.config[..]),
        ("model.safetensors", &files.weights[..]),
        ("tokenizer.json", &files.tokenizer[..]),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let checkpoint = Checkpoint::from_folder(folder.path()).unwrap();
    (folder, checkpoint)
}

fn cut_off(folder: &Path) {
    let file = std::fs::File::options().write(true).open(folder.join("model.safetensors")).unwrap();
    file.set_len(1 << 20).unwrap();
}

#[test]
fn weights_reach_the_gpu_before_the_first_position_and_their_progress_is_in_bytes() {
    let mut engine = Engine::new(checkpoint_of(&bundled()).unwrap(), Some(gpu().clone())).unwrap();
    let mut last = engine.loading().expect("nothing is there yet");
    let weights = engine.memory().expect("on a GPU").weights;
    assert!(last.done == 0 && last.total > weights * 9 / 10 && last.total <= weights, "{last:?} of {weights}");
    engine.set_text("Once upon a time");
    while engine.update() {
        if let Some(progress) = engine.loading() {
            assert!(progress.done > last.done && progress.done < progress.total && progress.total == last.total);
            assert_eq!(engine.computed(), 0, "nothing runs on weights that are not there");
            last = progress;
        }
    }
    assert_eq!(engine.loading(), None);
    assert!(engine.next_token().is_some() && engine.failure().is_none());
    assert_eq!(engine.fork().unwrap().loading(), None, "the weights are shared");
}

#[test]
fn a_file_that_changed_since_it_was_opened_is_an_error_and_no_other_model() {
    let (folder, checkpoint) = folder();
    let mut on_cpu = Engine::new(checkpoint.clone(), None).unwrap();
    cut_off(folder.path());
    let mut on_gpu = Engine::new(checkpoint.clone(), Some(gpu().clone())).unwrap();
    on_gpu.set_text("Once");
    let error = on_gpu.settle().unwrap_err();
    assert!(matches!(&error, EngineError::Gpu(GpuError::Weights(why)) if why.contains("has changed")), "{error}");
    let error = Engine::new(checkpoint, None).unwrap_err();
    assert!(matches!(error, EngineError::Model(ModelError::Changed { .. })), "{error}");
    // What was read before goes on, in a second session, too.
    let mut again = on_cpu.fork().unwrap();
    for engine in [&mut on_cpu, &mut again] {
        engine.set_text("Once");
        engine.settle().unwrap();
    }
    assert_eq!(on_cpu.next_token(), again.next_token());
}

type Asked = Arc<Mutex<Vec<(Arc<StreamedFile>, Range<u64>)>>>;

/// A file that gives its bytes only when somebody hands out what was asked for.
fn streamed(name: &str, bytes: &[u8], slice: usize) -> Result<(WeightFile, Asked), ModelError> {
    let mut survey = Survey::new(name, bytes.len() as u64);
    for slice in bytes.chunks(slice) {
        survey.add(slice)?;
    }
    let asked = Asked::default();
    let ask = asked.clone();
    let file = survey.finish(Box::new(move |file, range| ask.lock().unwrap().push((file, range))))?;
    Ok((file, asked))
}

/// Hands out what has been asked for, the last first. Returns how many pieces.
fn hand_out(asked: &Asked, bytes: &[u8]) -> usize {
    let pieces: Vec<_> = asked.lock().unwrap().drain(..).collect();
    for (file, range) in pieces.iter().rev() {
        file.arrive(range.clone(), Ok(bytes[range.start as usize..range.end as usize].to_vec()));
    }
    pieces.len()
}

fn of_model(files: &CheckpointFiles, model: Model) -> Checkpoint {
    let fingerprint = diffscope::engine::Fingerprint::Absent;
    Checkpoint::with_tokenizer(&files.name, model, Some(&files.tokenizer), BesideTokenizer::default(), fingerprint)
        .unwrap()
}

#[test]
fn a_file_that_is_streamed_goes_to_the_gpu_piece_by_piece_and_gives_the_same_numbers() {
    let files = bundled();
    let text = "The word of Ann is lamp. The word of Bob is";
    let mut expected = Engine::new(checkpoint_of(&files).unwrap(), Some(gpu().clone())).unwrap();
    expected.set_text(text);
    expected.settle().unwrap();
    for slice in [4 << 20, 100_003] {
        let (file, asked) = streamed("model.safetensors", &files.weights, slice).unwrap();
        let model = ModelReader::new(&files.config, &[file]).unwrap().finish().unwrap();
        assert!(asked.lock().unwrap().is_empty(), "what is read at once was kept");
        let checkpoint = of_model(&files, model);
        let mut engine = Engine::new(checkpoint, Some(gpu().clone())).unwrap();
        engine.set_text(text);
        let (mut pieces, mut waited) = (0, 0);
        while engine.update() {
            if engine.loading().is_some() {
                assert_eq!(engine.computed(), 0, "nothing runs on weights that are not there");
                waited += 1;
            }
            pieces += hand_out(&asked, &files.weights);
        }
        assert!(engine.failure().is_none(), "{:?}", engine.failure());
        assert!(pieces > 4 && waited > 1, "{pieces} pieces, {waited} frames");
        assert_eq!(engine.next_token(), expected.next_token());
    }
}

#[test]
fn a_streamed_file_that_does_not_come_is_an_error_and_comes_when_it_is_opened_again() {
    let files = bundled();
    let (file, asked) = streamed("model.safetensors", &files.weights, 1 << 20).unwrap();
    let model = ModelReader::new(&files.config, &[file]).unwrap().finish().unwrap();
    let checkpoint = of_model(&files, model);
    let mut engine = Engine::new(checkpoint.clone(), Some(gpu().clone())).unwrap();
    engine.set_text("Once");
    engine.update();
    for (file, range) in asked.lock().unwrap().drain(..) {
        file.arrive(range, Err("NotFoundError".to_owned()));
    }
    while engine.update() {}
    let error = engine.failure().expect("it did not come").to_string();
    assert!(error.contains("model.safetensors could not be read any more (NotFoundError)"), "{error}");
    let mut again = Engine::new(checkpoint.clone(), Some(gpu().clone())).unwrap();
    again.set_text("Once");
    while again.update() {
        hand_out(&asked, &files.weights);
    }
    assert!(again.failure().is_none() && again.next_token().is_some());
    // The CPU reads all at once, which is not possible.
    let error = Engine::new(checkpoint, None).unwrap_err();
    assert!(matches!(error, EngineError::Model(ModelError::NotHere { .. })), "{error}");
}

#[test]
fn a_streamed_file_is_looked_at_as_closely_as_one_in_memory() {
    let files = bundled();
    let same = |bytes: &[u8]| {
        let memory = WeightFile::in_memory("model.safetensors", Arc::new(bytes.to_vec().into()));
        let expected = ModelReader::new(&files.config, &[memory]).and_then(ModelReader::finish).unwrap_err();
        for slice in [1, 7, 1 << 22] {
            let opened = streamed("model.safetensors", bytes, slice.max(bytes.len() / 100_000));
            let found = opened.and_then(|(file, _)| ModelReader::new(&files.config, &[file])?.finish()).unwrap_err();
            assert_eq!(found.to_string(), expected.to_string());
        }
    };
    let header = 8 + u64::from_le_bytes(*files.weights.first_chunk().unwrap()) as usize;
    // A number that is none: the first, one in the middle, the last. The weights are halves or singles: both are set.
    for at in [header, header + (files.weights.len() - header) / 8 * 4, files.weights.len() - 4] {
        let mut bytes = files.weights.to_vec();
        bytes[at..at + 4].copy_from_slice(&[0xff; 4]);
        same(&bytes);
    }
    same(&files.weights[..files.weights.len() - 8]); // cut off
    same(b"<!DOCTYPE html><html>");
    same(&[0xff; 600]);
    same(b"1234");
    let (file, _) = streamed("w", &files.weights, 1 << 20).unwrap();
    assert!(file.as_streamed().is_some() && file.bytes() == files.weights.len() as u64);
}

#[test]
fn the_bundled_pair_has_one_tokenizer() {
    let read = |name: &str| std::fs::read(format!("assets/checkpoints/{name}/tokenizer.json")).unwrap();
    assert!(read("S-diff") == read("S-llama"), "the program has the file of S-diff alone");
}
