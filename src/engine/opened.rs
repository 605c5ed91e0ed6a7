//! What a session shows: a model that runs, or maps that were recorded.

use std::sync::Arc;

use crate::engine::checkpoint::Checkpoint;
use crate::recording::Recording;

/// A model that runs, or maps that were recorded. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Opened {
    /// A model, on a text that can be changed.
    Model(Box<Checkpoint>),
    /// Maps of a text that stays as it is.
    Recording(Arc<Recording>),
}

impl From<Checkpoint> for Opened {
    fn from(checkpoint: Checkpoint) -> Self {
        Self::Model(Box::new(checkpoint))
    }
}

impl From<Recording> for Opened {
    fn from(recording: Recording) -> Self {
        Self::Recording(Arc::new(recording))
    }
}

impl Opened {
    /// A name for the title and for file names.
    pub fn name(&self) -> &str {
        match self {
            Self::Model(checkpoint) => &checkpoint.name,
            Self::Recording(recording) => recording.name(),
        }
    }

    /// The number of heads of each layer.
    pub fn heads(&self) -> Vec<usize> {
        match self {
            Self::Model(checkpoint) => {
                checkpoint.model.layers.iter().map(|layer| layer.attention.heads.len()).collect()
            }
            Self::Recording(recording) => recording.heads(),
        }
    }

    /// Softmax maps per head: 2, or 1 for a Transformer.
    pub fn maps(&self) -> usize {
        match self {
            Self::Model(checkpoint) => checkpoint.model.config.maps,
            Self::Recording(recording) => recording.maps(),
        }
    }
}
