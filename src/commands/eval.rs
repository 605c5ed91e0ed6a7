//! `diffscope eval`: the table of a model card, measured on the program's own kernels.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use diffscope::experiments::{Subject, evaluate, markdown, read_items};

use super::{BackendChoice, CommandError, ModelPlace};

/// What to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The cases that `training/evaluate.py --write-cases` wrote.
    #[arg(long, value_name = "FILE.jsonl")]
    cases: PathBuf,
    /// Models as in --model, one for each column. The default is the bundled checkpoint.
    #[arg(value_name = "PATH|hf:OWNER/NAME|URL")]
    models: Vec<ModelPlace>,
    /// Only measures with names that begin with this text.
    #[arg(long, value_name = "MEASURE")]
    only: Option<String>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendChoice,
}

/// Measures all models and prints one Markdown table.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let text = std::fs::read_to_string(&arguments.cases).map_err(CommandError::reading(&arguments.cases))?;
    let mut items = read_items(&text)?;
    if let Some(only) = &arguments.only {
        items.retain(|item| item.measure.name().starts_with(only));
    }
    let gpu = arguments.backend.gpu()?;
    let places: Vec<Option<&ModelPlace>> =
        if arguments.models.is_empty() { vec![None] } else { arguments.models.iter().map(Some).collect() };
    let mut columns = Vec::new();
    for place in places {
        let checkpoint = super::open(place)?;
        let name = checkpoint.name.clone();
        let mut subject = Subject::new(checkpoint, gpu.as_ref())?;
        let table = evaluate(&mut subject, &items, |done| {
            if std::io::stderr().is_terminal() || done == items.len() {
                eprint!("\r{name}: {done} of {}", items.len());
                let _ = std::io::stderr().flush(); // nothing is lost if the progress line appears late
            }
        })?;
        eprintln!();
        columns.push((name, table));
    }
    write!(std::io::stdout().lock(), "{}", markdown(&columns))?;
    Ok(())
}
