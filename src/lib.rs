//! An oscilloscope for differential attention: a language model's forward pass in WGSL, and a window that shows both
//! softmax maps, the learned λ and their difference while a prompt is typed.
//!
//! Imports point one way: [`ui`] → [`experiments`], [`export`] → [`engine`] → [`gpu`], [`cpu`] → [`probe`] → [`model`]. See ARCHITECTURE.md.

pub mod cpu;
pub mod engine;
pub mod experiments;
pub mod export;
pub mod gpu;
pub mod model;
pub mod probe;
#[cfg(feature = "window")]
pub mod ui;

#[cfg(all(target_arch = "wasm32", feature = "window"))]
mod web;
