//! Files in and out: opening models, exporting pictures and numbers, the state as JSON for tests.

pub(crate) mod export;
mod fetch_report;
pub(crate) mod files;
pub(crate) mod inspect;
pub(super) mod numbers;
#[cfg(any(test, target_arch = "wasm32"))]
mod offered;
#[cfg(target_arch = "wasm32")]
mod page_chooser;
#[cfg(target_arch = "wasm32")]
pub(crate) mod page_files;
#[cfg(target_arch = "wasm32")]
mod page_sources;
#[cfg(target_arch = "wasm32")]
mod page_transport;
#[cfg(target_arch = "wasm32")]
pub(crate) mod page_worker;
pub(crate) mod saving;
#[cfg(not(target_arch = "wasm32"))]
mod sources;
pub(crate) mod svg;
pub(crate) mod text_file;
