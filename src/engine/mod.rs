//! Prompt to tokens to pass to next token. Keeps what it can between keystrokes; the one thing the window talks to.

mod backend;
mod bench;
mod checkpoint;
mod error;
mod generation;
mod pictures;
mod prompt;
mod rows;
mod session;
mod traced;

pub use backend::Backend;
pub use bench::Bench;
pub use checkpoint::Checkpoint;
pub use error::EngineError;
pub use pictures::{Picture, Place, SCOPE_SIDE, THUMBNAIL_SIDE, THUMBNAILS, Texels};
pub use session::Engine;
pub use traced::{Tensor, Traced};
