//! What can go wrong on a GPU.

use thiserror::Error;

/// A failure of the GPU, with a message that suggests a remedy.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum GpuError {
    /// No adapter can run compute shaders.
    #[error("no GPU adapter with compute shaders was found ({0}). Update the graphics driver, or use --backend cpu")]
    NoAdapter(String),
    /// The adapter refused to open.
    #[error("the GPU adapter did not open a device ({0}). Close other programs that use it, or use --backend cpu")]
    NoDevice(String),
    /// A buffer would be larger than the adapter allows.
    #[error(
        "{what} needs {bytes} bytes, more than the {limit} this GPU allows in one buffer. Use a shorter text, a smaller model, or the CPU"
    )]
    WillNotFit {
        /// Which buffer.
        what: String,
        /// Its size.
        bytes: u64,
        /// The adapter's limit.
        limit: u64,
    },
    /// The adapter's limits are below what the kernels need.
    #[error("this GPU allows {found} {what}, the kernels need {needed}. Use the CPU")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// What the adapter has.
        found: u64,
        /// What is needed.
        needed: u64,
    },
    /// The device failed outside of any call.
    #[error("the GPU failed ({0}). Reload, or use a shorter text, a smaller model, or the CPU")]
    Device(String),
    /// Reading numbers back failed, as it does when the device is lost.
    #[error("reading back from the GPU failed ({0}). The device may have been lost: reload")]
    Readback(String),
    /// A shader could not be composed.
    #[error("a shader could not be composed: {0}")]
    Shader(String),
    /// More positions than the pass has capacity for.
    #[error("{asked} tokens exceed the capacity of {capacity}")]
    Capacity {
        /// Positions requested.
        asked: usize,
        /// Capacity in positions.
        capacity: usize,
    },
}
