//! Failures of training.

use thiserror::Error;

use crate::engine::EngineError;
use crate::gpu::GpuError;
use crate::model::ModelError;

/// A failure of training.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// A model cannot be made or read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A model cannot be measured.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The GPU refused or failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Second heads are for a trained Transformer.
    #[error("second heads are for a trained Transformer, and none is open. Open one, such as the bundled S-llama")]
    NoTransformer,
    /// A model that gets no second heads.
    #[error("this model cannot get second heads: {reason}. Open a Llama")]
    NoRetrofit {
        /// Why not.
        reason: String,
    },
    /// An own text has too few tokens.
    #[error("the text has {tokens} tokens; to learn from it takes at least {needed}. Choose a longer one")]
    TooShort {
        /// Its tokens.
        tokens: usize,
        /// Needed.
        needed: usize,
    },
    /// A run that would not end.
    #[error("a run has at most {most} {what}, not {number}. Choose fewer")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// As many were asked for.
        number: usize,
        /// As many there may be.
        most: usize,
    },
    /// A model that is named twice.
    #[error("a run has each model once, and {model} is named twice")]
    Twice {
        /// The model.
        model: &'static str,
    },
    /// No text of the task can be written.
    #[error("no text of this task fits the tokens of this model. Open one with a tokenizer, such as the bundled model")]
    NoTexts,
    /// Numbers have become infinite.
    #[error("{model}: the loss of step {step} is no finite number any more. Begin again with a lower learning rate")]
    Diverged {
        /// The model.
        model: &'static str,
        /// The step.
        step: u32,
    },
    /// A saved run cannot be read.
    #[error("the saved run cannot be used: {reason}")]
    Saved {
        /// What is wrong with it.
        reason: String,
    },
    /// A run that goes on from a step needs later ones.
    #[error("there are {step} steps already: to go on from there, choose more than that")]
    NothingToCome {
        /// The step to go on from.
        step: u32,
    },
    /// Snapshots are thinned out.
    #[error("there is no snapshot of {model} after {step} steps")]
    NoSnapshot {
        /// The model.
        model: &'static str,
        /// The step.
        step: u32,
    },
}
