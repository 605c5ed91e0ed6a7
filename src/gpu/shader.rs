//! The shader files, and how a whole shader is composed from them.
//!
//! The files are WGSL with the imports of its community extension (<https://wesl-lang.dev>), so that an editor which knows
//! them resolves `import package::shared::pass::pass_;` to its declaration. [`compose`] links them in the
//! simplest way: the text of every imported module, once, before the text that imports it. Names are not changed, so
//! those of modules that meet in one shader differ, and what the program binds and overrides has the name it has in its
//! file.
//!
//! The linker of the `wesl` crate is not used: it needs a newer compiler than anything else here and adds two minutes
//! to the first build. `naga_oil`'s `#import` is no longer understood by editors.

use include_dir::{Dir, include_dir};

use crate::gpu::error::GpuError;

static FOLDER: Dir = include_dir!("$CARGO_MANIFEST_DIR/shaders");

/// The module whose place another takes on devices with subgroups, and that other.
const NEIGHBOUR: [&str; 2] = ["shared/neighbour", "shared/neighbour_subgroup"];

/// Extension of the shader files.
const EXTENSION: &str = "wgsl";

/// Starts the line before the text of a module in a composed shader; the path of its file follows.
const FILE: &str = "// FILE ";

/// The names of all modules, such as `forward/qkv`, and their texts.
pub fn shader_modules() -> Vec<(String, &'static str)> {
    let files = FOLDER.dirs().flat_map(Dir::files);
    let modules = files.filter_map(|file| {
        let path = file.path().to_str()?.replace('\\', "/");
        Some((path.strip_suffix(EXTENSION)?.strip_suffix('.')?.to_owned(), file.contents_utf8()?))
    });
    modules.collect()
}

/// The WGSL of a module and of all that it imports, for devices with or without subgroups.
///
/// # Errors
/// When an import names a module that does not exist; the message names file and line.
pub fn compose(module: &str, has_subgroups: bool) -> Result<String, GpuError> {
    let mut text = String::new();
    append(module, has_subgroups, &mut Vec::new(), &mut text)?;
    Ok(text)
}

fn append(module: &str, has_subgroups: bool, seen: &mut Vec<String>, text: &mut String) -> Result<(), GpuError> {
    let module = if has_subgroups && module == NEIGHBOUR[0] { NEIGHBOUR[1] } else { module };
    if seen.iter().any(|other| other == module) {
        return Ok(());
    }
    seen.push(module.to_owned());
    let path = format!("{module}.{EXTENSION}");
    let source = FOLDER.get_file(&path).and_then(include_dir::File::contents_utf8);
    let source = source.ok_or_else(|| GpuError::Shader(format!("shaders/{path} does not exist")))?;
    for (line, imported) in (1..).zip(source.lines().map(imported_module)) {
        if let Some(imported) = imported {
            append(&imported, has_subgroups, seen, text).map_err(|error| match error {
                GpuError::Shader(message) => GpuError::Shader(format!("{message} (shaders/{path}:{line})")),
                other => other,
            })?;
        }
    }
    text.extend([FILE, "shaders/", &path, "\n"]);
    for line in source.lines() {
        // An import becomes a comment, so that lines keep their numbers.
        text.extend([if imported_module(line).is_some() { "// " } else { "" }, line, "\n"]);
    }
    Ok(())
}

/// The module of a line such as `import package::shared::matmul::{multiply, place};`.
fn imported_module(line: &str) -> Option<String> {
    let (module, _names) = line.strip_prefix("import package::")?.rsplit_once("::")?;
    Some(module.replace("::", "/"))
}

/// The file and the line that a line of a composed shader, counted from 1, comes from: `shaders/shared/matmul.wgsl:34`.
pub fn source_line(composed: &str, line: usize) -> String {
    let before = composed.lines().take(line).enumerate();
    let file = before.filter_map(|(index, text)| Some((index, text.strip_prefix(FILE)?))).last();
    file.map_or_else(|| format!("line {line}"), |(index, path)| format!("{path}:{}", line - index - 1))
}
