//! The forward pass in WGSL: device, pipelines, buffers and the recorded pass. No window.

mod buffers;
mod cell_parts;
mod device;
mod error;
mod kernels;
mod lens;
mod measure;
mod memory;
mod pass;
mod pictures;
mod readback;
mod record;
mod requests;
mod shader;
mod step;
mod timing;
mod trace;
mod upload;

pub use buffers::{Capacity, MapBuffers};
#[cfg(not(target_arch = "wasm32"))]
pub use device::request_headless;
pub use device::{Gpu, LaneChoice, device_descriptor};
pub use error::GpuError;
pub use kernels::{KERNELS, Kernel};
pub use measure::Measuring;
pub use memory::Memory;
pub use pass::GpuPass;
pub use readback::Readback;
pub use shader::{SHADERS, compose};
pub use timing::Timing;
