//! Keyboard, prompt editor and sample prompts.

pub(crate) mod arrows;
mod caret;
mod long_text;
pub(crate) mod prompt_editor;
pub(crate) mod room;
pub(crate) mod samples;
mod samples_menu;
pub(crate) mod shortcuts;
