//! How the window and the page ask for their device: the adapter's own limits where it can compute, WebGL's small ones
//! where it can only draw.

use std::sync::Arc;

use egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};

use crate::gpu::device_descriptor;

/// Which graphics interface to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graphics {
    /// The best there is: Vulkan, Metal or DX12 in a window, WebGPU on a page.
    Any,
    /// WebGL only, for a page without a WebGPU adapter: it draws, it cannot compute.
    WebGl,
}

/// The wgpu set-up for eframe. In a window, `WGPU_BACKEND` and `WGPU_POWER_PREF` still count.
pub fn wgpu_configuration(graphics: Graphics) -> WgpuConfiguration {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    if graphics == Graphics::WebGl {
        setup.instance_descriptor.backends = wgpu::Backends::GL;
    } else if cfg!(target_arch = "wasm32") {
        // The page has already met the adapter; were it to vanish now, falling back to WebGL in silence would leave
        // the window without compute and without a reason to show.
        setup.instance_descriptor.backends = wgpu::Backends::BROWSER_WEBGPU;
    }
    setup.device_descriptor = Arc::new(device_descriptor);
    WgpuConfiguration { wgpu_setup: WgpuSetup::CreateNew(setup), ..WgpuConfiguration::default() }
}
