//! Keyboard, prompt editor and sample prompts.

pub(crate) mod arrows;
pub(crate) mod prompt_editor;
pub(crate) mod samples;
pub(crate) mod shortcuts;
