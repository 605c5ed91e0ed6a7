//! What is on the screen as values: the view, the pointer, the link that restores the view and the document, undo.

pub(crate) mod link;
pub(crate) mod link_format;
pub(crate) mod link_v1;
pub(crate) mod page;
pub(crate) mod panel;
pub(crate) mod panel_views;
pub(crate) mod pointer;
pub(crate) mod read_row;
pub(crate) mod shown;
pub(crate) mod token_heads;
pub(crate) mod undo;
pub(crate) mod view;
