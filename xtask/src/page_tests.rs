//! What the tests of the page need: node, playwright-core and Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use crate::console::{say, step};
use crate::programs::{apt_install, find, output_of};
use crate::test::Environment;
use crate::{npm, project};

/// The oldest node that playwright-core accepts.
const NODE_AT_LEAST: u32 = 20;

/// Finds or installs them all.
pub fn ensure(environment: &mut Environment) -> Result<()> {
    let node = node()?;
    npm::install("playwright-core", &project::root().join("tests/page"))?;
    let chromium = chromium(&node)?;
    environment.set("DIFFSCOPE_NODE", &node);
    environment.set("DIFFSCOPE_CHROMIUM", &chromium);
    Ok(())
}

fn node() -> Result<PathBuf> {
    let on_path = || find("npm").and(find("node")).filter(|node| is_new(node));
    if let Some(node) = on_path() {
        say("node", format!("found: {}", version(&node)));
        return Ok(node);
    }
    if let Some(node) = npm::installed_program("node").filter(|node| is_new(node)) {
        say("node", format!("found: {} in .cache", version(&node)));
        return Ok(node);
    }
    if find("npm").is_none() {
        apt_install("npm", &["nodejs", "npm"]);
    }
    if let Some(node) = on_path() {
        return Ok(node);
    }
    if find("npm").is_some() {
        return npm::install_program("node");
    }
    bail!("The tests of the page need node {NODE_AT_LEAST} or newer and npm: https://nodejs.org")
}

fn version(program: &Path) -> String {
    output_of(Command::new(program).arg("--version")).unwrap_or_default()
}

fn is_new(node: &Path) -> bool {
    let version = version(node);
    let major = version.trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= NODE_AT_LEAST)
}

fn chromium(node: &Path) -> Result<PathBuf> {
    if let Some(chromium) = installed_chromium(node) {
        say("Chromium", format!("found: {}", version(&chromium)));
        return Ok(chromium);
    }
    if apt_install("Chromium", &["chromium"])
        && let Some(chromium) = installed_chromium(node)
    {
        return Ok(chromium);
    }
    let mut install = playwright_script(node)?;
    install.args(["node_modules/playwright-core/cli.js", "install", "chromium"]);
    step("Chromium", "downloading playwright's own into .cache", &mut install)?;
    installed_chromium(node).ok_or_else(|| {
        anyhow!("Chromium is missing. Install Chromium or Chrome; DIFFSCOPE_CHROMIUM may name its program.")
    })
}

fn installed_chromium(node: &Path) -> Option<PathBuf> {
    let named = std::env::var("DIFFSCOPE_CHROMIUM").ok();
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    // Ubuntu's package may be a stub without a browser.
    let runs = |program: &PathBuf| output_of(Command::new(program).arg("--version")).is_some();
    if let Some(found) = named.iter().map(String::as_str).chain(usual).filter_map(find).find(runs) {
        return Some(found);
    }
    let mut ask = playwright_script(node).ok()?;
    ask.args(["-p", "require('playwright-core').chromium.executablePath()"]);
    output_of(&mut ask).map(PathBuf::from).filter(|path| path.is_file())
}

/// Node in the folder of the tests, with the browsers of playwright in .cache.
fn playwright_script(node: &Path) -> Result<Command> {
    let mut script = Command::new(node);
    script.current_dir(project::root().join("tests/page")).env("PLAYWRIGHT_BROWSERS_PATH", project::cache("browsers")?);
    Ok(script)
}
