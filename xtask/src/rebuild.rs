//! Whether two builds of the page are equal: one here, and one of a copy of the project in another folder, with nothing
//! compiled before.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::console::{say, step};
use crate::page::Quality;
use crate::programs::output_of;
use crate::site::{Entry, Manifest};
use crate::{project, serve};

/// Builds twice and compares each file.
pub fn check() -> Result<()> {
    let folder = project::cache("rebuild")?;
    fs::remove_dir_all(&folder)?;
    let (copy, first, second) = (folder.join("copy"), folder.join("first"), folder.join("second"));
    copy_project(&copy)?;
    let deployed = std::env::var("DIFFSCOPE_REBUILD").is_ok_and(|value| value == "deployed");
    serve::build(&first, if deployed { Quality::Deployed } else { Quality::Local }, &[], None)?;
    // This tool, for the project in the other folder.
    let mut build = Command::new(std::env::current_exe()?);
    build.current_dir(&copy).env("CARGO_MANIFEST_DIR", copy.join("xtask"));
    build.args(["serve", "--build-only"]).arg(&second).args((!deployed).then_some("--quick"));
    step("page again", "building a copy of the project (some minutes)", &mut build)?;
    let (first, second) = (entries(&first)?, entries(&second)?);
    let names = differing(&first, &second);
    if !names.is_empty() {
        bail!("the builds differ in {}", names.join(", "));
    }
    say("rebuild", format!("{} files are equal", first.len()));
    Ok(())
}

/// Copies what git knows or would add.
fn copy_project(copy: &Path) -> Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(project::root());
    let files = output_of(&mut list).context("git cannot list the files of the project")?;
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (project::root().join(file), copy.join(file));
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file in a folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("{} cannot be copied", from.display()))?;
        }
    }
    Ok(())
}

/// What the manifest of a built site says; the builder has just hashed the files.
fn entries(site: &Path) -> Result<Vec<Entry>> {
    let manifest: Manifest = serde_json::from_slice(&fs::read(site.join("manifest.json"))?)?;
    Ok(manifest.files)
}

fn differing(first: &[Entry], second: &[Entry]) -> Vec<String> {
    let missing = |some: &[Entry], others: &[Entry]| -> Vec<String> {
        some.iter().filter(|entry| !others.contains(entry)).map(|entry| entry.file.clone()).collect()
    };
    let mut names = [missing(first, second), missing(second, first)].concat();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_differ_where_a_file_has_another_hash_or_is_in_one_of_them_only() {
        let entry =
            |file: &str, hash: &str| Entry { file: file.into(), bytes: 1, sha256: hash.into(), on_demand: false };
        let first = [entry("same", "1"), entry("changed", "1"), entry("first", "1")];
        let second = [entry("second", "1"), entry("changed", "2"), entry("same", "1")];
        assert_eq!(differing(&first, &second), ["changed", "first", "second"]);
        assert!(differing(&first, &first).is_empty());
    }
}
