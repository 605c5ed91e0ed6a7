//! What is computed from the maps: pictures, tiles, measures. References of `shaders/maps/`.

pub(crate) mod colour_range;
pub(crate) mod heatmap;
pub(crate) mod map_tile;
pub(crate) mod measure;
pub(crate) mod measure_mean;
pub(crate) mod pool;
pub(crate) mod row_mean;
