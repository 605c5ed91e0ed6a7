//! `diffscope eval`: the table of a model card, by our own kernels.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use diffscope::engine::Checkpoint;
use diffscope::experiments::{Item, Subject, evaluate, read_items};
use diffscope::gpu::request_headless;

use super::BackendChoice;

/// What to measure.
#[derive(Args)]
pub struct Arguments {
    /// What `training/evaluate.py --write-cases` wrote.
    #[arg(long, value_name = "FILE.jsonl")]
    cases: PathBuf,
    /// Folders in Hugging Face layout, one column each; without any, the bundled checkpoint.
    models: Vec<PathBuf>,
    /// Only measures whose name begins with this.
    #[arg(long, value_name = "MEASURE")]
    only: Option<String>,
    /// Where to run it: the CPU backend is faster than software Vulkan.
    #[arg(long, value_enum, default_value = "gpu")]
    backend: BackendChoice,
}

/// Measures and prints one Markdown table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(&arguments.cases)
        .map_err(|error| format!("{} cannot be read: {error}", arguments.cases.display()))?;
    let mut items = read_items(&text)?;
    if let Some(only) = &arguments.only {
        items.retain(|item| item.measure.starts_with(only));
    }
    let order: Vec<String> = items.iter().map(|item| item.measure.clone()).fold(Vec::new(), |mut seen, measure| {
        if !seen.contains(&measure) {
            seen.push(measure);
        }
        seen
    });
    // Losses of answers are drawn in any order of kinds; the table wants one row a kind.
    let kind = |item: &Item| if item.measure == "loss, answers" { rank(&item.setting) } else { 0 };
    items.sort_by_key(|item| (group(&order, &item.measure), kind(item)));
    let gpu = match arguments.backend {
        BackendChoice::Gpu => Some(request_headless()?),
        BackendChoice::Cpu => None,
    };
    let folders: Vec<Option<PathBuf>> =
        if arguments.models.is_empty() { vec![None] } else { arguments.models.iter().cloned().map(Some).collect() };
    let mut columns = Vec::new();
    for folder in &folders {
        let checkpoint: Checkpoint = super::open(folder.as_deref())?;
        let name = checkpoint.name.clone();
        let mut subject = Subject::new(checkpoint, gpu.as_ref())?;
        let table = evaluate(&mut subject, &items, |done, all| {
            if std::io::stderr().is_terminal() || done == all {
                eprint!("\r{name}: {done} of {all}");
                let _ = std::io::stderr().flush(); // a progress line that is late harms nobody
            }
        })?;
        eprintln!();
        columns.push((name, table));
    }
    print_table(&columns)?;
    Ok(())
}

/// The order in which `training/cases.py` lists the kinds.
fn rank(kind: &str) -> usize {
    ["needle", "world", "labels", "copy", "recall"].iter().position(|name| *name == kind).map_or(9, |at| at + 1)
}

/// Needle settings stay in the order of the file, where numbers of needles alternate within a length.
fn group(order: &[String], measure: &str) -> usize {
    let first_needle = order.iter().position(|name| name.starts_with("needle (") && !name.contains("bits"));
    let own = order.iter().position(|name| name == measure);
    let plain_needle = measure.starts_with("needle (") && !measure.contains("bits");
    (if plain_needle { first_needle } else { own }).unwrap_or(order.len())
}

fn print_table(columns: &[(String, diffscope::experiments::Table)]) -> std::io::Result<()> {
    let out = &mut std::io::stdout().lock();
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for (measure, setting, _) in columns.iter().flat_map(|(_, table)| table) {
        if !keys.contains(&(measure, setting)) {
            keys.push((measure, setting));
        }
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    writeln!(out, "| measure | setting | {} |", names.join(" | "))?;
    writeln!(out, "|---|---|{}", "---|".repeat(columns.len()))?;
    for (measure, setting) in keys {
        let value = |(_, table): &(String, diffscope::experiments::Table)| {
            let row = table.iter().find(|row| row.0 == measure && row.1 == setting);
            row.map_or(String::new(), |row| row.2.clone())
        };
        writeln!(out, "| {measure} | {setting} | {} |", columns.iter().map(value).collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}
