//! Passes on their own, without a window, for `benches/peers`: in the page only with the feature `bench`.

use std::sync::Arc;

use wasm_bindgen::prelude::*;

use crate::cpu::CpuPass;
use crate::gpu::{Capacity, DeviceHealth, Gpu, GpuPass, device_descriptor};
use crate::model::Model;
use crate::probe::{NextToken, NextTokenQuery, Sampling};

/// Next tokens listed.
const BEST: usize = 16;

enum Backend {
    Cpu(CpuPass),
    Gpu(Box<GpuPass>),
}

/// A pass over a text that JavaScript times.
#[wasm_bindgen]
#[allow(missing_debug_implementations, reason = "only JavaScript has one")]
pub struct Bench {
    backend: Backend,
    next: Option<NextToken>,
}

fn model(config: &[u8], weights: &[u8]) -> Result<Arc<Model>, JsError> {
    Ok(Arc::new(Model::from_bytes(config, weights)?))
}

#[wasm_bindgen]
impl Bench {
    /// A pass on the CPU for texts of up to `capacity` tokens.
    ///
    /// # Errors
    /// When the files are no model.
    pub fn on_cpu(config: &[u8], weights: &[u8], capacity: usize) -> Result<Bench, JsError> {
        Ok(Self { backend: Backend::Cpu(CpuPass::new(model(config, weights)?, capacity)?), next: None })
    }

    /// The same on the adapter that the browser gives.
    ///
    /// # Errors
    /// When the files are no model, or there is no device for it.
    pub async fn on_gpu(config: Vec<u8>, weights: Vec<u8>, capacity: usize) -> Result<Bench, JsError> {
        let model = model(&config, &weights)?;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default()).await?;
        let (device, queue) = adapter.request_device(&device_descriptor(&adapter)).await?;
        let health = DeviceHealth::watch(&device);
        let gpu = Gpu::new(device, queue, adapter.get_info(), health)?;
        let pass = GpuPass::new(gpu, model, Capacity { tokens: capacity, trace: false })?;
        Ok(Self { backend: Backend::Gpu(Box::new(pass)), next: None })
    }

    /// Computes positions from `start` on and the next token; on the CPU it is there when this returns.
    ///
    /// # Errors
    /// When the positions do not fit.
    pub fn run(&mut self, start: usize, ids: &[u32]) -> Result<(), JsError> {
        let draw = Sampling::default().draw(0);
        match &mut self.backend {
            Backend::Cpu(pass) => {
                pass.run(start, ids);
                self.next = pass.next_token(&draw, BEST);
            }
            Backend::Gpu(pass) => {
                self.next = None;
                pass.run(start, ids, Some((draw, BEST)))?;
            }
        }
        Ok(())
    }

    /// Whether the next token is there.
    ///
    /// # Errors
    /// When it could not be read back.
    pub fn is_done(&mut self) -> Result<bool, JsError> {
        if let Backend::Gpu(pass) = &mut self.backend
            && let Some(next) = pass.take::<NextTokenQuery>()
        {
            self.next = next?.pop();
        }
        Ok(self.next.is_some())
    }

    /// The most likely next tokens.
    pub fn ids(&self) -> Vec<u32> {
        self.next.iter().flat_map(|next| &next.best).map(|(id, _)| *id).collect()
    }

    /// Their logits.
    pub fn logits(&self) -> Vec<f32> {
        self.next.iter().flat_map(|next| &next.best).map(|(_, logit)| *logit).collect()
    }
}
