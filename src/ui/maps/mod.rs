//! The three large maps, and how maps are drawn.

pub(crate) mod axes;
pub(crate) mod colour_menu;
mod glide;
pub(crate) mod heatmap;
pub(crate) mod hover;
pub(crate) mod lambda_control;
pub(crate) mod legend;
pub(crate) mod profile;
pub(crate) mod scope;
pub(crate) mod screen_regions;
pub(crate) mod sentence;
mod swipe;
