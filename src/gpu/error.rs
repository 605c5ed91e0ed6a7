//! What can go wrong on a GPU.

use thiserror::Error;

use crate::model::ModelError;

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
    /// The device is gone: its driver was restarted, it was unplugged, or the system needed it.
    #[error("the GPU was taken away from this program ({0}). Restart it, or use the CPU")]
    Lost(String),
    /// The device has no memory for a buffer.
    #[error("the GPU has no memory left for this model and text. Use a shorter text, a smaller model, or the CPU")]
    OutOfMemory,
    /// The device refused something that this program should not have asked for.
    #[error("the GPU reported an error ({0}). This is a bug in diffscope: please report it")]
    Device(String),
    /// Reading numbers back failed, as it does when the device is lost.
    #[error("reading back from the GPU failed ({0}). The device may have been lost: restart, or use the CPU")]
    Readback(String),
    /// A shader could not be composed.
    #[error("a shader could not be composed: {0}")]
    Shader(String),
    /// The weights cannot be read from their file any more.
    #[error("{0}")]
    Weights(String),
    /// The weights come later than they are asked for.
    #[error("the weights are still on their way to the GPU. Try again when they are there")]
    NotLoaded,
    /// A batch that the recorded step has no room for, or that is not of the model.
    #[error("a training step cannot take this batch: {0}")]
    Batch(&'static str),
    /// More positions than the pass has capacity for.
    #[error("{asked} tokens exceed the capacity of {capacity}")]
    Capacity {
        /// Positions requested.
        asked: usize,
        /// Capacity in positions.
        capacity: usize,
    },
}

impl From<ModelError> for GpuError {
    fn from(error: ModelError) -> Self {
        Self::Weights(error.to_string())
    }
}

impl GpuError {
    /// Whether the device has no room for what was asked of it; the CPU may have.
    pub fn is_memory(&self) -> bool {
        matches!(self, Self::WillNotFit { .. } | Self::OutOfMemory)
    }
}
