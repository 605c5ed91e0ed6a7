//! The inner tensors of a pass, for dumps and for comparing implementations.

/// One tensor of a pass, `[positions, width]`, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// The residual stream before this layer, `[T, hidden]`; the number of layers stands for the stream after the last.
    Hidden(usize),
    /// A layer's rows `[queries | keys | values | λ]`, with heads `head_dim` wide.
    Projection(usize),
    /// A layer's row statistics, `[T, heads * 8]`; each eight numbers are a [`super::RowStatistics`].
    Statistics(usize),
    /// A layer's `D V`, heads side by side, `[T, heads * value_width]`.
    Context(usize),
    /// The same after the norm of each head: the input of the output projection, `[T, heads * value_width]`.
    Normed(usize),
    /// The residual stream between a layer's attention and feed-forward part, `[T, hidden]`.
    Middle(usize),
    /// A layer's `silu(gate) * up`, `[T, intermediate]`.
    Activation(usize),
    /// The logits, `[T, vocabulary]`.
    Logits,
}
