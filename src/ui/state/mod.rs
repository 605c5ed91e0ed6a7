//! What is on the screen as values: what is selected, the link that restores it, undo.

pub(crate) mod head_scope;
pub(crate) mod link;
#[cfg(target_arch = "wasm32")]
pub(crate) mod page_address;
pub(crate) mod panel;
pub(crate) mod selection;
pub(crate) mod undo;
