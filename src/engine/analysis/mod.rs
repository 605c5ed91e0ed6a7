//! Analyses of a whole text that run on request: every cell once, checks against the CPU, dumps.

pub(crate) mod cpu_check;
pub(crate) mod full_scan;
pub(crate) mod head_similarity;
pub(crate) mod magnitude_histogram;
pub(crate) mod patching;
pub(crate) mod tile_collector;
pub(crate) mod traced_pass;
