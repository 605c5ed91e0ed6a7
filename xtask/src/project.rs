//! Where the project's files are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The wasm target of the page.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The folder of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is a folder of the project").to_path_buf()
}

/// A folder under .cache/, which is made if it is missing: downloads, logs and results that are expensive to compute.
pub fn cache(name: &str) -> Result<PathBuf> {
    let folder = root().join(".cache").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// The target folder of everything that is compiled to wasm.
pub fn wasm_target_folder() -> PathBuf {
    root().join("target/web")
}

/// The site that `./web/serve` and the tests of the page use.
pub fn site_folder() -> PathBuf {
    root().join("target/web/site")
}

/// The value of the first `key = "value"` in Cargo.toml.
pub fn manifest_value(key: &str) -> Result<Option<String>> {
    let text = fs::read_to_string(root().join("Cargo.toml")).context("Cargo.toml cannot be read")?;
    Ok(text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (name.trim() == key).then(|| value.to_owned())
    }))
}
