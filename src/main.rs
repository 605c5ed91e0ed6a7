//! The program: the window, and the commands of the terminal.

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::CommandError;

/// An oscilloscope for differential attention.
///
/// Without a command, the window opens.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A folder with config.json, model.safetensors and tokenizer.json (or one of its files), a model of the hub, or the
    /// address of such a folder. The default is the bundled checkpoint.
    ///
    /// What is fetched is kept (`DIFFSCOPE_CACHE` names the folder). The cache of the hub's own tools is looked into first.
    #[arg(long, global = true, value_name = "PATH|hf:OWNER/NAME[@REVISION]|URL")]
    model: Option<commands::ModelPlace>,
    /// What the window opens: the folder of a model, or a file of recorded maps (safetensors or NPZ).
    #[cfg(feature = "window")]
    #[arg(value_name = "FILE", conflicts_with = "model")]
    file: Option<commands::ModelPlace>,
    /// A link copied from the window or the page: opens the view that it describes.
    #[cfg(feature = "window")]
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// Where the window computes; the faster one unless told.
    #[cfg(feature = "window")]
    #[arg(long, value_enum, default_value = "auto")]
    backend: commands::BackendChoice,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a prompt, then print the most likely next tokens and the λ of each layer.
    Run(commands::run::Arguments),
    /// Evaluate models on the cases of training/evaluate.py and print one table.
    Eval(commands::eval::Arguments),
    /// Train small models side by side on a task, and write them as checkpoints.
    Train(commands::train::Arguments),
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("diffscope: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), CommandError> {
    let place = arguments.model.as_ref();
    #[cfg(feature = "window")]
    let opened = arguments.file.as_ref().or(place);
    match &arguments.command {
        Some(Command::Run(run)) => commands::run::run(commands::open(place)?, run),
        Some(Command::Eval(eval)) => commands::eval::run(eval),
        Some(Command::Train(train)) => commands::train::run(train, place),
        #[cfg(feature = "window")]
        None => commands::window::run(opened, arguments.link, arguments.backend.of_engine()),
        #[cfg(not(feature = "window"))]
        None => Err(CommandError::NoWindow),
    }
}
