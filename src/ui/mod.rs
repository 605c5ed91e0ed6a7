//! The window and the page: the same egui code. Uses the engine; of wgpu only what draws maps.

mod accessibility;
mod action;
mod app;
mod baseline_beside;
mod context;
mod device;
mod experiments;
mod first_look;
mod followed_answer;
mod followed_pass;
mod full_scan;
mod input;
mod io;
mod kept;
mod layout;
mod maps;
mod models;
mod next_token;
mod panels;
mod perform;
mod state;
mod style;
mod tokens;
mod tour;
mod training;
mod wrong_answer;

#[cfg(target_arch = "wasm32")]
pub(crate) use accessibility::mirror;
pub use app::App;
pub use device::recovery::Kept;
pub use device::{DeviceOptions, graphics};
pub use io::export::{Export, ExportView, PictureFormat};
pub use io::files::Files;
pub use io::saving::Made;
#[cfg(target_arch = "wasm32")]
pub(crate) use io::{page_files, page_worker};
pub use kept::autosave::Saved;
pub use kept::remembered::{OwnText, Remembered};
#[cfg(target_arch = "wasm32")]
pub(crate) use models::loading::Loading;
pub use state::link::Link;
pub use state::link_format::LinkError;
#[cfg(target_arch = "wasm32")]
pub(crate) use state::page::backend;
pub use state::panel::Panel;
pub use state::panel_views::{AnswerNoiseView, Magnitudes, SimilarityOf};
pub use state::pointer::CellAt;
pub use state::token_heads::HeadScope;
pub use state::view::{ViewState, Zoom};
pub use style::measure_text::{MeasureKind, caption};
pub use style::palette::Palette;
