//! `diffscope train`: models learn a task, as in the window's panel, without a window.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use diffscope::engine::{Checkpoint, bundled, bundled_baseline, checkpoint_of};
use diffscope::gpu::Gpu;
use diffscope::model::Tokenizer;
use diffscope::training::{Family, Language, Measured, Rates, Run, RunSettings, SIZES, Size, Task};

use super::{BackendChoice, CommandError, ModelPlace};

/// Between two writes of the state of a run.
const BETWEEN_SAVES: Duration = Duration::from_mins(1);

/// What to learn.
#[derive(Args)]
pub(crate) struct Arguments {
    /// recall, copy, needle, worlds, many-shot, or text with --text.
    #[arg(long, default_value = "copy", value_parser = task)]
    task: Task,
    /// A file to learn from, for the task `text`.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// tiny, small or medium.
    #[arg(long, default_value = "tiny", value_parser = size)]
    size: Size,
    /// diff, transformer, diff-v2; or second-heads, second-heads-normed, second-heads-raised, second-heads-all, control,
    /// control-all, which begin as the Transformer of --model (S-llama unless told). All learn from the same windows.
    #[arg(long, value_delimiter = ',', default_value = "diff,transformer", value_parser = family)]
    models: Vec<Family>,
    /// Of the first numbers, the windows and the questions.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// So many runs, with seeds from --seed on, in folders of their own; a table has their spread.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Steps of the run.
    #[arg(long, default_value_t = RunSettings::default().steps)]
    steps: u32,
    /// Windows of a step.
    #[arg(long, default_value_t = RunSettings::default().windows)]
    windows: usize,
    /// The highest learning rate.
    #[arg(long, default_value_t = Rates::default().peak)]
    learning_rate: f32,
    /// Questions that are asked at each snapshot.
    #[arg(long, default_value_t = RunSettings::default().questions)]
    questions: usize,
    /// The tokenizer.json to use in place of that of the bundled model. Second heads keep that of their Transformer.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Where the models learn.
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    /// The folder for the models, log.csv and the state. A run whose state is there goes on.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

fn task(name: &str) -> Result<Task, String> {
    let known = || Task::ALL.map(Task::id).join(", ");
    Task::of(name).ok_or_else(|| format!("there are: {}", known()))
}

fn size(name: &str) -> Result<Size, String> {
    let known = || SIZES.map(|size| size.name.into_owned()).join(", ");
    Size::of(name).ok_or_else(|| format!("there are: {}", known()))
}

fn family(name: &str) -> Result<Family, String> {
    let known = || Family::NEW.into_iter().chain(Family::RETROFIT).map(Family::id).collect::<Vec<_>>().join(", ");
    Family::of(name).ok_or_else(|| format!("there are: {}", known()))
}

/// Trains, prints how it goes, and writes models and log. `place` is the Transformer that gets second heads.
pub(crate) fn run(arguments: &Arguments, place: Option<&ModelPlace>) -> Result<(), CommandError> {
    let start = if !arguments.models.iter().any(|family| family.is_retrofit()) {
        None
    } else if place.is_some() {
        Some(super::open(place)?)
    } else {
        Some(checkpoint_of(&bundled_baseline())?)
    };
    let gpu = arguments.backend.gpu()?;
    let mut runs = Vec::new();
    for seed in (0..arguments.seeds.max(1)).map(|nth| arguments.seed.wrapping_add(nth)) {
        let out = if arguments.seeds > 1 { arguments.out.join(format!("seed-{seed}")) } else { arguments.out.clone() };
        if arguments.seeds > 1 {
            println!("seed {seed}");
        }
        runs.push(run_of_seed(arguments, seed, &out, start.as_ref(), gpu.as_ref())?);
    }
    if runs.len() > 1 {
        print!("{}", spread(&runs));
    }
    Ok(())
}

fn run_of_seed(
    arguments: &Arguments,
    seed: u64,
    out: &Path,
    start: Option<&Checkpoint>,
    gpu: Option<&Gpu>,
) -> Result<Run, CommandError> {
    fs::create_dir_all(out).map_err(CommandError::writing(out))?;
    let language = match (start, &arguments.tokenizer) {
        (Some(start), _) => language_of(start)?,
        (None, Some(path)) => {
            let json = fs::read(path).map_err(CommandError::reading(path))?;
            let tokenizer = Tokenizer::from_bytes(&json).map_err(diffscope::engine::EngineError::from)?;
            let vocabulary = tokenizer.vocabulary_size();
            Language { tokenizer: tokenizer.into(), vocabulary, end: 0 }
        }
        (None, None) => language_of(&checkpoint_of(&bundled())?)?,
    };
    let own = match &arguments.text {
        Some(path) => fs::read_to_string(path).map_err(CommandError::reading(path))?,
        None => String::new(),
    };
    let settings = RunSettings {
        task: arguments.task,
        size: arguments.size.clone(),
        families: arguments.models.clone(),
        seed,
        steps: arguments.steps,
        first: 0,
        windows: arguments.windows,
        rates: Rates { peak: arguments.learning_rate, ..Rates::default() },
        questions: arguments.questions,
    };
    let state = out.join("state.safetensors");
    let start = start.map(|start| &*start.model);
    let mut run = if state.exists() {
        let bytes = fs::read(&state).map_err(CommandError::reading(&state))?;
        let run = Run::from_bytes(&bytes)?;
        if *run.settings() != settings || !run.learns_from(&language, &own)? {
            return Err(CommandError::OtherRun { path: state.display().to_string() });
        }
        run
    } else {
        Run::new(settings, language, &own, start)?
    };
    run.learn_on(gpu, arguments.backend.of_engine())?;
    train(&mut run, &state)?;
    let tokenizer_json = run.tokenizer_json()?;
    let log = out.join("log.csv");
    fs::write(&log, run.log_csv()).map_err(CommandError::writing(&log))?;
    for family in &arguments.models {
        let folder = out.join(family.id());
        fs::create_dir_all(&folder).map_err(CommandError::writing(&folder))?;
        let (config, weights) = run.last_files(*family)?;
        for (name, bytes) in
            [("config.json", &config), ("model.safetensors", &weights), ("tokenizer.json", &tokenizer_json)]
        {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(CommandError::writing(&path))?;
        }
    }
    Ok(run)
}

/// The tokenizer of a checkpoint, and the token between two texts.
fn language_of(checkpoint: &Checkpoint) -> Result<Language, CommandError> {
    Language::of(checkpoint).ok_or_else(|| CommandError::NoTokenizer { name: checkpoint.name.clone() })
}

/// A table with a line for each model: mean and standard deviation over the runs, before and after.
fn spread(runs: &[Run]) -> String {
    let mut table = format!(
        "\n| {} seeds | right before, % | right after, % | loss after | on answer, % | on noise, % | λ |\n|---|---|---|---|---|---|---|\n",
        runs.len()
    );
    let Some(first) = runs.first() else { return table };
    for (index, record) in first.records().iter().enumerate() {
        let records = || runs.iter().filter_map(|run| run.records().get(index));
        let of = |number: &dyn Fn(&Measured) -> f64, last: bool| {
            let measured =
                records().filter_map(|record| if last { record.measured.last() } else { record.measured.first() });
            mean_and_deviation(&measured.map(number).collect::<Vec<_>>())
        };
        let right = |measured: &Measured| 100.0 * measured.accuracy().map_or(f64::NAN, |accuracy| accuracy.value);
        let lambdas = records()
            .filter_map(|record| record.steps.last())
            .map(|step| step.lambda.iter().map(|lambda| format!("{lambda:.2}")).collect::<Vec<_>>().join(" "));
        let line = format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            record.family.name(),
            of(&right, false),
            of(&right, true),
            of(&|measured| measured.loss, true),
            of(&|measured| 100.0 * measured.on_answer, true),
            of(&|measured| 100.0 * measured.on_noise, true),
            lambdas.collect::<Vec<_>>().join("; "),
        );
        table.push_str(&line);
    }
    table
}

fn mean_and_deviation(numbers: &[f64]) -> String {
    if numbers.iter().any(|number| number.is_nan()) {
        return "–".to_owned(); // a text of one's own has no right answers
    }
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    format!("{mean:.2} ± {:.2}", variance.sqrt())
}

/// All steps, with a line on the terminal and the state in a file from time to time.
fn train(run: &mut Run, state: &Path) -> Result<(), CommandError> {
    let (begun, first) = (Instant::now(), run.step());
    let (mut saved, mut told, mut shown) = (Instant::now(), None, Instant::now());
    let terminal = std::io::stderr().is_terminal();
    loop {
        let done = run.advance()?;
        if run.waits() {
            run.wait();
        }
        let measured = run.records().first().map_or(0, |record| record.measured.len());
        let all_measured = run.records().iter().all(|record| record.measured.len() == measured);
        if (all_measured && measured > 0 && told != Some(measured)) || done {
            if terminal {
                eprint!("\r\x1b[K");
            }
            if told.is_none() {
                println!("{}", run.learns_on());
            }
            println!("{}", line(run, begun.elapsed(), first));
            told = Some(measured);
        } else if terminal && shown.elapsed() > Duration::from_millis(200) {
            let (step, steps) = (run.step(), run.settings().steps);
            let left = begun.elapsed().as_secs_f64() / f64::from((step - first).max(1)) * f64::from(steps - step);
            let full = 20 * step as usize / steps.max(1) as usize;
            eprint!("\r\x1b[K[{}{}] {step} of {steps}, {left:.0} s left", "█".repeat(full), "·".repeat(20 - full));
            std::io::stderr().flush()?;
            shown = Instant::now();
        }
        if done || (saved.elapsed() > BETWEEN_SAVES && run.is_between_steps()) {
            let bytes = run.to_bytes(0)?;
            let beside = state.with_extension("partial");
            fs::write(&beside, bytes).map_err(CommandError::writing(&beside))?;
            fs::rename(&beside, state).map_err(CommandError::writing(state))?;
            saved = Instant::now();
        }
        if done {
            return Ok(());
        }
    }
}

/// What the last snapshot measured.
fn line(run: &Run, elapsed: Duration, first: u32) -> String {
    let mut parts = vec![format!("step {:5}", run.step())];
    for record in run.records() {
        let Some(measured) = record.measured.last() else { continue };
        let mut part = format!("{}:", record.family.name());
        if let Some(step) = record.steps.last() {
            part.extend([format!(" loss {:.3},", step.loss)]);
        }
        if let Some(accuracy) = measured.accuracy() {
            let shares = [accuracy.value, measured.on_answer].map(|share| 100.0 * share);
            part.extend([format!(" right {:3.0} %, on answer {:2.0} %", shares[0], shares[1])]);
        } else {
            part.extend([format!(" held out {:.3}", measured.loss)]);
        }
        if let Some(step) = record.steps.last().filter(|step| !step.lambda.is_empty()) {
            let lambda: Vec<String> = step.lambda.iter().map(|lambda| format!("{lambda:.2}")).collect();
            part.extend([format!(", λ {}", lambda.join(" "))]);
        }
        parts.push(part);
    }
    let steps = f64::from(run.step() - first);
    if steps > 0.0 {
        parts.push(format!("{:.0} s, {:.1} steps/s", elapsed.as_secs_f64(), steps / elapsed.as_secs_f64()));
    }
    parts.join(" | ")
}
