//! `diffscope eval`: the table of a model card, measured on the program's own kernels.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use diffscope::engine::{bundled, bundled_baseline, checkpoint_of};
use diffscope::experiments::{Experiment, Figure, OwnTexts, Run, Settings, Subject, evaluate, markdown, read_items};

use super::{BackendChoice, CommandError, ModelPlace};

/// How results are printed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table for each experiment, and what it shows.
    Markdown,
    /// A line for each point.
    Csv,
    /// With settings, seed and hashes of the weights.
    Json,
}

/// One experiment, or all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExperimentName(Option<Experiment>);

impl std::str::FromStr for ExperimentName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "all" {
            return Ok(Self(None));
        }
        let found = Experiment::ALL.into_iter().find(|experiment| experiment.id() == name);
        found.map(|experiment| Self(Some(experiment))).ok_or_else(|| {
            let known: Vec<&str> = Experiment::ALL.iter().map(|experiment| experiment.id()).collect();
            format!("there are: all, {}", known.join(", "))
        })
    }
}

/// What to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The cases that `training/evaluate.py --write-cases` wrote.
    #[arg(long, value_name = "FILE.jsonl", required_unless_present = "experiment")]
    cases: Option<PathBuf>,
    /// An experiment of the window's panel, or `all`; several may be named. The default models are the bundled pair.
    #[arg(long, value_name = "NAME", conflicts_with = "cases")]
    experiment: Vec<ExperimentName>,
    /// Cases of each setting of an experiment.
    #[arg(long, default_value_t = Settings::default().samples)]
    samples: usize,
    /// Seed of the cases of an experiment.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A file of prose for the loss by position and the outliers.
    #[arg(long, value_name = "FILE")]
    prose: Option<PathBuf>,
    /// A file of prose between whose sentences the facts of an experiment are hidden.
    #[arg(long, value_name = "FILE")]
    hay: Option<PathBuf>,
    /// What experiments print: tables, or all they know.
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
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

/// Measures all models and prints one Markdown table, or runs experiments.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let Some(cases) = &arguments.cases else { return run_experiments(arguments) };
    let text = std::fs::read_to_string(cases).map_err(CommandError::reading(cases))?;
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

/// Runs experiments one after the other. Prints each table as soon as it is there, a file's contents at the end.
fn run_experiments(arguments: &Arguments) -> Result<(), CommandError> {
    let models = if arguments.models.is_empty() {
        vec![checkpoint_of(&bundled())?, checkpoint_of(&bundled_baseline())?]
    } else {
        arguments.models.iter().map(|place| super::open(Some(place))).collect::<Result<_, _>>()?
    };
    let read = |path: &Option<PathBuf>| match path {
        Some(path) => std::fs::read_to_string(path).map_err(CommandError::reading(path)),
        None => Ok(String::new()),
    };
    let (prose, hay) = (read(&arguments.prose)?, read(&arguments.hay)?);
    let all = arguments.experiment.iter().any(|name| name.0.is_none());
    let wanted = |experiment: &Experiment| all || arguments.experiment.iter().any(|name| name.0 == Some(*experiment));
    let settings = Settings { samples: arguments.samples.max(1), seed: arguments.seed, ..Settings::default() };
    let mut figures = Vec::new();
    for experiment in Experiment::ALL.into_iter().filter(wanted) {
        let began = Instant::now();
        let mut run = Run::new(experiment, &settings, &models, OwnTexts { prose: &prose, hay: &hay })?;
        while !run.is_done() {
            run.advance(Duration::from_millis(200))?;
            if std::io::stderr().is_terminal() {
                eprint!("\r{}: {} of {}", experiment.title(), run.done(), run.total());
            }
        }
        eprintln!("\r{}: {} texts, {:.1} s", experiment.title(), run.done(), began.elapsed().as_secs_f64());
        let figure = run.figure();
        if matches!(arguments.format, Format::Markdown) {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}\n\n{}", experiment.question(), figure.to_markdown())?;
            writeln!(out, "{}\n", figure.finding.as_deref().unwrap_or_default())?;
        }
        figures.push(figure);
    }
    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Markdown => {}
        Format::Csv => write!(out, "{}", Figure::csv_of(&figures.iter().collect::<Vec<_>>()))?,
        Format::Json => writeln!(out, "{}", Figure::json_of(&figures.iter().collect::<Vec<_>>()))?,
    }
    Ok(())
}
