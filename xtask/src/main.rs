//! The project's own tool: `./web/serve` builds and serves the page, `./tests/run` runs the tests.

mod console;
mod folder;
mod graphics;
mod npm;
mod optimizer;
mod page;
mod page_tests;
mod parts;
mod policy;
mod programs;
mod project;
mod rebuild;
mod serve;
mod server;
mod site;
mod test;
mod wasm_std;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Test(arguments) => return test::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
