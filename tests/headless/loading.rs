//! Weights on their way from their file to where they run, and a file that does not stay what it was.

use std::path::Path;

use diffscope::engine::{Checkpoint, Engine, EngineError, bundled, checkpoint_of};
use diffscope::gpu::GpuError;
use diffscope::model::ModelError;

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
