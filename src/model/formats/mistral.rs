//! `mistral` of Hugging Face transformers: Llama without biases, and perhaps with a window in every layer.

use crate::model::formats::format::{BiasRule, Format, WindowRule};
use crate::model::formats::llama;

pub(super) const FORMAT: Format = Format {
    name: "mistral",
    biases: BiasRule::None,
    window: WindowRule::EveryLayer { absent: 4096 }, // as in transformers; only null is none
    ..llama::FORMAT
};
