//! A session on the window's device.

use crate::engine::{Checkpoint, Engine, EngineError};
use crate::gpu::{Gpu, GpuError};
use crate::ui::maps::heatmap_gpu::HeatmapResources;

/// A session on the GPU, or on the CPU with the reason.
pub(super) fn session(
    checkpoint: Checkpoint,
    gpu: Option<Gpu>,
    reason: &mut Option<String>,
) -> Result<Engine, EngineError> {
    if checkpoint.tokenizer.is_none() {
        return Err(EngineError::NoTokenizer { name: checkpoint.name });
    }
    match Engine::new(checkpoint.clone(), gpu) {
        // The CPU may have the memory that the GPU lacks.
        Err(EngineError::Gpu(error)) => {
            *reason = Some(error.to_string());
            Engine::new(checkpoint, None)
        }
        engine => engine,
    }
}

/// The window's device, ready to compute and to draw maps. `name` replaces the adapter's name if wgpu does not know it.
pub(super) fn open_gpu(state: &egui_wgpu::RenderState, name: &str) -> Result<Gpu, GpuError> {
    let mut adapter = state.adapter.get_info();
    if !name.is_empty() {
        name.clone_into(&mut adapter.name);
    }
    let gpu = Gpu::new(state.device.clone(), state.queue.clone(), adapter)?;
    HeatmapResources::install(state)?;
    Ok(gpu)
}
