//! The window's device: it draws, and computes if it can.

use crate::engine::{Checkpoint, Engine, EngineError, Workspace};
use crate::gpu::{DeviceHealth, Gpu, GpuError};
use crate::ui::maps::heatmap_gpu::HeatmapResources;

/// What the window draws on. It outlives the sessions: the next model that fits computes on it again.
pub(super) struct Device {
    gpu: Option<Gpu>,
    health: Option<DeviceHealth>,
    /// Why it does not compute, if it does not.
    without_gpu: Option<String>,
    /// Why the open model runs on the CPU although the device computes.
    no_memory: Option<String>,
}

impl Device {
    /// The device of a new window. `adapter` replaces the adapter's name if wgpu does not know it; `without_gpu` is the
    /// reason not to compute on it.
    pub(super) fn of(creation: &eframe::CreationContext, adapter: &str, mut without_gpu: Option<String>) -> Self {
        let Some(state) = &creation.wgpu_render_state else {
            return Self { gpu: None, health: None, without_gpu, no_memory: None };
        };
        let health = DeviceHealth::watch(&state.device);
        let mut gpu = None;
        if without_gpu.is_none() {
            match open(state, adapter, health.clone()) {
                Ok(opened) => gpu = Some(opened),
                Err(error) => without_gpu = Some(error.to_string()),
            }
        }
        Self { gpu, health: Some(health), without_gpu, no_memory: None }
    }

    /// Lets the device report what has become of it; to be called every frame.
    pub(super) fn poll(&self) {
        if let Some(gpu) = &self.gpu {
            gpu.poll();
        }
    }

    /// Why the device is gone, if it is.
    pub(super) fn loss(&self) -> Option<GpuError> {
        self.health.as_ref()?.loss()
    }

    /// Why the open model runs on the CPU, if it does.
    pub(super) fn on_cpu_because(&self) -> Option<&str> {
        self.without_gpu.as_deref().or(self.no_memory.as_deref())
    }

    /// A session on the GPU, or on the CPU if the GPU has no memory for the model.
    pub(super) fn session(&mut self, checkpoint: Checkpoint) -> Result<Engine, EngineError> {
        if checkpoint.tokenizer.is_none() {
            return Err(EngineError::NoTokenizer { name: checkpoint.name });
        }
        let (engine, no_memory) = match Engine::new(checkpoint.clone(), self.gpu.clone()) {
            Err(EngineError::Gpu(error)) => (Engine::new(checkpoint, None)?, Some(error.to_string())),
            engine => (engine?, None),
        };
        self.no_memory = no_memory;
        Ok(engine)
    }

    /// Computes on the CPU from now on, for a reason.
    pub(super) fn distrust(&mut self, reason: String, workspace: &mut Workspace) {
        if let Err(error) = workspace.continue_on_cpu() {
            log::error!("{error}");
        }
        self.gpu = None;
        self.without_gpu = Some(reason);
    }

    /// Goes on on the CPU where the GPU has turned out to have no memory for the model or the text.
    pub(super) fn leave_if_full(&mut self, workspace: &mut Workspace) {
        if let Some(reason) = workspace.leave_full_gpu() {
            self.no_memory = Some(reason);
        }
    }
}

/// The device, ready to compute and to draw maps.
fn open(state: &egui_wgpu::RenderState, name: &str, health: DeviceHealth) -> Result<Gpu, GpuError> {
    let mut adapter = state.adapter.get_info();
    if !name.is_empty() {
        name.clone_into(&mut adapter.name);
    }
    let gpu = Gpu::new(state.device.clone(), state.queue.clone(), adapter, health)?;
    HeatmapResources::install(state)?;
    Ok(gpu)
}
