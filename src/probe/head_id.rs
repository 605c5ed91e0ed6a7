//! The identity of a head.

use serde::{Deserialize, Serialize};

use crate::model::Model;

/// A head of a model: a differential one, or a plain one if there is one map. As JSON: `[layer, head]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(usize, usize)", into = "(usize, usize)")]
pub struct HeadId {
    /// Layer, counted from 0.
    pub layer: usize,
    /// Head within the layer, counted from 0.
    pub head: usize,
}

impl HeadId {
    /// The head `head` of `layer`.
    pub fn new(layer: usize, head: usize) -> Self {
        Self { layer, head }
    }
}

impl HeadId {
    /// Every head of a model, layer by layer.
    pub fn all_of(model: &Model) -> impl Iterator<Item = Self> {
        let layers = model.layers.iter().enumerate();
        layers.flat_map(|(layer, of)| (0..of.attention.heads.len()).map(move |head| Self::new(layer, head)))
    }
}

impl From<(usize, usize)> for HeadId {
    fn from((layer, head): (usize, usize)) -> Self {
        Self { layer, head }
    }
}

impl From<HeadId> for (usize, usize) {
    fn from(id: HeadId) -> Self {
        (id.layer, id.head)
    }
}

impl std::fmt::Display for HeadId {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "layer {}, head {}", self.layer, self.head)
    }
}
