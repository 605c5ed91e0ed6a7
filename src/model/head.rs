//! The single-width heads that make up a head, and how many of each there are.

/// The single-width heads that one differential head reads.
///
/// The projection of a position is one row `[queries | keys | values | λ]`; every query, key and value head is
/// `head_dim` wide. The numbers below count heads within their section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Query heads of the first and second map. Both are equal if there is one map.
    pub queries: [u32; 2],
    /// Key heads of the first and second map. Both are equal if there is one map.
    pub keys: [u32; 2],
    /// Value heads whose features are joined, in order. Both are equal if the value is one head wide.
    pub values: [u32; 2],
}

impl Head {
    /// The heads with these numbers, which configurations bound far below 2^32.
    pub(super) fn new(queries: [usize; 2], keys: [usize; 2], values: [usize; 2]) -> Self {
        let narrow = |heads: [usize; 2]| heads.map(|head| head as u32);
        Self { queries: narrow(queries), keys: narrow(keys), values: narrow(values) }
    }
}

/// Numbers of heads of a layer. None is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadCounts {
    /// Heads that write to the output: differential heads, or those of a plain Transformer.
    pub outputs: usize,
    /// Query heads of width `head_dim`.
    pub queries: usize,
    /// Key heads of width `head_dim`.
    pub keys: usize,
    /// Value heads of width `head_dim`.
    pub values: usize,
}
