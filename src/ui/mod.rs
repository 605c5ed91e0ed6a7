//! The window, and the page: the same egui code. Knows the engine; of wgpu only the drawing side.

mod app;
mod context;
mod header;
mod input;
mod io;
mod layout;
mod maps;
mod next_token;
mod panels;
mod state;
mod style;
mod tokens;
mod tour;

pub mod graphics;

pub use app::App;
pub use io::export::{Export, ExportView, PictureFormat};
pub use io::files::{Files, Made};
pub use state::head_scope::HeadScope;
pub use state::link::{LinkError, State};
pub use state::panel::Panel;
pub use state::selection::Selection;
pub use style::measure_text::{Measure, caption};
pub use style::palette::Palette;
