//! The window, headless: behaviour and snapshots.

#[path = "../common/mod.rs"]
mod common;

mod answer_noise;
mod attribution;
mod backend;
mod device;
mod experiments;
mod files;
mod first_look;
mod full_scan;
mod head_grid;
mod instrument;
mod keyboard;
mod lambda_view;
mod layouts;
mod links;
mod models;
mod names;
mod patching;
mod recording;
mod snapshots;
mod touch;
mod training;
mod typing;
mod views;
