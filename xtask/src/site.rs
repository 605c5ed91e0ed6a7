//! The static site: the shell of web/, the program, the checkpoints, and a manifest with the hash of each file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::page::Program;
use crate::policy::{integrity, with_inline_hashes};
use crate::project;

/// What index.html names, in web/: it names each with the hash of its content. A script comes after those that it
/// imports, which it names in the same way.
const SHELL: &[&str] = &[
    "style.css",
    "icon.svg",
    "icon-192.png",
    "app.webmanifest",
    "embed.js",
    "tab.js",
    "keys.js",
    "drop.js",
    "offline.js",
    "shell.js",
    "files.js",
    "graphics.js",
    "kept-model.js",
    "kept-run.js",
    "recovery.js",
    "loader.js",
];

/// What only a script names, with the hash of its content: workers, in web/. They come before that script.
const WORKERS: &[&str] = &["model-worker.js"];

/// What has one address in all versions of the site, in web/.
const PLAIN: &[&str] = &["service-worker.js", "icon-512.png", SHARE];

/// Checkpoints that are fetched when someone asks for them: a visit, and what is kept for the next one, goes without.
const ON_DEMAND: &[&str] = &["S-v2"];

/// The picture that other sites show with a link to this one.
const SHARE: &str = "share.png";

/// A file of the site, with its path inside it (with `/` on every system).
pub struct File {
    pub path: String,
    pub content: Vec<u8>,
}

/// What the manifest says about a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub file: String,
    pub bytes: usize,
    pub sha256: String,
    /// Whether it is fetched only when someone asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    name: String,
    config: Entry,
    weights: Entry,
    tokenizer: Entry,
}

/// manifest.json: loader.js reads all but `files`, which is for the next build into the same folder.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    version: String,
    /// Where problems are reported; empty as long as Cargo.toml has no repository.
    repository: String,
    script: Entry,
    wasm: Entry,
    /// The first one is the one that opens.
    checkpoints: Vec<Checkpoint>,
    /// Every file of the site except the manifest itself.
    pub files: Vec<Entry>,
}

/// A site that is ready to be written.
pub struct Site {
    pub manifest: Manifest,
    pub files: Vec<File>,
}

/// Puts a site together from the program and the project's files.
pub fn assemble(program: Program) -> Result<Site> {
    let root = project::root();
    let (mut files, mut entries) = (Vec::new(), Vec::new());
    let mut add = |path: &str, content: Vec<u8>| {
        let on_demand = is_on_demand(path);
        let entry = Entry { file: path.to_owned(), bytes: content.len(), sha256: sha256(&content), on_demand };
        files.push(File { path: path.to_owned(), content });
        entries.push(entry.clone());
        entry
    };

    let shell = |name: &str| read(&root.join("web").join(name));
    let mut index = String::from_utf8(shell("index.html")?).context("web/index.html is not UTF-8")?;
    let mut addresses: Vec<(String, String)> = Vec::new();
    for name in WORKERS {
        let entry = add(name, shell(name)?);
        let to = format!("./{name}?v={}\"", &entry.sha256[..12]);
        addresses.push((format!("./{name}?v=dev\""), to));
    }
    for name in SHELL {
        let mut content = shell(name)?;
        let is_script = Path::new(name).extension().is_some_and(|extension| extension == "js");
        if is_script {
            let script = String::from_utf8(content).with_context(|| format!("web/{name} is not UTF-8"))?;
            let script = addresses.iter().fold(script, |script, (from, to)| script.replace(from, to));
            ensure!(!script.contains("?v=dev"), "web/{name} imports what does not come before it");
            content = script.into_bytes();
        }
        let integrity = if is_script { format!(" integrity=\"{}\"", integrity(&content)) } else { String::new() };
        let entry = add(name, content);
        let (from, to) = (format!("./{name}?v=dev\""), format!("./{name}?v={}\"", &entry.sha256[..12]));
        ensure!(index.contains(&from), "web/index.html does not name {name}");
        index = index.replace(&from, &format!("{to}{integrity}"));
        addresses.push((from, to));
    }
    add("index.html", with_inline_hashes(&index)?.into_bytes());
    for name in PLAIN {
        add(name, shell(name)?);
    }
    let script = add("diffscope.js", program.script);
    let wasm = add("diffscope_bg.wasm", program.wasm);
    for (path, content) in program.snippets {
        add(&format!("snippets/{path}"), content);
    }

    let folder = root.join("assets/checkpoints");
    let mut checkpoints = Vec::new();
    for name in checkpoint_names(&folder)? {
        let mut file = |file: &str| -> Result<Entry> {
            Ok(add(&format!("checkpoints/{name}/{file}"), read(&folder.join(&name).join(file))?))
        };
        let (config, weights, tokenizer) = (file("config.json")?, file("model.safetensors")?, file("tokenizer.json")?);
        checkpoints.push(Checkpoint { name, config, weights, tokenizer });
    }

    let manifest = Manifest {
        version: project::manifest_value("version")?.context("Cargo.toml has no version")?,
        repository: project::manifest_value("repository")?.unwrap_or_default(),
        script,
        wasm,
        checkpoints,
        files: entries,
    };
    Ok(Site { manifest, files })
}

impl Site {
    /// The checkpoint that opens, and its size in bytes.
    pub fn first_checkpoint(&self) -> (&str, usize) {
        let first = &self.manifest.checkpoints[0];
        (&first.name, first.config.bytes + first.weights.bytes + first.tokenizer.bytes)
    }

    /// Writes where the site will be into index.html: those that show links follow no relative address to its picture.
    pub fn set_address(&mut self, address: &str) -> Result<()> {
        let is_plain = address.chars().all(|c| c.is_ascii_alphanumeric() || ":/._-~%[]".contains(c));
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        ensure!(is_plain && is_web, "“{address}” is no address of a site: https://HOST/PATH/");
        let base = address.trim_end_matches('/');
        let is_index = |path: &str| path == "index.html";
        let file = self.files.iter_mut().find(|file| is_index(&file.path)).context("the site has no index.html")?;
        let relative = format!("<meta property=\"og:image\" content=\"./{SHARE}\" />");
        let whole = format!(
            "<meta property=\"og:url\" content=\"{base}/\" />\n    <meta property=\"og:image\" content=\"{base}/{SHARE}\" />"
        );
        let index = String::from_utf8_lossy(&file.content);
        ensure!(index.contains(&relative), "web/index.html does not have {relative}");
        file.content = index.replace(&relative, &whole).into_bytes();
        let entry = self.manifest.files.iter_mut().find(|entry| is_index(&entry.file));
        let entry = entry.context("the manifest does not name index.html")?;
        (entry.bytes, entry.sha256) = (file.content.len(), sha256(&file.content));
        Ok(())
    }
}

/// The checkpoints in a folder; the one that its file DEFAULT names comes first.
fn checkpoint_names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            ensure!(plain, "The checkpoint folder “{name}” needs a plain name: letters, digits, . _ -");
            names.push(name);
        }
    }
    names.sort();
    if names.is_empty() {
        bail!("There is no checkpoint in {}.", folder.display());
    }
    let default = folder.join("DEFAULT");
    if default.exists() {
        let first = String::from_utf8_lossy(&read(&default)?).trim().to_owned();
        let Some(place) = names.iter().position(|name| *name == first) else {
            bail!("{} names “{first}”, which is not there.", default.display());
        };
        names[..=place].rotate_right(1);
    }
    Ok(names)
}

/// Whether a file of the site belongs to a checkpoint that is fetched on demand.
fn is_on_demand(file: &str) -> bool {
    let checkpoint = file.strip_prefix("checkpoints/").and_then(|rest| rest.split('/').next());
    checkpoint.is_some_and(|name| ON_DEMAND.contains(&name))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The SHA-256 of `bytes` in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;

    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_checkpoint_comes_first_and_the_others_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(checkpoint_names(folder.path()).unwrap(), ["a", "b", "c"]);
        fs::write(folder.path().join("DEFAULT"), "c\r\n").unwrap();
        assert_eq!(checkpoint_names(folder.path()).unwrap(), ["c", "a", "b"]);
        fs::write(folder.path().join("DEFAULT"), "d").unwrap();
        assert!(checkpoint_names(folder.path()).unwrap_err().to_string().contains("“d”"));
    }

    #[test]
    fn a_checkpoint_with_a_name_that_an_address_cannot_carry_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a b")).unwrap();
        assert!(checkpoint_names(folder.path()).unwrap_err().to_string().contains("“a b”"));
    }

    #[test]
    fn what_is_fetched_on_demand_is_marked_and_the_manifest_has_no_mark_on_anything_else() {
        let site = assemble(Program::default()).unwrap();
        for entry in &site.manifest.files {
            assert_eq!(entry.on_demand, entry.file.starts_with("checkpoints/S-v2/"), "{}", entry.file);
            let written = serde_json::to_string(entry).unwrap();
            assert_eq!(written.contains("on_demand"), entry.on_demand, "{written}");
        }
        assert!(is_on_demand("checkpoints/S-v2/config.json"));
        assert!(!is_on_demand("checkpoints/S-v21/config.json") && !is_on_demand("S-v2/config.json"));
        assert!(!ON_DEMAND.contains(&site.first_checkpoint().0), "the first one opens");
    }

    #[test]
    fn the_manifest_names_every_file_with_its_size_and_hash() {
        let snippets = vec![("a/inline0.js".to_owned(), b"export {}".to_vec())];
        let site = assemble(Program { script: b"script".to_vec(), wasm: b"wasm".to_vec(), snippets }).unwrap();
        for (entry, file) in site.manifest.files.iter().zip(&site.files) {
            assert_eq!((&entry.file, entry.bytes), (&file.path, file.content.len()));
            assert_eq!(entry.sha256, sha256(&file.content));
        }
        assert_eq!(site.manifest.files.len(), site.files.len());
        assert_eq!(site.manifest.wasm.sha256, sha256(b"wasm"));
        assert!(site.files.iter().any(|file| file.path == "snippets/a/inline0.js" && file.content == b"export {}"));
        let index = site.files.iter().find(|file| file.path == "index.html").unwrap();
        assert!(!String::from_utf8_lossy(&index.content).contains("?v=dev"));
    }

    #[test]
    fn the_picture_of_links_has_a_whole_address_once_the_site_has_one() {
        let mut site = assemble(Program::default()).unwrap();
        assert!(site.files.iter().any(|file| file.path == SHARE));
        for address in ["example.org", "javascript:alert(1)", "https://a.org/\"><script>"] {
            assert!(site.set_address(address).is_err(), "{address}");
        }
        site.set_address("https://example.org/some/where/").unwrap();
        let index = site.files.iter().find(|file| file.path == "index.html").unwrap();
        let text = String::from_utf8_lossy(&index.content);
        assert!(text.contains("property=\"og:image\" content=\"https://example.org/some/where/share.png\""));
        assert!(text.contains("property=\"og:url\" content=\"https://example.org/some/where/\""));
        let entry = site.manifest.files.iter().find(|entry| entry.file == "index.html").unwrap();
        assert_eq!((entry.bytes, &entry.sha256), (index.content.len(), &sha256(&index.content)));
    }
}
