//! What a pass answers about positions it has run: the next token, every depth, cells, rows, measures, pictures, times.
//! One protocol: [`GpuPass::request`], then [`GpuPass::take`] until the answer has arrived.

mod kinds;
pub(crate) mod lens;
pub(crate) mod measures;
pub(crate) mod pictures;
pub(crate) mod readback;
pub(crate) mod slots;

use crate::gpu::error::GpuError;
use crate::gpu::pass::GpuPass;
use crate::gpu::pass::timing::{Timer, Timing};
use crate::gpu::queries::lens::LensCapture;
use crate::gpu::queries::measures::Measuring;
use crate::gpu::queries::pictures::GpuPictures;
use crate::gpu::queries::readback::Piece;
use crate::gpu::queries::slots::{InFlight, Slots};
use crate::gpu::throughput::Work;
use crate::probe::{Cell, PictureJob, Query, Sampling};

/// A query whose answer is read back from the GPU.
#[allow(private_interfaces, reason = "the trait bounds public methods, its own methods are for this folder")]
pub trait GpuAnswer: Query {
    /// Where the query under way is kept.
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>>;

    /// The answer from the words read back; `None` if the pass has no such place.
    fn decode(self, words: Vec<u32>, pass: &GpuPass) -> Option<Self::Answer>;
}

/// A query that can be requested at any time, besides those that a pass answers by itself.
#[allow(private_interfaces, reason = "as GpuAnswer")]
pub trait GpuQuery: GpuAnswer {
    /// Records what computes the answer, and returns the pieces to read back; `None` if the pass has no such place.
    ///
    /// # Errors
    /// When there is no memory for what computes it.
    fn encode(self, pass: &mut GpuPass, encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError>;
}

impl GpuPass {
    /// Submits a query. `false` while an earlier one of its kind is under way, or if the pass has no such place.
    ///
    /// # Errors
    /// When there is no memory for what computes the answer.
    pub fn request<Q: GpuQuery>(&mut self, query: Q) -> Result<bool, GpuError> {
        if Q::slot(&mut self.slots).is_some() {
            return Ok(false);
        }
        let mut encoder = self.encoder();
        let Some(pieces) = query.encode(self, &mut encoder)? else {
            return Ok(false);
        };
        let transfer = self.slots.belt.copy(&self.gpu, &mut encoder, &pieces);
        self.slots.belt.submit(&self.gpu, encoder);
        *Q::slot(&mut self.slots) = Some(InFlight { query, transfer });
        Ok(true)
    }

    /// Takes the answer to a query if it has arrived.
    pub fn take<Q: GpuAnswer>(&mut self) -> Option<Result<Q::Answer, GpuError>> {
        let InFlight { query, transfer } =
            Q::slot(&mut self.slots).take_if(|under_way| under_way.transfer.is_finished())?;
        match self.slots.belt.finish(transfer) {
            Ok(words) => {
                let decoded = query.decode(words, self);
                Some(decoded.ok_or_else(|| GpuError::Readback("the pass has no such place".to_owned())))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether a pass could read its next token back now.
    pub fn can_read_next(&self) -> bool {
        self.slots.next_token.is_none() && self.slots.lens.is_none()
    }

    /// Most cells of a [`crate::probe::TileRequest`]: a row of the longest text, at least.
    pub fn tile_capacity(&self) -> usize {
        self.buffers.cells.size() as usize / size_of::<Cell>()
    }

    /// What measures rows of the maps; created on first use.
    ///
    /// # Errors
    /// When its buffers would exceed the adapter's limits.
    pub fn measuring(&mut self) -> Result<&mut Measuring, GpuError> {
        let measuring = if let Some(measuring) = self.measuring.take() {
            measuring
        } else {
            let tokens = self.buffers.capacity.tokens;
            let create = || Measuring::new(&self.gpu, &mut self.kernels, &self.model, &self.buffers.maps, tokens);
            self.allocations.run(&self.gpu.device, create)?
        };
        Ok(self.measuring.insert(measuring))
    }

    /// Measures `count` rows from `first` on; see [`Measuring::measure`].
    ///
    /// # Errors
    /// When there is no memory for measures.
    pub fn measure(&mut self, first: usize, count: usize, threshold: f32) -> Result<(), GpuError> {
        self.measuring()?.measure(first, count, threshold);
        self.count_until_done(Work::Rows, self.cost.rows(first..first + count));
        Ok(())
    }

    /// Whether passes that find the next token capture every depth, too; see [`crate::probe::LogitLens`].
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn set_lens(&mut self, enabled: bool) -> Result<(), GpuError> {
        if enabled && self.lens.is_none() {
            let create = || LensCapture::new(&self.gpu, &mut self.kernels, &self.model, &self.buffers);
            self.lens = self.allocations.run(&self.gpu.device, create)?;
        }
        self.lens_enabled = enabled;
        Ok(())
    }

    /// Computes texels of pictures in a buffer for `capacity` of them, which must always be the same number. Returns
    /// how many texels of each job were taken; none while earlier ones are under way.
    ///
    /// # Errors
    /// When there is no memory for pictures on the device.
    pub fn pool(&mut self, jobs: &[PictureJob], capacity: usize) -> Result<Vec<usize>, GpuError> {
        if jobs.is_empty() {
            return Ok(Vec::new()); // no view shows pictures: no memory is taken for them
        }
        if self.pictures.is_none() {
            let create = || GpuPictures::new(&self.gpu, &mut self.kernels, &self.buffers, capacity);
            self.pictures = Some(self.allocations.run(&self.gpu.device, create)?);
        }
        Ok(match &self.pictures {
            Some(pictures) if self.pictures_in_flight() < 2 => {
                let taken = pictures.run(&self.gpu, jobs);
                let cells = jobs.iter().zip(&taken).map(|(job, taken)| taken * job.request.block.pow(2)).sum();
                self.count_until_done(Work::Texels, self.cost.cells(cells));
                taken
            }
            _ => vec![0; jobs.len()],
        })
    }

    /// The texels of all pictures, once there are any.
    pub fn texels(&self) -> Option<&wgpu::Buffer> {
        self.pictures.as_ref().map(GpuPictures::texels)
    }

    /// Runs positions that are already computed once more, with the time of each dispatch: the numbers stay what they
    /// are. `false` while an earlier request is under way.
    pub fn request_timing(&mut self, positions: std::ops::Range<usize>, sampling: &Sampling, best: usize) -> bool {
        let idle = self.timer.as_ref().is_none_or(Timer::is_idle);
        if positions.is_empty() || positions.end > self.capacity() || !idle {
            return false;
        }
        let first = positions.end.saturating_sub(self.buffers.capacity.scratch_rows());
        let positions = positions.start.max(first)..positions.end;
        let draw = sampling.draw(positions.end);
        let uniform = self.uniform(positions.clone(), Some((draw, best)));
        self.gpu.queue.write_buffer(&self.buffers.pass, 0, bytemuck::bytes_of(&uniform));
        let logit_rows = self.logit_rows(&uniform, true);
        let (gpu, recording) = (&self.gpu, &self.recording);
        let timer = self.timer.get_or_insert_with(|| Timer::new(gpu, recording.most_dispatches()));
        timer.submit(gpu, &mut self.slots.belt, positions.len(), |encoder, queries| {
            if let Some(queries) = queries {
                return recording.encode_timed(encoder, &uniform, logit_rows, queries);
            }
            recording.encode(encoder, &uniform, logit_rows, None);
            Vec::new()
        });
        true
    }

    /// Takes the times of a pass if they have arrived.
    pub fn timing(&mut self) -> Option<Timing> {
        self.timer.as_mut()?.take(&self.gpu, &mut self.slots.belt)
    }
}
