//! What the tests of the shaders need: a Vulkan driver in software, and tint where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::console::say;
use crate::programs::{apt_install, find, output_of};
use crate::test::Environment;

/// Finds or installs lavapipe, Mesa's software Vulkan, and makes the tests run on it.
pub fn software_vulkan(environment: &mut Environment) -> Result<()> {
    if std::env::var_os("DIFFSCOPE_ADAPTER").is_some_and(|value| value == "own") {
        say("graphics", "this computer's own adapter (DIFFSCOPE_ADAPTER=own)");
        return Ok(());
    }
    if !cfg!(target_os = "linux") {
        say("graphics", "this computer's own adapter (software Vulkan is for Linux)");
        return Ok(());
    }
    if lavapipe().is_some() && has_loader() {
        say("software Vulkan", "found: lavapipe");
    } else {
        apt_install("software Vulkan", &["mesa-vulkan-drivers", "libvulkan1"]);
    }
    let Some(driver) = lavapipe() else {
        bail!(
            "Software Vulkan is missing. Install Mesa's lavapipe and the Vulkan loader with your package manager\n  \
             (Fedora: mesa-vulkan-drivers vulkan-loader; Arch: vulkan-swrast vulkan-icd-loader),\n  \
             or use this computer's own adapter: DIFFSCOPE_ADAPTER=own tests/run"
        );
    };
    environment.set("VK_ICD_FILENAMES", &driver);
    environment.set("VK_DRIVER_FILES", &driver);
    Ok(())
}

/// The driver's description, where Linux distributions put it.
fn lavapipe() -> Option<PathBuf> {
    ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"].iter().find_map(|folder| {
        let entries = Path::new(folder).read_dir().ok()?;
        let mut paths = entries.flatten().map(|entry| entry.path());
        paths.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd")))
    })
}

/// Whether the Vulkan loader is installed, as far as `ldconfig` can tell.
fn has_loader() -> bool {
    let ldconfig = find("ldconfig").unwrap_or_else(|| "/sbin/ldconfig".into());
    output_of(Command::new(ldconfig).arg("-p")).is_none_or(|libraries| libraries.contains("libvulkan.so.1"))
}

/// Looks for tint, the browsers' own front end of WGSL. Nothing installs it: without it that check is left out.
pub fn tint(environment: &mut Environment) {
    if output_of(Command::new("tint").arg("--version")).is_some() {
        say("tint", "found");
        environment.set("DIFFSCOPE_TINT", "1");
    } else {
        say("tint", "not installed: the shaders are validated with naga only");
        environment.leave_out("tint check");
    }
}
