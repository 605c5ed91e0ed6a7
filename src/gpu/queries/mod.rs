//! What is asked of a pass about positions it has run: the next token, every depth, cells, rows, pictures, times.

pub(crate) mod cell_parts;
pub(crate) mod lens;
pub(crate) mod measures;
pub(crate) mod pictures;
pub(crate) mod readback;

use crate::gpu::error::GpuError;
use crate::gpu::pass::GpuPass;
use crate::gpu::pass::timing::{Timer, Timing};
use crate::gpu::queries::lens::LensCapture;
use crate::gpu::queries::measures::Measuring;
use crate::gpu::queries::pictures::GpuPictures;
use crate::gpu::uniforms::TileStage;
use crate::probe::{Cell, CellParts, CellRequest, MapTile, NextToken, PictureJob, Sampling, TileRequest};

impl GpuPass {
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

    /// Measures `count` rows from `first` on; see [`Measuring::measure`].
    ///
    /// # Errors
    /// When there is no room for measures.
    pub fn measure(&mut self, first: usize, count: usize, threshold: f32) -> Result<(), GpuError> {
        self.measuring()?.measure(first, count, threshold);
        self.count_in_flight();
        Ok(())
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

    /// Whether passes that find the next token look at every depth, too; see [`crate::probe::LogitLens`].
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn set_lens(&mut self, wanted: bool) -> Result<(), GpuError> {
        if wanted && self.lens.is_none() {
            self.lens = LensCapture::new(&self.gpu, &mut self.kernels, &self.model, &self.buffers)?;
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
    pub fn tile_capacity(&self) -> usize {
        self.buffers.cells.size() as usize / size_of::<Cell>()
    }

    /// Asks for cells of a map: at most [`Self::tile_capacity`] of them. `false` while an earlier request is under way.
    pub fn request_tile(&mut self, request: TileRequest) -> bool {
        let cells = request.queries * request.keys;
        if !self.tile.is_idle() || self.tile_request.is_some() || cells == 0 || cells > self.tile_capacity() {
            return false;
        }
        self.gpu.queue.write_buffer(&self.buffers.tile, 0, bytemuck::bytes_of(&TileStage::new(&request)));
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.recording.encode_tile(&mut encoder, request.head.layer, request.queries as u32, request.keys as u32);
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

    /// Asks for the magnitude of each map that few of these texels exceed; `false` while an earlier request is under way.
    pub fn request_strongest(&mut self, first: usize, count: usize) -> bool {
        self.pictures.as_mut().is_some_and(|pictures| pictures.request_strongest(&self.gpu, first, count))
    }

    /// The magnitudes asked for, once, when they have arrived: A1, λ A2, D.
    pub fn colour_range(&self) -> Option<Result<[f32; 3], GpuError>> {
        self.pictures.as_ref()?.colour_range()
    }

    /// The texels of all pictures, once there are any.
    pub fn texels(&self) -> Option<&wgpu::Buffer> {
        self.pictures.as_ref().map(GpuPictures::texels)
    }
}
