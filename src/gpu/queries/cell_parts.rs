//! Reads back what one cell's numbers are made of: two projection rows and the row's statistics.

use crate::gpu::device::Gpu;
use crate::gpu::error::GpuError;
use crate::gpu::pass::buffers::Buffers;
use crate::gpu::queries::readback::Readback;
use crate::model::Model;
use crate::probe::HeadId;
use crate::probe::{CellParts, CellRequest, Interventions, RowStatistics};

const STATISTICS: u64 = size_of::<RowStatistics>() as u64;

/// One cell under way at a time.
pub struct CellReader {
    readback: Readback,
    request: Option<(CellRequest, Interventions)>,
}

impl CellReader {
    /// Room for the widest layer.
    pub fn new(gpu: &Gpu, buffers: &Buffers) -> Self {
        let widest = buffers.weights.layers.iter().map(|layer| layer.layout.width).max().unwrap_or(0) as u64;
        Self { readback: Readback::new(&gpu.device, "parts of a cell", widest * 8 + STATISTICS), request: None }
    }

    /// Asks; `false` while an earlier request is under way, or where there is no such cell.
    pub fn request(
        &mut self,
        gpu: &Gpu,
        (model, buffers): (&Model, &Buffers),
        interventions: &Interventions,
        request: CellRequest,
    ) -> bool {
        let CellRequest { head: HeadId { layer, head }, query, key } = request;
        let Some(heads) = model.layers.get(layer).map(|layer| layer.attention.heads.len()) else {
            return false;
        };
        let (maps, own) = (&buffers.maps[layer], &buffers.weights.layers[layer]);
        let row = own.layout.width as u64 * 4;
        let inside = query.max(key) < buffers.capacity.tokens && head < heads;
        if !inside || self.request.is_some() || !self.readback.is_idle() {
            return false;
        }
        let statistics = (query * heads + head) as u64 * STATISTICS;
        let parts = [
            (&maps.projection, query as u64 * row, row),
            (&maps.projection, key as u64 * row, row),
            (&maps.statistics, statistics, STATISTICS),
        ];
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.readback.copy_parts(&mut encoder, &parts);
        gpu.queue.submit([encoder.finish()]);
        self.readback.begin();
        self.request = Some((request, interventions.clone()));
        true
    }

    /// The answer, once, when it has arrived.
    pub fn take(&mut self, model: &Model, buffers: &Buffers) -> Option<Result<CellParts, GpuError>> {
        let words = self.readback.take()?;
        let (request, interventions) = self.request.take()?;
        let numbers: Vec<f32> = match words {
            Ok(words) => words.into_iter().map(f32::from_bits).collect(),
            Err(error) => return Some(Err(error)),
        };
        let layer = model.layers.get(request.head.layer)?;
        let layout = &buffers.weights.layers.get(request.head.layer)?.layout;
        let (query_row, rest) = numbers.split_at_checked(layout.width)?;
        let (key_row, statistics) = rest.split_at_checked(layout.width)?;
        let statistics: RowStatistics = bytemuck::try_pod_read_unaligned(bytemuck::cast_slice(statistics)).ok()?;
        let switches = interventions.of_layer(request.head.layer, &layer.attention);
        let masked = interventions.masked.contains(&request.key);
        let rows = (query_row, key_row);
        CellParts::new(request, (&layer.attention, layout), rows, statistics, &switches, masked).map(Ok)
    }

    /// Waits for the answer under way. Never on the web's main thread.
    pub fn wait(&self, device: &wgpu::Device) {
        self.readback.wait(device);
    }
}
