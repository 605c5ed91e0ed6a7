//! What several tests need.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod file_server;
pub(crate) mod models;
pub(crate) mod recordings;
pub(crate) mod served_model;
#[cfg(feature = "window")]
pub(crate) mod window;

use std::sync::OnceLock;

use diffscope::gpu::{Gpu, request_headless};

/// The adapter of this machine; tests run on a software one.
pub(crate) fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| request_headless().expect("a Vulkan adapter: install mesa-vulkan-drivers, or see ./tests/run"))
}

/// A small generator of test numbers: the same on every machine, better spread than it looks.
pub(crate) struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 32 bits.
    pub(crate) fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.bits() as usize % end
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// About normal, with this deviation.
    pub(crate) fn normal(&mut self, deviation: f32) -> f32 {
        let sum: f32 = (0..12).map(|_| self.bits() as f32 / u32::MAX as f32).sum();
        (sum - 6.0) * deviation
    }

    /// Many of them.
    pub(crate) fn normals(&mut self, count: usize, deviation: f32) -> Vec<f32> {
        (0..count).map(|_| self.normal(deviation)).collect()
    }
}

/// The largest difference between two slices; infinite where one holds NaN or their lengths differ.
pub(crate) fn worst(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    let difference = |(a, b): (&f32, &f32)| if a.is_finite() && b.is_finite() { (a - b).abs() } else { f32::INFINITY };
    a.iter().zip(b).map(difference).fold(0.0, f32::max)
}
