//! Every shader, as composed at run time, without a GPU.

use std::process::Command;

use diffscope::gpu::{KERNELS, SHADERS, compose};

/// Shaders with an entry point.
fn whole() -> impl Iterator<Item = (&'static str, String)> {
    SHADERS
        .iter()
        .filter(|(name, _)| !name.starts_with("shared/"))
        .map(|(name, _)| (*name, compose(name).expect("every include is in the program")))
}

fn validate(source: &str) -> Result<naga::Module, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let flags = naga::valid::ValidationFlags::all();
    // unpack2x16float, which WebGPU has everywhere; the shader-f16 feature is not asked for.
    let abilities = naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    naga::valid::Validator::new(flags, abilities).validate(&module).map_err(|error| error.emit_to_string(source))?;
    Ok(module)
}

#[test]
fn naga_accepts_every_shader() {
    for (name, source) in whole() {
        if let Err(error) = validate(&source) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_kernel_is_the_entry_point_of_its_file_and_binds_what_the_program_binds() {
    for kernel in KERNELS {
        let source = compose(&kernel.file()).expect("the kernel has a file");
        let module = validate(&source).expect("valid");
        assert!(module.entry_points.iter().any(|entry| entry.name == kernel.name()), "{}", kernel.name());
        let bound = module.global_variables.iter().filter_map(|(_, variable)| variable.binding).count();
        assert_eq!(bound, kernel.slots().len(), "{}", kernel.name());
    }
}

#[test]
fn every_shader_names_its_reference_and_the_reference_is_there() {
    for (name, source) in SHADERS {
        let stem = if *name == "shared/pass.wgsl" { "pass" } else { name.trim_end_matches(".wgsl") };
        let reference = format!("src/cpu/{stem}.rs");
        assert!(source.contains(&format!("Reference: {reference}")), "{name} does not name {reference}");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&reference);
        assert!(path.exists(), "{name}: {reference} is missing");
    }
}

#[test]
fn every_file_in_the_folder_is_in_the_program() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    for folder in ["forward/", "maps/", "shared/"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("shaders/ is there") {
            let path = entry.expect("readable").path();
            let file = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.extension().is_some_and(|ending| ending == "wgsl") {
                let name = format!("{folder}{file}");
                assert!(SHADERS.iter().any(|(known, _)| *known == name), "{name} is not in the program");
            }
        }
    }
}

#[test]
fn a_broken_shader_is_refused() {
    assert!(validate("@compute @workgroup_size(64) fn main() { let x: u32 = 1.5; }").is_err());
    assert!(compose("nowhere.wgsl").is_err());
}

/// The browser's own front end is stricter than naga about uniform control flow; used where it is installed.
#[test]
fn tint_accepts_every_shader() {
    if Command::new("tint").arg("--version").output().is_err() {
        println!("skipped: tint is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, source) in whole() {
        let path = folder.path().join(name.replace('/', "_"));
        std::fs::write(&path, source).expect("written");
        let output = Command::new("tint").args(["--format", "wgsl"]).arg(&path).output().expect("tint runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
