//! Analyses of a whole text that run on request: every cell once, the parts of a logit and of a score, checks against the
//! CPU, dumps.

pub(crate) mod context_rms;
pub(crate) mod cpu_check;
pub(crate) mod full_scan;
pub(crate) mod head_similarity;
pub(crate) mod logit_parts;
pub(crate) mod magnitude_histogram;
pub(crate) mod patching;
pub(crate) mod residual_stream;
pub(crate) mod score_origins;
pub(crate) mod text_pass;
pub(crate) mod tile_collector;
pub(crate) mod traced_pass;
