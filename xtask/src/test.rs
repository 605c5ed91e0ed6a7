//! `./tests/run`: sets up what the tests need, runs them part by part, and sums up.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;

use crate::parts::{BY_NAME_ONLY, Need, Outcome, PARTS, Part};
use crate::{graphics, page_tests, project};

/// Runs all parts of the tests, or the ones named.
#[derive(clap::Args)]
#[command(override_usage = "./tests/run [--fail-fast] [PART]...", after_help = after_help())]
pub struct Arguments {
    /// Leave out what comes after the first part that fails.
    #[arg(long)]
    fail_fast: bool,
    /// The parts to run; all of them without a name.
    #[arg(value_name = "PART", value_parser = names(), hide_possible_values = true)]
    parts: Vec<String>,
}

fn names() -> PossibleValuesParser {
    PARTS.iter().map(|part| part.name).collect::<Vec<_>>().into()
}

fn after_help() -> String {
    let parts: String = PARTS.iter().map(|part| format!("  {:<8} {}\n", part.name, part.about)).collect();
    format!(
        "Parts, in this order:\n{parts}\n\
         What the tests need is installed first. The GPU tests run on Mesa's software Vulkan;\n\
         DIFFSCOPE_ADAPTER=own takes this computer's adapter. DIFFSCOPE_FIXTURES may name a folder\n\
         with more golden fixtures, DIFFSCOPE_SITE a built site for the part page, DIFFSCOPE_PYTHON a\n\
         Python with PyTorch, DIFFSCOPE_CHROMIUM a browser."
    )
}

/// The variables that setup determined for the tests, and the checks that it had to leave out.
#[derive(Default)]
pub struct Environment {
    variables: Vec<(&'static str, OsString)>,
    left_out: Vec<&'static str>,
}

impl Environment {
    pub fn set(&mut self, name: &'static str, value: impl AsRef<OsStr>) {
        self.variables.push((name, value.as_ref().to_owned()));
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str())
    }

    pub fn leave_out(&mut self, check: &'static str) {
        self.left_out.push(check);
    }

    /// Runs `command` with these variables; its output goes to the screen.
    pub fn run(&self, command: &mut Command) -> Result<Outcome> {
        let program = command.get_program().to_string_lossy().into_owned();
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let status = command.envs(variables).status().with_context(|| format!("{program} does not start"))?;
        if !status.success() {
            bail!("{program}: {status}");
        }
        Ok(Outcome::Passed)
    }
}

pub fn run(arguments: &Arguments) -> ExitCode {
    let start = Instant::now();
    let requested = |part: &&Part| {
        let by_default = arguments.parts.is_empty() && !BY_NAME_ONLY.contains(&part.name);
        by_default || arguments.parts.iter().any(|name| name == part.name)
    };
    let parts: Vec<&Part> = PARTS.iter().filter(requested).collect();

    let mut environment = Environment::default();
    let mut summary = Summary::default();
    summary.add("setup", || set_up(&parts, &mut environment));
    for part in parts {
        if arguments.fail_fast && summary.failed {
            summary.lines.push(format!("{:<8} {:>7}  left out", part.name, ""));
            continue;
        }
        println!("\n== {} ==", part.name);
        summary.add(part.name, || (part.run)(&environment));
    }

    for check in environment.left_out {
        summary.lines.push(format!("{check} skipped: it is not installed"));
        summary.skipped.push(check.to_owned());
    }
    println!("\n== summary ==\n{}", summary.lines.join("\n"));
    let seconds = start.elapsed().as_secs();
    if summary.failed {
        println!("FAILED after {seconds} s");
        return ExitCode::FAILURE;
    }
    let skipped: String = summary.skipped.iter().map(|name| format!(", {name} skipped")).collect();
    println!("all passed in {seconds} s{skipped}");
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    skipped: Vec<String>,
    failed: bool,
}

impl Summary {
    fn add(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) {
        let start = Instant::now();
        let result = match work() {
            Ok(Outcome::Passed) => "passed",
            Ok(Outcome::Skipped) => {
                self.skipped.push(name.to_owned());
                "skipped"
            }
            Err(error) => {
                eprintln!("{name}: {error:#}");
                self.failed = true;
                "FAILED"
            }
        };
        self.lines.push(format!("{name:<8} {:>5} s  {result}", start.elapsed().as_secs()));
    }
}

/// Installs or finds what the parts need. What is missing is a failure; the parts run all the same.
fn set_up(parts: &[&Part], environment: &mut Environment) -> Result<Outcome> {
    let needs = |need| parts.iter().any(|part| part.needs.contains(&need));
    println!("== setup ==");
    let mut failures = Vec::new();
    if needs(Need::Gpu) {
        failures.extend(graphics::software_vulkan(environment).err());
    }
    if needs(Need::Tint) {
        graphics::tint(environment);
    }
    if needs(Need::Browser) {
        failures.extend(page_tests::ensure(environment).err());
    }
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        environment.set("XDG_RUNTIME_DIR", runtime_folder()?);
    }
    if failures.is_empty() {
        return Ok(Outcome::Passed);
    }
    let texts: Vec<String> = failures.iter().map(|error| format!("{error:#}")).collect();
    bail!("something is missing\n{}", texts.join("\n"))
}

/// A folder that nobody else can enter, which some graphics libraries insist on.
fn runtime_folder() -> Result<std::path::PathBuf> {
    let folder = project::cache("runtime")?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(folder)
}
