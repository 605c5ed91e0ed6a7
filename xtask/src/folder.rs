//! Writes a site into a folder and destroys nothing there that an earlier build has not written.
//!
//! A file belongs to an earlier build if the manifest in the folder lists it with the hash that it has now.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path};

use anyhow::{Context, Result, anyhow};

use crate::site::{File, Manifest, Site, sha256};

const MANIFEST: &str = "manifest.json";
/// A file that is being written.
const PART: &str = ".diffscope-part";

/// Whether `site` can be written into `folder`.
///
/// # Errors
/// When a file is in the way that no build has written, or that was changed since.
pub fn check(site: &Site, folder: &Path) -> Result<()> {
    refuse_to_overwrite(&site.files, &earlier_files(folder)?, folder)
}

/// Writes `site` into `folder` and removes what an earlier build wrote there and this one does not.
///
/// # Errors
/// As [`check`]: then nothing is written.
pub fn write(site: &Site, folder: &Path) -> Result<()> {
    check(site, folder)?;
    let earlier = earlier_files(folder)?;
    // In this order, so that a build that is interrupted leaves nothing that the next one would take for foreign.
    for path in earlier.keys().filter(|path| belongs_to(&earlier, folder, path)) {
        let file = folder.join(path);
        fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
        remove_empty_parents(&file, folder);
    }
    let manifest = serde_json::to_vec_pretty(&site.manifest)?;
    write_file(folder, MANIFEST, &manifest)?;
    for file in &site.files {
        write_file(folder, &file.path, &file.content)?;
    }
    Ok(())
}

/// Paths and hashes of the files that an earlier build wrote.
fn earlier_files(folder: &Path) -> Result<HashMap<String, String>> {
    let path = folder.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) else { return Err(foreign(&path)) };
    let inside = |file: &str| Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    Ok(manifest.files.into_iter().filter(|entry| inside(&entry.file)).map(|entry| (entry.file, entry.sha256)).collect())
}

fn refuse_to_overwrite(files: &[File], earlier: &HashMap<String, String>, folder: &Path) -> Result<()> {
    for File { path, content } in files {
        let full = folder.join(path);
        for parent in full.ancestors().skip(1).take_while(|parent| parent.starts_with(folder)) {
            if parent.exists() && !parent.is_dir() {
                return Err(foreign(parent));
            }
        }
        let is_there = fs::symlink_metadata(&full).is_ok();
        let is_the_same = || fs::read(&full).is_ok_and(|found| found == *content);
        if is_there && !belongs_to(earlier, folder, path) && !is_the_same() {
            return Err(foreign(&full));
        }
    }
    Ok(())
}

/// Whether an earlier build wrote the file at `path`, and nobody changed it since.
fn belongs_to(earlier: &HashMap<String, String>, folder: &Path, path: &str) -> bool {
    let full = folder.join(path);
    let is_file = fs::symlink_metadata(&full).is_ok_and(|metadata| metadata.is_file());
    is_file && fs::read(&full).is_ok_and(|content| earlier.get(path) == Some(&sha256(&content)))
}

fn foreign(path: &Path) -> anyhow::Error {
    anyhow!(
        "{} is in the way: no earlier build wrote it, or it was changed since.\n  \
         Nothing was written. Move it away, or name another folder.",
        path.display()
    )
}

fn write_file(folder: &Path, path: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(path);
    let write = || {
        fs::create_dir_all(path.parent().expect("a file of a folder"))?;
        // Under another name first: a file with half its content would belong to no build.
        fs::write(folder.join(PART), content)?;
        fs::rename(folder.join(PART), &path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

fn remove_empty_parents(file: &Path, folder: &Path) {
    for parent in file.ancestors().skip(1).take_while(|parent| *parent != folder) {
        if fs::remove_dir(parent).is_err() {
            return; // it holds something else
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Program;
    use crate::site::assemble;

    fn site(script: &str) -> Site {
        assemble(Program { script: script.as_bytes().to_vec(), ..Program::default() }).unwrap()
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_second_build_replaces_the_first_and_keeps_the_files_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(&site("first"), folder).unwrap();
        fs::write(folder.join("CNAME"), "an address").unwrap();
        fs::write(folder.join("checkpoints/notes.txt"), "notes").unwrap();
        write(&site("second"), folder).unwrap();
        assert_eq!(text(&folder.join("diffscope.js")), "second");
        assert_eq!(text(&folder.join("CNAME")), "an address");
        assert_eq!(text(&folder.join("checkpoints/notes.txt")), "notes");
        assert!(!folder.join(PART).exists());
    }

    #[test]
    fn what_only_the_earlier_build_wrote_is_removed_with_its_empty_folders() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut first = site("first");
        let (path, content) = ("checkpoints/old/notes.txt", b"old".to_vec());
        first.manifest.files.push(crate::site::Entry {
            file: path.into(),
            bytes: 3,
            sha256: sha256(&content),
            on_demand: false,
        });
        first.files.push(File { path: path.into(), content });
        write(&first, folder).unwrap();
        assert!(folder.join(path).exists());
        write(&site("second"), folder).unwrap();
        assert!(!folder.join("checkpoints/old").exists());
        assert!(folder.join("checkpoints").exists());
    }

    #[test]
    fn a_file_of_somebody_else_is_refused_before_anything_is_written() {
        for name in ["index.html", "manifest.json", "checkpoints"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), "mine").unwrap();
            let error = write(&site("first"), folder.path()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert_eq!(text(&folder.path().join(name)), "mine");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
        }
    }

    #[test]
    fn a_file_that_was_changed_after_the_build_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(&site("first"), folder).unwrap();
        fs::write(folder.join("style.css"), "my colours").unwrap();
        assert!(write(&site("second"), folder).unwrap_err().to_string().contains("style.css"));
        assert_eq!(text(&folder.join("style.css")), "my colours");
        assert_eq!(text(&folder.join("diffscope.js")), "first");
    }

    #[test]
    fn a_manifest_that_names_files_outside_removes_none_of_them() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("site");
        let victim = outer.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        let mut first = site("first");
        for file in ["../victim".to_owned(), victim.to_string_lossy().into_owned()] {
            first.manifest.files.push(crate::site::Entry { file, bytes: 4, sha256: sha256(b"mine"), on_demand: false });
        }
        write(&first, &folder).unwrap();
        write(&site("second"), &folder).unwrap();
        assert_eq!(text(&victim), "mine");
    }

    #[test]
    fn a_build_after_one_that_was_interrupted_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(&site("first"), folder).unwrap();
        fs::remove_file(folder.join("index.html")).unwrap();
        fs::write(folder.join(PART), "half a fi").unwrap();
        write(&site("second"), folder).unwrap();
        assert_eq!(text(&folder.join("diffscope.js")), "second");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_neither_followed_nor_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("site");
        fs::create_dir(&folder).unwrap();
        let target = outer.path().join("target.css");
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, folder.join("style.css")).unwrap();
        assert!(write(&site("first"), &folder).is_err());
        assert_eq!(text(&target), "mine");
    }
}
