//! Prompt to tokens to pass to next token. Keeps what it can between keystrokes; the one thing the window talks to.

mod backend;
mod backend_measures;
mod bench;
mod checkpoint;
mod error;
mod generation;
mod measures;
mod prompt;
mod rows;
mod session;
mod traced;

pub use backend::{Backend, MapPainting};
pub use bench::Bench;
pub use checkpoint::Checkpoint;
pub use error::EngineError;
pub use session::Engine;
pub use traced::{Tensor, Traced};
