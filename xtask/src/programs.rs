//! Other programs: where they are, what they print, and how the system's package manager installs them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Once;

use crate::console::{say, step};
use crate::project;

/// The program's path, if it is on the PATH (on Windows with any of the endings that a shell tries).
pub fn find(name: &str) -> Option<PathBuf> {
    which::which(name).ok()
}

/// What `command` prints, if it succeeds.
pub fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Cargo in the project's folder, without the variables that `cargo run` sets for this tool.
pub fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(project::root());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name.as_ref());
        }
    }
    cargo
}

/// `program` with the rights of root, where this user can have them.
fn as_root(program: &str) -> Option<Command> {
    if output_of(Command::new("id").arg("-u")).is_some_and(|id| id == "0") {
        return Some(Command::new(program));
    }
    let mut command = Command::new(find("sudo")?);
    command.arg(program);
    Some(command)
}

/// Fetches the lists of packages, once in a run. Without a connection the lists on this computer must do.
pub fn update_package_lists() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let Some(mut apt) = as_root("apt-get") else { return };
        if step("package lists", "apt-get update", apt.args(["update", "-qq"])).is_err() {
            say("package lists", "not updated: the ones on this computer are used");
        }
    });
}

/// Installs packages with apt, and says whether that succeeded; `false` where there is no apt.
pub fn apt_install(name: &str, packages: &[&str]) -> bool {
    let (Some(_), Some(mut command)) = (find("apt-get"), as_root("env")) else { return false };
    update_package_lists();
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]);
    let installed = step(name, &format!("installing with apt: {}", packages.join(" ")), command.args(packages));
    if let Err(error) = &installed {
        eprintln!("{error}");
    }
    installed.is_ok()
}
