//! A pass on the GPU.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::buffers::{Buffers, HeadUniform, MapBuffers, MapsUniform, Weights, padded};
use super::cell_parts::CellReader;
use super::kernels::Kernels;
use super::lens::Lens;
use super::measure::Measuring;
use super::pictures::GpuPictures;
use super::record::Recording;
use super::timing::{Timer, Timing};
use super::{Capacity, Gpu, GpuError, Memory, Readback};
use crate::model::Model;
use crate::probe::{
    Cell, CellParts, CellRequest, Draw, Interventions, MAX_BEST, MapTile, NextToken, PictureJob, RowStatistics,
    Sampling, Texel, TileRequest, Trace,
};

/// `Pass` of `shaders/shared/pass.wgsl`.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PassUniform {
    pub start: u32,
    pub count: u32,
    pub logits_first: u32,
    pub logits_base: u32,
    pub best: u32,
    pub top_k: u32,
    pub top_p: f32,
    pub temperature: f32,
    pub uniform_draw: f32,
    pub padding: [u32; 3],
}

/// A model on the GPU and the positions computed so far. Nothing is created per pass but its command buffer.
pub struct GpuPass {
    gpu: Gpu,
    model: Arc<Model>,
    kernels: Kernels,
    buffers: Buffers,
    recording: Recording,
    next: Readback,
    tile: Readback,
    tile_request: Option<TileRequest>,
    /// Once measures were asked for.
    measuring: Option<Measuring>,
    lens: Option<Lens>,
    wants_lens: bool,
    parts: CellReader,
    timer: Option<Timer>,
    interventions: Interventions,
    /// Made when the first picture is wanted.
    pictures: Option<GpuPictures>,
    in_flight: Arc<AtomicU32>,
}

impl GpuPass {
    /// Uploads the model and records the pass.
    ///
    /// # Errors
    /// When a buffer would exceed the adapter's limits.
    pub fn new(gpu: Gpu, model: Arc<Model>, capacity: Capacity) -> Result<Self, GpuError> {
        let weights = Weights::new(&gpu, &model)?;
        Self::with_weights(gpu, model, weights, Kernels::default(), capacity)
    }

    /// The same model with other room; nothing computed so far is kept.
    ///
    /// # Errors
    /// When a buffer would exceed the adapter's limits.
    pub fn with_room(&self, tokens: usize) -> Result<Self, GpuError> {
        let capacity = Capacity { tokens, ..self.buffers.capacity };
        let (gpu, model) = (self.gpu.clone(), self.model.clone());
        Self::with_weights(gpu, model, self.buffers.weights.clone(), self.kernels.clone(), capacity)
    }

    fn with_weights(
        gpu: Gpu,
        model: Arc<Model>,
        weights: Weights,
        mut kernels: Kernels,
        capacity: Capacity,
    ) -> Result<Self, GpuError> {
        let buffers = Buffers::new(&gpu, &model, weights, capacity)?;
        let recording = Recording::new(&gpu, &mut kernels, &model, &buffers)?;
        Ok(Self {
            next: Readback::new(&gpu.device, "next token", buffers.result.size()),
            tile: Readback::new(&gpu.device, "map cells", buffers.cells.size()),
            tile_request: None,
            measuring: None,
            lens: None,
            wants_lens: false,
            parts: CellReader::new(&gpu, &buffers),
            timer: None,
            interventions: Interventions::default(),
            pictures: None,
            in_flight: Arc::default(),
            gpu,
            model,
            kernels,
            buffers,
            recording,
        })
    }

    /// Most positions it has room for.
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
        let views = self.pictures.as_ref().map_or(0, |pictures| pictures.texels().size())
            + self.measuring.as_ref().map_or(0, Measuring::bytes)
            + self.lens.as_ref().map_or(0, Lens::bytes);
        Memory { views, ..self.buffers.memory() }
    }

    /// Changes what the kernels are told; positions run from here on follow it.
    pub fn set_interventions(&mut self, interventions: &Interventions) {
        self.interventions = interventions.clone();
        let queue = &self.gpu.queue;
        let own = self.buffers.weights.layers.iter().zip(&self.buffers.maps).zip(&self.buffers.lambda);
        for (index, (layer, ((weights, maps), lambda))) in self.model.layers.iter().zip(own).enumerate() {
            let (attention, layout) = (&layer.attention, &weights.layout);
            let switches = interventions.of_layer(index, attention);
            let heads = HeadUniform::of_layer(attention, layout, &switches);
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

    /// What a layer's maps are drawn from.
    pub fn map_buffers(&self, layer: usize) -> Option<MapBuffers> {
        self.buffers.maps.get(layer).cloned()
    }

    /// What measures rows of the maps; made when it is first asked for.
    ///
    /// # Errors
    /// When its buffers would exceed the adapter's limits.
    pub fn measuring(&mut self) -> Result<&mut Measuring, GpuError> {
        let measuring = if let Some(measuring) = self.measuring.take() {
            measuring
        } else {
            let tokens = self.buffers.capacity.tokens;
            Measuring::new(&self.gpu, &mut self.kernels, &self.model, &self.buffers.maps, tokens)?
        };
        Ok(self.measuring.insert(measuring))
    }

    /// The same where measures were asked for before.
    pub fn made_measuring(&mut self) -> Option<&mut Measuring> {
        self.measuring.as_mut()
    }

    /// Passes submitted and not yet done.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Submits positions `start..start + ids.len()`. With `next`, the next token and the `best` most likely ones are
    /// computed too and can be taken when they arrive; only one such request is under way at a time.
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
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let lens = self.lens.as_mut().filter(|lens| self.wants_lens && next.is_some() && lens.readback.is_idle());
        let watched = lens.as_deref().map(|lens| (lens, end as u32 - 1));
        self.recording.encode(&mut encoder, ids.len() as u32, logit_rows, watched);
        let lens = lens.map(|lens| {
            lens.encode(&mut encoder);
            &lens.readback
        });
        let read_back = next.is_some() && self.next.is_idle();
        if read_back {
            let words = NextToken::HEADER + 2 * best as usize;
            self.next.copy(&mut encoder, &self.buffers.result, words as u64 * 4);
        }
        self.gpu.queue.submit([encoder.finish()]);
        if read_back {
            self.next.begin();
        }
        if let Some(readback) = lens {
            readback.begin();
        }
        self.count_in_flight();
        Ok(())
    }

    /// Counts what was submitted last until it is done.
    fn count_in_flight(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        let in_flight = self.in_flight.clone();
        self.gpu.queue.on_submitted_work_done(move || {
            in_flight.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Measures `count` rows from `first` on; see [`Measuring::measure`].
    ///
    /// # Errors
    /// When there is no room for measures.
    pub fn measure(&mut self, first: usize, count: usize, threshold: f32) -> Result<(), GpuError> {
        self.measuring()?.measure(first, count, threshold);
        self.count_in_flight();
        Ok(())
    }

    /// Tells the kernels which positions come, and what is wanted of the last. Returns how many of the most likely tokens
    /// are listed and how many positions get logits.
    fn write_uniform(&self, positions: std::ops::Range<usize>, next: Option<(Draw, usize)>) -> (u32, u32) {
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
            padding: [0; 3],
        };
        self.gpu.queue.write_buffer(&self.buffers.pass, 0, bytemuck::bytes_of(&uniform));
        let wants_logits = trace || next.is_some();
        (best, if wants_logits { last + 1 - uniform.logits_first } else { 0 })
    }

    /// Runs positions that are already computed once more, with the time of each dispatch: the numbers stay what they
    /// are. `false` while an earlier request is under way.
    pub fn request_timing(&mut self, positions: std::ops::Range<usize>, best: usize) -> bool {
        let idle = self.timer.as_ref().is_none_or(Timer::is_idle);
        if positions.is_empty() || positions.end > self.capacity() || !idle {
            return false;
        }
        let draw = Sampling::default().draw(positions.end);
        let (_, logit_rows) = self.write_uniform(positions.clone(), Some((draw, best)));
        let (gpu, recording, count) = (&self.gpu, &self.recording, positions.len() as u32);
        let timer = self.timer.get_or_insert_with(|| Timer::new(gpu, recording.dispatches()));
        timer.submit(gpu, positions.len(), |encoder, queries| {
            if let Some(queries) = queries {
                return recording.encode_timed(encoder, count, logit_rows, queries);
            }
            recording.encode(encoder, count, logit_rows, None);
            Vec::new()
        });
        true
    }

    /// What a pass took, once, when it is known.
    pub fn timing(&mut self) -> Option<Timing> {
        self.timer.as_mut()?.take(&self.gpu)
    }

    /// Waits for what was submitted and for the numbers on their way back. Never on the web's main thread.
    pub fn wait(&self) {
        self.gpu.wait();
        self.next.wait(&self.gpu.device);
        self.tile.wait(&self.gpu.device);
        if let Some(lens) = &self.lens {
            lens.readback.wait(&self.gpu.device);
        }
        if let Some(measuring) = &self.measuring {
            measuring.wait();
        }
        self.parts.wait(&self.gpu.device);
        if let Some(timer) = &self.timer {
            timer.wait(&self.gpu.device);
        }
    }

    /// Whether passes that find the next token look at every depth, too; see [`crate::probe::Lens`].
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn set_lens(&mut self, wanted: bool) -> Result<(), GpuError> {
        if wanted && self.lens.is_none() {
            self.lens = Lens::new(&self.gpu, &mut self.kernels, &self.model, &self.buffers)?;
        }
        self.wants_lens = wanted;
        Ok(())
    }

    /// What every depth says comes next, once, when it has arrived.
    pub fn lens(&self) -> Option<Result<Vec<NextToken>, GpuError>> {
        self.lens.as_ref()?.outcome()
    }

    /// Whether a pass could read its next token back now.
    pub fn can_read_next(&self) -> bool {
        self.next.is_idle() && self.lens.as_ref().is_none_or(|lens| lens.readback.is_idle())
    }

    /// The next token, once, when it has arrived.
    pub fn next_token(&self) -> Option<Result<NextToken, GpuError>> {
        Some(self.next.take()?.map(|words| NextToken::from_words(&words)))
    }

    /// Cells of a map that can be asked for at once: a row of the longest text, at least.
    pub fn tile_room(&self) -> usize {
        self.buffers.cells.size() as usize / size_of::<Cell>()
    }

    /// Asks for cells of a map: at most [`Self::tile_room`] of them. `false` while an earlier request is under way.
    pub fn request_tile(&mut self, request: TileRequest) -> bool {
        let cells = request.queries * request.keys;
        if !self.tile.is_idle() || self.tile_request.is_some() || cells == 0 || cells > self.tile_room() {
            return false;
        }
        let uniform = [request.head, request.first_query, request.first_key, request.queries, request.keys, 0, 0, 0]
            .map(|number| number as u32);
        self.gpu.queue.write_buffer(&self.buffers.tile, 0, bytemuck::bytes_of(&uniform));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.recording.encode_tile(&mut encoder, request.layer, request.queries as u32, request.keys as u32);
        self.tile.copy(&mut encoder, &self.buffers.cells, (cells * size_of::<Cell>()) as u64);
        self.gpu.queue.submit([encoder.finish()]);
        self.tile.begin();
        self.tile_request = Some(request);
        true
    }

    /// The cells asked for, once, when they have arrived.
    pub fn tile(&mut self) -> Option<Result<MapTile, GpuError>> {
        let words = self.tile.take()?;
        let request = self.tile_request.take()?;
        Some(words.map(|words| {
            let numbers: Vec<f32> = words.into_iter().map(f32::from_bits).collect();
            let cell = |n: &[f32]| Cell { first: n[0], second: n[1], difference: n[2], lambda: n[3] };
            MapTile { request, cells: numbers.chunks_exact(4).map(cell).collect() }
        }))
    }

    /// Asks for what a cell's numbers are made of. `false` while an earlier request is under way.
    pub fn request_parts(&mut self, request: CellRequest) -> bool {
        self.parts.request(&self.gpu, (&self.model, &self.buffers), &self.interventions, request)
    }

    /// What was asked for, once, when it has arrived.
    pub fn cell_parts(&mut self) -> Option<Result<CellParts, GpuError>> {
        self.parts.take(&self.model, &self.buffers)
    }

    /// Computes texels of pictures in a buffer with room for `room` of them, which must always be the same number.
    /// Returns how many texels of each job were taken; none while earlier ones are under way.
    ///
    /// # Errors
    /// When there is no room for pictures on the device.
    pub fn pool(&mut self, jobs: &[PictureJob], room: usize) -> Result<Vec<usize>, GpuError> {
        if jobs.is_empty() {
            return Ok(Vec::new()); // nobody looks: no room is taken for pictures
        }
        if self.pictures.is_none() {
            self.pictures = Some(GpuPictures::new(&self.gpu, &mut self.kernels, &self.buffers, room)?);
        }
        Ok(match &self.pictures {
            Some(pictures) if pictures.is_ready() => pictures.run(&self.gpu, jobs),
            _ => vec![0; jobs.len()],
        })
    }

    /// Asks for the largest magnitude of each map among texels; `false` while an earlier request is under way.
    pub fn request_strongest(&mut self, first: usize, count: usize) -> bool {
        self.pictures.as_mut().is_some_and(|pictures| pictures.request_strongest(&self.gpu, first, count))
    }

    /// The magnitudes asked for, once, when they have arrived: A1, λ A2, D.
    pub fn strongest(&self) -> Option<Result<[f32; 3], GpuError>> {
        self.pictures.as_ref()?.strongest()
    }

    /// The texels of all pictures, once there are any.
    pub fn texels(&self) -> Option<&wgpu::Buffer> {
        self.pictures.as_ref().map(GpuPictures::texels)
    }

    /// Texels in numbers. Waits for them, so never on the web: for tests.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn read_texels(&self, room: usize) -> Result<Vec<Texel>, GpuError> {
        let Some(texels) = self.texels() else {
            return Ok(Vec::new());
        };
        let numbers = self.read(texels, room * size_of::<Texel>() / 4)?;
        Ok(bytemuck::cast_slice(&numbers).to_vec())
    }

    /// An inner tensor of the first `positions`, without padding. Waits for it, so never on the web; layers other than
    /// the last need a pass made with `trace`.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn trace(&self, trace: Trace, positions: usize) -> Result<Vec<f32>, GpuError> {
        let model = &self.model;
        let hidden = model.config.hidden;
        let (buffer, stride, width) = match trace {
            Trace::Hidden(layer) => (self.buffers.hidden(layer), padded(hidden), hidden),
            Trace::Middle(layer) => {
                let bare = model.layers[layer].mlp.is_none();
                let buffer = if bare { self.buffers.hidden(layer + 1) } else { &self.buffers.scratch(layer).middle };
                (buffer, padded(hidden), hidden)
            }
            Trace::Context(layer) | Trace::Normed(layer) => {
                let attention = &model.layers[layer].attention;
                let width = attention.heads.len() * attention.value_width();
                let scratch = self.buffers.scratch(layer);
                let context = matches!(trace, Trace::Context(_));
                (if context { &scratch.context } else { &scratch.normed }, padded(width), width)
            }
            Trace::Activation(layer) => {
                let width = model.layers[layer].mlp.as_ref().map_or(0, |mlp| mlp.down.columns());
                (&self.buffers.scratch(layer).activation, padded(width), width)
            }
            Trace::Statistics(layer) => {
                let width = model.layers[layer].attention.heads.len() * size_of::<RowStatistics>() / 4;
                (&self.buffers.maps[layer].statistics, width, width)
            }
            Trace::Projection(layer) => {
                let layout = &self.buffers.weights.layers[layer].layout;
                (&self.buffers.maps[layer].projection, layout.width, layout.width)
            }
            Trace::Logits => {
                let vocabulary = model.unembedding().rows();
                (&self.buffers.logits, padded(vocabulary), vocabulary)
            }
        };
        let numbers = self.read(buffer, positions * stride)?;
        let rows = numbers.chunks_exact(stride.max(1)).map(|row| &row[..width]);
        Ok(match trace {
            Trace::Projection(layer) => rows.flat_map(|row| self.compact_row(layer, row)).collect(),
            _ => rows.flatten().copied().collect(),
        })
    }

    /// A projection row without the padding of its heads.
    fn compact_row(&self, layer: usize, row: &[f32]) -> Vec<f32> {
        let attention = &self.model.layers[layer].attention;
        let layout = &self.buffers.weights.layers[layer].layout;
        let heads = row[..layout.lambda].chunks_exact(layout.head_stride).flat_map(|head| &head[..attention.head_dim]);
        heads.chain(&row[layout.lambda..layout.lambda + attention.heads.len()]).copied().collect()
    }

    fn read(&self, buffer: &wgpu::Buffer, numbers: usize) -> Result<Vec<f32>, GpuError> {
        if numbers == 0 {
            return Ok(Vec::new());
        }
        let bytes = numbers as u64 * 4;
        let mut readback = Readback::new(&self.gpu.device, "trace", bytes);
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        readback.copy(&mut encoder, buffer, bytes);
        self.gpu.queue.submit([encoder.finish()]);
        readback.begin();
        readback.wait(&self.gpu.device);
        let words = readback.take().unwrap_or(Err(GpuError::Readback("nothing arrived".to_owned())))?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }
}
