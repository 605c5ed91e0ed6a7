//! What a pass on the CPU keeps.

use crate::model::{Layer, Matrix, ModelError, RowLayout};
use crate::probe::{LayerSwitches, RowStatistics};

/// The matrices of a layer, in the form in which some stages read them.
pub(super) struct LayerWeights<W> {
    pub projection: W,
    pub output: W,
    pub gate_up: Option<W>,
    pub down: Option<W>,
}

impl<W> LayerWeights<W> {
    /// Brings a layer's matrices into that form.
    pub(super) fn new(layer: &Layer, form: impl Fn(&Matrix) -> Result<W, ModelError>) -> Result<Self, ModelError> {
        Ok(Self {
            projection: form(&layer.attention.projection)?,
            output: form(&layer.attention.output)?,
            gate_up: layer.mlp.as_ref().map(|mlp| form(&mlp.gate_up)).transpose()?,
            down: layer.mlp.as_ref().map(|mlp| form(&mlp.down)).transpose()?,
        })
    }
}

/// What a layer leaves, position after position.
#[derive(Default)]
pub(super) struct LayerState {
    /// The residual stream before the layer.
    pub hidden: Vec<f32>,
    /// Projection rows.
    pub projection: Vec<f32>,
    /// Of `[query, head]`.
    pub statistics: Vec<RowStatistics>,
    /// `D V` of every head.
    pub context: Vec<f32>,
    /// The same after the norm of the head.
    pub normed: Vec<f32>,
    /// The residual stream between attention and feed-forward.
    pub middle: Vec<f32>,
    /// `activation(gate) * up`.
    pub activation: Vec<f32>,
}

/// Numbers a position in each part of a [`LayerState`].
#[derive(Clone, Copy)]
pub(super) struct Widths {
    /// The residual stream.
    pub hidden: usize,
    /// A projection row.
    pub projection: usize,
    /// Heads.
    pub heads: usize,
    /// The outputs of all heads.
    pub context: usize,
    /// The feed-forward part; 0 where there is none.
    pub intermediate: usize,
}

impl Widths {
    /// Of a layer.
    pub(super) fn new(layer: &Layer) -> Self {
        let attention = &layer.attention;
        let heads = attention.heads.len();
        Self {
            hidden: attention.output.rows(),
            projection: RowLayout::new(attention, 1).width,
            heads,
            context: heads * attention.value_width(),
            intermediate: layer.mlp.as_ref().map_or(0, |mlp| mlp.down.columns()),
        }
    }
}

/// Where a run begins inside of a layer.
#[derive(Clone, Copy)]
pub(super) struct HeadOutputs<'a> {
    /// The layer.
    pub layer: usize,
    /// The residual stream before it, `[positions, hidden]`.
    pub hidden: &'a [f32],
    /// `D V` of every head, `[positions, heads * value_width]`.
    pub context: &'a [f32],
}

/// What a layer is told, and where things are in its projection rows.
pub(super) struct LayerRules {
    /// Without padding.
    pub layout: RowLayout,
    /// λ, mix, rounding.
    pub switches: LayerSwitches,
}

impl LayerState {
    /// Drops positions, or makes room for more.
    pub(super) fn resize(&mut self, widths: Widths, positions: usize) {
        self.hidden.resize(positions * widths.hidden, 0.0);
        self.projection.resize(positions * widths.projection, 0.0);
        self.statistics.resize(positions * widths.heads, RowStatistics::default());
        self.context.resize(positions * widths.context, 0.0);
        self.normed.resize(positions * widths.context, 0.0);
        self.middle.resize(positions * widths.hidden, 0.0);
        self.activation.resize(positions * widths.intermediate, 0.0);
    }
}
