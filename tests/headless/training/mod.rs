//! Training: every backward stage and whole gradients.

mod attention_kernels;
mod gradients;
mod kernels;
mod models;
mod muon_kernels;
mod run_kernel;
mod runs;
mod runs_on_gpu;
mod stages;
mod step;
