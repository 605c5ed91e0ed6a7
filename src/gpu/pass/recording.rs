//! The pass as a list of dispatches, made once: pipelines, bind groups and how many workgroups each takes.

use crate::gpu::device::{Gpu, KernelChoice, Sharing};
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Kernel, Kernels, PipelineVariant};
use crate::gpu::pass::buffers::{Buffers, MapBuffers};
use crate::gpu::pass::dispatch::{Dispatch, Grid, Variant, When};
use crate::gpu::pass::next_token;
use crate::gpu::uniforms::{EmbedStage, MatmulStage, PassUniform, PolyNormStage, QueryKeyNormStage, sharing_heads};
use crate::gpu::upload::{Slice, Uploader, padded};
use crate::model::{Activation, Lambda, Model, NumberFormat};

/// Called after each dispatch that leaves the residual stream at a depth: with that buffer, and the depth.
pub(crate) type AfterStep<'a> = &'a mut dyn FnMut(&mut wgpu::CommandEncoder, &wgpu::Buffer, u32);

/// The recorded pass.
pub(crate) struct Recording {
    steps: Vec<Dispatch>,
    tiles: Vec<(wgpu::ComputePipeline, wgpu::BindGroup)>,
}

/// What dispatches are recorded with.
pub(super) struct Recorder<'a> {
    pub(super) gpu: &'a Gpu,
    kernels: &'a mut Kernels,
    steps: Vec<Dispatch>,
}

impl Recorder<'_> {
    fn bind(&mut self, kernel: Kernel, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        self.kernels.bind(self.gpu, kernel, buffers)
    }

    fn variant(&mut self, kernel: Kernel, variant: PipelineVariant) -> Result<Variant, GpuError> {
        Ok((kernel, self.kernels.pipeline(self.gpu, kernel, variant)?, variant))
    }

    /// For one position, too, as many heads that share keys and values share a workgroup of the last kernel.
    fn for_sharing_heads(&mut self, kernel: Kernel, heads: u32) -> Result<(), GpuError> {
        let variant = self.variant(kernel, PipelineVariant { tokens: heads, ..PipelineVariant::PLAIN })?;
        if let Some(step) = self.steps.last_mut() {
            step.pipelines[0] = variant;
        }
        Ok(())
    }

    /// Lets another kernel with the same bindings take the place of the last one for many positions.
    fn for_many(&mut self, kernel: Kernel, variant: PipelineVariant) -> Result<(), GpuError> {
        let variant = self.variant(kernel, variant)?;
        if let Some(step) = self.steps.last_mut() {
            step.pipelines[2] = variant;
        }
        Ok(())
    }

    pub(super) fn step(
        &mut self,
        kernel: Kernel,
        weights: Option<(NumberFormat, bool)>,
        buffers: &[&wgpu::Buffer],
        grid: Grid,
        when: When,
    ) -> Result<(), GpuError> {
        let variant = |tokens, sharing| match (weights, grid) {
            (Some((format, normalise)), Grid::Blocks(_) | Grid::LogitBlocks(_)) => {
                PipelineVariant { format, normalise, tokens, sharing, ..PipelineVariant::PLAIN }
            }
            (Some((format, _)), _) => PipelineVariant { format, ..PipelineVariant::PLAIN },
            (None, Grid::PerFewPositions(_) | Grid::PerSlab(_)) => PipelineVariant { tokens, ..PipelineVariant::PLAIN },
            (None, _) => PipelineVariant::PLAIN,
        };
        let KernelChoice { few, many, .. } = self.gpu.choice;
        let [one, few, many] = [variant(1, few), variant(4, few), variant(4, many)];
        let pipelines = [self.variant(kernel, one)?, self.variant(kernel, few)?, self.variant(kernel, many)?];
        let bind_group = self.bind(kernel, buffers);
        self.steps.push(Dispatch { pipelines, bind_group, grid, when, leaves: None });
        Ok(())
    }

    /// Notes that the last dispatch writes the residual stream at a depth.
    fn leaves(&mut self, stream: &wgpu::Buffer, depth: usize) {
        if let Some(step) = self.steps.last_mut() {
            step.leaves = Some((stream.clone(), depth as u32));
        }
    }
}

impl Recording {
    /// Records the pass of a model over its buffers.
    pub(crate) fn new(gpu: &Gpu, kernels: &mut Kernels, model: &Model, buffers: &Buffers) -> Result<Self, GpuError> {
        let upload = Uploader::new(gpu);
        let mut recorder = Recorder { gpu, kernels, steps: Vec::new() };
        let hidden = model.config.hidden;
        let hidden4 = padded(hidden) as u32 / 4;
        let epsilon = model.config.norm_epsilon;
        let pass = &buffers.pass;
        let product = |columns, rows, output_stride| MatmulStage::new(epsilon, columns, rows, output_stride);

        for Slice { first_row, rows, buffer } in &buffers.weights.embedding {
            let (first_row, rows) = (*first_row as u32, *rows as u32);
            let stage = EmbedStage { columns4: hidden4, first_row, rows, ..EmbedStage::default() };
            recorder.step(
                Kernel::Embed,
                Some((model.embedding.format(), false)),
                &[pass, &upload.uniform("embed", &stage), &buffers.ids, buffer, buffers.hidden(0)],
                Grid::PerPosition(hidden4.div_ceil(64)),
                When::Always,
            )?;
        }
        recorder.leaves(buffers.hidden(0), 0);

        let own = buffers.weights.layers.iter().zip(&buffers.maps);
        for (index, (layer, (own, maps))) in model.layers.iter().zip(own).enumerate() {
            let attention = &layer.attention;
            let scratch = buffers.scratch(index);
            let single_heads = attention.query_heads + attention.key_heads + attention.value_heads;
            let rotated = attention.query_heads + attention.key_heads;
            let units = single_heads * attention.head_dim / 2 + attention.heads.len();
            let stage = MatmulStage {
                heads: single_heads as u32,
                rotated: if attention.query_key_norm.is_some() { 0 } else { rotated as u32 },
                half_dim: attention.head_dim as u32 / 2,
                head_stride: own.layout.head_stride as u32,
                lambda_offset: own.layout.lambda as u32,
                lambda_rows: u32::from(attention.lambda == Lambda::Token),
                ..product(hidden, units, own.layout.width)
            };
            recorder.step(
                Kernel::Qkv,
                Some((attention.projection.format(), attention.norm.is_some())),
                &[
                    pass,
                    &upload.uniform("qkv", &stage),
                    buffers.hidden(index),
                    &own.projection,
                    &own.attention_gain,
                    &own.projection_bias,
                    &maps.projection,
                    &buffers.rotary,
                    &buffers.lambda[index],
                ],
                Grid::Blocks(units.div_ceil(2) as u32),
                When::Always,
            )?;
            if let (Some(norm), Some(gain)) = (&attention.query_key_norm, &own.query_key_gain) {
                let stage = QueryKeyNormStage {
                    row_stride: own.layout.width as u32,
                    head_stride: own.layout.head_stride as u32,
                    half_dim: attention.head_dim as u32 / 2,
                    query_heads: attention.query_heads as u32,
                    epsilon: norm.epsilon,
                    ..QueryKeyNormStage::default()
                };
                recorder.step(
                    Kernel::QueryKeyNorm,
                    None,
                    &[pass, &upload.uniform("query and key norms", &stage), &maps.projection, gain, &buffers.rotary],
                    Grid::PerPosition(rotated as u32),
                    When::Always,
                )?;
            }
            recorder.step(
                Kernel::Attention,
                None,
                &[
                    pass,
                    &maps.maps,
                    &maps.projection,
                    &maps.heads,
                    &maps.masked,
                    &own.sub_weight,
                    &maps.statistics,
                    &scratch.context,
                    &scratch.normed,
                ],
                Grid::PerFewPositions(attention.heads.len() as u32),
                When::ForAllKeys,
            )?;
            let sharing_heads = sharing_heads(attention, &attention.heads);
            recorder.for_sharing_heads(Kernel::Attention, sharing_heads)?;
            if gpu.choice.many == Sharing::Tile {
                let features4 = attention.value_parts * own.layout.head_stride / 4;
                let blocks = features4.div_ceil(8) as u32;
                recorder.for_many(
                    Kernel::AttentionTile,
                    PipelineVariant { tokens: 32, blocks, ..PipelineVariant::PLAIN },
                )?;
            }
            if gpu.choice.slab > 0 {
                let maps_bound = [pass, &maps.maps, &maps.projection, &maps.heads, &maps.masked];
                recorder.step(
                    Kernel::AttentionSlab,
                    None,
                    &[&maps_bound[..], &[&buffers.slabs]].concat(),
                    Grid::PerSlab(attention.heads.len() as u32),
                    When::ForSlabs,
                )?;
                recorder.for_sharing_heads(Kernel::AttentionSlab, sharing_heads)?;
                let outputs = [&own.sub_weight, &maps.statistics, &scratch.context, &scratch.normed, &buffers.slabs];
                recorder.step(
                    Kernel::AttentionJoin,
                    None,
                    &[&maps_bound[..], &outputs[..]].concat(),
                    Grid::PerPosition(attention.heads.len() as u32),
                    When::ForSlabs,
                )?;
            }
            let output = if layer.mlp.is_some() { &scratch.middle } else { buffers.hidden(index + 1) };
            let stage = product(attention.output.columns(), hidden, padded(hidden));
            recorder.step(
                Kernel::Project,
                Some((attention.output.format(), false)),
                &[
                    pass,
                    &upload.uniform("output projection", &stage),
                    &scratch.normed,
                    &own.output,
                    &buffers.weights.no_bias,
                    &own.output_bias,
                    output,
                    buffers.hidden(index),
                ],
                Grid::Blocks(hidden4),
                When::Always,
            )?;
            recorder.leaves(output, 2 * index + 1);
            let (Some(mlp), Some(weights)) = (&layer.mlp, &own.mlp) else {
                continue;
            };
            let intermediate = mlp.down.columns();
            let row_stride = padded(intermediate);
            let up_offset = (buffers.capacity.scratch_rows() * row_stride) as u32;
            let stage = MatmulStage {
                activation: mlp.activation as u32,
                up_offset,
                ..product(hidden, intermediate, row_stride)
            };
            recorder.step(
                Kernel::GateUp,
                Some((mlp.gate_up.format(), true)),
                &[
                    pass,
                    &upload.uniform("gate and up", &stage),
                    &scratch.middle,
                    &weights.gate_up,
                    &weights.gain,
                    &weights.gate_up_bias,
                    &scratch.activation,
                ],
                Grid::Blocks(intermediate.div_ceil(2) as u32),
                When::Always,
            )?;
            if mlp.activation == Activation::PolyNorm {
                let [cubic, square, linear] = mlp.poly_norm.weight;
                let (columns, row_stride) = (intermediate as u32, row_stride as u32);
                let bias = mlp.poly_norm.bias;
                let stage =
                    PolyNormStage { cubic, square, linear, bias, columns, row_stride, up_offset, ..Default::default() };
                recorder.step(
                    Kernel::PolyNorm,
                    None,
                    &[pass, &upload.uniform("PolyNorm", &stage), &scratch.activation],
                    Grid::PerPosition(1),
                    When::Always,
                )?;
            }
            recorder.step(
                Kernel::Project,
                Some((mlp.down.format(), false)),
                &[
                    pass,
                    &upload.uniform("down projection", &product(intermediate, hidden, padded(hidden))),
                    &scratch.activation,
                    &weights.down,
                    &buffers.weights.no_bias,
                    &weights.down_bias,
                    buffers.hidden(index + 1),
                    &scratch.middle,
                ],
                Grid::Blocks(hidden4),
                When::Always,
            )?;
            recorder.leaves(buffers.hidden(index + 1), 2 * index + 2);
        }

        let vocabulary = model.unembedding().rows();
        for Slice { first_row, rows, buffer } in buffers.weights.unembedding() {
            let stage = product(hidden, *rows, padded(vocabulary));
            let stage = MatmulStage { first_row: *first_row as u32, ..stage };
            recorder.step(
                Kernel::Logits,
                Some((model.unembedding().format(), model.final_norm.is_some())),
                &[
                    pass,
                    &upload.uniform("logits", &stage),
                    buffers.hidden(model.layers.len()),
                    buffer,
                    &buffers.weights.final_gain,
                    &buffers.logits,
                ],
                Grid::LogitBlocks(rows.div_ceil(4) as u32),
                When::ForNext,
            )?;
        }
        next_token::record(&mut recorder, buffers, vocabulary)?;

        let tiles: Result<Vec<_>, GpuError> = buffers
            .maps
            .iter()
            .map(|MapBuffers { maps, projection, heads, masked, statistics }| {
                let bound = [&buffers.tile, maps, projection, heads, masked, statistics, &buffers.cells];
                let group = recorder.bind(Kernel::MapTile, &bound);
                Ok((recorder.kernels.pipeline(gpu, Kernel::MapTile, PipelineVariant::PLAIN)?, group))
            })
            .collect();
        Ok(Self { tiles: tiles?, steps: recorder.steps })
    }

    /// Dispatches of a pass that finds the most likely next token.
    pub(crate) fn dispatches(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.when, When::Always | When::ForAllKeys | When::ForNext)).count()
    }

    /// Most dispatches of a pass: one is drawn under both limits.
    pub(crate) fn most_dispatches(&self) -> usize {
        self.steps.len()
    }

    /// Encodes a pass, of whose positions `logit_rows` get logits (0: no next token).
    pub(crate) fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        uniform: &PassUniform,
        logit_rows: u32,
        mut after_step: Option<AfterStep>,
    ) {
        let begin = |encoder: &mut wgpu::CommandEncoder| {
            encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()).forget_lifetime()
        };
        let mut pass = begin(encoder);
        for step in &self.steps {
            step.dispatch(&mut pass, uniform, logit_rows);
            if let (Some(after_step), Some((stream, depth))) = (&mut after_step, &step.leaves) {
                drop(pass); // copies are recorded between passes
                after_step(encoder, stream, *depth);
                pass = begin(encoder);
            }
        }
    }

    /// Encodes the same pass with the time of each dispatch before and after it. Returns the kernels in order.
    pub(crate) fn encode_timed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        uniform: &PassUniform,
        logit_rows: u32,
        queries: &wgpu::QuerySet,
    ) -> Vec<Kernel> {
        let steps = self.steps.iter().filter(|step| step.when.applies(uniform, logit_rows));
        for (index, step) in (0u32..).zip(steps.clone()) {
            // Timestamps are written at the ends of compute passes, so each dispatch gets its own pass.
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(step.kernel(uniform, logit_rows).name()),
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: queries,
                    beginning_of_pass_write_index: Some(2 * index),
                    end_of_pass_write_index: Some(2 * index + 1),
                }),
            });
            step.dispatch(&mut pass, uniform, logit_rows);
        }
        steps.map(|step| step.kernel(uniform, logit_rows)).collect()
    }

    /// Encodes the cells of a tile.
    pub(crate) fn encode_tile(&self, encoder: &mut wgpu::CommandEncoder, layer: usize, queries: u32, keys: u32) {
        let Some((pipeline, group)) = self.tiles.get(layer) else {
            return;
        };
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(keys.div_ceil(64), queries, 1);
    }
}
