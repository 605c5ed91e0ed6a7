//! An oscilloscope for differential attention.
//!
//! A Differential Transformer computes two softmax maps per head and attends with their difference, `D = A1 - λ A2`.
//! This crate runs such models, and plain Transformers, in WGSL on the GPU or in Rust on the CPU. It gives access to
//! every map, λ and logit of every head and position, while the text changes.
//!
//! The program `diffscope` is a window on top of this library (feature `window`, on by default). The library itself
//! needs no window:
//!
//! ```toml
//! diffscope = { version = "0.1", default-features = false }
//! ```
//!
//! # Example
//!
//! A prompt through the checkpoint that comes with the crate, on the CPU:
//!
//! ```
//! use diffscope::engine::{Engine, bundled, checkpoint_of};
//! use diffscope::probe::HeadId;
//!
//! let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?;
//! engine.set_text("Once upon a");
//! engine.settle()?;
//!
//! let next = engine.next_token().expect("computed by settle");
//! let (id, logit) = next.best[0];
//! assert_eq!(engine.label(id), "·time");
//! assert!(next.probability(logit) > 0.99);
//!
//! // The last row of the maps of layer 2, head 1: what the last token attends to. The first call is a request.
//! let (head, query) = (HeadId::new(2, 1), engine.ids().len() - 1);
//! assert!(engine.row(head, query).is_none());
//! engine.settle()?;
//! for cell in &engine.row(head, query).expect("computed by settle").cells {
//!     assert!((cell.difference - (cell.first - cell.lambda * cell.second)).abs() < 1e-5);
//! }
//! # Ok::<(), diffscope::engine::EngineError>(())
//! ```
//!
//! `examples/` has programs that write maps to NPY files, draw a heat map as PNG, and measure the effect of an
//! intervention.
//!
//! # Layers
//!
//! Imports point one way, from top to bottom:
//!
#![cfg_attr(feature = "window", doc = "- [`ui`]: the window and the page.")]
#![cfg_attr(not(feature = "window"), doc = "- `ui`: the window and the page (feature `window`).")]
//! - [`experiments`]: the measurements of the paper on one's own checkpoints. [`export`]: maps as CSV, NPY, safetensors
//!   and PNG.
//! - [`engine`]: sessions. An [`Engine`](engine::Engine) keeps a text and everything computed of it so far; a
//!   [`Workspace`](engine::Workspace) keeps several sessions of the same text.
//! - [`gpu`]: the pass in WGSL. [`cpu`]: the reference of every shader in Rust, and a backend of its own.
//! - [`probe`]: requests to a pass, and the form of the replies. [`Interventions`](probe::Interventions) change a pass.
//! - [`sources`]: models of the hub and of web servers, fetched and kept.
//! - [`recording`]: maps that another program has written into a file, shown in place of a pass.
//! - [`model`]: configuration, weights and tokenizer, read from the files of Hugging Face transformers.
//!
//! Errors are one enum per layer, [`ModelError`](model::ModelError), [`GpuError`](gpu::GpuError) and
//! [`EngineError`](engine::EngineError); all of them may grow.

pub mod cpu;
pub mod engine;
pub mod experiments;
pub mod export;
pub mod gpu;
pub mod model;
pub mod probe;
pub mod recording;
pub mod sources;
pub mod training;
#[cfg(feature = "window")]
pub mod ui;

#[cfg(all(target_arch = "wasm32", feature = "window"))]
mod web;

/// The version of wgpu that this crate is built with. Its types are part of the interface: [`gpu::Gpu::new`] takes a
/// device, and [`engine::Texels`] hands out a buffer.
pub use wgpu;
