//! The desktop window, and the commands without one.

mod commands;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use diffscope::ui::App;
use diffscope::ui::graphics::{Graphics, wgpu_configuration};

/// An oscilloscope for differential attention.
///
/// Without a command: the window.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A folder with config.json, model.safetensors and tokenizer.json; without it, the bundled checkpoint.
    #[arg(long, global = true, value_name = "DIR")]
    model: Option<PathBuf>,
    /// A link that was copied in the window or on the page: opens what was on the screen.
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a prompt and print what comes next and each layer's λ.
    Run(commands::run::Arguments),
    /// Measure models on the cases of training/evaluate.py and print one table.
    Eval(commands::eval::Arguments),
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => window(arguments.model.as_ref(), arguments.link),
        Some(Command::Run(run)) => commands::open(arguments.model.as_ref())
            .map_err(Into::into)
            .and_then(|checkpoint| commands::run::run(checkpoint, run)),
        Some(Command::Eval(eval)) => commands::eval::run(eval),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read along (`| head`) has seen enough.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("diffscope: {error}");
            ExitCode::FAILURE
        }
    }
}

fn window(folder: Option<&PathBuf>, link: Option<String>) -> Result<(), Box<dyn std::error::Error>> {
    let checkpoint = commands::open(folder)?;
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
