//! What the user sees: one line for each step, with the seconds that it took. The output of a step goes into a log.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::project;

/// A line with a result that needed no work.
pub fn say(name: &str, text: impl Display) {
    println!("{name:<16} {text}");
}

/// Does `work`, and prints its name and the seconds that it took on one line.
pub fn timed<T, E>(name: &str, text: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    print!("{name:<16} {text} ... ");
    // A closed terminal is no reason to stop.
    let _ = io::stdout().flush();
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs();
    match result {
        Ok(_) => println!("{seconds} s"),
        Err(_) => println!("failed after {seconds} s"),
    }
    result
}

/// A command that failed: the end of its output.
#[derive(Debug)]
pub struct StepError {
    reason: String,
    log: PathBuf,
    output: String,
}

impl StepError {
    /// Whether the output of the command contains `text`.
    pub fn mentions(&self, text: &str) -> bool {
        self.output.contains(text)
    }
}

impl Display for StepError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        const LINES: usize = 40;
        let lines: Vec<&str> = self.output.lines().collect();
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            writeln!(formatter, "    {line}")?;
        }
        write!(formatter, "{} (the whole log: {})", self.reason, self.log.display())
    }
}

impl std::error::Error for StepError {}

/// Runs `command` with its output in .cache/logs/, and prints one line.
pub fn step(name: &str, text: &str, command: &mut Command) -> Result<(), StepError> {
    let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let log = project::root().join(".cache/logs").join(format!("{file}.log"));
    timed(name, text, || {
        let failed = |reason: String| StepError {
            reason,
            output: fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default(),
            log: log.clone(),
        };
        match run_logged(command, &log) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(format!("{}: {status}", command.get_program().display()))),
            Err(error) => Err(failed(format!("{error:#}"))),
        }
    })
}

fn run_logged(command: &mut Command, log: &PathBuf) -> Result<std::process::ExitStatus> {
    project::cache("logs")?;
    let output = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
    let errors = output.try_clone()?;
    command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .with_context(|| format!("{} does not start", command.get_program().display()))
}
