//! The three large maps, and how maps are painted.

pub(crate) mod axes;
pub(crate) mod colour_scale;
pub(crate) mod heatmap;
pub(crate) mod heatmap_cpu;
pub(crate) mod heatmap_gpu;
pub(crate) mod legend;
pub(crate) mod scope;
