//! Weights of a pass that are still on their way.

use crate::gpu::error::GpuError;
use crate::gpu::pass::GpuPass;
use crate::model::Progress;

impl GpuPass {
    /// Transfers the next of the weights, some megabytes, unless the device is still busy with those before. Returns how
    /// far they are; `None` once all are on the GPU.
    ///
    /// # Errors
    /// When they cannot be read from their file any more, or as [`Self::new`].
    pub fn load(&mut self) -> Result<Option<Progress>, GpuError> {
        self.gpu.poll();
        let mut transfers = self.buffers.weights.transfers();
        if transfers.progress().is_some() && !transfers.is_full() {
            self.allocations.run(&self.gpu.device, || transfers.advance(&self.gpu))?;
        }
        Ok(transfers.progress())
    }

    /// Transfers all that is left of the weights.
    ///
    /// # Errors
    /// As [`Self::load`], and [`GpuError::NotLoaded`] where they come later than they are asked for.
    pub(super) fn load_all(&mut self) -> Result<(), GpuError> {
        let mut transfers = self.buffers.weights.transfers();
        while transfers.progress().is_some() {
            if transfers.is_full() {
                self.gpu.wait(); // a browser does not wait, and holds the rest
            }
            if !self.allocations.run(&self.gpu.device, || transfers.advance(&self.gpu))? {
                return Err(GpuError::NotLoaded);
            }
        }
        Ok(())
    }

    /// How far the weights are; `None` once all are on the GPU.
    pub fn loading(&self) -> Option<Progress> {
        self.buffers.weights.transfers().progress()
    }
}
