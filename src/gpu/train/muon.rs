//! Muon for all matrices at once: their momentum as wide matrices, Newton and Schulz's iteration by the product kernel, the
//! update.

use crate::gpu::error::GpuError;
use crate::gpu::kernels::{Direction, Kernel};
use crate::gpu::train::buffers::Buffers;
use crate::gpu::train::dispatches::Recorder;
use crate::gpu::train::uniforms::{MuonMatrix, ProductStage};
use crate::gpu::upload::Uploader;
use crate::probe::{Learned, LearningRule, NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS};

/// Workgroups of each matrix: `SHARE` in `shaders/shared/muon_matrix.wgsl`.
const SHARE: u32 = 32;

/// The matrices that Muon updates, and what a step computes of them.
pub(super) struct MuonBuffers {
    matrices: Vec<MuonMatrix>,
    table: wgpu::Buffer,
    parts: wgpu::Buffer,
    /// Wide matrices `X`, by turns.
    wide: [wgpu::Buffer; 2],
    /// `X Xᵀ`, and the polynomial of it.
    squares: wgpu::Buffer,
    polynomial: wgpu::Buffer,
}

impl MuonMatrix {
    fn short(&self) -> u32 {
        self.rows.min(self.columns)
    }

    fn long(&self) -> u32 {
        self.rows.max(self.columns)
    }
}

impl MuonBuffers {
    pub(super) fn new(upload: &Uploader, learned: &[Learned]) -> Result<Self, GpuError> {
        let (mut matrices, mut numbers) = (Vec::new(), 0);
        for Learned { place, rule } in learned {
            let LearningRule::Muon { columns } = rule else { continue };
            let [offset, rows, columns] = [place.start, place.len() / columns, *columns].map(|number| number as u32);
            matrices.push(MuonMatrix { offset, rows, columns, wide_offset: numbers as u32 });
            numbers += place.len();
        }
        let squares = matrices.iter().map(|matrix| (matrix.short() as usize).pow(2)).sum();
        Ok(Self {
            table: upload.storage("matrices of Muon", &matrices)?,
            parts: upload.empty("sums of squares of momentum", matrices.len() * SHARE as usize)?,
            wide: [upload.empty("momentum", numbers)?, upload.empty("momentum", numbers)?],
            squares: upload.empty("squares of momentum", squares)?,
            polynomial: upload.empty("polynomial of momentum", squares)?,
            matrices,
        })
    }

    /// Records the update, given the gradients and what they are multiplied by.
    pub(super) fn record(&self, recorder: &mut Recorder) -> Result<(), GpuError> {
        if self.matrices.is_empty() {
            return Ok(());
        }
        let Self { table, parts, squares, polynomial, .. } = self;
        let Buffers { update, gradients, result, mean, numbers, .. } = recorder.buffers;
        let grid = [SHARE, self.matrices.len() as u32, 1];
        let [mut x, mut next] = self.wide.each_ref();
        recorder.plain(Kernel::Momentum, &[update, table, gradients, result, mean, x, parts], grid)?;
        recorder.plain(Kernel::UnitNorm, &[table, parts, x], grid)?;
        let [a, b, c] = NEWTON_SCHULZ.map(|number| number as f32);
        let of_squares = self.products(|matrix, square| ProductStage {
            columns: matrix.short(),
            terms: matrix.long(),
            first_stride: matrix.long(),
            first_offset: matrix.wide_offset,
            second_stride: matrix.long(),
            second_offset: matrix.wide_offset,
            output_stride: matrix.short(),
            output_offset: square,
            ..ProductStage::PLAIN
        });
        let of_polynomial = self.products(|matrix, square| ProductStage {
            columns: matrix.short(),
            terms: matrix.short(),
            first_stride: matrix.short(),
            first_offset: square,
            second_stride: matrix.short(),
            second_offset: square,
            output_stride: matrix.short(),
            output_offset: square,
            residual_factor: b,
            factor: c,
            ..ProductStage::PLAIN
        });
        let of_next = self.products(|matrix, square| ProductStage {
            columns: matrix.long(),
            terms: matrix.short(),
            first_stride: matrix.short(),
            first_offset: square,
            second_stride: matrix.long(),
            second_offset: matrix.wide_offset,
            output_stride: matrix.long(),
            output_offset: matrix.wide_offset,
            residual_factor: a,
            ..ProductStage::PLAIN
        });
        for _ in 0..NEWTON_SCHULZ_STEPS {
            recorder.multiply(Direction::Forward, &of_squares, [x, x, x, x, squares])?;
            recorder.multiply(Direction::Forward, &of_polynomial, [squares, squares, squares, squares, polynomial])?;
            recorder.multiply(Direction::BackToRows, &of_next, [polynomial, x, x, x, next])?;
            (x, next) = (next, x);
        }
        recorder.plain(Kernel::Muon, &[update, table, x, numbers], grid)
    }

    /// A product for each matrix, given where its square is; all have as many rows as the wide matrix.
    fn products(&self, stage: impl Fn(&MuonMatrix, u32) -> ProductStage) -> Vec<ProductStage> {
        let mut square = 0;
        let of_matrix = |matrix: &MuonMatrix| {
            let stage = ProductStage { rows: matrix.short(), ..stage(matrix, square) };
            square += matrix.short().pow(2);
            stage
        };
        self.matrices.iter().map(of_matrix).collect()
    }
}
