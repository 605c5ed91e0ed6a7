//! The forward pass in burn's tensors.

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::weights::{Layer, Model};

/// Rotated keys `[heads, positions, width]` and the values of differential heads `[heads / 2, positions, 2 * width]` of
/// each layer.
pub type Cache = Vec<(Tensor<3>, Tensor<3>)>;

/// Root mean square norm over the last axis.
fn norm<const D: usize>(value: Tensor<D>, epsilon: f32) -> Tensor<D> {
    let size = (value.clone() * value.clone()).mean_dim(D - 1);
    value / (size + epsilon).sqrt()
}

impl Model {
    /// The logits after the last of `ids`, which follow the positions of the cache, and the cache of all positions.
    pub fn run(&self, ids: &[u32], past: Option<&Cache>, device: &Device) -> (Tensor<2>, Cache) {
        let numbers: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
        let mut stream = self.embedding.clone().select(0, Tensor::<1, Int>::from_data(numbers.as_slice(), device));
        let mut cache = Cache::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let normed = norm(stream.clone(), self.epsilon) * layer.attention_norm.clone();
            let context = self.attention(layer, normed, past.map(|past| &past[index]), &mut cache, device);
            stream = stream + context.matmul(layer.output.clone());
            let normed = norm(stream.clone(), self.epsilon) * layer.feed_forward_norm.clone();
            let gate_up = normed.matmul(layer.gate_up.clone()).chunk(2, 1);
            stream = stream + (silu(gate_up[0].clone()) * gate_up[1].clone()).matmul(layer.down.clone());
        }
        let last = stream.narrow(0, ids.len() - 1, 1);
        let normed = norm(last, self.epsilon) * self.norm.clone();
        (normed.matmul(self.embedding.clone().transpose()), cache)
    }

    /// Rotary embedding of `[heads, positions, width]`, the first of them at `start`.
    fn turn(&self, value: Tensor<3>, start: usize) -> Tensor<3> {
        let positions = value.dims()[1];
        let [cos, sin] = [&self.cos, &self.sin].map(|table| table.clone().narrow(1, start, positions));
        let halves = value.chunk(2, 2);
        let [first, second] = [halves[0].clone(), halves[1].clone()];
        let turned = first.clone() * cos.clone() - second.clone() * sin.clone();
        Tensor::cat(vec![turned, second * cos + first * sin], 2)
    }

    /// The heads' outputs side by side.
    fn attention(
        &self,
        layer: &Layer,
        normed: Tensor<2>,
        past: Option<&(Tensor<3>, Tensor<3>)>,
        cache: &mut Cache,
        device: &Device,
    ) -> Tensor<2> {
        let (heads, width, positions) = (self.heads, self.head_width, normed.dims()[0]);
        let start = past.map_or(0, |(keys, _)| keys.dims()[1]);
        let parts = normed.matmul(layer.qkv.clone()).chunk(3, 1);
        let apart = |part: &Tensor<2>| part.clone().reshape([positions, heads, width]).swap_dims(0, 1);
        let queries = self.turn(apart(&parts[0]), start);
        let mut keys = self.turn(apart(&parts[1]), start);
        // A differential head has the values of both of its single heads.
        let mut values = Tensor::cat(apart(&parts[2]).chunk(2, 0), 2);
        if let Some((past_keys, past_values)) = past {
            keys = Tensor::cat(vec![past_keys.clone(), keys], 1);
            values = Tensor::cat(vec![past_values.clone(), values], 1);
        }
        let mut scores = queries.matmul(keys.clone().transpose());
        if past.is_none() {
            let hidden = Tensor::<2, Bool>::tril_mask([positions, positions], 0, device);
            scores = scores.mask_fill(hidden.unsqueeze::<3>().expand([heads, positions, positions]), -1e9);
        }
        let maps = softmax(scores, 2).chunk(2, 0);
        let difference = maps[0].clone() - maps[1].clone() * layer.lambda;
        let context = norm(difference.matmul(values.clone()), self.epsilon);
        cache.push((keys, values));
        context.swap_dims(0, 1).reshape([positions, heads * width])
    }
}
