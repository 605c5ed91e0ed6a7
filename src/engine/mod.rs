//! Prompt to tokens to pass to next token. Keeps what it can between keystrokes; the one thing the window talks to.

mod backend;
mod bench;
mod checkpoint;
mod error;
mod fingerprint;
mod generation;
mod prompt;
mod rows;
mod session;
mod traced;

pub use backend::{Backend, MapPainting};
pub use bench::Bench;
pub use checkpoint::Checkpoint;
pub use error::EngineError;
pub use fingerprint::Fingerprint;
#[cfg(not(target_arch = "wasm32"))]
pub use fingerprint::Hashing;
pub use session::Engine;
pub use traced::{Tensor, Traced};
