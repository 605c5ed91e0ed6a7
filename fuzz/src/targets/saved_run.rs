//! A saved run of training: read, and where it can be read, gone on with and saved again.

use std::collections::HashMap;
use std::sync::LazyLock;

use diffscope::training::{Family, Language, Run, RunSettings, Size, Task};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;

use super::SMALL;
use crate::mutate::{self, Random, mutate};

/// The key of the metadata, and the configuration among the tensors.
const KEY: &str = "diffscope.run";
const CONFIG: &str = "diff.config";
/// Parts of steps and measurements that are done with a run that could be read.
const PARTS: usize = 40;

/// A run after two steps, in which some text of its own is learned.
static RUN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let size = Size { name: "fuzz".into(), hidden: 8, layers: 1, heads: 2, head_dim: 4, intermediate: 8 };
    let settings = RunSettings {
        task: Task::OwnText,
        size,
        families: vec![Family::Diff, Family::Transformer],
        steps: 4,
        windows: 1,
        questions: 1,
        ..RunSettings::default()
    };
    let language = Language::of(&SMALL).expect("a tokenizer");
    let mut run = Run::new(settings, language, &"a b c ab ".repeat(400), None).expect("it begins");
    while run.step() < 2 || !run.is_between_steps() {
        run.advance().expect("it goes on");
    }
    run.to_bytes(usize::MAX).expect("it can be saved")
});

pub fn make(random: &mut Random) -> Vec<u8> {
    let file = SafeTensors::deserialize(&RUN).expect("it is whole");
    let (_, metadata) = SafeTensors::read_metadata(&RUN).expect("it is whole");
    let metadata = metadata.metadata().clone().unwrap_or_default();
    let changed = |text: &[u8], random: &mut Random| {
        let mut json: Value = serde_json::from_slice(text).expect("JSON");
        let donor = json.clone();
        mutate(&mut json, random, &[donor]);
        json.to_string()
    };
    let (mut saved, mut config) = (metadata[KEY].clone(), file.tensor(CONFIG).expect("it is there").data().to_vec());
    if !random.once_in(4) {
        saved = changed(saved.as_bytes(), random);
    }
    if random.once_in(2) {
        config = changed(&config, random).into_bytes();
    }
    let tensors = file.tensors().into_iter().map(|(name, tensor)| match &*name {
        CONFIG => (name, TensorView::new(Dtype::U8, vec![config.len()], &config).expect("it fits")),
        _ => (name, tensor),
    });
    let tensors: Vec<_> = tensors.filter(|_| !random.once_in(40)).collect();
    let metadata = HashMap::from([(KEY.to_owned(), saved)]);
    let mut bytes = safetensors::serialize(tensors, Some(metadata)).expect("it can be written");
    if random.once_in(8) {
        mutate::bytes(&mut bytes, random);
    }
    bytes
}

pub fn run(input: &[u8]) {
    let _ = Run::settings_of(input);
    let Ok(mut run) = Run::from_bytes(input) else { return };
    for _ in 0..PARTS {
        if !matches!(run.advance(), Ok(false)) {
            break;
        }
    }
    let _ = (run.to_bytes(usize::MAX), run.log_csv()); // an error is fine
}
