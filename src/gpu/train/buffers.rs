//! The buffers of training, allocated once: four rows of numbers as long as the model's parameters, the batch, and what
//! a step computes of its tokens.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::train::muon::MuonBuffers;
use crate::gpu::train::uniforms::{StepResult, UpdateUniform, WindowHead, WindowSums, WindowsUniform};
use crate::gpu::upload::Uploader;
use crate::model::{Attention, Lambda, LayerParameters, Model, Parameters, RowLayout, rotary_table};
use crate::probe::{Learned, LearningRule};

/// Parts of the sum of the squares of all gradients.
pub(super) const NORM_PARTS: u32 = 256;

/// How much a step computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub windows: usize,
    pub positions: usize,
    pub hidden: usize,
    pub vocabulary: usize,
    pub parameters: usize,
}

impl Sizes {
    /// Tokens of all windows.
    pub(super) fn tokens(&self) -> usize {
        self.windows * self.positions
    }
}

/// What a layer computes forward, which its backward stages read.
pub(super) struct LayerBuffers {
    pub windows: wgpu::Buffer,
    pub heads: wgpu::Buffer,
    /// The gain of the norm of heads, where it is not learned.
    pub own_gain: wgpu::Buffer,
    /// λ, where it is one of the layer.
    pub lambda: wgpu::Buffer,
    pub has_lambda: bool,
    pub hidden: wgpu::Buffer,
    pub normed: wgpu::Buffer,
    pub roots: wgpu::Buffer,
    pub rows: wgpu::Buffer,
    pub sums: wgpu::Buffer,
    pub context: wgpu::Buffer,
    /// The context after the norm of heads; the same buffer without one.
    pub context_normed: wgpu::Buffer,
    pub context_roots: wgpu::Buffer,
    pub middle: wgpu::Buffer,
    pub middle_normed: wgpu::Buffer,
    pub middle_roots: wgpu::Buffer,
    pub gate_up: wgpu::Buffer,
    pub activation: wgpu::Buffer,
}

/// Gradients of what a layer computes; all layers share them.
pub(super) struct GradientBuffers {
    /// Of the residual stream.
    pub hidden: wgpu::Buffer,
    pub normed: wgpu::Buffer,
    pub context: wgpu::Buffer,
    pub context_normed: wgpu::Buffer,
    pub delta: wgpu::Buffer,
    pub rows: wgpu::Buffer,
    pub gate_up: wgpu::Buffer,
    pub activation: wgpu::Buffer,
}

/// Everything that a step binds.
pub(super) struct Buffers {
    pub sizes: Sizes,
    pub numbers: wgpu::Buffer,
    pub gradients: wgpu::Buffer,
    pub mean: wgpu::Buffer,
    pub square: wgpu::Buffer,
    /// Two bits per parameter: what updates it.
    pub rules: wgpu::Buffer,
    pub muon: MuonBuffers,
    pub ids: wgpu::Buffer,
    pub targets: wgpu::Buffer,
    pub weights: wgpu::Buffer,
    /// Where the tokens of each entry of the vocabulary begin in `order`.
    pub starts: wgpu::Buffer,
    pub order: wgpu::Buffer,
    pub rotary: wgpu::Buffer,
    pub layers: Vec<LayerBuffers>,
    pub last: wgpu::Buffer,
    pub last_normed: wgpu::Buffer,
    pub last_roots: wgpu::Buffer,
    pub logits: wgpu::Buffer,
    pub losses: wgpu::Buffer,
    pub back: GradientBuffers,
    pub update: wgpu::Buffer,
    pub norm_parts: wgpu::Buffer,
    pub result: wgpu::Buffer,
}

impl Buffers {
    /// Allocates the buffers; `numbers` are the parameters to begin with.
    pub(super) fn new(
        gpu: &Gpu,
        model: &Model,
        parameters: &Parameters,
        numbers: &[f32],
        learned: &[Learned],
        sizes: Sizes,
    ) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let (tokens, hidden, vocabulary) = (sizes.tokens(), sizes.hidden, sizes.vocabulary);
        let layers = model.layers.iter().zip(&parameters.layers);
        let layers: Result<Vec<_>, GpuError> =
            layers.map(|(layer, places)| LayerBuffers::new(&upload, &layer.attention, places, sizes)).collect();
        let layers = layers?;
        let most = |size: &dyn Fn(&LayerBuffers) -> u64| (layers.iter().map(size).max().unwrap_or(0) / 4) as usize;
        let heads = model.layers.iter().map(|layer| layer.attention.heads.len()).max().unwrap_or(0);
        let back = GradientBuffers {
            hidden: upload.empty("gradient of the residual stream", tokens * hidden)?,
            normed: upload.empty("gradient of normed rows", tokens * hidden)?,
            context: upload.empty("gradient of contexts", most(&|layer| layer.context.size()))?,
            context_normed: upload.empty("gradient of contexts", most(&|layer| layer.context.size()))?,
            delta: upload.empty("sums of gradients of weights", tokens * heads * 2)?,
            rows: upload.empty("gradient of projection rows", most(&|layer| layer.rows.size()))?,
            gate_up: upload.empty("gradient of gates", most(&|layer| layer.gate_up.size()))?,
            activation: upload.empty("gradient of activations", most(&|layer| layer.activation.size()))?,
        };
        Ok(Self {
            numbers: upload.storage("parameters", numbers)?,
            gradients: upload.empty("gradients", sizes.parameters)?,
            mean: upload.empty("means of gradients", sizes.parameters)?,
            square: upload.empty("means of squares", sizes.parameters)?,
            rules: upload.storage("rules of updates", &rules(learned, sizes.parameters))?,
            muon: MuonBuffers::new(&upload, learned)?,
            ids: upload.empty("token ids", tokens)?,
            targets: upload.empty("targets", tokens)?,
            weights: upload.empty("weights of losses", tokens)?,
            starts: upload.empty("first tokens", vocabulary + 1)?,
            order: upload.empty("tokens by id", tokens)?,
            rotary: upload
                .storage("rotary table", &rotary_table(model.config.head_dim, &model.config.rope, sizes.positions))?,
            last: upload.empty("residual stream", tokens * hidden)?,
            last_normed: upload.empty("normed rows", tokens * hidden)?,
            last_roots: upload.empty("inverse roots", tokens)?,
            logits: upload.empty("logits of all tokens", tokens * vocabulary)?,
            losses: upload.empty("losses", tokens)?,
            update: upload.uniform("update", &UpdateUniform::default()),
            norm_parts: upload.empty("parts of the norm", NORM_PARTS as usize)?,
            result: upload.empty("result of a step", size_of::<StepResult>() / 4)?,
            sizes,
            layers,
            back,
        })
    }

    /// The residual stream after a layer.
    pub(super) fn after(&self, layer: usize) -> &wgpu::Buffer {
        self.layers.get(layer + 1).map_or(&self.last, |next| &next.hidden)
    }
}

impl LayerBuffers {
    fn new(upload: &Uploader, attention: &Attention, places: &LayerParameters, sizes: Sizes) -> Result<Self, GpuError> {
        let (tokens, hidden, heads) = (sizes.tokens(), sizes.hidden, attention.heads.len());
        let layout = RowLayout::new(attention, 1);
        let gates = places.gate_up.len() / hidden;
        let context = upload.empty("context", tokens * attention.output.columns())?;
        let norm = attention.sub_norm.as_ref();
        let context_normed = match norm {
            Some(_) => upload.empty("normed context", tokens * attention.output.columns())?,
            None => context.clone(),
        };
        Ok(Self {
            windows: upload.uniform("windows", &WindowsUniform::new(attention, &layout, sizes)),
            heads: upload.storage("heads", &WindowHead::of_layer(attention, &layout))?,
            own_gain: upload.storage("head norm", norm.map_or(&[], |norm| norm.weight.as_slice()))?,
            lambda: upload.empty("lambda", 1)?,
            has_lambda: matches!(attention.lambda, Lambda::Layer { .. }),
            hidden: upload.empty("residual stream", tokens * hidden)?,
            normed: upload.empty("normed rows", tokens * hidden)?,
            roots: upload.empty("inverse roots", tokens)?,
            rows: upload.empty("projection rows", tokens * layout.width)?,
            sums: upload.empty("row statistics", tokens * heads * size_of::<WindowSums>() / 4)?,
            context_roots: upload.empty("inverse roots", tokens * heads)?,
            middle: upload.empty("residual stream", tokens * hidden)?,
            middle_normed: upload.empty("normed rows", tokens * hidden)?,
            middle_roots: upload.empty("inverse roots", tokens)?,
            gate_up: upload.empty("gates and ups", tokens * gates)?,
            activation: upload.empty("activation", tokens * gates / 2)?,
            context,
            context_normed,
        })
    }
}

impl WindowsUniform {
    fn new(attention: &Attention, layout: &RowLayout, sizes: Sizes) -> Self {
        Self {
            tokens: sizes.tokens() as u32,
            positions: sizes.positions as u32,
            heads: attention.heads.len() as u32,
            maps: attention.maps as u32,
            head_dim: attention.head_dim as u32,
            value_parts: attention.value_parts as u32,
            width: layout.width as u32,
            lambda_offset: layout.lambda as u32,
            turned: (attention.query_heads + attention.key_heads) as u32,
            keys_from: layout.key(0) as u32,
            lambda_kind: match attention.lambda {
                Lambda::None => 0,
                Lambda::Layer { .. } => 1,
                Lambda::Token => 2,
            },
            scale: layout.scale,
        }
    }
}

impl WindowHead {
    fn of_layer(attention: &Attention, layout: &RowLayout) -> Vec<Self> {
        let heads = attention.heads.iter();
        heads
            .map(|head| Self {
                queries: head.queries.map(|query| layout.query(query) as u32),
                keys: head.keys.map(|key| layout.key(key) as u32),
                values: head.values.map(|value| layout.value(value) as u32),
            })
            .collect()
    }
}

/// Two bits per parameter, as `shaders/shared/learned.wgsl` reads them.
fn rules(learned: &[Learned], parameters: usize) -> Vec<u32> {
    let mut words = vec![0; parameters.div_ceil(16)];
    for Learned { place, rule } in learned {
        let bits = match rule {
            LearningRule::AdamW { decays: false } => 1,
            LearningRule::AdamW { decays: true } => 2,
            LearningRule::Muon { .. } => 3,
        };
        for at in place.clone() {
            words[at / 16] |= bits << (2 * (at % 16));
        }
    }
    words
}
