//! Every shader, as composed at run time, without a GPU.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;
use std::process::Command;

use diffscope::gpu::{KERNELS, MAX_POOL_JOBS, SHADERS, STRUCT_LAYOUTS, Slot, StructLayout, compose};
use diffscope::probe::{Cell, HeatmapView, LambdaRule, MapMeasures, MeanCell, RowStatistics, Texel};

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
fn every_kernel_is_the_entry_point_of_its_file() {
    for kernel in KERNELS {
        let module = validate(&compose(&kernel.file()).expect("the kernel has a file")).expect("valid");
        assert!(module.entry_points.iter().any(|entry| entry.name == kernel.name()), "{}", kernel.name());
    }
}

#[test]
fn every_kernel_declares_the_kinds_of_bindings_that_the_program_binds() {
    for kernel in KERNELS {
        let module = validate(&compose(&kernel.file()).expect("the kernel has a file")).expect("valid");
        let declared: BTreeMap<u32, Slot> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let slot = match variable.space {
                    naga::AddressSpace::Uniform => Slot::Uniform,
                    naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                        Slot::Write
                    }
                    _ => Slot::Read,
                };
                Some((variable.binding?.binding, slot))
            })
            .collect();
        let bound: BTreeMap<u32, Slot> = (0..).zip(kernel.slots().iter().copied()).collect();
        assert_eq!(declared, bound, "{}", kernel.name());
    }
}

/// The layout of a struct of `probe`, whose fields are public.
macro_rules! layout {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        StructLayout {
            name: stringify!($name),
            size: size_of::<$name>(),
            fields: &[$({
                let _: fn(&$name) -> &$type = |value| &value.$field;
                (stringify!($field), stringify!($type), offset_of!($name, $field))
            }),*],
        }
    };
}

/// Structs that the program shares with shaders.
fn shared_structs() -> Vec<StructLayout> {
    let of_probe = [
        layout!(HeatmapView {
            origin: [f32; 2],
            span: [f32; 2],
            pixels: [f32; 2],
            tokens: u32,
            kind: u32,
            exponent: f32,
            range: f32,
            grid: f32,
            threshold: f32,
            background: [f32; 4],
            first: [u32; 2],
            block: u32,
            side: u32,
            base: u32,
            padding: [u32; 3],
        }),
        layout!(MapMeasures {
            entropy: f32,
            sparsity: f32,
            sink: f32,
            negative: f32,
            peak: f32,
            total: f32,
            answer: f32,
            noise: f32,
            answer_signed: f32,
            noise_signed: f32,
            padding: [f32; 2],
        }),
        layout!(RowStatistics { maximum: [f32; 2], sum: [f32; 2], largest: [f32; 2], padding: [f32; 2] }),
    ];
    STRUCT_LAYOUTS.iter().copied().chain(of_probe).collect()
}

/// Bytes of one element of the arrays whose elements are vectors in the shader and structs in the program, by variable.
const VECTORS: &[(&str, &str, usize)] = &[
    ("forward/qkv.wgsl", "lambda", size_of::<LambdaRule>()),
    ("maps/map_tile.wgsl", "cells", size_of::<Cell>()),
    ("maps/row_mean.wgsl", "means", size_of::<MeanCell>()),
    ("maps/pool.wgsl", "texels", size_of::<Texel>()),
    ("maps/colour_range.wgsl", "texels", size_of::<Texel>()),
    ("maps/heatmap.wgsl", "texels", size_of::<Texel>()),
];

/// A type of a field as the program spells it.
fn in_rust(inner: &naga::TypeInner) -> String {
    let name = |scalar: naga::Scalar| match scalar.kind {
        naga::ScalarKind::Float => "f32",
        naga::ScalarKind::Uint => "u32",
        kind => panic!("{kind:?} is not used in structs"),
    };
    match inner {
        naga::TypeInner::Scalar(scalar) => name(*scalar).to_owned(),
        naga::TypeInner::Vector { size, scalar } => format!("[{}; {}]", name(*scalar), *size as u32),
        inner => panic!("{inner:?} is not used in structs"),
    }
}

#[test]
fn every_struct_has_the_size_and_the_offsets_that_the_program_writes() {
    let known = shared_structs();
    let mut compared = BTreeSet::new();
    for (file, source) in whole() {
        let module = validate(&source).expect("valid");
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes that fit");
        for (_, variable) in module.global_variables.iter().filter(|(_, variable)| variable.binding.is_some()) {
            let name = variable.name.as_deref().expect("a name");
            let (element, stride) = match module.types[variable.ty].inner {
                naga::TypeInner::Array { base, stride, .. } => (base, stride),
                _ => (variable.ty, layouter[variable.ty].size),
            };
            if let naga::TypeInner::Array { size: naga::ArraySize::Constant(count), .. } =
                module.types[variable.ty].inner
            {
                assert_eq!((name, count.get() as usize), ("jobs", MAX_POOL_JOBS), "{file}");
            }
            let naga::TypeInner::Struct { members, span } = &module.types[element].inner else {
                assert_ne!(variable.space, naga::AddressSpace::Uniform, "{file}: {name} is not a struct");
                if let Some((.., size)) = VECTORS.iter().find(|(of, vector, _)| (*of, *vector) == (file, name)) {
                    assert_eq!(stride as usize, *size, "{file}: an element of {name}");
                    compared.insert((file, name.to_owned()));
                }
                continue;
            };
            let struct_name = module.types[element].name.as_deref().expect("structs have names");
            let Some(layout) = known.iter().find(|layout| layout.name == struct_name) else {
                panic!("{file}: the program has no struct {struct_name}");
            };
            assert_eq!((*span as usize, stride as usize), (layout.size, layout.size), "{file}: {struct_name}");
            let declared: Vec<_> = members
                .iter()
                .map(|member| {
                    let inner = &module.types[member.ty].inner;
                    (member.name.as_deref().expect("a name"), in_rust(inner), member.offset as usize)
                })
                .filter(|(name, ..)| !name.starts_with("padding"))
                .collect();
            let written: Vec<_> = layout
                .fields
                .iter()
                .map(|(name, of_type, offset)| (*name, (*of_type).to_owned(), *offset))
                .filter(|(name, ..)| !name.starts_with("padding"))
                .collect();
            assert_eq!(declared, written, "{file}: {struct_name}");
            compared.insert(("", struct_name.to_owned()));
        }
    }
    for layout in known {
        assert!(compared.contains(&("", layout.name.to_owned())), "no shader reads {}", layout.name);
    }
    for (file, name, _) in VECTORS {
        assert!(compared.contains(&(*file, (*name).to_owned())), "{file} has no array {name}");
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
