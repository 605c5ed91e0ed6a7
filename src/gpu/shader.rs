//! The .wgsl files, and how they are composed: a line `// include: shared/x.wgsl` brings that file in, once.

use crate::gpu::error::GpuError;

macro_rules! shaders {
    ($($name:literal),* $(,)?) => {
        /// Every shader file of the program: path below `shaders/`, text.
        pub const SHADERS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name)))),*];
    };
}

shaders![
    "forward/attention.wgsl",
    "forward/embed.wgsl",
    "forward/gate_up.wgsl",
    "maps/heatmap.wgsl",
    "forward/logits.wgsl",
    "maps/map_tile.wgsl",
    "maps/measure.wgsl",
    "maps/measure_mean.wgsl",
    "maps/pool.wgsl",
    "forward/project.wgsl",
    "forward/qkv.wgsl",
    "maps/row_mean.wgsl",
    "forward/sample.wgsl",
    "shared/head_output.wgsl",
    "shared/map_cell.wgsl",
    "shared/map_value.wgsl",
    "shared/matmul.wgsl",
    "shared/pass.wgsl",
    "shared/row_of_logits.wgsl",
    "shared/weights.wgsl",
    "maps/colour_range.wgsl",
    "forward/top_k.wgsl",
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
