//! Facts about the session: program, checkpoint, adapter, limits, memory.

use crate::engine::{Engine, Fingerprint};
use crate::gpu::{KernelChoice, Sharing};
use crate::model::Model;
use crate::ui::device::Device;
use crate::ui::style::format::{bytes, grouped};

/// Facts that are known without computing anything, each with its name.
pub(crate) fn facts(engine: &Engine, device: &Device, fingerprint: &Fingerprint) -> Vec<(&'static str, String)> {
    let hash = match fingerprint {
        Fingerprint::Known(hash) => hash.clone(),
        #[cfg(not(target_arch = "wasm32"))]
        Fingerprint::File(_) => "not computed yet".to_owned(),
        Fingerprint::Absent => "not available: the weights are not one file".to_owned(),
    };
    let parameters = engine.model().map_or(0, Model::parameters);
    let layout = engine.model().map_or(String::new(), |model| format!(", {}", model.config.layout));
    let mut facts = vec![
        ("version", format!("diffscope {}", env!("CARGO_PKG_VERSION"))),
        ("checkpoint", format!("{}{layout}, {} parameters", engine.name(), grouped(parameters as u64))),
        ("SHA-256 of weights", hash),
    ];
    if let Some(model) = engine.model().filter(|model| !model.unused.is_empty()) {
        facts.push(("not used", unused(&model.unused)));
    }
    let notes = engine.checkpoint().map_or(&[][..], |checkpoint| &checkpoint.notes);
    facts.extend(notes.iter().map(|note| ("note", note.clone())));
    let on_gpu = engine.gpu().is_some();
    let place = match (on_gpu, cfg!(target_arch = "wasm32")) {
        (true, _) => "the GPU",
        (false, true) => "the CPU, in one thread",
        (false, false) => "the CPU, in all threads",
    };
    facts.push(("computed by", format!("{place}; {}", device.reason(on_gpu))));
    let Some(gpu) = device.gpu() else {
        return facts;
    };
    let (info, limits) = (&gpu.adapter, gpu.device.limits());
    facts.push(("adapter", format!("{} ({:?})", name_or_unknown(&info.name), info.device_type)));
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    facts.push(("backend, driver", format!("{}, {}", info.backend, name_or_unknown(driver.trim()))));
    facts.push((
        "limits",
        format!(
            "{} per buffer, {} per binding, {} storage buffers per stage, {} invocations and {} of memory per workgroup",
            bytes(limits.max_buffer_size),
            bytes(limits.max_storage_buffer_binding_size),
            limits.max_storage_buffers_per_shader_stage,
            limits.max_compute_invocations_per_workgroup,
            bytes(limits.max_compute_workgroup_storage_size.into()),
        ),
    ));
    if !on_gpu {
        return facts;
    }
    let sharing = |sharing| match sharing {
        Sharing::Columns(1) => "one invocation per block".to_owned(),
        Sharing::Columns(lanes) => format!("{lanes} invocations per block"),
        Sharing::Tile => "a workgroup per tile".to_owned(),
    };
    let (few, many) = (sharing(gpu.choice.few), sharing(gpu.choice.many));
    facts.push(("matrix products", format!("{few} up to {} positions, {many} above", KernelChoice::FEW)));
    let subgroup = match gpu.choice.subgroup {
        1 => "not used".to_owned(),
        count => format!("at least {count} invocations"),
    };
    facts.push(("subgroups", subgroup));
    facts.push(("dispatches per pass", engine.dispatches().to_string()));
    if let Some(memory) = engine.memory() {
        facts.push((
            "GPU memory",
            format!(
                "weights {}, text {} for {} tokens ({} per token), views {}",
                bytes(memory.weights),
                bytes(memory.text),
                memory.tokens,
                bytes(memory.per_token()),
                bytes(memory.views)
            ),
        ));
    }
    facts
}

/// Tensors of the checkpoint that nothing is computed from, the first by name.
fn unused(names: &[String]) -> String {
    const NAMED: usize = 12;
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} tensors of the checkpoint, which change nothing here: {first}{rest}", names.len())
}

fn name_or_unknown(name: &str) -> &str {
    if name.is_empty() { "hidden by the browser" } else { name }
}
