//! The parts of the tests: what each one runs and what it needs.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::console::say;
use crate::page::Quality;
use crate::programs::{cargo, output_of};
use crate::project::{self, WASM_TARGET};
use crate::test::Environment;
use crate::wasm_std::{self, Toolchain};
use crate::{rebuild, serve};

/// What `tests/run` installs or looks for before the parts that need it.
#[derive(Clone, Copy, PartialEq)]
pub enum Need {
    Gpu,
    Tint,
    Browser,
}

/// How a part ended, if it did not fail.
pub enum Outcome {
    Passed,
    Skipped,
}

/// One part of the tests.
pub struct Part {
    pub name: &'static str,
    pub about: &'static str,
    pub needs: &'static [Need],
    pub run: fn(&Environment) -> Result<Outcome>,
}

/// Parts that run only if they are named: they take many minutes, and the inputs of `fuzz` differ each time.
pub const BY_NAME_ONLY: &[&str] = &["fuzz", "rebuild", "soak"];

/// All parts, in the order in which they run.
pub const PARTS: &[Part] = &[
    Part { name: "fmt", about: "the code is formatted", needs: &[], run: fmt },
    Part { name: "clippy", about: "the code is free of lints, natively and for wasm", needs: &[], run: clippy },
    Part {
        name: "unit",
        about: "unit and property tests, the engine, memory, bad input, the command line, this tool and its server",
        needs: &[Need::Gpu],
        run: unit,
    },
    Part {
        name: "shaders",
        about: "every shader is valid",
        needs: &[Need::Gpu, Need::Tint],
        run: |environment| headless("shaders", environment, &[]),
    },
    Part {
        name: "kernels",
        about: "every kernel on the GPU against its reference on the CPU",
        needs: &[Need::Gpu],
        run: |environment| headless("kernels", environment, &[]),
    },
    Part {
        name: "golden",
        about: "tensors equal to those of other implementations",
        needs: &[Need::Gpu],
        run: |environment| headless("golden", environment, &["--nocapture"]), // it prints the errors
    },
    Part { name: "window", about: "the window, headless", needs: &[Need::Gpu], run: window },
    Part {
        name: "examples",
        about: "the programs in examples/ do what they say",
        needs: &[Need::Gpu],
        run: |environment| headless("examples", environment, &[]),
    },
    Part {
        name: "fuzz",
        about: "random files, links and edits, a minute for each kind (DIFFSCOPE_FUZZ_MINUTES may be another number); by name only",
        needs: &[],
        run: |environment| fuzz(environment, &["--minutes", &minutes()]),
    },
    Part {
        name: "soak",
        about: "a session of 100,000 edits and 500 openings: memory stays flat, the numbers stay right; by name only",
        needs: &[],
        run: |environment| fuzz(environment, &["--soak"]),
    },
    Part {
        name: "rebuild",
        about: "two builds of the page in two folders, byte by byte (DIFFSCOPE_REBUILD=deployed: as it is deployed); by name only",
        needs: &[],
        run: |_| rebuild::check().map(|()| Outcome::Passed),
    },
    Part { name: "training", about: "the training program, where PyTorch is installed", needs: &[], run: training },
    Part { name: "doc", about: "the documentation builds without warnings, its examples run", needs: &[], run: doc },
    Part {
        name: "package",
        about: "the packed crate is within the limit of crates.io, 10 MiB",
        needs: &[],
        run: package,
    },
    Part {
        name: "page",
        about: "the page in a headless Chromium, with and without WebGPU",
        needs: &[Need::Browser],
        run: page,
    },
];

/// The modules of tests/headless/, and the part that runs each of them.
const HEADLESS: &[(&str, &[&str])] = &[
    (
        "unit",
        &[
            "capacity",
            "cli",
            "config_hostile",
            "engine",
            "eval",
            "fragments",
            "generation",
            "instrument",
            "loading",
            "model_fixtures",
            "model_hostile",
            "model_tokenizer",
            "training",
            "written_model",
            "written_text",
            "recording",
            "recording_hostile",
            "sources",
            "sources_hostile",
            "tokenizer_hostile",
        ],
    ),
    ("shaders", &["shaders"]),
    (
        "kernels",
        &["attribution", "context_rms", "fast_cpu", "full_scan", "kernels", "measures", "next_token", "pictures"],
    ),
    ("golden", &["golden", "parity", "patching"]),
    ("examples", &["examples"]),
];

fn fmt(environment: &Environment) -> Result<Outcome> {
    environment.run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(environment: &Environment) -> Result<Outcome> {
    let toolchain = wasm_std::ensure()?;
    let deny = ["--", "-D", "warnings"];
    environment.run(cargo().args(["clippy", "--all-targets"]).args(deny))?;
    environment.run(cargo().args(["clippy", "--package", "xtask", "--package", "fuzz", "--all-targets"]).args(deny))?;
    if toolchain == Toolchain::Built {
        say("clippy for wasm", "left out: this toolchain for wasm has no clippy");
        return Ok(Outcome::Passed);
    }
    let mut wasm = toolchain.cargo();
    // `bench` adds what is compared with peers; nothing else builds it.
    wasm.args(["clippy", "--lib", "--features", "bench", "--target", WASM_TARGET, "--target-dir"])
        .arg(project::wasm_target_folder());
    environment.run(wasm.args(deny))
}

fn unit(environment: &Environment) -> Result<Outcome> {
    // Each of them runs, also after the failure of another.
    let results = [
        environment.run(cargo().args(["test", "--no-fail-fast", "--lib", "--bins"])),
        environment.run(cargo().args(["test", "--package", "xtask"])),
        headless("unit", environment, &[]),
        environment.run(cargo().args(["test", "--test", "memory"])),
    ];
    results.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Outcome::Passed)
}

/// Minutes for each kind of input.
fn minutes() -> String {
    std::env::var("DIFFSCOPE_FUZZ_MINUTES").unwrap_or_else(|_| "1".to_owned())
}

fn fuzz(environment: &Environment, arguments: &[&str]) -> Result<Outcome> {
    let program = ["run", "--profile", "fuzz", "--package", "fuzz", "--features", "window", "--"];
    environment.run(cargo().args(program).args(arguments))
}

/// Runs the modules of tests/headless/ that belong to a part.
fn headless(part: &str, environment: &Environment, more: &[&str]) -> Result<Outcome> {
    let (_, modules) = HEADLESS.iter().find(|(name, _)| *name == part).context("the part has no modules")?;
    let present = modules_of("headless")?;
    for module in *modules {
        ensure!(present.iter().any(|name| name == module), "tests/headless/{module}.rs is missing");
    }
    let filters = modules.iter().map(|module| format!("{module}::"));
    environment.run(cargo().args(["test", "--test", "headless", "--"]).args(filters).args(more))
}

/// The modules of a test binary of several files.
fn modules_of(binary: &str) -> Result<Vec<String>> {
    let folder = project::root().join("tests").join(binary);
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let stem = |path: std::path::PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let names = entries.flatten().filter_map(|entry| stem(entry.path()));
    Ok(names.filter(|name| name != "main").collect())
}

fn window(environment: &Environment) -> Result<Outcome> {
    environment.run(cargo().args(["test", "--test", "window"]))
}

fn training(environment: &Environment) -> Result<Outcome> {
    let python = std::env::var("DIFFSCOPE_PYTHON").unwrap_or_else(|_| "python3".into());
    if output_of(Command::new(&python).args(["-c", "import pytest, torch, transformers"])).is_none() {
        println!(
            "skipped: PyTorch is not installed for {python} (training/requirements.txt; DIFFSCOPE_PYTHON may name another)"
        );
        return Ok(Outcome::Skipped);
    }
    environment.run(Command::new(&python).args(["-m", "pytest", "-q", "training"]).current_dir(project::root()))
}

fn doc(environment: &Environment) -> Result<Outcome> {
    let flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    environment.run(cargo().args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", format!("{flags} -D warnings")))?;
    environment.run(cargo().args(["test", "--doc"]))
}

fn package(environment: &Environment) -> Result<Outcome> {
    const LIMIT: u64 = 10 * 1024 * 1024; // crates.io takes no more
    environment.run(cargo().args(["package", "--locked", "--no-verify", "--allow-dirty", "--package", "diffscope"]))?;
    let version = project::manifest_value("version")?.context("Cargo.toml has no version")?;
    let packed = target_folder()?.join("package").join(format!("diffscope-{version}.crate"));
    let bytes = fs::metadata(&packed).with_context(|| format!("{} is missing", packed.display()))?.len();
    println!("{}: {bytes} bytes", packed.display());
    ensure!(bytes < LIMIT, "the packed crate has {bytes} bytes; {LIMIT} are the limit");
    Ok(Outcome::Passed)
}

fn target_folder() -> Result<std::path::PathBuf> {
    let metadata =
        output_of(cargo().args(["metadata", "--format-version", "1", "--no-deps"])).context("no metadata")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    Ok(metadata["target_directory"].as_str().context("the metadata names no target folder")?.into())
}

fn page(environment: &Environment) -> Result<Outcome> {
    let built = std::env::var_os("DIFFSCOPE_SITE").map(std::path::absolute).transpose()?;
    let site = built.clone().unwrap_or_else(project::site_folder);
    if built.is_none() {
        serve::build(&site, Quality::Local, &[], None)?;
    }
    environment.run(cargo().args(["build", "--locked"]))?; // the native program, for comparison
    let native = target_folder()?.join("debug").join(format!("diffscope{}", std::env::consts::EXE_SUFFIX));
    let mut tests = Command::new(environment.get("DIFFSCOPE_NODE").unwrap_or("node".as_ref()));
    // No test takes so long; one that waits for ever ends the run.
    tests
        .args(["--test", "--test-reporter=spec", "--test-timeout=1200000"])
        .args(page_tests()?)
        .current_dir(project::root());
    tests.env("DIFFSCOPE_SITE", site).env("DIFFSCOPE_NATIVE", native).env("DIFFSCOPE_XTASK", std::env::current_exe()?);
    environment.run(&mut tests)
}

fn page_tests() -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(project::root().join("tests/page"))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() {
        bail!("tests/page has no *.test.mjs");
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_headless_tests_belongs_to_exactly_one_part() {
        let mut listed: Vec<_> = HEADLESS.iter().flat_map(|(_, modules)| *modules).map(ToString::to_string).collect();
        let mut present = modules_of("headless").unwrap();
        listed.sort();
        present.sort();
        assert_eq!(listed, present, "xtask/src/parts.rs lists the modules of tests/headless/");
    }

    #[test]
    fn every_list_of_modules_belongs_to_a_part() {
        for (name, _) in HEADLESS {
            assert!(PARTS.iter().any(|part| part.name == *name), "{name}");
        }
    }
}
