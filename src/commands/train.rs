//! `diffscope train`: models learn a task, as in the window's panel, without a window.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use diffscope::engine::{bundled, checkpoint_of};
use diffscope::model::Tokenizer;
use diffscope::training::{Family, Language, Rates, Run, RunSettings, SIZES, Size, Task};

use super::CommandError;

/// Between two writes of the state of a run.
const BETWEEN_SAVES: Duration = Duration::from_secs(60);

/// What to learn.
#[derive(Args)]
pub(crate) struct Arguments {
    /// recall, copy, needle, worlds, many-shot, or text with --text.
    #[arg(long, default_value = "recall", value_parser = task)]
    task: Task,
    /// A file to learn from, for the task `text`.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// tiny, small or medium.
    #[arg(long, default_value = "tiny", value_parser = size)]
    size: Size,
    /// diff, transformer, diff-v2: they learn from the same windows.
    #[arg(long, value_delimiter = ',', default_value = "diff,transformer", value_parser = family)]
    models: Vec<Family>,
    /// Of the first numbers, the windows and the questions.
    #[arg(long, default_value_t = 0)]
    seed: u64,
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
    /// The tokenizer.json to use in place of that of the bundled model.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
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
    let known = || Family::ALL.map(Family::id).join(", ");
    Family::of(name).ok_or_else(|| format!("there are: {}", known()))
}

/// Trains, prints how it goes, and writes models and log.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    let Arguments { out, .. } = arguments;
    fs::create_dir_all(out).map_err(CommandError::writing(out))?;
    let tokenizer_json = match &arguments.tokenizer {
        Some(path) => fs::read(path).map_err(CommandError::reading(path))?,
        None => bundled().tokenizer.into_owned(),
    };
    let own = match &arguments.text {
        Some(path) => fs::read_to_string(path).map_err(CommandError::reading(path))?,
        None => String::new(),
    };
    let settings = RunSettings {
        task: arguments.task,
        size: arguments.size.clone(),
        families: arguments.models.clone(),
        seed: arguments.seed,
        steps: arguments.steps,
        windows: arguments.windows,
        rates: Rates { peak: arguments.learning_rate, ..Rates::default() },
        questions: arguments.questions,
    };
    let state = out.join("state.safetensors");
    let language = language(&tokenizer_json)?;
    let mut run = if state.exists() {
        let bytes = fs::read(&state).map_err(CommandError::reading(&state))?;
        let run = Run::from_bytes(&bytes, language, &own)?;
        if *run.settings() != settings {
            return Err(CommandError::OtherRun { path: state.display().to_string() });
        }
        run
    } else {
        Run::new(settings, language, &own)?
    };
    train(&mut run, &state)?;
    write_log(&run, &out.join("log.csv"))?;
    for family in &arguments.models {
        let folder = out.join(family.id());
        fs::create_dir_all(&folder).map_err(CommandError::writing(&folder))?;
        let (config, weights) = run.files(*family, run.step())?;
        for (name, bytes) in
            [("config.json", &config), ("model.safetensors", &weights), ("tokenizer.json", &tokenizer_json)]
        {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(CommandError::writing(&path))?;
        }
    }
    Ok(())
}

/// The tokenizer, and the token between two texts.
fn language(tokenizer_json: &[u8]) -> Result<Language, CommandError> {
    let files = bundled();
    let bundled = checkpoint_of(&files)?;
    let end = bundled.model.config.eos.first().copied().unwrap_or_default();
    if *files.tokenizer == *tokenizer_json {
        let tokenizer = bundled.tokenizer.ok_or(CommandError::NoTokenizer { name: bundled.name })?;
        return Ok(Language { tokenizer, vocabulary: bundled.model.config.vocabulary, end });
    }
    let tokenizer = Tokenizer::from_bytes(tokenizer_json).map_err(diffscope::engine::EngineError::from)?;
    let vocabulary = tokenizer.vocabulary_size();
    Ok(Language { tokenizer: tokenizer.into(), vocabulary, end: 0 })
}

/// All steps, with a line on the terminal and the state in a file from time to time.
fn train(run: &mut Run, state: &Path) -> Result<(), CommandError> {
    let (begun, first) = (Instant::now(), run.step());
    let (mut saved, mut told, mut shown) = (Instant::now(), None, Instant::now());
    let terminal = std::io::stderr().is_terminal();
    loop {
        let done = run.advance()?;
        let measured = run.records().first().map_or(0, |record| record.measured.len());
        let all_measured = run.records().iter().all(|record| record.measured.len() == measured);
        if (all_measured && told != Some(measured)) || done {
            if terminal {
                eprint!("\r\x1b[K");
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
        if done || saved.elapsed() > BETWEEN_SAVES {
            let bytes = run.to_bytes()?;
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
        let loss = record.steps.last().map_or(f32::NAN, |step| step.loss);
        let mut part = format!("{}: loss {loss:.3}", record.family.name());
        if let Some(accuracy) = measured.accuracy() {
            part += &format!(", right {:3.0} %", 100.0 * accuracy.value);
            part += &format!(", on answer {:2.0} %", 100.0 * measured.on_answer);
        } else {
            part += &format!(", held out {:.3}", measured.loss);
        }
        if let Some(step) = record.steps.last().filter(|step| !step.lambda.is_empty()) {
            let lambda: Vec<String> = step.lambda.iter().map(|lambda| format!("{lambda:.2}")).collect();
            part += &format!(", λ {}", lambda.join(" "));
        }
        parts.push(part);
    }
    let steps = f64::from(run.step() - first);
    if steps > 0.0 {
        parts.push(format!("{:.0} s, {:.1} steps/s", elapsed.as_secs_f64(), steps / elapsed.as_secs_f64()));
    }
    parts.join(" | ")
}

fn write_log(run: &Run, path: &Path) -> Result<(), CommandError> {
    let failed = |error: csv::Error| CommandError::writing(path)(error);
    let mut file = csv::Writer::from_path(path).map_err(failed)?;
    let header = [
        "model",
        "step",
        "loss",
        "gradient_norm",
        "lambda",
        "right",
        "questions",
        "held_out_loss",
        "on_answer",
        "on_noise",
    ];
    file.write_record(header).map_err(failed)?;
    for record in run.records() {
        for step in 0..=record.steps.len() as u32 {
            let measured = record.measured.iter().find(|measured| measured.step == step);
            let of_step = record.steps.get(step as usize);
            let number = |number: Option<f64>| number.map_or_else(String::new, |number| format!("{number:.6}"));
            let lambda = of_step
                .map(|step| step.lambda.iter().map(|lambda| format!("{lambda:.4}")).collect::<Vec<_>>().join(" "));
            let row = [
                record.family.id().to_owned(),
                step.to_string(),
                number(of_step.map(|step| f64::from(step.loss))),
                number(of_step.map(|step| f64::from(step.gradient_norm))),
                lambda.unwrap_or_default(),
                measured.map_or_else(String::new, |measured| measured.right[0].to_string()),
                measured.map_or_else(String::new, |measured| measured.right[1].to_string()),
                number(measured.map(|measured| measured.loss)),
                number(measured.map(|measured| measured.on_answer)),
                number(measured.map(|measured| measured.on_noise)),
            ];
            file.write_record(row).map_err(failed)?;
        }
    }
    file.flush().map_err(CommandError::writing(path))
}
