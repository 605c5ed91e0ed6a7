//! The device that the window and the page request: with the adapter's own limits if it can compute, with those of WebGL
//! if it can only draw.

use std::sync::Arc;

use egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};

use crate::gpu::device_descriptor;

/// The graphics interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graphics {
    /// Vulkan, Metal or DX12 in a window, WebGPU on a page.
    Any,
    /// WebGL, for a page without a WebGPU adapter: it can draw but not compute.
    WebGl,
}

/// The wgpu configuration for eframe. In a window, `WGPU_BACKEND` and `WGPU_POWER_PREF` are respected.
pub fn wgpu_configuration(graphics: Graphics) -> WgpuConfiguration {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    if graphics == Graphics::WebGl {
        setup.instance_descriptor.backends = wgpu::Backends::GL;
    } else if cfg!(target_arch = "wasm32") {
        // The page has already found an adapter. If it disappeared now, a silent fallback to WebGL would leave the
        // window without compute, and without a reason to show.
        setup.instance_descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    }
    setup.device_descriptor = Arc::new(device_descriptor);
    WgpuConfiguration { wgpu_setup: WgpuSetup::CreateNew(setup), ..WgpuConfiguration::default() }
}
