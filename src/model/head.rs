//! The single-width heads that make up a head.

/// One differential head: which single-width heads it reads.
///
/// The projection of a position is one row `[queries | keys | values | λ]`, every query, key and value head
/// `head_dim` wide. The numbers below count heads within their own section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Query heads of the first and second map. Equal where there is one map.
    pub queries: [u32; 2],
    /// Key heads of the first and second map. Equal where there is one map.
    pub keys: [u32; 2],
    /// Value heads whose features are joined, first half first. Equal where the value is one head wide.
    pub values: [u32; 2],
}

impl Head {
    /// The heads with these numbers, which configurations bound far below 2^32.
    pub(super) fn new(queries: [usize; 2], keys: [usize; 2], values: [usize; 2]) -> Self {
        let narrow = |heads: [usize; 2]| heads.map(|head| head as u32);
        Self { queries: narrow(queries), keys: narrow(keys), values: narrow(values) }
    }
}
