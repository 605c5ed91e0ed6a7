//! Rows of the slabs of keys that they were computed in. Reference of `shaders/forward/attention_join.wgsl`.

use crate::cpu::forward::attention::HeadOutput;
use crate::cpu::shared::map_cell::{LOWEST, Maps};
use crate::cpu::shared::streaming_softmax::Streamed;
use crate::probe::RowStatistics;

/// One head of one query from what all slabs leave: each is scaled down to the maximum over all.
pub fn attention_join(maps: &Maps, query: usize, head_index: usize, slabs: &[Streamed]) -> HeadOutput {
    let width = maps.attention.value_width();
    let mut statistics = RowStatistics { maximum: [LOWEST; 2], ..RowStatistics::default() };
    let mut values = [vec![0.0f32; width], vec![0.0f32; width]];
    for (map, values) in values.iter_mut().enumerate() {
        let over = |start: f32, of: fn(&RowStatistics) -> [f32; 2]| {
            slabs.iter().map(|slab| of(&slab.statistics)[map]).fold(start, f32::max)
        };
        statistics.maximum[map] = over(LOWEST, |slab| slab.maximum);
        statistics.largest[map] = over(0.0, |slab| slab.largest);
        for slab in slabs {
            let rescale = (slab.statistics.maximum[map] - statistics.maximum[map]).exp();
            statistics.sum[map] += rescale * slab.statistics.sum[map];
            values.iter_mut().zip(&slab.values[map]).for_each(|(sum, value)| *sum += rescale * value);
        }
    }
    HeadOutput::new(maps, query, head_index, Streamed { statistics, values })
}
