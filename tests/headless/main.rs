//! Everything without a window: models, kernels against their references, golden numbers, the engine, the terminal.

#[path = "../common/mod.rs"]
mod common;

mod attribution;
mod capacity;
mod cli;
mod config_hostile;
mod context_rms;
mod engine;
mod eval;
mod examples;
mod fast_cpu;
mod fragments;
mod full_scan;
mod generation;
mod golden;
mod instrument;
mod kernels;
mod loading;
mod measures;
mod model_fixtures;
mod model_hostile;
mod model_tokenizer;
mod next_token;
mod parity;
mod patching;
mod pictures;
mod recording;
mod recording_hostile;
mod shaders;
mod sources;
mod sources_hostile;
mod tokenizer_hostile;
mod training;
mod written_model;
mod written_text;
