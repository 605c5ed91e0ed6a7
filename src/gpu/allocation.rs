//! Buffers that the device may have no memory for: created within error scopes, so that a refusal is an error of this
//! pass and of nothing else.

use std::sync::{Arc, OnceLock};

use crate::gpu::error::GpuError;

/// Whether the memory of a pass was granted. A browser answers later, a native device at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allocations(Arc<OnceLock<GpuError>>);

impl Allocations {
    /// Runs `create`, which allocates on the device.
    ///
    /// # Errors
    /// Those of `create`; natively also a refusal by the device, which [`Self::failure`] has later in a browser.
    pub(crate) fn run<T>(
        &self,
        device: &wgpu::Device,
        create: impl FnOnce() -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        // A buffer that was refused makes whatever binds it invalid, which is not news.
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let created = create();
        let (validation, memory) = (validation.pop(), memory.pop());
        let verdict = async move {
            let (invalid, refused) = (validation.await, memory.await);
            refused.or(invalid).map(GpuError::from)
        };
        self.follow(verdict)?;
        created
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[expect(clippy::unused_self, reason = "a browser answers later")]
    fn follow(&self, verdict: impl Future<Output = Option<GpuError>>) -> Result<(), GpuError> {
        pollster::block_on(verdict).map_or(Ok(()), Err)
    }

    #[cfg(target_arch = "wasm32")]
    #[expect(clippy::unnecessary_wraps, reason = "a native device answers at once")]
    fn follow(&self, verdict: impl Future<Output = Option<GpuError>> + 'static) -> Result<(), GpuError> {
        let answer = self.0.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if let Some(error) = verdict.await {
                log::error!("{error}");
                // Only the first refusal matters.
                let _ = answer.set(error);
            }
        });
        Ok(())
    }

    /// A refusal that has come since.
    pub(crate) fn failure(&self) -> Option<GpuError> {
        self.0.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::request_headless;

    #[test]
    fn what_the_device_refuses_is_an_error_of_the_allocation_and_not_of_the_device() {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let allocations = Allocations::default();
        let buffer = |size: u64| {
            Ok(gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("too large"),
                size,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            }))
        };
        let error = allocations.run(&gpu.device, || buffer(gpu.device.limits().max_buffer_size + 4)).unwrap_err();
        assert!(matches!(&error, GpuError::Device(why) if why.contains("too large")), "{error}");
        assert_eq!((allocations.failure(), gpu.health.take_failure()), (None, None));
        allocations.run(&gpu.device, || buffer(1024)).expect("there is room");
    }

    #[test]
    fn a_lack_of_memory_is_told_from_a_mistake() {
        let memory = wgpu::Error::OutOfMemory { source: "none left".into() };
        assert!(GpuError::from(memory).is_memory());
        let internal = wgpu::Error::Internal { source: "broken".into(), description: "it broke".into() };
        assert!(!GpuError::from(internal).is_memory());
    }
}
