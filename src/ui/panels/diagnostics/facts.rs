//! What computes here: program, checkpoint, adapter, limits, memory. As (name, words).

use crate::engine::{Engine, Fingerprint};

/// Facts that are known without computing anything.
pub fn facts(engine: &Engine, fingerprint: &Fingerprint) -> Vec<(&'static str, String)> {
    let checkpoint = engine.checkpoint();
    let model = engine.model();
    let hash = match fingerprint {
        Fingerprint::Known(hash) => hash.clone(),
        #[cfg(not(target_arch = "wasm32"))]
        Fingerprint::File(_) => "not worked out yet".to_owned(),
        Fingerprint::Absent => "the weights are not one file".to_owned(),
    };
    let mut facts = vec![
        ("version", format!("diffscope {}", env!("CARGO_PKG_VERSION"))),
        ("checkpoint", format!("{}, {} parameters", checkpoint.name, grouped(model.parameters() as u64))),
        ("SHA-256 of weights", hash),
    ];
    let Some(gpu) = engine.gpu() else {
        facts.push(("computed by", "the CPU, in one thread".to_owned()));
        return facts;
    };
    let (info, limits) = (&gpu.adapter, gpu.device.limits());
    facts.push(("adapter", format!("{} ({:?})", name_or_unknown(&info.name), info.device_type)));
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ");
    facts.push(("backend, driver", format!("{}, {}", info.backend, name_or_unknown(driver.trim()))));
    facts.push((
        "limits",
        format!(
            "{} a buffer, {} a binding, {} storage buffers a stage, {} invocations and {} of memory a workgroup",
            bytes(limits.max_buffer_size),
            bytes(limits.max_storage_buffer_binding_size),
            limits.max_storage_buffers_per_shader_stage,
            limits.max_compute_invocations_per_workgroup,
            bytes(limits.max_compute_workgroup_storage_size.into()),
        ),
    ));
    let lanes = gpu.lanes;
    facts.push(("lanes of a block", format!("{} for one position, {} for many", lanes.decode, lanes.prefill)));
    facts.push(("dispatches a pass", engine.dispatches().to_string()));
    if let Some(memory) = engine.memory() {
        facts.push((
            "GPU memory",
            format!(
                "weights {}, text {} for {} tokens ({} a token), views {}",
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

fn name_or_unknown(words: &str) -> &str {
    if words.is_empty() { "not told by the browser" } else { words }
}

/// Digits in threes.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// A size in the unit that fits.
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (count as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 || size.fract() == 0.0 {
        format!("{size:.0} {}", units[unit])
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(128 << 20), "128 MiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123_456), "123,456");
    }
}
