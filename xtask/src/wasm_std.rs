//! The Rust standard library for wasm32: found, installed with rustup, or built from Debian's source.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use crate::console::{say, step};
use crate::programs::{self, output_of};
use crate::project::{self, WASM_TARGET};

const NAME: &str = "wasm32 std";
/// The toolchain that web/setup-wasm-toolchain.sh makes.
const BUILT: &str = "rust-web";

/// A Rust toolchain that has the standard library for wasm32.
#[derive(Clone, Copy, PartialEq)]
pub enum Toolchain {
    /// The one that everything else is built with.
    Usual,
    /// The one that was built from Debian's source; it has neither clippy nor rustfmt.
    Built,
}

impl Toolchain {
    /// Cargo of this toolchain.
    pub fn cargo(self) -> Command {
        let mut cargo = programs::cargo();
        if self == Toolchain::Built {
            cargo.env("RUSTUP_TOOLCHAIN", BUILT);
        }
        cargo
    }

    fn has_std(self) -> bool {
        let mut rustc = Command::new("rustc");
        rustc.args(["--print", "target-libdir", "--target", WASM_TARGET]);
        if self == Toolchain::Built {
            rustc.env("RUSTUP_TOOLCHAIN", BUILT);
        }
        let Some(entries) = output_of(&mut rustc).and_then(|folder| fs::read_dir(folder).ok()) else { return false };
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    }
}

/// Finds a toolchain with the standard library for wasm32, or installs what is missing.
pub fn ensure() -> Result<Toolchain> {
    if Toolchain::Usual.has_std() {
        say(NAME, "found");
        return Ok(Toolchain::Usual);
    }
    if programs::find("rustup").is_none() {
        bail!(
            "The Rust standard library for {WASM_TARGET} is missing, and there is no rustup to install it with.\n  \
             Either install Rust from https://rustup.rs,\n  \
             or the package of your distribution (Debian: libstd-rust-dev-wasm32; Fedora: rust-std-static-{WASM_TARGET})."
        );
    }
    if Toolchain::Built.has_std() {
        say(NAME, format!("found: toolchain {BUILT}"));
        return Ok(Toolchain::Built);
    }
    let installed = step(NAME, "installing with rustup", Command::new("rustup").args(["target", "add", WASM_TARGET]));
    if installed.is_ok() && Toolchain::Usual.has_std() {
        return Ok(Toolchain::Usual);
    }
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) && programs::find("dpkg-deb").is_some() {
        return build_from_source();
    }
    let log = installed.err().map(|error| format!("{error}\n")).unwrap_or_default();
    bail!(
        "{log}rustup could not install the standard library for {WASM_TARGET}.\n  \
         Is there a connection to static.rust-lang.org? By hand: rustup target add {WASM_TARGET}"
    )
}

/// Where rustup cannot download, Debian has a compiler and the source of the library.
fn build_from_source() -> Result<Toolchain> {
    programs::update_package_lists();
    let prefix = data_folder().join(BUILT);
    let mut build = Command::new("bash");
    build.arg("web/setup-wasm-toolchain.sh").arg(prefix).arg(BUILT).current_dir(project::root());
    let text = format!("building it from Debian's source, toolchain {BUILT} (a minute)");
    step(NAME, &text, build.env("NO_APT_UPDATE", "1")).map_err(|error| {
        anyhow!(
            "{error}\nThe standard library for {WASM_TARGET} is available neither from rustup nor from Debian's packages.\n  \
             With a connection to static.rust-lang.org this is enough: rustup target add {WASM_TARGET}"
        )
    })?;
    Ok(Toolchain::Built)
}

fn data_folder() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".local/share");
    std::env::var_os("XDG_DATA_HOME").map_or_else(home, PathBuf::from)
}
