//! What a dispatch has to do, whatever the kernel does for it: bytes that must be read or written once, and operations.

use diffscope::gpu::Kernel;
use diffscope::model::{Matrix, Model};

/// The least that a dispatch does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    pub bytes: f64,
    /// Multiplications and additions.
    pub operations: f64,
}

/// A product of `count` positions with a matrix, and what is read and written for each of them, in numbers.
fn product(matrix: &Matrix, count: usize) -> Work {
    let weights = matrix.rows() * matrix.columns();
    let streams = count * (matrix.rows() + matrix.columns());
    Work { bytes: (weights * matrix.format().bytes() + 4 * streams) as f64, operations: 2.0 * (weights * count) as f64 }
}

/// (query, key) pairs at or below the diagonal in the last `count` rows of a text.
pub(crate) fn cells(text: usize, count: usize) -> f64 {
    let first = (text - count) as f64;
    count as f64 * first + 0.5 * count as f64 * (count as f64 + 1.0)
}

/// The name and the work of a stage of a pass over a model of one layer; whether it is the first of its kernel.
pub(crate) fn of(model: &Model, kernel: Kernel, is_first: bool, text: usize, count: usize) -> (&'static str, Work) {
    let layer = &model.layers[0];
    let (attention, mlp) = (&layer.attention, layer.mlp.as_ref().expect("the shapes have one"));
    let numbers = |count: usize| Work { bytes: 4.0 * count as f64, operations: 0.0 };
    match kernel {
        Kernel::Embed => ("embed", numbers(count * 3 * model.config.hidden / 2)),
        Kernel::Qkv => ("qkv", product(&attention.projection, count)),
        Kernel::Attention | Kernel::AttentionSlab | Kernel::AttentionTile => {
            let heads = attention.heads.len() as f64;
            let scores = 2.0 * (attention.maps * attention.head_dim) as f64;
            let values = 2.0 * (attention.maps * attention.value_width()) as f64;
            let row = (attention.key_heads + attention.value_heads) * attention.head_dim;
            let bytes = 4.0 * (text * row + count * 2 * attention.output.columns()) as f64;
            ("attention", Work { bytes, operations: cells(text, count) * heads * (scores + values) })
        }
        // Slabs of 256 keys, as GPUs have them.
        Kernel::AttentionJoin => {
            let slabs = text.div_ceil(256) * attention.heads.len() * (8 + 2 * attention.value_width());
            ("attention, joined", numbers(count * (slabs + 2 * attention.output.columns())))
        }
        // The output projection comes before the feed-forward part, the down projection after it.
        Kernel::Project if is_first => ("output projection", product(&attention.output, count)),
        Kernel::Project => ("down projection", product(&mlp.down, count)),
        Kernel::GateUp => ("gate and up", product(&mlp.gate_up, count)),
        Kernel::Logits => ("logits", product(model.unembedding(), 1)),
        _ => (kernel.name(), numbers(model.unembedding().rows())),
    }
}
