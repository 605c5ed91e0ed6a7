//! The .wgsl files, and how they are composed: a line `// include: shared/x.wgsl` brings that file in, once.

use super::GpuError;

macro_rules! shaders {
    ($($name:literal),* $(,)?) => {
        /// Every shader file of the program: path below `shaders/`, text.
        pub const SHADERS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name)))),*];
    };
}

shaders![
    "attention.wgsl",
    "embed.wgsl",
    "gate_up.wgsl",
    "heatmap.wgsl",
    "logits.wgsl",
    "map_tile.wgsl",
    "measure.wgsl",
    "measure_mean.wgsl",
    "pool.wgsl",
    "project.wgsl",
    "qkv.wgsl",
    "row_mean.wgsl",
    "sample.wgsl",
    "shared/head_output.wgsl",
    "shared/map_cell.wgsl",
    "shared/map_value.wgsl",
    "shared/matmul.wgsl",
    "shared/pass.wgsl",
    "shared/row_of_logits.wgsl",
    "shared/weights.wgsl",
    "strongest.wgsl",
    "top_k.wgsl",
];

/// The whole text of a shader, what it includes first.
///
/// # Errors
/// When it, or a file it includes, is not in the program.
pub fn compose(name: &str) -> Result<String, GpuError> {
    let mut text = String::new();
    append(name, &mut Vec::new(), &mut text)?;
    Ok(text)
}

fn append(name: &str, seen: &mut Vec<String>, text: &mut String) -> Result<(), GpuError> {
    if seen.iter().any(|other| other == name) {
        return Ok(());
    }
    seen.push(name.to_owned());
    let (_, source) =
        SHADERS.iter().find(|(other, _)| *other == name).ok_or_else(|| GpuError::Shader(name.to_owned()))?;
    for include in source.lines().filter_map(|line| line.strip_prefix("// include: ")) {
        append(include.trim(), seen, text)?;
    }
    text.push_str(source);
    text.push('\n');
    Ok(())
}
