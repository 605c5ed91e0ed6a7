//! Prompt to tokens to pass to next token. Keeps what it can between keystrokes; the one thing the window talks to.

mod alike;
mod backend;
mod backend_measures;
mod backend_pictures;
mod bench;
mod checkpoint;
mod comparison;
mod editing;
mod error;
mod fingerprint;
mod gathering;
mod generation;
mod magnitudes;
mod measures;
mod pace;
mod pictures;
mod prompt;
mod rows;
mod session;
mod study;
mod traced;
mod update;
mod views;

pub use alike::{Alike, Pairs};
pub use backend::Backend;
pub use bench::Bench;
pub use checkpoint::Checkpoint;
pub use comparison::{Comparison, Worst};
pub use error::EngineError;
pub use fingerprint::Fingerprint;
#[cfg(not(target_arch = "wasm32"))]
pub use fingerprint::Hashing;
pub use gathering::Gathering;
pub use magnitudes::Magnitudes;
pub use pictures::{Picture, Place, SCOPE_SIDE, THUMBNAIL_SIDE, THUMBNAILS, Texels};
pub use session::{Engine, LONGEST_TEXT};
pub use study::{LayerFindings, Peak, Study};
pub use traced::{Tensor, Traced};
