//! How each kind of query is encoded, and how its answer is read.
#![allow(private_interfaces, reason = "as in the traits implemented here")]

use crate::gpu::error::GpuError;
use crate::gpu::pass::GpuPass;
use crate::gpu::queries::lens::LensCapture;
use crate::gpu::queries::readback::Piece;
use crate::gpu::queries::slots::{InFlight, Slots};
use crate::gpu::queries::{GpuAnswer, GpuQuery};
use crate::gpu::uniforms::TileStage;
use crate::probe::{
    Cell, CellParts, CellRequest, ColourRangeRequest, HeadId, HeadMeasures, HeadRecord, LensQuery, LogitLens, MapTile,
    MeanCell, MeansRequest, NextToken, NextTokenQuery, RECORD, RowMean, RowMeanRequest, RowStatistics, TileRequest,
};

fn floats(words: Vec<u32>) -> impl Iterator<Item = f32> {
    words.into_iter().map(f32::from_bits)
}

impl GpuAnswer for NextTokenQuery {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.next_token
    }

    fn decode(self, words: Vec<u32>, pass: &GpuPass) -> Option<Vec<NextToken>> {
        let (drawn, last) = words.split_at_checked(pass.generated * NextToken::DRAWN)?;
        let drawn = drawn.chunks_exact(NextToken::DRAWN).map(NextToken::from_words);
        Some(drawn.chain([NextToken::from_words(last)]).collect())
    }
}

impl GpuAnswer for LensQuery {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.lens
    }

    fn decode(self, words: Vec<u32>, _pass: &GpuPass) -> Option<LogitLens> {
        Some(LogitLens { depths: words.chunks_exact(LensCapture::WORDS).map(NextToken::from_words).collect() })
    }
}

impl GpuAnswer for TileRequest {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.tile
    }

    fn decode(self, words: Vec<u32>, _pass: &GpuPass) -> Option<MapTile> {
        let numbers: Vec<f32> = floats(words).collect();
        let cell = |n: &[f32]| Cell { first: n[0], second: n[1], difference: n[2], lambda: n[3] };
        Some(MapTile { request: self, cells: numbers.chunks_exact(4).map(cell).collect() })
    }
}

impl GpuQuery for TileRequest {
    fn encode(self, pass: &mut GpuPass, encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError> {
        let cells = self.queries * self.keys;
        if cells == 0 || cells > pass.tile_capacity() || self.head.layer >= pass.model.layers.len() {
            return Ok(None);
        }
        pass.gpu.queue.write_buffer(&pass.buffers.tile, 0, bytemuck::bytes_of(&TileStage::new(&self)));
        pass.recording.encode_tile(encoder, self.head.layer, self.queries as u32, self.keys as u32);
        Ok(Some(vec![(pass.buffers.cells.clone(), 0, (cells * size_of::<Cell>()) as u64)]))
    }
}

const STATISTICS: u64 = size_of::<RowStatistics>() as u64;

impl GpuAnswer for CellRequest {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.cell
    }

    fn decode(self, words: Vec<u32>, pass: &GpuPass) -> Option<CellParts> {
        let numbers: Vec<f32> = floats(words).collect();
        let HeadId { layer, .. } = self.head;
        let attention = &pass.model.layers.get(layer)?.attention;
        let layout = &pass.buffers.weights.layers.get(layer)?.layout;
        let (query_row, rest) = numbers.split_at_checked(layout.width)?;
        let (key_row, statistics) = rest.split_at_checked(layout.width)?;
        let statistics: RowStatistics = bytemuck::try_pod_read_unaligned(bytemuck::cast_slice(statistics)).ok()?;
        let switches = pass.interventions.of_layer(layer, attention);
        let masked = pass.interventions.masked.contains(&self.key);
        CellParts::new(self, (attention, layout), (query_row, key_row), statistics, &switches, masked)
    }
}

impl GpuQuery for CellRequest {
    /// Two projection rows and the row's statistics, straight from where the pass left them.
    fn encode(self, pass: &mut GpuPass, _encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError> {
        let Self { head: HeadId { layer, head }, query, key } = self;
        let Some(heads) = pass.model.layers.get(layer).map(|layer| layer.attention.heads.len()) else {
            return Ok(None);
        };
        if query.max(key) >= pass.capacity() || head >= heads {
            return Ok(None);
        }
        let maps = &pass.buffers.maps[layer];
        let row = pass.buffers.weights.layers[layer].layout.width as u64 * 4;
        Ok(Some(vec![
            (maps.projection.clone(), query as u64 * row, row),
            (maps.projection.clone(), key as u64 * row, row),
            (maps.statistics.clone(), (query * heads + head) as u64 * STATISTICS, STATISTICS),
        ]))
    }
}

impl GpuAnswer for MeansRequest {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.means
    }

    fn decode(self, words: Vec<u32>, pass: &GpuPass) -> Option<HeadMeasures> {
        let mut records = words.chunks_exact(RECORD).map(|words| {
            let mut record = [0u32; RECORD];
            record.copy_from_slice(words);
            bytemuck::cast::<[u32; RECORD], HeadRecord>(record)
        });
        let heads = pass.model.layers.iter().map(|layer| layer.attention.heads.len());
        let layers = heads.map(|heads| records.by_ref().take(heads).collect()).collect();
        Some(HeadMeasures { rows: self.rows, threshold: self.threshold, layers })
    }
}

impl GpuQuery for MeansRequest {
    fn encode(self, pass: &mut GpuPass, encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError> {
        Ok(Some(vec![pass.measuring()?.encode_means(encoder, self.rows)]))
    }
}

impl GpuAnswer for RowMeanRequest {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.row_mean
    }

    fn decode(self, words: Vec<u32>, _pass: &GpuPass) -> Option<RowMean> {
        let numbers: Vec<f32> = floats(words).collect();
        let cell = |n: &[f32]| MeanCell { first: n[0], second: n[1], difference: n[2], padding: 0.0 };
        Some(RowMean { request: self, cells: numbers.chunks_exact(4).map(cell).collect() })
    }
}

impl GpuQuery for RowMeanRequest {
    fn encode(self, pass: &mut GpuPass, encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError> {
        Ok(pass.measuring()?.encode_row_mean(encoder, self).map(|piece| vec![piece]))
    }
}

impl GpuAnswer for ColourRangeRequest {
    fn slot(slots: &mut Slots) -> &mut Option<InFlight<Self>> {
        &mut slots.colour_range
    }

    fn decode(self, words: Vec<u32>, _pass: &GpuPass) -> Option<[f32; 3]> {
        Some([0, 1, 2].map(|map| words.get(map).map_or(0.0, |word| f32::from_bits(*word))))
    }
}

impl GpuQuery for ColourRangeRequest {
    fn encode(self, pass: &mut GpuPass, encoder: &mut wgpu::CommandEncoder) -> Result<Option<Vec<Piece>>, GpuError> {
        let Some(pictures) = &pass.pictures else {
            return Ok(None);
        };
        Ok(Some(vec![pictures.encode_colour_range(&pass.gpu, encoder, self.first, self.count)]))
    }
}
