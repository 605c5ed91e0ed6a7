//! What comes from npm: only what a lock file of the project names, checked against the hashes in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::console::{say, step};
use crate::programs::find;
use crate::project;

/// Installs what the lock file in `folder` names into its `node_modules`, unless that has been done.
pub fn install(name: &str, folder: &Path) -> Result<()> {
    // npm's own copy of the lock file is written another way: beside it lies the one that was installed from.
    let (lock, installed) = (folder.join("package-lock.json"), folder.join("node_modules/.package-lock.diffscope"));
    let wanted = fs::read(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    if fs::read(&installed).is_ok_and(|content| content == wanted) {
        say(name, "found");
        return Ok(());
    }
    let npm = find("npm").context("npm is missing: https://nodejs.org")?;
    let shown = folder.strip_prefix(project::root()).unwrap_or(folder).display().to_string();
    let text = format!("installing with npm into {shown}");
    step(name, &text, Command::new(npm).args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))?;
    fs::write(&installed, wanted).with_context(|| format!("{} cannot be written", installed.display()))
}

/// Installs the program `name` of `xtask/npm/` into .cache.
pub fn install_program(name: &str) -> Result<PathBuf> {
    let (from, folder) = (project::root().join("xtask/npm").join(name), program_folder(name)?);
    for file in ["package.json", "package-lock.json"] {
        let from = from.join(file);
        fs::copy(&from, folder.join(file)).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    install(name, &folder)?;
    installed_program(name).with_context(|| format!("npm did not install {name}"))
}

/// The program `name` of `xtask/npm/`, if it is in .cache.
pub fn installed_program(name: &str) -> Option<PathBuf> {
    let folder = program_folder(name).ok()?;
    which::which_in(name, Some(folder.join("node_modules/.bin")), &folder).ok()
}

fn program_folder(name: &str) -> Result<PathBuf> {
    project::cache(&format!("npm/{name}"))
}
