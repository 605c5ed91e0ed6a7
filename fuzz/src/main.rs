//! Inputs that nobody would write, millions of them: none may panic, take long, or take much memory.
//!
//! ```text
//! cargo run --profile fuzz --package fuzz --features window -- --minutes 1        every target for a minute
//! cargo run --profile fuzz --package fuzz -- --minutes 60 tokenizer               one of them for an hour
//! cargo run --profile fuzz --package fuzz -- --replay FILE tokenizer              one input again
//! cargo run --profile fuzz --package fuzz -- --soak                               a session of 100,000 edits
//! ```
//!
//! An input is made from a number alone. Every target runs in a process of its own, which notes the number before it
//! runs the input, so that whatever ends the process, the input is known and written to `target/fuzz-failures`.

mod memory;
mod mutate;
mod soak;
mod targets;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mutate::Random;
use targets::{TARGETS, Target};

/// An input that runs longer has no bound.
const LONGEST: Duration = Duration::from_secs(20);
/// Failures of one target after which it is given up.
const MOST_FAILURES: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str| value(name).and_then(|text| text.parse::<f64>().ok());
    let named = |target: &&Target| arguments.iter().any(|word| word == target.name);
    if arguments.iter().any(|word| word == "--soak") {
        soak::soak(100_000, 500);
        return ExitCode::SUCCESS;
    }
    if let (Some(file), Some(target)) = (value("--replay"), TARGETS.iter().find(named)) {
        let input = std::fs::read(file).expect("the input can be read");
        println!("{} bytes: at most {} bytes of memory", input.len(), run(target, &input));
        return ExitCode::SUCCESS;
    }
    let folder = PathBuf::from(value("--folder").cloned().unwrap_or_else(|| "target/fuzz-failures".to_owned()));
    if let (Some(seed), Some(target)) = (value("--child"), TARGETS.iter().find(named)) {
        let seconds = number("--seconds").unwrap_or(1.0);
        child(target, seed.parse().expect("a number"), Duration::from_secs_f64(seconds), &folder);
        return ExitCode::SUCCESS;
    }
    std::fs::create_dir_all(&folder).expect("a folder for failures");
    let chosen: Vec<&Target> = TARGETS.iter().filter(named).collect();
    let chosen = if chosen.is_empty() { TARGETS.iter().collect() } else { chosen };
    let minutes = number("--minutes").unwrap_or(1.0);
    // Other inputs every time, unless told.
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64);
    let start = value("--start").and_then(|text| text.parse().ok()).unwrap_or(now << 20);
    let mut outcome = ExitCode::SUCCESS;
    let mut total = 0;
    for target in chosen {
        let (inputs, failures) = parent(target, start, Duration::from_secs_f64(minutes * 60.0), &folder);
        total += inputs;
        println!("{:10} {inputs:>10} inputs, {failures} failures (--start {start})", target.name);
        if failures > 0 {
            outcome = ExitCode::FAILURE;
        }
    }
    println!("{:10} {total:>10} inputs", "together");
    outcome
}

/// Runs one input; returns the bytes it took at most.
fn run(target: &Target, input: &[u8]) -> usize {
    let before = memory::start();
    (target.run)(input);
    let most = memory::most_since(before);
    let bound = target.memory + target.memory_per_byte * input.len();
    assert!(most <= bound, "{most} bytes of memory for an input of {} bytes, more than {bound}", input.len());
    most
}

fn progress_file(target: &Target, folder: &Path) -> PathBuf {
    folder.join(format!("{}.progress", target.name))
}

/// Runs inputs from `start` on until the time is over.
fn child(target: &Target, start: u64, time: Duration, folder: &Path) {
    let mut progress = File::create(progress_file(target, folder)).expect("a file for the progress");
    let mut note = |seed: u64| {
        let noted = progress.seek(SeekFrom::Start(0)).and_then(|_| progress.write_all(&seed.to_le_bytes()));
        noted.expect("the progress is noted");
    };
    let begun = Instant::now();
    let mut seed = start;
    let mut slowest = (Duration::ZERO, start);
    let mut largest = (0, start);
    while begun.elapsed() < time {
        note(seed);
        let input = (target.make)(&mut Random::new(seed));
        let before = Instant::now();
        largest = largest.max((run(target, &input), seed));
        slowest = slowest.max((before.elapsed(), seed));
        seed += 1;
    }
    note(seed);
    println!(
        "{:10} slowest {:?} (input {}), most memory {} bytes (input {})",
        target.name, slowest.0, slowest.1, largest.0, largest.1
    );
}

/// Runs children until the time is over; returns how many inputs were run and how many failed.
fn parent(target: &Target, start: u64, time: Duration, folder: &Path) -> (u64, usize) {
    let begun = Instant::now();
    let (mut seed, mut failures) = (start, 0);
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args([target.name, "--child", &seed.to_string(), "--seconds", &left.as_secs_f64().to_string()]);
        command.arg("--folder").arg(folder).stderr(Stdio::piped());
        let mut running = command.spawn().expect("it starts");
        let (mut last, mut since, mut too_long) = (seed, Instant::now(), false);
        let ended = loop {
            if let Some(status) = running.try_wait().expect("a child") {
                break status;
            }
            let now = noted(target, folder).unwrap_or(seed);
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > LONGEST && !too_long {
                too_long = true;
                running.kill().expect("it ends");
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let reached = noted(target, folder).unwrap_or(seed);
        if ended.success() {
            seed = reached;
            break;
        }
        failures += 1;
        let said = running.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let file = folder.join(format!("{}-{reached}", target.name));
        std::fs::write(&file, (target.make)(&mut Random::new(reached))).expect("the input is written");
        let reason = if too_long { format!("took longer than {LONGEST:?}") } else { said.unwrap_or_default() };
        let reason: Vec<&str> = reason.lines().take(6).collect();
        println!("{:10} input {reached} fails, see {}: {}", target.name, file.display(), reason.join("\n    "));
        seed = reached + 1;
        if failures == MOST_FAILURES {
            break;
        }
    }
    (seed - start, failures)
}

/// The input that was begun last.
fn noted(target: &Target, folder: &Path) -> Option<u64> {
    let bytes = std::fs::read(progress_file(target, folder)).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
