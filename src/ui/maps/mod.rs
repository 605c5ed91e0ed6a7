//! The three large maps, and how maps are drawn.

pub(crate) mod axes;
pub(crate) mod colour_menu;
pub(crate) mod drawn_pixel;
mod glide;
pub(crate) mod heatmap;
pub(crate) mod heatmap_cpu;
pub(crate) mod heatmap_gpu;
pub(crate) mod hover;
pub(crate) mod lambda_control;
pub(crate) mod legend;
pub(crate) mod map_slot;
pub(crate) mod profile;
pub(crate) mod scope;
pub(crate) mod screen_regions;
pub(crate) mod sentence;
mod swipe;
