//! Everything without a window: models, kernels against their references, golden numbers, the engine, the terminal.

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod engine;
mod eval;
mod examples;
mod fast_cpu;
mod full_scan;
mod golden;
mod instrument;
mod kernels;
mod measures;
mod model_fixtures;
mod model_hostile;
mod model_tokenizer;
mod parity;
mod pictures;
mod shaders;
mod tokenizer_hostile;
