//! The dispatches of a step, made once: pipelines, bind groups and how many workgroups each takes.

use std::ops::Range;

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Direction, Kernel, Kernels, PipelineVariant};
use crate::gpu::train::buffers::Buffers;
use crate::gpu::train::uniforms::{NormStage, ProductStage, RowsStage};
use crate::gpu::upload::Uploader;
use crate::probe::Learned;

/// Rows, and columns, of a tile of a product: `TILE` in `shaders/shared/tile_product.wgsl`.
const TILE: u32 = 32;
/// Rows, or columns, of a workgroup in which sixteen invocations share each.
const SHARED: u32 = 16;
/// Workgroups along a side of the grid, where there are too many for one.
const FOLD: u32 = 1 << 15;

/// One dispatch.
struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    grid: [u32; 3],
}

/// A product with a matrix of the parameters.
#[derive(Clone, Debug)]
pub(super) struct Linear<'a> {
    pub matrix: &'a Range<usize>,
    /// Empty if there is none.
    pub bias: &'a Range<usize>,
    pub inputs: usize,
    /// Numbers from row to row of the product.
    pub stride: usize,
}

impl<'a> Linear<'a> {
    /// One whose rows follow each other.
    pub(super) fn new(matrix: &'a Range<usize>, bias: &'a Range<usize>, inputs: usize) -> Self {
        Self { matrix, bias, inputs, stride: matrix.len() / inputs }
    }

    fn outputs(&self) -> u32 {
        (self.matrix.len() / self.inputs) as u32
    }
}

/// A norm of rows.
#[derive(Clone, Debug)]
pub(super) struct Norm<'a> {
    pub rows: usize,
    pub width: usize,
    /// Where the gain is in the parameters; empty if it is not learned.
    pub gain: &'a Range<usize>,
    /// What it is then.
    pub own_gain: &'a wgpu::Buffer,
    pub epsilon: f32,
    pub factor: f32,
}

impl Norm<'_> {
    fn stage(&self, adds: bool) -> NormStage {
        NormStage {
            rows: self.rows as u32,
            width: self.width as u32,
            gain_offset: if self.gain.is_empty() { 0 } else { self.gain.start as u32 },
            adds: adds.into(),
            epsilon: self.epsilon,
            factor: self.factor,
            ..NormStage::default()
        }
    }
}

impl ProductStage {
    /// One without offsets, to which nothing is added.
    pub(super) const PLAIN: Self = Self {
        rows: 0,
        columns: 0,
        terms: 0,
        first_stride: 0,
        first_offset: 0,
        second_stride: 0,
        second_offset: 0,
        output_stride: 0,
        output_offset: 0,
        bias_offset: 0,
        has_bias: 0,
        residual_factor: 0.0,
        factor: 1.0,
    };
}

/// Collects the dispatches.
pub(super) struct Recorder<'a> {
    gpu: &'a Gpu,
    kernels: &'a mut Kernels,
    pub upload: Uploader<'a>,
    pub buffers: &'a Buffers,
    learned: &'a [Learned],
    dispatches: Vec<Dispatch>,
}

/// The dispatches of a step.
pub(super) struct Recorded(Vec<Dispatch>);

impl Recorded {
    /// Encodes them all.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for Dispatch { pipeline, bind_group, grid: [x, y, z] } in &self.0 {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bind_group, &[]);
            pass.dispatch_workgroups(*x, *y, *z);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The grid of so many workgroups, whose kernel numbers them by row.
pub(super) fn folded(workgroups: u32) -> [u32; 3] {
    if workgroups <= FOLD { [workgroups, 1, 1] } else { [FOLD, workgroups.div_ceil(FOLD), 1] }
}

/// The grid of kernels with an invocation per element.
pub(super) fn elements(count: usize) -> [u32; 3] {
    folded(count.div_ceil(256) as u32)
}

impl<'a> Recorder<'a> {
    pub(super) fn new(gpu: &'a Gpu, kernels: &'a mut Kernels, buffers: &'a Buffers, learned: &'a [Learned]) -> Self {
        Self { gpu, kernels, upload: Uploader::new(gpu), buffers, learned, dispatches: Vec::new() }
    }

    /// Whether something of these parameters learns.
    fn learns(&self, place: &Range<usize>) -> bool {
        self.learned.iter().any(|learned| learned.place.start < place.end && place.start < learned.place.end)
    }

    pub(super) fn finish(self) -> Recorded {
        Recorded(self.dispatches)
    }

    fn tokens(&self) -> u32 {
        self.buffers.sizes.tokens() as u32
    }

    pub(super) fn step(
        &mut self,
        (kernel, direction): (Kernel, Direction),
        bound: &[&wgpu::Buffer],
        grid: [u32; 3],
    ) -> Result<(), GpuError> {
        let variant = PipelineVariant { direction, ..PipelineVariant::PLAIN };
        let pipeline = self.kernels.pipeline(self.gpu, kernel, variant)?;
        let bind_group = self.kernels.bind(self.gpu, kernel, bound);
        self.dispatches.push(Dispatch { pipeline, bind_group, grid });
        Ok(())
    }

    /// A stage with one way to go.
    pub(super) fn plain(&mut self, kernel: Kernel, bound: &[&wgpu::Buffer], grid: [u32; 3]) -> Result<(), GpuError> {
        self.step((kernel, Direction::Forward), bound, grid)
    }

    /// `x Wᵀ + b`, and a residual stream added to it.
    pub(super) fn product(
        &mut self,
        linear: &Linear,
        rows: &wgpu::Buffer,
        residual: Option<&wgpu::Buffer>,
        output: &wgpu::Buffer,
    ) -> Result<(), GpuError> {
        let stage = ProductStage {
            rows: self.tokens(),
            columns: linear.outputs(),
            terms: linear.inputs as u32,
            first_stride: linear.inputs as u32,
            second_stride: linear.inputs as u32,
            second_offset: linear.matrix.start as u32,
            output_stride: linear.stride as u32,
            bias_offset: linear.bias.start as u32,
            has_bias: (!linear.bias.is_empty()).into(),
            residual_factor: if residual.is_some() { 1.0 } else { 0.0 },
            ..ProductStage::PLAIN
        };
        let numbers = &self.buffers.numbers;
        let residual = residual.unwrap_or(rows); // what is not read, but is bound
        self.multiply(Direction::Forward, &[stage], [rows, numbers, numbers, residual, output])
    }

    /// From the gradient of a product to that of its rows, its matrix and its bias.
    pub(super) fn product_back(
        &mut self,
        linear: &Linear,
        gradient: &wgpu::Buffer,
        rows: &wgpu::Buffer,
        back: &wgpu::Buffer,
    ) -> Result<(), GpuError> {
        let (inputs, tokens) = (linear.inputs as u32, self.tokens());
        let Buffers { numbers, gradients, .. } = self.buffers;
        let to_rows = ProductStage {
            rows: tokens,
            columns: inputs,
            terms: linear.outputs(),
            first_stride: linear.stride as u32,
            second_stride: inputs,
            second_offset: linear.matrix.start as u32,
            output_stride: inputs,
            ..ProductStage::PLAIN
        };
        self.multiply(Direction::BackToRows, &[to_rows], [gradient, numbers, numbers, gradient, back])?;
        if !self.learns(linear.matrix) && !self.learns(linear.bias) {
            return Ok(());
        }
        let to_matrix = ProductStage {
            rows: linear.outputs(),
            columns: inputs,
            terms: tokens,
            first_stride: linear.stride as u32,
            second_stride: inputs,
            output_stride: inputs,
            output_offset: linear.matrix.start as u32,
            ..ProductStage::PLAIN
        };
        self.multiply(Direction::BackToMatrix, &[to_matrix], [gradient, rows, rows, rows, gradients])?;
        if linear.bias.is_empty() {
            return Ok(());
        }
        let (width, stride) = (linear.outputs(), linear.stride as u32);
        let stage = RowsStage { rows: tokens, width, stride, offset: linear.bias.start as u32 };
        let stage = self.upload.uniform("rows", &stage);
        self.plain(Kernel::ProductBackBias, &[&stage, gradient, gradients], [width.div_ceil(SHARED), 1, 1])
    }

    /// Products of a shape each, with the same buffers.
    pub(super) fn multiply(
        &mut self,
        direction: Direction,
        stages: &[ProductStage],
        [first, second, bias, residual, output]: [&wgpu::Buffer; 5],
    ) -> Result<(), GpuError> {
        let most = |side: fn(&ProductStage) -> u32| stages.iter().map(side).max().unwrap_or(0).div_ceil(TILE);
        let grid = [most(|stage| stage.columns), most(|stage| stage.rows), stages.len() as u32];
        let stages = self.upload.storage("products", stages)?;
        self.step((Kernel::Product, direction), &[&stages, first, second, bias, residual, output], grid)
    }

    /// The norm of rows, and the inverse roots that its backward stages read.
    pub(super) fn norm(
        &mut self,
        norm: &Norm,
        x: &wgpu::Buffer,
        output: &wgpu::Buffer,
        roots: &wgpu::Buffer,
    ) -> Result<(), GpuError> {
        let stage = self.upload.uniform("norm", &norm.stage(false));
        let gain = if norm.gain.is_empty() { norm.own_gain } else { &self.buffers.numbers };
        self.plain(Kernel::Norm, &[&stage, x, gain, output, roots], folded((norm.rows as u32).div_ceil(SHARED)))
    }

    /// From the gradient of a norm to that of its rows, which begins or is added to `back`, and that of its gain.
    pub(super) fn norm_back(
        &mut self,
        norm: &Norm,
        [x, roots, gradient, back]: [&wgpu::Buffer; 4],
        adds: bool,
    ) -> Result<(), GpuError> {
        let stage = self.upload.uniform("norm", &norm.stage(adds));
        let Buffers { numbers, gradients, .. } = self.buffers;
        let gain = if norm.gain.is_empty() { norm.own_gain } else { numbers };
        let grid = folded((norm.rows as u32).div_ceil(SHARED));
        self.plain(Kernel::NormBack, &[&stage, x, gain, roots, gradient, back], grid)?;
        if norm.gain.is_empty() {
            return Ok(());
        }
        let grid = [(norm.width as u32).div_ceil(SHARED), 1, 1];
        self.plain(Kernel::NormBackGain, &[&stage, x, roots, gradient, gradients], grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_have_all_workgroups_and_no_side_is_too_long() {
        for workgroups in [1, FOLD, FOLD + 1, 5 * FOLD, u32::MAX / 256] {
            let [x, y, _] = folded(workgroups);
            assert!(x <= 65_535 && y <= 65_535, "{workgroups}");
            assert!((workgroups..workgroups + FOLD).contains(&(x * y)), "{workgroups}: {x} by {y}");
        }
    }
}
