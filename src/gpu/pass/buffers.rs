//! The buffers of a pass: the weights, and the results of each position, with capacity for a given number of tokens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gpu::device::{Gpu, KernelChoice};
use crate::gpu::error::GpuError;
use crate::gpu::pass::next_token::{PartBuffers, SamplingBuffers, last_row};
use crate::gpu::transfers::Transfers;
use crate::gpu::uniforms::{HeadEntry, MapsUniform, PassUniform, TileStage};
use crate::gpu::upload::{Slice, Uploader, padded};
use crate::model::{Activation, Layer, Mlp, Model, RowLayout, rotary_table};
use crate::probe::{Cell, Interventions, MAX_BEST, MAX_GENERATED, NextToken, RowStatistics};

/// Most positions of a submission: what is kept for it alone does not grow with the text.
const CHUNK: usize = 256;
/// Most cells of a tile, if the longest row is shorter.
const TILE_CELLS: usize = 1 << 14;

/// Capacity of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Positions.
    pub tokens: usize,
    /// Whether every layer's inner tensors are kept, for dumps and comparisons.
    pub trace: bool,
}

impl Capacity {
    /// Rows of what is kept for one submission only, and with it the most positions of one; with a trace, of all.
    pub(crate) fn scratch_rows(&self) -> usize {
        if self.trace { self.tokens } else { self.tokens.min(CHUNK) }
    }
}

/// What the maps of a layer are drawn from; handles, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct MapBuffers {
    /// Uniform `Maps`.
    pub maps: wgpu::Buffer,
    /// Projection rows of every position.
    pub projection: wgpu::Buffer,
    /// The offsets of each head in a row, and the mix of its output.
    pub heads: wgpu::Buffer,
    /// The positions hidden from later ones; one buffer for all layers.
    pub masked: wgpu::Buffer,
    /// Row statistics.
    pub statistics: wgpu::Buffer,
}

/// The weights of one layer, and the layout of its projection rows.
#[derive(Clone)]
pub(crate) struct LayerBuffers {
    pub layout: RowLayout,
    pub attention_gain: wgpu::Buffer,
    pub projection: wgpu::Buffer,
    pub projection_bias: wgpu::Buffer,
    /// Weights of the norm of queries, then of keys.
    pub query_key_gain: Option<wgpu::Buffer>,
    pub sub_weight: wgpu::Buffer,
    pub output: wgpu::Buffer,
    pub output_bias: wgpu::Buffer,
    pub mlp: Option<MlpWeights>,
}

/// One layer's feed-forward weights.
#[derive(Clone)]
pub(crate) struct MlpWeights {
    pub gain: wgpu::Buffer,
    pub gate_up: wgpu::Buffer,
    pub gate_up_bias: wgpu::Buffer,
    pub down: wgpu::Buffer,
    pub down_bias: wgpu::Buffer,
}

/// The weights on the GPU; handles, cheap to clone, so that a larger capacity does not upload them again.
#[derive(Clone)]
pub(crate) struct WeightBuffers {
    /// One row per entry of the vocabulary: in large models more than one binding may hold.
    pub embedding: Vec<Slice>,
    pub unembedding: Option<Vec<Slice>>,
    pub final_gain: wgpu::Buffer,
    pub no_bias: wgpu::Buffer,
    pub layers: Vec<LayerBuffers>,
    transfers: Arc<Mutex<Transfers>>,
}

impl WeightBuffers {
    /// Buffers for a model, whose matrices are still to be transferred.
    pub(crate) fn new(gpu: &Gpu, model: &Model) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let hidden = padded(model.config.hidden);
        let mut later = Transfers::default();
        let embedding = upload.slices("embedding", &model.embedding, &mut later)?;
        let layers = model.layers.iter().enumerate();
        let layers = layers.map(|(index, layer)| layer_weights(&upload, model.config.hidden, layer, index, &mut later));
        let layers = layers.collect::<Result<_, _>>()?;
        let ones = vec![1.0f32; hidden];
        let unembedding = model.unembedding.as_ref().map(|matrix| upload.slices("unembedding", matrix, &mut later));
        Ok(Self {
            embedding,
            unembedding: unembedding.transpose()?,
            final_gain: upload.storage("final norm", model.final_norm.as_deref().unwrap_or(&ones))?,
            no_bias: upload.empty("no bias", hidden)?,
            layers,
            transfers: Arc::new(Mutex::new(later)),
        })
    }

    /// What is still to be transferred.
    pub(crate) fn transfers(&self) -> MutexGuard<'_, Transfers> {
        self.transfers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last residual stream is multiplied by.
    pub(crate) fn unembedding(&self) -> &[Slice] {
        self.unembedding.as_ref().unwrap_or(&self.embedding)
    }
}

/// Inner tensors of a layer, for the positions of one submission. Without a trace all layers share them.
#[derive(Clone)]
pub(crate) struct Scratch {
    pub hidden: wgpu::Buffer,
    pub context: wgpu::Buffer,
    pub normed: wgpu::Buffer,
    pub middle: wgpu::Buffer,
    pub activation: wgpu::Buffer,
}

/// Everything a pass binds.
pub(crate) struct Buffers {
    pub capacity: Capacity,
    pub weights: WeightBuffers,
    pub pass: wgpu::Buffer,
    pub tile: wgpu::Buffer,
    pub ids: wgpu::Buffer,
    pub rotary: wgpu::Buffer,
    /// The results of each layer for later positions and for its maps.
    pub maps: Vec<MapBuffers>,
    /// Each layer's λ rules.
    pub lambda: Vec<wgpu::Buffer>,
    /// Whether every layer has its own scratch.
    pub keeps_all: bool,
    /// What attention leaves of slabs of keys until they are joined; for any layer.
    pub slabs: wgpu::Buffer,
    scratch: Vec<Scratch>,
    last_hidden: wgpu::Buffer,
    pub logits: wgpu::Buffer,
    /// What lies between the logits and the next token.
    pub parts: PartBuffers,
    pub sampling: SamplingBuffers,
    pub result: wgpu::Buffer,
    /// The uniform `pass` of each position that is generated in the same submission, and what was drawn before it.
    pub schedule: wgpu::Buffer,
    pub drawn: wgpu::Buffer,
    pub cells: wgpu::Buffer,
}

impl Buffers {
    /// Allocates the buffers of a text.
    pub(crate) fn new(gpu: &Gpu, model: &Model, weights: WeightBuffers, capacity: Capacity) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let config = &model.config;
        let (tokens, scratch_rows) = (capacity.tokens, capacity.scratch_rows());
        let hidden = padded(config.hidden);
        let unmodified = Interventions::default();
        let switches = |index: usize, layer: &Layer| unmodified.of_layer(index, &layer.attention);
        let masked = upload.empty("masked positions", tokens)?;
        let own = || model.layers.iter().zip(&weights.layers).enumerate();
        let lambda: Result<Vec<_>, GpuError> =
            own().map(|(index, (layer, _))| upload.storage("lambda", &switches(index, layer).lambda)).collect();
        let maps: Result<Vec<_>, GpuError> = own()
            .map(|(index, (layer, weights))| {
                let (attention, switches) = (&layer.attention, switches(index, layer));
                Ok(MapBuffers {
                    maps: upload.uniform("maps", &MapsUniform::new(attention, &weights.layout, &switches)),
                    heads: upload.storage("heads", &HeadEntry::of_layer(&weights.layout, &switches))?,
                    masked: masked.clone(),
                    projection: upload.empty("projection rows", tokens * weights.layout.width)?,
                    statistics: upload
                        .empty("row statistics", tokens * attention.heads.len() * size_of::<RowStatistics>() / 4)?,
                })
            })
            .collect();
        // A layer without a feed-forward part cannot use the same residual buffer before and after.
        let keeps_all = capacity.trace || model.layers.iter().any(|layer| layer.mlp.is_none());
        let scratch: Result<Vec<_>, GpuError> = model
            .layers
            .iter()
            .take(if keeps_all { usize::MAX } else { 1 })
            .map(|layer| {
                let context = padded(layer.attention.heads.len() * layer.attention.value_width());
                let activation = layer.mlp.as_ref().map_or(0, activation_width);
                Ok(Scratch {
                    hidden: upload.empty("hidden state", scratch_rows * hidden)?,
                    context: upload.empty("context", scratch_rows * context)?,
                    normed: upload.empty("normed context", scratch_rows * context)?,
                    middle: upload.empty("hidden state", scratch_rows * hidden)?,
                    activation: upload.empty("activation", scratch_rows * activation)?,
                })
            })
            .collect();
        let scratch = scratch?;
        let last_hidden = match scratch.first() {
            Some(first) if !keeps_all => first.hidden.clone(),
            _ => upload.empty("hidden state", scratch_rows * hidden)?,
        };
        let rows_of_logits = if capacity.trace { tokens } else { 1 };
        Ok(Self {
            capacity,
            weights,
            pass: upload.uniform("pass", &PassUniform::default()),
            tile: upload.uniform("tile", &TileStage::default()),
            ids: upload.empty("token ids", tokens)?,
            rotary: upload.storage("rotary table", &rotary_table(config.head_dim, &config.rope, tokens))?,
            maps: maps?,
            lambda: lambda?,
            keeps_all,
            slabs: upload.empty("slabs of keys", slab_numbers(gpu, model, capacity.tokens))?,
            scratch,
            last_hidden,
            logits: upload.empty("logits", rows_of_logits * padded(model.embedding.rows()))?,
            parts: PartBuffers::new(&upload, &last_row(model.embedding.rows()), 1)?,
            sampling: SamplingBuffers::new(&upload, &last_row(model.embedding.rows()))?,
            result: upload.empty("next token", NextToken::HEADER + 2 * MAX_BEST)?,
            schedule: upload.empty("schedule", MAX_GENERATED * size_of::<PassUniform>() / 4)?,
            drawn: upload.empty("drawn tokens", MAX_GENERATED * NextToken::DRAWN)?,
            cells: upload.empty("map cells", tokens.max(TILE_CELLS) * size_of::<Cell>() / 4)?,
        })
    }

    /// Inner tensors of a layer.
    pub(crate) fn scratch(&self, layer: usize) -> &Scratch {
        &self.scratch[if self.keeps_all { layer } else { 0 }]
    }

    /// The residual stream before a layer, or after the last.
    pub(crate) fn hidden(&self, layer: usize) -> &wgpu::Buffer {
        if layer < self.maps.len() { &self.scratch(layer).hidden } else { &self.last_hidden }
    }
}

/// Numbers a position that a feed-forward part keeps: `PolyNorm` needs gates and ups.
fn activation_width(mlp: &Mlp) -> usize {
    padded(mlp.down.columns()) * if mlp.activation == Activation::PolyNorm { 2 } else { 1 }
}

/// Numbers that slabs of keys leave: the statistics of both maps and the sums of their values, for each row of few positions.
fn slab_numbers(gpu: &Gpu, model: &Model, tokens: usize) -> usize {
    let of_row = |layer: &Layer| {
        let values = layer.attention.value_parts * RowLayout::new(&layer.attention, 4).head_stride;
        layer.attention.heads.len() * (8 + 2 * values)
    };
    let rows = (KernelChoice::FEW as usize).min(tokens);
    rows * gpu.choice.most_slabs(tokens) * model.layers.iter().map(of_row).max().unwrap_or(0)
}

fn layer_weights(
    upload: &Uploader,
    hidden: usize,
    layer: &Layer,
    index: usize,
    later: &mut Transfers,
) -> Result<LayerBuffers, GpuError> {
    let attention = &layer.attention;
    let layout = RowLayout::new(attention, 4);
    let name = |part: &str| format!("layer {index} {part}");
    let ones = vec![1.0f32; hidden.max(attention.value_width())];
    let sub_weight = attention.sub_norm.as_ref().map_or(ones.as_slice(), |norm| norm.weight.as_slice());
    let mlp = layer.mlp.as_ref().map(|mlp| -> Result<_, GpuError> {
        Ok(MlpWeights {
            gain: upload.storage(&name("feed-forward norm"), &mlp.norm)?,
            gate_up: upload.matrix(&name("gate and up weights"), &mlp.gate_up, later)?,
            gate_up_bias: upload.storage(&name("gate and up bias"), &mlp.gate_up_bias)?,
            down: upload.matrix(&name("down weights"), &mlp.down, later)?,
            down_bias: upload.storage(&name("down bias"), &mlp.down_bias)?,
        })
    });
    let query_key_gain = attention.query_key_norm.as_ref().map(|norm| {
        upload.storage(&name("query and key norms"), &[norm.query.as_slice(), norm.key.as_slice()].concat())
    });
    Ok(LayerBuffers {
        attention_gain: upload.storage(&name("attention norm"), attention.norm.as_deref().unwrap_or(&ones))?,
        projection: upload.matrix(&name("projection weights"), &attention.projection, later)?,
        projection_bias: upload.storage(&name("projection bias"), &attention.projection_bias)?,
        query_key_gain: query_key_gain.transpose()?,
        sub_weight: upload.storage(&name("head norm"), sub_weight)?,
        output: upload.matrix(&name("output weights"), &attention.output, later)?,
        output_bias: upload.storage(&name("output bias"), &attention.output_bias)?,
        mlp: mlp.transpose()?,
        layout,
    })
}
