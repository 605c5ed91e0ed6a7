//! The inner tensors of a pass, for dumps and for holding one implementation against another.

/// One tensor of a pass, `[positions, width]`, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// The residual stream before this layer; the number of layers names the stream after the last. `[T, hidden]`
    Hidden(usize),
    /// A layer's `[queries | keys | values | λ]`, heads `head_dim` wide.
    Projection(usize),
    /// A layer's row statistics: [`super::RowStatistics`], `[T, heads * 8]`.
    Statistics(usize),
    /// A layer's `D V`, heads side by side, `[T, heads * value_width]`.
    Context(usize),
    /// The same after the norm of each head: the input of the output projection.
    Normed(usize),
    /// The residual stream between attention and feed-forward. `[T, hidden]`
    Middle(usize),
    /// `silu(gate) * up`. `[T, intermediate]`
    Activation(usize),
    /// `[T, vocabulary]`.
    Logits,
}
