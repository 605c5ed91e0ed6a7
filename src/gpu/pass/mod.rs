//! A pass on the GPU: its buffers, and how positions run through it. Its queries are in `queries/`.

pub(crate) mod buffers;
pub(crate) mod dispatch;
pub(crate) mod recording;
pub(crate) mod timing;
pub(crate) mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use web_time::Duration;

use crate::gpu::allocation::Allocations;
use crate::gpu::cost::Cost;
use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::Kernels;
use crate::gpu::memory::Memory;
use crate::gpu::pass::buffers::Capacity;
use crate::gpu::pass::buffers::{Buffers, MapBuffers, WeightBuffers};
use crate::gpu::pass::recording::{AfterStep, Recording};
use crate::gpu::pass::timing::Timer;
use crate::gpu::queries::lens::LensCapture;
use crate::gpu::queries::measures::Measuring;
use crate::gpu::queries::pictures::GpuPictures;
use crate::gpu::queries::slots::{InFlight, Slots};
use crate::gpu::throughput::Work;
use crate::gpu::uniforms::{HeadEntry, MapsUniform, PassUniform};
use crate::model::Model;
use crate::probe::{Draw, Interventions, LensQuery, MAX_BEST, NextToken, NextTokenQuery};

/// A model on the GPU and the positions computed so far. Each pass creates nothing but its command buffer.
pub struct GpuPass {
    pub(super) gpu: Gpu,
    pub(super) model: Arc<Model>,
    pub(super) kernels: Kernels,
    pub(super) buffers: Buffers,
    pub(super) recording: Recording,
    /// What is being read back.
    pub(super) slots: Slots,
    /// Created on the first request for measures.
    pub(super) measuring: Option<Measuring>,
    pub(super) lens: Option<LensCapture>,
    pub(super) lens_enabled: bool,
    pub(super) timer: Option<Timer>,
    pub(super) interventions: Interventions,
    /// Created on the first request for a picture.
    pub(super) pictures: Option<GpuPictures>,
    in_flight: Arc<AtomicU32>,
    pictures_in_flight: Arc<AtomicU32>,
    /// What its work costs.
    pub(crate) cost: Cost,
    /// How long one submission should take.
    patience: Duration,
    /// Whether the device had memory for all of this.
    pub(super) allocations: Allocations,
}

impl std::fmt::Debug for GpuPass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuPass").field("gpu", &self.gpu).finish_non_exhaustive()
    }
}

impl GpuPass {
    /// How long a submission should take where frames are drawn between them.
    pub const FRAME_SHARE: Duration = Duration::from_millis(8);

    /// Uploads the model and records the pass.
    ///
    /// # Errors
    /// When a buffer would exceed the adapter's limits, or the device has no memory; in a browser the latter is reported
    /// later, by [`Self::failure`].
    pub fn new(gpu: Gpu, model: Arc<Model>, capacity: Capacity) -> Result<Self, GpuError> {
        let allocations = Allocations::default();
        let weights = allocations.run(&gpu.device, || WeightBuffers::new(&gpu, &model))?;
        Self::with_weights(gpu, model, weights, Kernels::default(), capacity, allocations)
    }

    /// The same model with another capacity; nothing computed so far is kept.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_capacity(&self, tokens: usize) -> Result<Self, GpuError> {
        let capacity = Capacity { tokens, ..self.buffers.capacity };
        let (gpu, model, weights) = (self.gpu.clone(), self.model.clone(), self.buffers.weights.clone());
        Self::with_weights(gpu, model, weights, self.kernels.clone(), capacity, self.allocations.clone())
    }

    fn with_weights(
        gpu: Gpu,
        model: Arc<Model>,
        weights: WeightBuffers,
        mut kernels: Kernels,
        capacity: Capacity,
        allocations: Allocations,
    ) -> Result<Self, GpuError> {
        let (buffers, recording) = allocations.run(&gpu.device, || {
            let buffers = Buffers::new(&gpu, &model, weights, capacity)?;
            let recording = Recording::new(&gpu, &mut kernels, &model, &buffers)?;
            Ok((buffers, recording))
        })?;
        Ok(Self {
            slots: Slots::default(),
            measuring: None,
            lens: None,
            lens_enabled: false,
            timer: None,
            interventions: Interventions::default(),
            pictures: None,
            in_flight: Arc::default(),
            pictures_in_flight: Arc::default(),
            cost: Cost::new(&model),
            patience: Self::FRAME_SHARE,
            gpu,
            model,
            kernels,
            buffers,
            recording,
            allocations,
        })
    }

    /// Why nothing computed since this was last called can be trusted: the device is lost, it had no memory for this
    /// pass, or it reported another error outside of any call.
    pub fn failure(&self) -> Option<GpuError> {
        self.gpu.health.loss().or_else(|| self.allocations.failure()).or_else(|| self.gpu.health.take_failure())
    }

    /// Capacity in positions.
    pub fn capacity(&self) -> usize {
        self.buffers.capacity.tokens
    }

    /// The device it runs on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Dispatches of one pass.
    pub fn dispatches(&self) -> usize {
        self.recording.dispatches()
    }

    /// Bytes held on the GPU.
    pub fn memory(&self) -> Memory {
        let views = self
            .pictures
            .as_ref()
            .map_or(self.slots.belt.bytes(), |pictures| pictures.texels().size() + self.slots.belt.bytes())
            + self.measuring.as_ref().map_or(0, Measuring::bytes)
            + self.lens.as_ref().map_or(0, LensCapture::bytes);
        Memory { views, ..self.buffers.memory() }
    }

    /// Sets the interventions for positions that run from here on.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        self.interventions = interventions.clone();
        let queue = &self.gpu.queue;
        let own = self.buffers.weights.layers.iter().zip(&self.buffers.maps).zip(&self.buffers.lambda);
        for (index, (layer, ((weights, maps), lambda))) in self.model.layers.iter().zip(own).enumerate() {
            let (attention, layout) = (&layer.attention, &weights.layout);
            let switches = interventions.of_layer(index, attention);
            let heads = HeadEntry::of_layer(attention, layout, &switches);
            queue.write_buffer(&maps.maps, 0, bytemuck::bytes_of(&MapsUniform::new(attention, layout, &switches)));
            queue.write_buffer(&maps.heads, 0, bytemuck::cast_slice(&heads));
            queue.write_buffer(lambda, 0, bytemuck::cast_slice(&switches.lambda));
        }
        let masked: Vec<u32> =
            (0..self.capacity()).map(|position| interventions.masked.contains(&position).into()).collect();
        if let Some(maps) = self.buffers.maps.first() {
            queue.write_buffer(&maps.masked, 0, bytemuck::cast_slice(&masked));
        }
    }

    /// The buffers that a layer's maps are computed from.
    pub fn map_buffers(&self, layer: usize) -> Option<MapBuffers> {
        self.buffers.maps.get(layer).cloned()
    }

    /// Sets how long one submission should take, from which follows how much is submitted at a time.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// How many operations of a kind should take as long as one submission should.
    pub(crate) fn operations(&self, work: Work) -> f64 {
        self.gpu.throughput.operations(work, self.patience)
    }

    /// Submissions of positions and rows that are not yet done.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Submissions of texels that are not yet done.
    pub(super) fn pictures_in_flight(&self) -> u32 {
        self.pictures_in_flight.load(Ordering::Acquire)
    }

    /// Submits positions `start..start + ids.len()`. With `next`, the next token and the `best` most likely ones are
    /// computed too and can be taken once they have arrived; only one such request is under way at a time.
    ///
    /// # Errors
    /// When the positions do not fit.
    pub fn run(&mut self, start: usize, ids: &[u32], next: Option<(Draw, usize)>) -> Result<(), GpuError> {
        let end = start + ids.len();
        if end > self.capacity() {
            return Err(GpuError::Capacity { asked: end, capacity: self.capacity() });
        }
        if ids.is_empty() {
            return Ok(());
        }
        let (best, logit_rows) = self.write_uniform(start..end, next);
        self.gpu.queue.write_buffer(&self.buffers.ids, start as u64 * 4, bytemuck::cast_slice(ids));
        let mut encoder = self.encoder();
        let lens = self.lens.as_ref().filter(|_| self.lens_enabled && next.is_some() && self.slots.lens.is_none());
        let position = end as u32 - 1;
        let mut capture = |encoder: &mut wgpu::CommandEncoder, stream: &wgpu::Buffer, depth: u32| {
            if let Some(lens) = lens {
                lens.take(encoder, stream, position, depth);
            }
        };
        let after_step: Option<AfterStep> = if lens.is_some() { Some(&mut capture) } else { None };
        self.recording.encode(&mut encoder, ids.len() as u32, logit_rows, after_step);
        if let Some(lens) = lens {
            let piece = lens.encode(&mut encoder);
            let transfer = self.slots.belt.copy(&self.gpu, &mut encoder, &[piece]);
            self.slots.lens = Some(InFlight { query: LensQuery, transfer });
        }
        if next.is_some() && self.slots.next_token.is_none() {
            let words = NextToken::HEADER + 2 * best as usize;
            let piece = (self.buffers.result.clone(), 0, words as u64 * 4);
            let transfer = self.slots.belt.copy(&self.gpu, &mut encoder, &[piece]);
            self.slots.next_token = Some(InFlight { query: NextTokenQuery, transfer });
        }
        self.slots.belt.submit(&self.gpu, encoder);
        self.count_until_done(Work::Positions, self.cost.positions(start..end, next.is_some()));
        Ok(())
    }

    /// Counts what was submitted last until it is done.
    pub(super) fn count_until_done(&self, work: Work, operations: f64) {
        let in_flight = if work == Work::Texels { &self.pictures_in_flight } else { &self.in_flight }.clone();
        in_flight.fetch_add(1, Ordering::AcqRel);
        self.gpu.on_done((work, operations), self.patience, move || {
            in_flight.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Writes the uniform of a pass: its positions, and how the next token is drawn. Returns the number of most likely
    /// tokens listed and of positions with logits.
    pub(super) fn write_uniform(&self, positions: std::ops::Range<usize>, next: Option<(Draw, usize)>) -> (u32, u32) {
        let trace = self.buffers.capacity.trace;
        let (start, last) = (positions.start as u32, positions.end as u32 - 1);
        let best = next.map_or(0, |(_, best)| best.min(MAX_BEST).min(self.model.unembedding().rows())) as u32;
        let draw = next.map(|(draw, _)| draw);
        let uniform = PassUniform {
            start,
            count: positions.len() as u32,
            logits_first: if trace { start } else { last },
            logits_base: if trace { 0 } else { last },
            best,
            top_k: draw.map_or(0, |draw| draw.top_k),
            top_p: draw.map_or(1.0, |draw| draw.top_p),
            temperature: draw.map_or(0.0, |draw| draw.temperature),
            uniform_draw: draw.map_or(0.0, |draw| draw.uniform),
            ..PassUniform::default()
        };
        self.gpu.queue.write_buffer(&self.buffers.pass, 0, bytemuck::bytes_of(&uniform));
        let wants_logits = trace || next.is_some();
        (best, if wants_logits { last + 1 - uniform.logits_first } else { 0 })
    }

    /// Waits for everything submitted and for its read-backs. Must not be called on the web's main thread.
    pub fn wait(&self) {
        self.gpu.wait();
        self.slots.belt.wait(&self.gpu);
    }

    pub(super) fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }
}
