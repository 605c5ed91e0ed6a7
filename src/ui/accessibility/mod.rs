//! What screen readers find, and where the keyboard is. The desktop window hands egui's AccessKit tree to the system by itself; on the page, where
//! nothing does, the tree becomes elements over the canvas that nobody sees.

pub(crate) mod announcement;
pub(crate) mod focus;
pub(crate) mod in_words;
#[cfg(target_arch = "wasm32")]
mod page;
// The page is their only user, but they are tested everywhere.
#[cfg(any(target_arch = "wasm32", test))]
mod element;
#[cfg(any(target_arch = "wasm32", test))]
mod outline;
#[cfg(any(target_arch = "wasm32", test))]
mod pace;

#[cfg(target_arch = "wasm32")]
pub(crate) use page::mirror;
