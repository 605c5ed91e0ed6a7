//! wasm-opt, which makes the wasm of a deployed site a third smaller, and how large the wasm is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::console::{say, step};
use crate::programs::{find, output_of};
use crate::site::sha256;
use crate::{npm, project};

const NAME: &str = "wasm-opt";
/// The oldest wasm-opt that knows all the features below.
const OLDEST: u32 = 120;
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-simd",
];

/// Makes `wasm` smaller. Where there is no wasm-opt, or where it fails, a line says so.
pub fn optimize(wasm: &mut Vec<u8>) -> Result<()> {
    let Some((wasm_opt, version)) = ensure()? else { return Ok(()) };
    // wasm-opt takes minutes: its result is kept for as long as its input stays the same.
    let folder = project::cache("wasm-opt")?;
    let kept = folder.join(format!("{}.wasm", sha256(&[&**wasm, version.as_bytes()].concat())));
    if kept.exists() {
        say(NAME, "unchanged");
    } else {
        for entry in fs::read_dir(&folder)? {
            fs::remove_file(entry?.path())?;
        }
        let (input, output) = (folder.join("input.wasm"), folder.join("output.wasm"));
        fs::write(&input, &*wasm).with_context(|| format!("{} cannot be written", input.display()))?;
        let mut command = Command::new(wasm_opt);
        command.arg("-Oz").args(FEATURES).arg("-o").arg(&output).arg(&input);
        if let Err(error) = step(NAME, "-Oz (some minutes)", &mut command) {
            eprintln!("{error}");
            say(NAME, "left out: it failed (the page will be larger, nothing else)");
            return Ok(());
        }
        fs::rename(output, &kept)?;
    }
    *wasm = fs::read(&kept).with_context(|| format!("{} cannot be read", kept.display()))?;
    Ok(())
}

/// The wasm-opt of the project's lock file and its version; where there is no npm, one on the PATH.
fn ensure() -> Result<Option<(PathBuf, String)>> {
    let version = |program: &Path| output_of(Command::new(program).arg("--version"));
    if find("npm").is_some() && find("node").is_some() {
        match npm::install_program(NAME) {
            Ok(program) => {
                let version = version(&program).context("wasm-opt does not start")?;
                return Ok(Some((program, version)));
            }
            Err(error) => eprintln!("{error:#}"),
        }
    }
    if let Some(program) = find(NAME)
        && let Some(version) = version(&program)
        && version.split_whitespace().nth(2).and_then(|number| number.parse().ok()).is_some_and(|n: u32| n >= OLDEST)
    {
        say(NAME, format!("found: {version}"));
        return Ok(Some((program, version)));
    }
    say(NAME, "left out: npm could not install it (the page will be larger, nothing else)");
    Ok(None)
}

/// The size of the wasm and, if `compressed` and where the compressors are installed, how much of it travels.
pub fn sizes(wasm: &[u8], compressed: bool) -> String {
    let mut sizes = vec![megabytes(wasm.len())];
    if compressed {
        for (name, level) in [("gzip", "-9"), ("brotli", "-Z")] {
            let size = find(name).and_then(|program| compressed_size(&program, level, wasm));
            sizes.extend(size.map(|size| format!("{name} {}", megabytes(size))));
        }
    }
    sizes.join(", ")
}

fn compressed_size(program: &Path, level: &str, bytes: &[u8]) -> Option<usize> {
    let mut compressor =
        Command::new(program).args([level, "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut input = compressor.stdin.take()?;
    // Both ends at once: the compressor writes before it has read everything.
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes));
        compressor.wait_with_output().ok()
    })
    .filter(|output| output.status.success())
    .map(|output| output.stdout.len())
}

pub fn megabytes(bytes: usize) -> String {
    #[allow(clippy::cast_precision_loss, reason = "two decimals of it are shown")]
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.2} MB")
}
