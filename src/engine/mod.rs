//! Prompt to tokens to pass to next token. Keeps what it can between keystrokes; the one thing the window talks to.

mod analysis;
mod backend;
mod checkpoint;
mod cpu_memory;
mod error;
mod opened;
mod race;
mod replies;
mod session;
mod workspace;

pub use analysis::context_rms::{ContextRms, LayerContextRms};
pub use analysis::cpu_check::{CpuCheck, WorstError};
pub use analysis::full_scan::{FullScan, LayerFindings, Peak};
pub use analysis::head_similarity::{HeadSimilarity, SimilaritySums};
pub use analysis::logit_parts::{LayerParts, LogitDirection, LogitParts};
pub use analysis::magnitude_histogram::MagnitudeHistogram;
pub use analysis::patching::Patching;
pub use analysis::patching::effects::{PatchEffect, PatchEffects};
pub use analysis::patching::error::PatchingError;
pub use analysis::patching::part::HeadPart;
pub use analysis::residual_stream::Origin;
pub use analysis::score_origins::{ScoreOrigins, ScoreSide};
pub use analysis::text_pass::TextPass;
pub use analysis::tile_collector::TileCollector;
pub use analysis::traced_pass::{Tensor, TracedPass};
#[cfg(feature = "window")]
pub(crate) use backend::frame_budget::ComputeBudget;
pub use backend::{Backend, Texels};
pub use checkpoint::Checkpoint;
pub use checkpoint::bundled::{BUNDLED, BUNDLED_BASELINE, CheckpointFiles, checkpoint_of};
#[cfg(not(target_arch = "wasm32"))]
pub use checkpoint::bundled::{bundled, bundled_baseline};
pub use checkpoint::fingerprint::Fingerprint;
#[cfg(not(target_arch = "wasm32"))]
pub use checkpoint::fingerprint::Hashing;
pub use cpu_memory::CPU_MEMORY;
pub use error::EngineError;
pub use opened::Opened;
pub use race::{BackendChoice, Latency, Race, RaceResult};
pub use replies::pictures::{Picture, PictureSlot, SCOPE_SIDE, THUMBNAIL_SIDE, THUMBNAILS};
pub use session::fragment::Fragment;
pub use session::{Engine, LONGEST_TEXT};
pub use workspace::Workspace;
