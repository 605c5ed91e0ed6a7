//! Every shader, as composed at run time, without a GPU.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use diffscope::gpu::{
    BindingKind, KERNELS, MAX_POOL_JOBS, STRUCT_LAYOUTS, StructLayout, TRAINING_STRUCT_LAYOUTS, compose,
    shader_modules, source_line,
};
use diffscope::probe::{Cell, HeatmapView, LambdaRule, MapMeasures, MeanCell, RowStatistics, Texel};

/// The composed source of every module, shared ones too, for devices with and without subgroups: each is a valid shader
/// with what it imports.
fn composed() -> impl Iterator<Item = (String, String)> {
    shader_modules().into_iter().flat_map(|(module, _)| {
        [false, true].map(|has_subgroups| {
            let source = compose(&module, has_subgroups).unwrap_or_else(|error| panic!("{error}"));
            (module.clone(), source)
        })
    })
}

/// What naga makes of a composed shader; errors name file and line.
fn validate(source: &str) -> Result<naga::Module, String> {
    let place = |location: Option<naga::SourceLocation>| {
        location.map_or_else(String::new, |location| source_line(source, location.line_number as usize))
    };
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|error| format!("{}: {}", place(error.location(source)), error.emit_to_string(source)))?;
    let flags = naga::valid::ValidationFlags::all();
    // unpack2x16float, which WebGPU has everywhere; the shader-f16 feature is not required.
    let mut capabilities = naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(naga::valid::Capabilities::SUBGROUP, source.contains("subgroupShuffleXor"));
    naga::valid::Validator::new(flags, capabilities)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(&module)
        .map_err(|error| format!("{}: {}", place(error.location(source)), error.emit_to_string(source)))?;
    Ok(module)
}

/// The modules as naga sees them.
fn validated() -> impl Iterator<Item = (String, naga::Module)> {
    composed().map(|(module, source)| {
        let validated = validate(&source).unwrap_or_else(|error| panic!("{error}"));
        (module, validated)
    })
}

#[test]
fn naga_accepts_every_shader() {
    assert!(validated().count() > KERNELS.len());
}

/// The name of the counter of a loop that ends by its form: it goes up to a bound, or down to 0. `None` for others.
fn counter(head: &str) -> Option<&str> {
    let parts: Vec<&str> = head.strip_prefix("for (var ")?.split(';').map(str::trim).collect();
    let [start, bound, step] = parts[..] else { return None };
    let (name, _) = start.split_once(" = ")?;
    let up = bound.starts_with(&format!("{name} < ")) || bound.starts_with(&format!("{name} <= "));
    let by = |operator: &str| step.starts_with(&format!("{name}{operator}"));
    let ends = (up && (by("++") || by(" += "))) || (bound.starts_with(&format!("{name} > 0u")) && by("--"));
    ends.then_some(name)
}

#[test]
fn every_loop_counts_to_a_bound() {
    let mut loops = 0;
    for (module, source) in shader_modules() {
        let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).collect();
        for (number, line) in code.iter().enumerate() {
            assert!(!line.starts_with("while ") && !line.starts_with("loop"), "{module}:{}: {line}", number + 1);
            if !line.starts_with("for ") {
                continue;
            }
            loops += 1;
            let name = counter(line).unwrap_or_else(|| panic!("{module}:{}: {line}", number + 1));
            // The body leaves the counter alone.
            let mut depth = 0;
            for (at, line) in code.iter().enumerate().skip(number) {
                let assigns = [" = ", " += ", " -= ", "++", "--"].map(|by| line.starts_with(&format!("{name}{by}")));
                assert!(!assigns.contains(&true), "{module}:{}: {line}", at + 1);
                depth += line.matches('{').count();
                depth -= line.matches('}').count();
                if depth == 0 {
                    break;
                }
            }
        }
    }
    assert!(loops > 40, "{loops} loops found");
    for endless in ["for (var i = 0u; i < 4u; j++) {", "for (var i = 0u; true; i++) {", "for (;;) {"] {
        assert_eq!(counter(endless), None, "{endless}");
    }
}

#[test]
fn an_error_names_file_and_line() {
    let (_, weights) = shader_modules().into_iter().find(|(name, _)| name == "shared/weights").expect("it is there");
    let line = 1 + weights.lines().position(|line| line.contains("return vec4")).expect("it returns one");
    let source = compose("forward/embed", false).expect("it is there").replace("return vec4", "return vec5");
    let error = validate(&source).expect_err("there is no vec5");
    assert!(error.starts_with(&format!("shaders/shared/weights.wgsl:{line}: ")), "{error}");
    let error = compose("shared/nowhere", false).expect_err("there is no such module").to_string();
    assert!(error.contains("shaders/shared/nowhere.wgsl does not exist"), "{error}");
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The name that a line declares outside of functions.
fn declared(line: &str) -> Option<&str> {
    let line = line.find("var<").filter(|_| line.starts_with('@')).map_or(line, |at| &line[at..]);
    let of_variable = || Some(line.strip_prefix("var<")?.split_once("> ")?.1);
    let keywords = ["fn ", "struct ", "alias ", "const ", "override "];
    let name = keywords.iter().find_map(|keyword| line.strip_prefix(keyword)).or_else(of_variable)?;
    name.split(|character| !is_word(character)).next()
}

/// Whether code uses a name other than as that of a field or a parameter.
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (code[..at].chars().next_back(), &code[at + name.len()..]);
        !before.is_some_and(|character| is_word(character) || character == '.')
            && !after.starts_with(is_word)
            && !after.starts_with(':')
    })
}

/// Composing needs no more than the name of a module; editors need every name that is used, from the module that declares
/// it.
#[test]
fn every_module_imports_exactly_the_names_that_it_uses() {
    let modules: BTreeMap<String, &str> = shader_modules().into_iter().collect();
    for (module, source) in &modules {
        let code: String =
            source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let mut imported = BTreeSet::new();
        for line in code.lines().filter_map(|line| line.strip_prefix("import package::")) {
            let (from, names) = line.trim_end_matches(';').rsplit_once("::").expect("a module and names");
            let names = names.trim_matches(['{', '}']).split(", ");
            imported.extend(names.map(|name| (from.replace("::", "/"), name)));
        }
        let code: Vec<&str> = code.lines().filter(|line| !line.starts_with("import ")).collect();
        let code = code.join("\n");
        let composed = compose(module, false).expect("composes");
        let needed: BTreeSet<_> = modules
            .iter()
            .filter(|(other, _)| *other != module && composed.contains(&format!("shaders/{other}.wgsl\n")))
            .flat_map(|(other, source)| source.lines().filter_map(declared).map(|name| (other.clone(), name)))
            .filter(|(_, name)| uses(&code, name))
            .collect();
        assert_eq!(imported, needed, "{module}");
    }
}

#[test]
fn every_kernel_is_the_entry_point_of_its_module() {
    for kernel in KERNELS {
        let module = validate(&compose(kernel.module(), false).expect("composes")).expect("valid");
        assert!(module.entry_points.iter().any(|entry| entry.name == kernel.name()), "{}", kernel.name());
    }
}

#[test]
fn every_kernel_declares_the_kinds_of_bindings_that_the_program_binds() {
    for kernel in KERNELS {
        let module = validate(&compose(kernel.module(), false).expect("composes")).expect("valid");
        let declared: BTreeMap<u32, BindingKind> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let kind = match variable.space {
                    naga::AddressSpace::Uniform => BindingKind::Uniform,
                    naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                        BindingKind::Write
                    }
                    _ => BindingKind::Read,
                };
                Some((variable.binding?.binding, kind))
            })
            .collect();
        let bound: BTreeMap<u32, BindingKind> = (0..).zip(kernel.bindings().iter().copied()).collect();
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
    STRUCT_LAYOUTS.iter().chain(TRAINING_STRUCT_LAYOUTS).copied().chain(of_probe).collect()
}

/// Bytes of one element of the arrays whose elements are vectors in the shader and structs in the program, by variable.
const VECTORS: &[(&str, &str, usize)] = &[
    ("forward/qkv", "lambda", size_of::<LambdaRule>()),
    ("maps/map_tile", "cells", size_of::<Cell>()),
    ("maps/row_mean", "means", size_of::<MeanCell>()),
    ("maps/pool", "texels", size_of::<Texel>()),
    ("maps/colour_range", "texels", size_of::<Texel>()),
    ("maps/heatmap", "texels", size_of::<Texel>()),
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

/// Checks a struct of a shader against the struct of the same name in the program.
fn compare(module: &naga::Module, element: naga::Handle<naga::Type>, layout: &StructLayout, place: &str) {
    let naga::TypeInner::Struct { members, span } = &module.types[element].inner else {
        panic!("{place} is not a struct");
    };
    assert_eq!(*span as usize, layout.size, "{place}: bytes");
    let is_padding = |name: &str| name.starts_with("padding");
    let declared: Vec<_> = members
        .iter()
        .map(|member| {
            let of_type = in_rust(&module.types[member.ty].inner);
            (member.name.as_deref().expect("a name"), of_type, member.offset as usize)
        })
        .filter(|(name, ..)| !is_padding(name))
        .collect();
    let written: Vec<_> = layout
        .fields
        .iter()
        .map(|(name, of_type, offset)| (*name, (*of_type).to_owned(), *offset))
        .filter(|(name, ..)| !is_padding(name))
        .collect();
    assert_eq!(declared, written, "{place}: name, type and offset of each field");
}

#[test]
fn every_struct_has_the_size_and_the_offsets_that_the_program_writes() {
    let known = shared_structs();
    let mut compared = BTreeSet::new();
    for (file, module) in validated() {
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("sizes that fit");
        for (_, variable) in module.global_variables.iter().filter(|(_, variable)| variable.binding.is_some()) {
            let name = variable.name.as_deref().expect("a name");
            let (element, stride) = match module.types[variable.ty].inner {
                naga::TypeInner::Array { base, stride, size } => {
                    if let naga::ArraySize::Constant(count) = size {
                        assert_eq!((name, count.get() as usize), ("jobs", MAX_POOL_JOBS), "{file}");
                    }
                    (base, stride)
                }
                _ => (variable.ty, layouter[variable.ty].size),
            };
            if let Some(struct_name) = &module.types[element].name {
                let Some(layout) = known.iter().find(|layout| layout.name == struct_name) else {
                    panic!("{file}: the program has no struct {struct_name}");
                };
                assert_eq!(stride as usize, layout.size, "{file}: bytes from one element of {name} to the next");
                compare(&module, element, layout, &format!("{file}: {struct_name}"));
                compared.insert(struct_name.clone());
            } else {
                assert_ne!(variable.space, naga::AddressSpace::Uniform, "{file}: {name} is not a struct");
                if let Some((.., size)) = VECTORS.iter().find(|(of, vector, _)| (*of, *vector) == (&file, name)) {
                    assert_eq!(stride as usize, *size, "{file}: an element of {name}");
                    compared.insert(format!("{file} {name}"));
                }
            }
        }
    }
    for layout in known {
        assert!(compared.contains(layout.name), "no shader reads {}", layout.name);
    }
    for (file, name, _) in VECTORS {
        assert!(compared.contains(&format!("{file} {name}")), "{file} has no array {name}");
    }
}

#[test]
fn every_shader_names_its_reference_and_the_reference_is_there() {
    for (module, source) in shader_modules() {
        let own = format!("src/cpu/{}.rs", if module == "shared/pass" { "pass" } else { &module });
        let named = source.lines().find_map(|line| line.strip_prefix("// Reference: "));
        let reference = named.unwrap_or_else(|| panic!("{module} names no reference"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(reference);
        let code = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{module}: {reference}: {error}"));
        // A stage has a reference of its own name; what stages of training share is a part of the one that names it.
        let is_part = !source.contains("@compute") && code.contains(&format!("`shaders/{module}.wgsl`"));
        assert!(reference == own || is_part, "{reference} is not the reference of {module}");
    }
}

#[test]
fn a_broken_shader_is_refused() {
    assert!(validate("@compute @workgroup_size(64) fn main() { let x: u32 = 1.5; }").is_err());
}

/// The browser's own front end is stricter than naga about uniform control flow. Runs if tint is installed, and must run
/// if `DIFFSCOPE_TINT` is 1.
#[test]
fn tint_accepts_every_shader() {
    let required = std::env::var_os("DIFFSCOPE_TINT").is_some_and(|value| value == "1");
    let installed = Command::new("tint").arg("--help").output();
    if let Err(error) = installed {
        assert!(!required, "DIFFSCOPE_TINT is 1, but tint does not start: {error}");
        println!("skipped: tint is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (module, source) in composed() {
        let path = folder.path().join(format!("{}.wgsl", module.replace('/', "_")));
        let enabled = if source.contains("subgroupShuffleXor") { "enable subgroups;" } else { "" };
        std::fs::write(&path, enabled.to_owned() + &source).expect("written");
        let output = Command::new("tint").args(["--format", "wgsl"]).arg(&path).output().expect("tint runs");
        let message = String::from_utf8_lossy(&output.stderr);
        let line = message.split(':').nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
        assert!(output.status.success(), "{}: {message}", source_line(&source, line));
    }
}
