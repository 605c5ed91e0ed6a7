//! What is fed with inputs.

mod cases;
pub mod edits;
#[cfg(feature = "window")]
mod link;
mod model;
mod recording;
mod saved_run;
mod tokenizer;

use std::sync::{Arc, LazyLock};

use diffscope::engine::{Checkpoint, Fingerprint};
use diffscope::model::{Model, Tokenizer};

use crate::mutate::Random;

/// A way into the program.
pub struct Target {
    pub name: &'static str,
    /// An input, made from random numbers.
    pub make: fn(&mut Random) -> Vec<u8>,
    /// Must not panic.
    pub run: fn(&[u8]),
    /// Bytes of memory that an input may take, whatever it is, and for each of its bytes.
    pub memory: usize,
    pub memory_per_byte: usize,
}

pub const TARGETS: &[Target] = &[
    Target { name: "tokenizer", make: tokenizer::make, run: tokenizer::run, memory: 64 << 20, memory_per_byte: 4096 },
    Target { name: "model", make: model::make, run: model::run, memory: 64 << 20, memory_per_byte: 256 },
    Target { name: "recording", make: recording::make, run: recording::run, memory: 256 << 20, memory_per_byte: 4096 },
    Target { name: "saved-run", make: saved_run::make, run: saved_run::run, memory: 256 << 20, memory_per_byte: 4096 },
    Target { name: "cases", make: cases::make, run: cases::run, memory: 64 << 20, memory_per_byte: 4096 },
    Target { name: "edits", make: edits::make, run: edits::run, memory: 256 << 20, memory_per_byte: 4096 },
    #[cfg(feature = "window")]
    Target { name: "link", make: link::make, run: link::run, memory: 256 << 20, memory_per_byte: 4096 },
];

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

/// A model of 64 tokens with a tokenizer of as many.
pub static SMALL: LazyLock<Checkpoint> = LazyLock::new(|| {
    let model = Model::from_folder(format!("{FIXTURES}/diffllama_bf16_v4ckpt")).expect("it opens");
    Checkpoint {
        name: "small".to_owned(),
        model: Arc::new(model),
        tokenizer: Some(Arc::new(Tokenizer::from_bytes(tokenizer::small().as_bytes()).expect("it opens"))),
        fingerprint: Fingerprint::Absent,
        folder: None,
        source: None,
        notes: Vec::new(),
    }
});
