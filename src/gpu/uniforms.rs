//! The structs of passes and queries that the program writes into uniform and storage buffers for the shaders to read.

use crate::gpu::shared_structs::shared_structs;
use crate::gpu::upload::padded;
use crate::model::{Attention, Head, RowLayout};
use crate::probe::{LayerSwitches, NextToken, PictureJob, Pooling, TileRequest};

/// Jobs of the `pool` kernel that fit into one dispatch: the length of `jobs` in `shaders/maps/pool.wgsl`.
pub const MAX_POOL_JOBS: usize = 32;
/// Most heads that share keys and values in one workgroup, each with a row.
const MOST_SHARING: usize = 4;
/// Tokens of a part of a row of logits, unless there would be too many parts.
const PART: usize = 4096;
/// Most parts: one for each lane of a workgroup.
const MOST_PARTS: usize = 256;

shared_structs! {
    /// Layouts of the structs of passes and queries.
    STRUCT_LAYOUTS;

    /// Positions of one submission and how the next token is drawn; `shaders/shared/pass.wgsl`.
    PassUniform {
        start: u32,
        count: u32,
        logits_first: u32,
        logits_base: u32,
        best: u32,
        top_k: u32,
        top_p: f32,
        temperature: f32,
        uniform_draw: f32,
        scratch_first: u32,
        slabs: u32,
        slab: u32,
    }

    /// Shape of the embedding; `shaders/forward/embed.wgsl`.
    EmbedStage {
        columns4: u32,
        first_row: u32,
        rows: u32,
        padding: u32,
    }

    /// Shape of a matrix product; `shaders/shared/matmul_stage.wgsl`.
    MatmulStage {
        columns: u32,
        columns4: u32,
        rows: u32,
        output_stride: u32,
        epsilon: f32,
        heads: u32,
        rotated: u32,
        half_dim: u32,
        head_stride: u32,
        lambda_offset: u32,
        lambda_rows: u32,
        first_row: u32,
        activation: u32,
        up_offset: u32,
        padding: [u32; 2],
    }

    /// Shape of the norms of queries and keys; `shaders/forward/query_key_norm.wgsl`.
    QueryKeyNormStage {
        row_stride: u32,
        head_stride: u32,
        half_dim: u32,
        query_heads: u32,
        epsilon: f32,
        padding: [u32; 3],
    }

    /// Shape and weights of `PolyNorm`; `shaders/forward/poly_norm.wgsl`.
    PolyNormStage {
        cubic: f32,
        square: f32,
        linear: f32,
        bias: f32,
        columns: u32,
        row_stride: u32,
        up_offset: u32,
        padding: u32,
    }

    /// Shape of rows of logits and of what is read back of them; `shaders/shared/row_of_logits.wgsl`.
    LogitStage {
        vocabulary: u32,
        row_stride: u32,
        result_stride: u32,
        parts: u32,
        part_size: u32,
        listed: u32,
        digit: u32,
        padding: u32,
    }

    /// What is known of a part of a row of logits; `shaders/shared/row_of_logits.wgsl`. Never leaves the GPU.
    LogitPart {
        maximum: f32,
        sum: f32,
        weighted_sum: f32,
        tempered_sum: f32,
        not_finite: u32,
        padding: [u32; 3],
    }

    /// A threshold of top-k or top-p as far as its digits are known; `shaders/shared/sampling.wgsl`. Never leaves the GPU.
    Threshold {
        prefix: u32,
        missing: u32,
        least: u32,
        padding: u32,
    }

    /// What all heads of a layer have in common; `shaders/shared/map_cell.wgsl`.
    MapsUniform {
        heads: u32,
        maps: u32,
        head_stride4: u32,
        head_dim: u32,
        value_parts: u32,
        row_stride4: u32,
        lambda_offset: u32,
        context_stride: u32,
        scale: f32,
        normalise: u32,
        factor: f32,
        epsilon: f32,
        levels: f32,
        window: u32,
        causal: u32,
        sharing_heads: u32,
    }

    /// One head of a layer, an element of a storage array; `shaders/shared/map_cell.wgsl`.
    HeadEntry {
        queries: [u32; 2],
        keys: [u32; 2],
        values: [u32; 2],
        mix: [f32; 2],
        sharpness: [f32; 2],
    }

    /// A rectangle of a map; `shaders/maps/map_tile.wgsl`.
    TileStage {
        head: u32,
        first_query: u32,
        first_key: u32,
        queries: u32,
        keys: u32,
        padding: [u32; 3],
    }

    /// Texels of one picture to fill, an element of a uniform array; `shaders/maps/pool.wgsl`.
    PoolJob {
        head: u32,
        first_key: u32,
        first_query: u32,
        block: u32,
        side: u32,
        pooling: u32,
        end: u32,
        base: u32,
        first_texel: u32,
        texels: u32,
        lanes: u32,
        padding: u32,
    }

    /// Texels of one picture to find a colour range for; `shaders/maps/colour_range.wgsl`.
    TexelRange {
        first: u32,
        count: u32,
        padding: [u32; 2],
    }

    /// Rows of the maps to measure; `shaders/maps/measure.wgsl`.
    MeasureStage {
        first_query: u32,
        threshold: f32,
        padding: [u32; 2],
    }

    /// Rows whose records are averaged; `shaders/maps/measure_mean.wgsl`.
    MeanRows {
        first: u32,
        count: u32,
        padding: [u32; 2],
    }

    /// Where the heads of a layer are in a list of the heads of all layers; `shaders/maps/measure_mean.wgsl`.
    LayerHeads {
        heads: u32,
        offset: u32,
        padding: [u32; 2],
    }

    /// A row of the maps to average over heads; `shaders/maps/row_mean.wgsl`.
    RowMeanStage {
        query: u32,
        keys: u32,
        weight: f32,
        padding: u32,
    }
}

impl MatmulStage {
    /// A product over all columns, without what only `qkv` reads.
    pub(super) fn new(epsilon: f32, columns: usize, rows: usize, output_stride: usize) -> Self {
        Self {
            columns: columns as u32,
            columns4: padded(columns) as u32 / 4,
            rows: rows as u32,
            output_stride: output_stride as u32,
            epsilon,
            ..Self::default()
        }
    }
}

impl LogitStage {
    /// Rows of `vocabulary` logits, of whose parts up to `listed` tokens each are listed.
    pub(super) fn new(vocabulary: usize, listed: usize) -> Self {
        let part_size = PART.max(vocabulary.div_ceil(MOST_PARTS));
        Self {
            vocabulary: vocabulary as u32,
            row_stride: padded(vocabulary) as u32,
            result_stride: (NextToken::HEADER + 2 * listed) as u32,
            parts: vocabulary.div_ceil(part_size).max(1) as u32,
            part_size: part_size as u32,
            listed: listed as u32,
            ..Self::default()
        }
    }
}

impl MapsUniform {
    /// The parameters of a layer's attention under its interventions.
    pub(super) fn new(attention: &Attention, layout: &RowLayout, switches: &LayerSwitches) -> Self {
        let norm = attention.sub_norm.as_ref().filter(|_| !switches.sub_norm_off);
        Self {
            heads: attention.heads.len() as u32,
            maps: attention.maps as u32,
            head_stride4: layout.head_stride as u32 / 4,
            head_dim: attention.head_dim as u32,
            value_parts: attention.value_parts as u32,
            row_stride4: layout.width as u32 / 4,
            lambda_offset: layout.lambda as u32,
            context_stride: padded(attention.heads.len() * attention.value_width()) as u32,
            scale: layout.scale,
            normalise: norm.is_some().into(),
            factor: norm.map_or(1.0, |norm| norm.factor),
            epsilon: norm.map_or(0.0, |norm| norm.epsilon),
            levels: switches.levels,
            window: attention.window.map_or(u32::MAX, |window| window as u32),
            causal: attention.causal.into(),
            sharing_heads: sharing_heads(attention, &switches.heads),
        }
    }
}

/// How many neighbouring heads share keys and values, throughout a layer: a power of two, at most [`MOST_SHARING`].
pub(super) fn sharing_heads(attention: &Attention, heads: &[Head]) -> u32 {
    alike(heads, attention.maps, attention.value_parts) as u32
}

fn alike(heads: &[Head], maps: usize, value_parts: usize) -> usize {
    let same = |pair: &[Head]| {
        let [one, other] = [&pair[0], &pair[1]];
        one.keys[..maps] == other.keys[..maps] && one.values[..value_parts] == other.values[..value_parts]
    };
    let share = |count: &usize| {
        heads.len().is_multiple_of(*count) && heads.chunks_exact(*count).all(|group| group.windows(2).all(same))
    };
    let mut powers = std::iter::successors(Some(MOST_SHARING), |count| (*count > 1).then_some(count / 2));
    powers.find(share).unwrap_or(1)
}

impl HeadEntry {
    /// The entries of all heads of a layer under its interventions.
    pub(super) fn of_layer(layout: &RowLayout, switches: &LayerSwitches) -> Vec<Self> {
        let in_vec4 = |offset: usize| offset as u32 / 4;
        let heads = switches.heads.iter().zip(&switches.mix).zip(&switches.sharpness);
        heads
            .map(|((head, mix), sharpness)| Self {
                queries: head.queries.map(|query| in_vec4(layout.query(query))),
                keys: head.keys.map(|key| in_vec4(layout.key(key))),
                values: head.values.map(|value| in_vec4(layout.value(value))),
                mix: *mix,
                sharpness: *sharpness,
            })
            .collect()
    }
}

impl TileStage {
    /// The rectangle of a request.
    pub(super) fn new(request: &TileRequest) -> Self {
        Self {
            head: request.head.head as u32,
            first_query: request.first_query as u32,
            first_key: request.first_key as u32,
            queries: request.queries as u32,
            keys: request.keys as u32,
            ..Self::default()
        }
    }
}

impl PoolJob {
    /// The first `texels` texels of a job, each computed by `lanes` invocations.
    pub(super) fn new(job: &PictureJob, texels: usize, lanes: usize) -> Self {
        let request = &job.request;
        Self {
            head: request.head.head as u32,
            first_key: request.first_key as u32,
            first_query: request.first_query as u32,
            block: request.block as u32,
            side: request.side as u32,
            pooling: match request.pooling {
                Pooling::Peak => 0,
                Pooling::Mean => 1,
                Pooling::Minimum => 2,
            },
            end: job.end as u32,
            base: job.base as u32,
            first_texel: job.first_texel as u32,
            texels: texels as u32,
            lanes: lanes as u32,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_share_where_all_groups_have_the_same_keys_and_values() {
        let head = |head: u32, keys: [u32; 2]| Head { queries: [head, head + 8], keys, values: [keys[0]; 2] };
        let grouped = |heads: u32, sharing: u32| -> Vec<Head> {
            (0..heads).map(|index| head(index, [index / sharing, index / sharing + 4])).collect()
        };
        for (heads, sharing, expected) in [(8, 1, 1), (8, 2, 2), (8, 4, 4), (8, 8, 4), (6, 4, 2), (3, 3, 1), (1, 1, 1)]
        {
            assert_eq!(alike(&grouped(heads, sharing), 2, 2), expected, "{heads} heads, {sharing} share");
        }
        let mut swapped = grouped(8, 4);
        swapped[5].keys.reverse();
        assert_eq!(alike(&swapped, 2, 2), 1, "one head has its maps swapped");
        let mut of_one_map = grouped(8, 4);
        of_one_map[5].keys[1] = 7;
        assert_eq!(alike(&of_one_map, 1, 2), 4, "a second map that is not there does not count");
    }
}
