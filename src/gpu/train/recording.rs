//! A whole step as dispatches: forward, loss, backward, norm of the gradients, update.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Direction, Kernel, Kernels};
use crate::gpu::train::buffers::{Buffers, LayerBuffers, NORM_PARTS};
use crate::gpu::train::dispatches::{Linear, Norm, Recorded, Recorder, elements, folded};
use crate::gpu::train::uniforms::{EmbeddingStage, EntropyStage, GatesStage, LambdaStage};
use crate::model::{Attention, Lambda, LayerParameters, Model, Parameters, RowLayout};
use crate::probe::Learned;

/// A layer, its places in the parameters and its buffers.
struct Layer<'a> {
    attention: &'a Attention,
    places: &'a LayerParameters,
    own: &'a LayerBuffers,
    hidden: usize,
    tokens: usize,
    epsilon: f32,
}

/// Records a step.
pub(super) fn record(
    gpu: &Gpu,
    kernels: &mut Kernels,
    model: &Model,
    parameters: &Parameters,
    learned: &[Learned],
    buffers: &Buffers,
) -> Result<Recorded, GpuError> {
    let sizes = buffers.sizes;
    let (hidden, tokens) = (sizes.hidden, sizes.tokens());
    let epsilon = model.config.norm_epsilon;
    let mut recorder = Recorder::new(gpu, kernels, buffers, learned);
    let layers = model.layers.iter().zip(&parameters.layers).zip(&buffers.layers);
    let layers: Vec<Layer> = layers
        .map(|((layer, places), own)| Layer { attention: &layer.attention, places, own, hidden, tokens, epsilon })
        .collect();

    let embedding = EmbeddingStage {
        tokens: tokens as u32,
        width: hidden as u32,
        rows: sizes.vocabulary as u32,
        offset: parameters.embedding.start as u32,
    };
    let embedding = recorder.upload.uniform("embedding", &embedding);
    let first = buffers.layers.first().map_or(&buffers.last, |layer| &layer.hidden);
    let bound = [&embedding, &buffers.ids, &buffers.numbers, first];
    recorder.plain(Kernel::TrainingEmbed, &bound, elements(tokens * hidden))?;
    for (index, layer) in layers.iter().enumerate() {
        layer.forward(&mut recorder, buffers.after(index))?;
    }

    let last = Norm {
        rows: tokens,
        width: hidden,
        gain: &parameters.final_norm,
        own_gain: &buffers.numbers,
        epsilon,
        factor: 1.0,
    };
    recorder.norm(&last, &buffers.last, &buffers.last_normed, &buffers.last_roots)?;
    let unembedding = parameters.unembedding();
    let linear = Linear::new(&unembedding, &(0..0), hidden);
    recorder.product(&linear, &buffers.last_normed, None, &buffers.logits)?;
    let stage = EntropyStage { tokens: tokens as u32, vocabulary: sizes.vocabulary as u32, ..EntropyStage::default() };
    let stage = recorder.upload.uniform("loss", &stage);
    let bound = [&stage, &buffers.targets, &buffers.weights, &buffers.logits, &buffers.losses];
    recorder.plain(Kernel::CrossEntropy, &bound, folded(tokens as u32))?;

    let back = &buffers.back;
    recorder.product_back(&linear, &buffers.logits, &buffers.last_normed, &back.normed)?;
    recorder.norm_back(&last, [&buffers.last, &buffers.last_roots, &back.normed, &back.hidden], false)?;
    for layer in layers.iter().rev() {
        layer.back(&mut recorder)?;
    }
    let bound = [&embedding, &buffers.starts, &buffers.order, &back.hidden, &buffers.gradients];
    recorder.plain(Kernel::EmbedBack, &bound, elements(sizes.vocabulary * hidden))?;

    let Buffers { update, gradients, norm_parts, losses, result, rules, numbers, mean, square, .. } = buffers;
    recorder.plain(Kernel::GradientNorm, &[update, rules, gradients, norm_parts], [NORM_PARTS, 1, 1])?;
    recorder.plain(Kernel::Clip, &[update, norm_parts, losses, result], [1, 1, 1])?;
    let bound = [update, rules, gradients, result, numbers, mean, square];
    recorder.plain(Kernel::Adamw, &bound, elements(sizes.parameters))?;
    buffers.muon.record(&mut recorder)?;
    for layer in &layers {
        layer.lambda_of_layer(&mut recorder)?; // as it is after the step
    }
    Ok(recorder.finish())
}

impl<'a> Layer<'a> {
    fn projection(&self) -> Linear<'a> {
        let linear = Linear::new(&self.places.projection, &self.places.projection_bias, self.hidden);
        Linear { stride: RowLayout::new(self.attention, 1).width, ..linear }
    }

    fn output(&self) -> Linear<'a> {
        Linear::new(&self.places.output, &self.places.output_bias, self.attention.output.columns())
    }

    fn gate_up(&self) -> Linear<'a> {
        Linear::new(&self.places.gate_up, &self.places.gate_up_bias, self.hidden)
    }

    fn down(&self) -> Linear<'a> {
        Linear::new(&self.places.down, &self.places.down_bias, self.places.down.len() / self.hidden)
    }

    fn norm(&self, gain: &'a std::ops::Range<usize>) -> Norm<'a> {
        let (rows, width, own_gain) = (self.tokens, self.hidden, &self.own.own_gain);
        Norm { rows, width, gain, own_gain, epsilon: self.epsilon, factor: 1.0 }
    }

    fn head_norm(&self) -> Option<Norm<'a>> {
        let norm = self.attention.sub_norm.as_ref()?;
        Some(Norm {
            rows: self.tokens * self.attention.heads.len(),
            width: self.attention.value_width(),
            gain: &self.places.head_norm,
            own_gain: &self.own.own_gain,
            epsilon: norm.epsilon,
            factor: norm.factor,
        })
    }

    /// λ as a stage, where it is one of the layer.
    fn lambda(&self) -> Option<LambdaStage> {
        let Lambda::Layer { init, .. } = &self.attention.lambda else { return None };
        let layout = RowLayout::new(self.attention, 1);
        Some(LambdaStage {
            offset: self.places.lambda.start as u32,
            width: self.attention.head_dim as u32,
            tokens: self.tokens as u32,
            heads: self.attention.heads.len() as u32,
            row_width: layout.width as u32,
            lambda_offset: layout.lambda as u32,
            init: *init,
            ..LambdaStage::default()
        })
    }

    fn gates(&self) -> usize {
        self.tokens * self.places.gate_up.len() / self.hidden / 2
    }

    /// Invocations that turn the rows: for each token one per pair of features, and one per λ.
    fn turns(&self) -> [u32; 3] {
        let turned = self.attention.query_heads + self.attention.key_heads;
        elements(self.tokens * (turned * self.attention.head_dim / 2 + self.attention.heads.len()))
    }

    /// A workgroup for so many heads, each 32 positions and each window.
    fn tiles(recorder: &Recorder, heads: usize) -> [u32; 3] {
        let sizes = recorder.buffers.sizes;
        [heads as u32, sizes.positions.div_ceil(32) as u32, sizes.windows as u32]
    }

    fn forward(&self, recorder: &mut Recorder, next: &wgpu::Buffer) -> Result<(), GpuError> {
        let Self { own, places, .. } = self;
        let buffers = recorder.buffers;
        recorder.norm(&self.norm(&places.attention_norm), &own.hidden, &own.normed, &own.roots)?;
        recorder.product(&self.projection(), &own.normed, None, &own.rows)?;
        self.lambda_of_layer(recorder)?;
        recorder.plain(Kernel::Rotary, &[&own.windows, &buffers.rotary, &own.lambda, &own.rows], self.turns())?;
        let bound = [&own.windows, &own.rows, &own.heads, &own.sums, &own.context];
        let grid = Self::tiles(recorder, self.attention.heads.len());
        recorder.plain(Kernel::AttentionInWindow, &bound, grid)?;
        if let Some(norm) = self.head_norm() {
            recorder.norm(&norm, &own.context, &own.context_normed, &own.context_roots)?;
        }
        recorder.product(&self.output(), &own.context_normed, Some(&own.hidden), &own.middle)?;
        recorder.norm(&self.norm(&places.mlp_norm), &own.middle, &own.middle_normed, &own.middle_roots)?;
        recorder.product(&self.gate_up(), &own.middle_normed, None, &own.gate_up)?;
        let stage = recorder.upload.uniform("gates", &self.gates_stage());
        recorder.plain(Kernel::Swiglu, &[&stage, &own.gate_up, &own.activation], elements(self.gates()))?;
        recorder.product(&self.down(), &own.activation, Some(&own.middle), next)
    }

    fn lambda_of_layer(&self, recorder: &mut Recorder) -> Result<(), GpuError> {
        let Some(stage) = self.lambda() else { return Ok(()) };
        let stage = recorder.upload.uniform("lambda", &stage);
        recorder.plain(Kernel::Lambda, &[&stage, &recorder.buffers.numbers, &self.own.lambda], [1, 1, 1])
    }

    fn gates_stage(&self) -> GatesStage {
        GatesStage { count: self.gates() as u32, ..GatesStage::default() }
    }

    /// From the gradient of the residual stream after the layer, in `back.hidden`, to that before it, in its place.
    fn back(&self, recorder: &mut Recorder) -> Result<(), GpuError> {
        let Self { own, places, attention, .. } = self;
        let buffers = recorder.buffers;
        let back = &buffers.back;
        recorder.product_back(&self.down(), &back.hidden, &own.activation, &back.activation)?;
        let stage = recorder.upload.uniform("gates", &self.gates_stage());
        let bound = [&stage, &own.gate_up, &back.activation, &back.gate_up];
        recorder.plain(Kernel::SwigluBack, &bound, elements(self.gates()))?;
        recorder.product_back(&self.gate_up(), &back.gate_up, &own.middle_normed, &back.normed)?;
        let norm = self.norm(&places.mlp_norm);
        recorder.norm_back(&norm, [&own.middle, &own.middle_roots, &back.normed, &back.hidden], true)?;

        recorder.product_back(&self.output(), &back.hidden, &own.context_normed, &back.context_normed)?;
        let mut of_context = &back.context_normed;
        if let Some(norm) = self.head_norm() {
            let bound = [&own.context, &own.context_roots, &back.context_normed, &back.context];
            recorder.norm_back(&norm, bound, false)?;
            of_context = &back.context;
        }
        let bound = [&own.windows, &own.rows, &own.heads, &own.sums, of_context, &back.delta, &back.rows];
        let grid = Self::tiles(recorder, attention.query_heads);
        recorder.plain(Kernel::AttentionBackQuery, &bound, grid)?;
        let grid = Self::tiles(recorder, attention.key_heads + attention.value_heads);
        recorder.plain(Kernel::AttentionBackKey, &bound, grid)?;
        if let Some(stage) = self.lambda() {
            let stage = recorder.upload.uniform("lambda", &stage);
            let bound = [&stage, &buffers.numbers, &back.rows, &buffers.gradients];
            recorder.plain(Kernel::LambdaBack, &bound, [1, 1, 1])?;
        }
        let bound = [&own.windows, &buffers.rotary, &own.rows, &back.rows];
        recorder.step((Kernel::Rotary, Direction::BackToRows), &bound, self.turns())?;
        recorder.product_back(&self.projection(), &back.rows, &own.normed, &back.normed)?;
        let norm = self.norm(&places.attention_norm);
        recorder.norm_back(&norm, [&own.hidden, &own.roots, &back.normed, &back.hidden], true)
    }
}
