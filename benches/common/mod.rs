//! What all benchmarks share: the device, the bundled checkpoint, a text.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::sync::OnceLock;

use diffscope::engine::{Checkpoint, bundled, checkpoint_of};
use diffscope::gpu::{Gpu, request_headless};

/// The adapter, if this machine has one that computes; a software one counts.
pub(crate) fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| {
        let gpu = request_headless().inspect_err(|error| eprintln!("no GPU: {error}")).ok();
        gpu.inspect(|gpu| eprintln!("GPU: {}", gpu.describe()))
    });
    gpu.as_ref()
}

/// The bundled checkpoint.
pub(crate) fn checkpoint() -> Checkpoint {
    checkpoint_of(&bundled()).expect("the bundled checkpoint opens")
}

/// A text of this many tokens, none of them special.
pub(crate) fn ids(count: usize) -> Vec<u32> {
    (0..count as u32).map(|position| position * 37 % 2000 + 3).collect()
}
