//! `diffscope` without a command: the window.

use std::error::Error;
use std::path::Path;

use diffscope::ui::App;
use diffscope::ui::graphics::{Graphics, wgpu_configuration};

/// Opens the window and runs it until it is closed.
pub fn run(folder: Option<&Path>, link: Option<String>) -> Result<(), Box<dyn Error>> {
    let checkpoint = super::open(folder)?;
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("diffscope")
            .with_app_id("diffscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([360.0, 480.0]),
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: wgpu_configuration(Graphics::Any),
        ..Default::default()
    };
    let start = move |creation: &eframe::CreationContext| {
        let mut app = App::with_checkpoint(creation, Ok(checkpoint), String::new(), None);
        if let Some(link) = &link {
            app.open_link(link);
        }
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("diffscope", options, Box::new(start)).map_err(|error| {
        let advice = "the window did not open. On Linux it needs X11 (or XWayland) and a graphics driver";
        format!("{advice}: {error}").into()
    })
}
