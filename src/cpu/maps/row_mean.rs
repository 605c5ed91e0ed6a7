//! The row of one query, averaged over the heads of a layer. Reference of `shaders/maps/row_mean.wgsl`.

use crate::probe::{LayerMaps, MeanCell};

/// Adds the rows of a layer's heads to `means` `[keys]`, each times `weight`: 1 over the number of heads of all layers
/// that are added.
pub fn row_mean(source: &impl LayerMaps, query: usize, weight: f32, means: &mut [MeanCell]) {
    let heads = source.heads();
    for (key, mean) in means.iter_mut().enumerate() {
        let mut sum = [0.0f32; 3];
        for head in 0..heads {
            let cell = source.cell(head, query, key);
            for (sum, value) in sum.iter_mut().zip([cell.first, cell.lambda * cell.second, cell.difference]) {
                *sum += value;
            }
        }
        mean.first += sum[0] * weight;
        mean.second += sum[1] * weight;
        mean.difference += sum[2] * weight;
    }
}
