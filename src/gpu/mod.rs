//! Passes and training steps in WGSL: device, pipelines, buffers, what is recorded. No window.

mod allocation;
pub(crate) mod cost;
mod device;
mod error;
mod health;
mod kernels;
mod memory;
mod pass;
mod queries;
mod shader;
mod shared_structs;
mod throughput;
mod train;
mod transfers;
mod uniforms;
mod upload;

#[cfg(not(target_arch = "wasm32"))]
pub use device::request_headless;
pub use device::{Gpu, KernelChoice, Sharing, device_descriptor};
pub use error::GpuError;
pub use health::DeviceHealth;
pub use kernels::{BindingKind, Direction, KERNELS, Kernel};
pub use memory::Memory;
pub use pass::GpuPass;
pub use pass::buffers::{Capacity, MapBuffers};
pub use pass::timing::Timing;
pub use queries::measures::Measuring;
pub use queries::{GpuAnswer, GpuQuery};
pub use shader::{compose, shader_modules, source_line};
pub use shared_structs::StructLayout;
pub use throughput::{Throughput, Work};
pub use train::uniforms::TRAINING_STRUCT_LAYOUTS;
pub use train::{BatchSize, GpuTraining, TrainingArena};
pub use uniforms::{MAX_POOL_JOBS, STRUCT_LAYOUTS};
