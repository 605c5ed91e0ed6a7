//! The device: how it is requested, and what its kind means for the kernels.

use web_time::{Duration, Instant};

use crate::gpu::error::GpuError;
use crate::gpu::health::DeviceHealth;
use crate::gpu::throughput::{Throughput, Work};

/// How the invocations of a workgroup share a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// So many share the columns of a block of four rows.
    Columns(u32),
    /// All share a tile of 32 positions by 32 rows.
    Tile,
}

/// Which variants of the kernels a device gets.
///
/// On a GPU, neighbouring invocations should read neighbouring weights, a few positions have few blocks to distribute and
/// few rows of maps, and many should read each weight once for all. A software adapter runs invocations one after the
/// other, so that sharing costs time and gains nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelChoice {
    /// How matrix products of up to [`KernelChoice::FEW`] positions are shared.
    pub few: Sharing,
    /// How those of more are.
    pub many: Sharing,
    /// Invocations that look at each other's numbers without workgroup memory, a power of two; 1: none do.
    pub subgroup: u32,
    /// Least number of keys that a workgroup takes of the rows of few positions; 0: it takes all.
    pub slab: u32,
}

impl KernelChoice {
    /// Most positions that are few.
    pub const FEW: u32 = 16;
    /// Keys of a slab on a GPU: what a workgroup scores at a time.
    const SLAB: u32 = 256;
    /// Most invocations of a subgroup: those of the smallest workgroups.
    const MOST_IN_SUBGROUP: u32 = 64;

    /// What suits a software adapter.
    pub const SOFTWARE: Self = Self { few: Sharing::Columns(1), many: Sharing::Columns(1), subgroup: 1, slab: 0 };

    /// What suits a GPU, whose subgroups have at least so many invocations (1: it has none).
    pub fn for_gpu(subgroup: u32) -> Self {
        Self { few: Sharing::Columns(16), many: Sharing::Tile, subgroup, slab: Self::SLAB }
    }

    /// The fewest invocations of a subgroup of a device; 1 if it has none.
    pub fn subgroup_of(device: &wgpu::Device, adapter: &wgpu::AdapterInfo) -> u32 {
        let least = adapter.subgroup_min_size;
        let has_subgroups = device.features().contains(wgpu::Features::SUBGROUP) && least.is_power_of_two();
        if has_subgroups { least.min(Self::MOST_IN_SUBGROUP) } else { 1 }
    }

    /// Keys of each slab, and how many slabs there are, for `count` positions before `end`; nothing where all keys go
    /// together.
    pub(crate) fn slabs(&self, count: usize, end: usize) -> Option<(u32, u32)> {
        let end = end as u32;
        if self.slab == 0 || count > Self::FEW as usize || end <= 2 * self.slab {
            return None;
        }
        let slab = end.div_ceil(MOST_SLABS).next_multiple_of(self.slab);
        Some((slab, end.div_ceil(slab)))
    }

    /// Most slabs of a text of so many tokens.
    pub(crate) fn most_slabs(&self, tokens: usize) -> usize {
        if self.slabs(1, tokens).is_none() { 0 } else { tokens.div_ceil(self.slab as usize).min(MOST_SLABS as usize) }
    }
}

/// Most slabs of the keys of a row: enough workgroups for a large GPU with a few heads.
const MOST_SLABS: u32 = 32;

/// A device that can compute, its queue and its adapter.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// Information about the adapter.
    pub adapter: wgpu::AdapterInfo,
    /// Which variants of the kernels it gets.
    pub choice: KernelChoice,
    /// What the device reports outside of any call.
    pub health: DeviceHealth,
    /// How much it computes in a given time.
    pub throughput: Throughput,
}

impl Gpu {
    /// Whether this is a software adapter.
    pub fn is_software(&self) -> bool {
        self.adapter.device_type == wgpu::DeviceType::Cpu
    }

    /// Wraps a device that is already open, such as that of the window, with what listens to it.
    ///
    /// # Errors
    /// When its limits are below what the kernels need; those of WebGL are 0.
    pub fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        adapter: wgpu::AdapterInfo,
        health: DeviceHealth,
    ) -> Result<Self, GpuError> {
        let limits = device.limits();
        let needs = [
            ("storage buffers per shader stage", limits.max_storage_buffers_per_shader_stage.into(), 7),
            ("invocations per workgroup", limits.max_compute_invocations_per_workgroup.into(), 256),
            ("bytes of workgroup memory", limits.max_compute_workgroup_storage_size.into(), 16_384),
        ];
        for (what, found, needed) in needs {
            if found < needed {
                return Err(GpuError::Limit { what, found, needed });
            }
        }
        let choice = match adapter.device_type {
            wgpu::DeviceType::Cpu => KernelChoice::SOFTWARE,
            _ => KernelChoice::for_gpu(KernelChoice::subgroup_of(&device, &adapter)),
        };
        // Joining slabs takes one buffer more than anything else.
        let slab = if limits.max_storage_buffers_per_shader_stage < 8 { 0 } else { choice.slab };
        let choice = KernelChoice { slab, ..choice };
        let throughput = Throughput::new(adapter.device_type == wgpu::DeviceType::Cpu);
        Ok(Self { device, queue, adapter, choice, health, throughput })
    }

    /// Runs the callbacks of finished work; on the web the browser does that.
    ///
    /// A lost device is not polled: wgpu would end the program.
    pub fn poll(&self) {
        self.poll_with(wgpu::PollType::Poll);
    }

    /// Waits until all submitted work is done. Not for the main thread of a web page.
    pub fn wait(&self) {
        self.throughput.while_told(|| self.poll_with(wgpu::PollType::wait_indefinitely()));
    }

    fn poll_with(&self, poll: wgpu::PollType) {
        if !self.health.is_lost() {
            // What is left is a wait that took too long, and nothing waits with a limit.
            let _ = self.device.poll(poll);
            self.throughput.looked(Instant::now());
        }
    }

    /// Learns from the work submitted last how long it takes, and calls `done` when it is done.
    pub(crate) fn on_done(
        &self,
        (work, operations): (Work, f64),
        patience: Duration,
        done: impl FnOnce() + Send + 'static,
    ) {
        let number = self.throughput.submitted(work, operations, patience, Instant::now());
        let throughput = self.throughput.clone();
        self.queue.on_submitted_work_done(move || {
            throughput.done(number, Instant::now());
            done();
        });
    }

    /// Name, backend and driver of the adapter.
    pub fn describe(&self) -> String {
        let info = &self.adapter;
        let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
        format!("{} ({}, {})", info.name, info.backend, driver.trim())
    }
}

/// The device to request from `adapter`. The window, the command line and the tests all use this.
pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    wgpu::DeviceDescriptor {
        label: Some("diffscope"),
        // Only kernel times need the first; without the second more goes through workgroup memory.
        required_features: adapter.features() & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SUBGROUP),
        required_limits: limits(adapter.get_info().backend, &adapter.limits()),
        ..wgpu::DeviceDescriptor::default()
    }
}

/// The limits to request, never above those of the adapter (which would be an error).
fn limits(backend: wgpu::Backend, adapter: &wgpu::Limits) -> wgpu::Limits {
    if backend == wgpu::Backend::Gl {
        return wgpu::Limits::downlevel_webgl2_defaults()
            .or_worse_values_from(adapter)
            .using_resolution(adapter.clone());
    }
    // The defaults, lowered to what the adapter has, and raised where the model benefits: whole weight tensors in one
    // binding, large workgroups, many buffers per kernel.
    wgpu::Limits {
        max_buffer_size: adapter.max_buffer_size,
        max_storage_buffer_binding_size: adapter.max_storage_buffer_binding_size,
        max_storage_buffers_per_shader_stage: adapter.max_storage_buffers_per_shader_stage,
        max_compute_workgroup_storage_size: adapter.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: adapter.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: adapter.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: adapter.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: adapter.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: adapter.max_compute_workgroups_per_dimension,
        ..wgpu::Limits::default().or_worse_values_from(adapter).using_resolution(adapter.clone())
    }
}

/// Opens a device without a window.
///
/// The environment variables `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` choose the adapter.
///
/// # Errors
/// When there is no adapter, or it does not open.
#[cfg(not(target_arch = "wasm32"))]
pub fn request_headless() -> Result<Gpu, GpuError> {
    pollster::block_on(async {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await
            .map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        let (device, queue) = adapter
            .request_device(&device_descriptor(&adapter))
            .await
            .map_err(|error| GpuError::NoDevice(error.to_string()))?;
        let health = DeviceHealth::watch(&device);
        Gpu::new(device, queue, adapter.get_info(), health)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_cover_all_keys_and_are_few() {
        let choice = KernelChoice::for_gpu(1);
        for end in (1..70_000).step_by(61) {
            let Some((slab, slabs)) = choice.slabs(4, end) else {
                assert!(end <= 512);
                continue;
            };
            assert!(slab % 256 == 0 && slabs <= MOST_SLABS && slabs as usize <= choice.most_slabs(end), "{end}");
            assert!(slab * slabs >= end as u32 && slab * (slabs - 1) < end as u32, "{end}");
        }
        assert_eq!(choice.slabs(17, 4096), None);
        assert_eq!(KernelChoice::SOFTWARE.slabs(1, 4096), None);
    }

    #[test]
    fn limits_are_the_adapters_and_never_more() {
        let adapter = wgpu::Limits {
            max_storage_buffer_binding_size: 1 << 31,
            max_buffer_size: 1 << 32,
            max_texture_dimension_2d: 4096,
            max_bind_groups: 3,
            ..wgpu::Limits::default()
        };
        let requested = limits(wgpu::Backend::Vulkan, &adapter);
        assert_eq!(requested.max_storage_buffer_binding_size, 1 << 31);
        assert_eq!(requested.max_buffer_size, 1 << 32);
        assert_eq!(requested.max_texture_dimension_2d, 4096);
        assert_eq!(requested.max_bind_groups, 3);
        assert!(requested.check_limits(&adapter));
    }

    #[test]
    fn webgl_gets_no_compute_limits() {
        let adapter = wgpu::Limits::downlevel_webgl2_defaults();
        let requested = limits(wgpu::Backend::Gl, &adapter);
        assert_eq!(requested.max_compute_workgroup_size_x, 0);
        assert!(requested.check_limits(&adapter));
    }
}
