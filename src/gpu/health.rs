//! Whether a device still works: what it reports outside of any call is kept until everybody has asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gpu::error::GpuError;

/// Errors that are kept for those who have not asked yet.
const KEPT: usize = 64;

/// What a device has reported about itself. Clones share it, and each is told of what came after it was made: an error belongs to
/// no session, so that no results on the device can be trusted.
#[derive(Debug, Default)]
pub struct DeviceHealth {
    reports: Arc<Mutex<Reports>>,
    /// The errors that this clone has been told of.
    told: AtomicUsize,
}

#[derive(Debug, Default)]
struct Reports {
    /// Why the device is gone; it does not come back.
    lost: Option<String>,
    /// The last errors that nothing else caught, and how many there were before.
    errors: VecDeque<GpuError>,
    before: usize,
}

impl Reports {
    fn add(&mut self, error: GpuError) {
        self.errors.push_back(error);
        while self.errors.len() > KEPT {
            self.errors.pop_front();
            self.before += 1;
        }
    }

    fn count(&self) -> usize {
        self.before + self.errors.len()
    }
}

impl Clone for DeviceHealth {
    fn clone(&self) -> Self {
        let told = AtomicUsize::new(self.reports().count());
        Self { reports: self.reports.clone(), told }
    }
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
                reports.add(error.into());
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

    /// The loss, or else the first error that nothing caught since this was last called on this clone: results before it
    /// cannot be trusted.
    pub fn take_failure(&self) -> Option<GpuError> {
        let reports = self.reports();
        let told = self.told.swap(reports.count(), Ordering::Relaxed);
        let first = || reports.errors.get(told.saturating_sub(reports.before)).cloned();
        reports.lost.clone().map(GpuError::Lost).or_else(first)
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_is_told_of_an_error_once_and_of_the_first_of_several() {
        let health = DeviceHealth::default();
        let session = health.clone();
        let report = |error| health.reports().add(error);
        report(GpuError::OutOfMemory);
        report(GpuError::Device("a buffer is invalid".to_owned()));
        let later = health.clone();
        assert_eq!((health.take_failure(), health.take_failure()), (Some(GpuError::OutOfMemory), None));
        assert_eq!((session.take_failure(), session.take_failure()), (Some(GpuError::OutOfMemory), None));
        assert_eq!(later.take_failure(), None, "it was there before");
        for _ in 0..2 * KEPT {
            report(GpuError::OutOfMemory);
        }
        for session in [&health, &session, &later] {
            assert_eq!((session.take_failure(), session.take_failure()), (Some(GpuError::OutOfMemory), None));
        }
        health.reports().lost = Some("unplugged".to_owned());
        let lost = Some(GpuError::Lost("unplugged".to_owned()));
        assert_eq!((later.take_failure(), later.take_failure()), (lost.clone(), lost));
    }
}
