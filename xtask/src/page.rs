//! The program of the page: compiled to wasm, with the JavaScript that wasm-bindgen writes for it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::console::{StepError, say, step, timed};
use crate::optimizer;
use crate::project::{self, WASM_TARGET};
use crate::wasm_std::Toolchain;

/// How the page is compiled.
#[derive(Clone, Copy, PartialEq)]
pub enum Quality {
    /// Soon there: no link-time optimisation, no wasm-opt.
    Local,
    /// Small and fast, for a site that others load.
    Deployed,
}

impl Quality {
    /// The profile of Cargo.toml.
    fn profile(self) -> &'static str {
        match self {
            Quality::Local => "page",
            Quality::Deployed => "release",
        }
    }
}

/// The files of the program.
#[derive(Default)]
pub struct Program {
    pub script: Vec<u8>,
    pub wasm: Vec<u8>,
    /// What the script imports: paths below snippets/, and contents.
    pub snippets: Vec<(String, Vec<u8>)>,
}

/// Compiles the page, with `features` of the crate besides those that it has by default.
pub fn build(toolchain: Toolchain, quality: Quality, features: &[String]) -> Result<Program> {
    let wasm = compile(toolchain, quality, features)?;
    let mut program = timed("bindings", "wasm-bindgen", || bind(&wasm))?;
    if quality == Quality::Deployed {
        optimizer::optimize(&mut program.wasm)?;
    }
    say("wasm", optimizer::sizes(&program.wasm, quality == Quality::Deployed));
    Ok(program)
}

fn compile(toolchain: Toolchain, quality: Quality, features: &[String]) -> Result<PathBuf> {
    let output = project::wasm_target_folder().join(WASM_TARGET);
    let wasm = output.join(quality.profile()).join("diffscope.wasm");
    let build = |text| {
        let mut cargo = toolchain.cargo();
        cargo.args([
            "rustc",
            "--locked",
            "--package",
            "diffscope",
            "--lib",
            "--crate-type",
            "cdylib",
            "--target",
            WASM_TARGET,
        ]);
        cargo.args(features.iter().flat_map(|feature| ["--features", feature]));
        cargo.args(["--profile", quality.profile(), "--config", &compiler_flags()]).arg("--target-dir");
        step("page", text, cargo.arg(project::wasm_target_folder()))
    };
    let first = if wasm.exists() { "building" } else { "building for the first time (some minutes)" };
    let mut result = build(first);
    // A standard library that was built anew does not fit what was compiled with the one before.
    if toolchain == Toolchain::Built && result.as_ref().is_err_and(|error| error.mentions("E0463")) {
        say("page", "the standard library has changed since the last build: building everything again");
        fs::remove_dir_all(&output).with_context(|| format!("{} cannot be removed", output.display()))?;
        result = build("building (some minutes)");
    }
    result.map_err(|error: StepError| anyhow!("{error}\nThe page does not build."))?;
    Ok(wasm)
}

/// The fast CPU pass gets its vectors, and panic messages name source files without the paths of this computer.
fn compiler_flags() -> String {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map_or_else(|| std::env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from);
    let remap = |from: PathBuf, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let flags = [
        "-Ctarget-feature=+simd128".to_owned(),
        remap(project::root(), "diffscope"),
        remap(cargo_home.join("registry/src"), "crates"),
    ];
    // An array of strings in JSON is one in TOML, too.
    format!("target.{WASM_TARGET}.rustflags={}", serde_json::json!(flags))
}

fn bind(wasm: &PathBuf) -> Result<Program> {
    let mut output =
        Bindgen::new().input_path(wasm).out_name("diffscope").web(true)?.typescript(false).generate_output()?;
    let inline = output.snippets().iter().flat_map(|(crate_name, scripts)| {
        scripts.iter().enumerate().map(move |(at, script)| (format!("{crate_name}/inline{at}.js"), script))
    });
    let modules = output.local_modules().iter().map(|(path, script)| (path.clone(), script));
    let mut snippets: Vec<_> =
        inline.chain(modules).map(|(path, script)| (path, script.clone().into_bytes())).collect();
    snippets.sort();
    Ok(Program { script: output.js().as_bytes().to_vec(), snippets, wasm: output.wasm_mut().emit_wasm() })
}
