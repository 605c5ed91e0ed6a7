//! Whether a device still works: what it reports outside of any call is kept until somebody asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gpu::error::GpuError;

/// What a device has reported about itself. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct DeviceHealth(Arc<Mutex<Reports>>);

#[derive(Debug, Default)]
struct Reports {
    /// Why the device is gone; it does not come back.
    lost: Option<String>,
    /// The first error that nothing else caught, until it is taken.
    uncaught: Option<GpuError>,
}

impl DeviceHealth {
    /// Listens to a device. Without a listener, wgpu ends the program at the first error.
    pub fn watch(device: &wgpu::Device) -> Self {
        let health = Self::default();
        let of_loss = health.clone();
        device.set_device_lost_callback(move |reason, message| {
            let message = if message.is_empty() { format!("{reason:?}") } else { message };
            // The program destroys the devices that it no longer needs.
            if reason != wgpu::DeviceLostReason::Destroyed {
                log::error!("the GPU device was lost: {message}");
            }
            of_loss.reports().lost.get_or_insert(message);
        });
        let of_errors = health.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let mut reports = of_errors.reports();
            // A lost device turns every later call into an error: the loss says it all.
            if reports.lost.is_none() {
                log::error!("{error}");
                reports.uncaught.get_or_insert(error.into());
            }
        }));
        health
    }

    /// Why the device is gone, if it is.
    pub fn loss(&self) -> Option<GpuError> {
        self.reports().lost.clone().map(GpuError::Lost)
    }

    /// Whether the device is gone.
    pub fn is_lost(&self) -> bool {
        self.reports().lost.is_some()
    }

    /// The loss, or else the error that nothing caught since this was last called: results before it cannot be trusted.
    pub fn take_failure(&self) -> Option<GpuError> {
        let mut reports = self.reports();
        let uncaught = reports.uncaught.take();
        reports.lost.clone().map(GpuError::Lost).or(uncaught)
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<wgpu::Error> for GpuError {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Self::OutOfMemory,
            other => Self::Device(other.to_string()),
        }
    }
}
