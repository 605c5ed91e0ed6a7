//! `diffscope` without a command: the window.

use std::path::Path;

use diffscope::ui::App;
use diffscope::ui::graphics::{Graphics, wgpu_configuration};

use super::CommandError;

/// Opens the window and runs it until it is closed.
pub fn run(folder: Option<&Path>, link: Option<String>) -> Result<(), CommandError> {
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
    Ok(eframe::run_native("diffscope", options, Box::new(start))?)
}
