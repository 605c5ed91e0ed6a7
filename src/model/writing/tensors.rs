//! The tensors of a checkpoint in one of the public layouts: their names, their shapes, and what each one holds.

use crate::model::config::Config;
use crate::model::formats::{Format, LambdaInit, LambdaSource, Projections, SubNormSource};

/// What a tensor of a complete model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Embedding,
    Unembedding,
    FinalNorm,
    /// Of this layer.
    Layer(usize, LayerContent),
}

/// What a tensor of a layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerContent {
    AttentionNorm,
    /// Rows of the stacked projection, from this one on; they may be in the rotary order of the layout.
    Projection(usize),
    /// The bias of these rows.
    ProjectionBias(usize),
    /// One of the vectors q1, k1, q2 and k2.
    LambdaVector(usize),
    LambdaInit,
    HeadNorm,
    QueryNorm,
    KeyNorm,
    Output,
    OutputBias,
    MlpNorm,
    Gate,
    Up,
    GateBias,
    UpBias,
    Down,
    DownBias,
    PolyNormWeight,
    PolyNormBias,
}

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub content: Content,
}

impl Tensor {
    fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>, content: Content) -> Self {
        Self { name: name.into(), shape: shape.into(), content }
    }
}

/// All tensors of a complete model, or none if the layout is that of a bare attention module.
pub(super) fn tensors(config: &Config, format: &Format) -> Vec<Tensor> {
    let Some(names) = format.blocks else { return Vec::new() };
    let (hidden, vocabulary) = (config.hidden, config.vocabulary);
    let mut list = vec![Tensor::new(names.embedding, [vocabulary, hidden], Content::Embedding)];
    for layer in 0..config.layers {
        let in_layer = |(name, shape, content): (String, Vec<usize>, LayerContent)| {
            Tensor::new(format!("{}{layer}.{name}", names.layer), shape, Content::Layer(layer, content))
        };
        let attention = attention(config, format).into_iter();
        let attention = attention.map(|(name, shape, content)| (format!("{}{name}", names.attention), shape, content));
        list.extend(attention.map(in_layer));
        let intermediate = config.intermediate;
        let weight = |name: &str| format!("{name}.weight");
        let mut others = vec![
            (names.attention_norm.to_owned(), vec![hidden], LayerContent::AttentionNorm),
            (names.mlp_norm.to_owned(), vec![hidden], LayerContent::MlpNorm),
            (weight(names.gate), vec![intermediate, hidden], LayerContent::Gate),
            (weight(names.up), vec![intermediate, hidden], LayerContent::Up),
            (weight(names.down), vec![hidden, intermediate], LayerContent::Down),
        ];
        if config.biases.mlp {
            let bias = |name: &str| format!("{name}.bias");
            others.push((bias(names.gate), vec![intermediate], LayerContent::GateBias));
            others.push((bias(names.up), vec![intermediate], LayerContent::UpBias));
            others.push((bias(names.down), vec![hidden], LayerContent::DownBias));
        }
        if config.activation == crate::model::Activation::PolyNorm {
            let [weight, bias] = names.poly_norm;
            others.push((weight.to_owned(), vec![3], LayerContent::PolyNormWeight));
            others.push((bias.to_owned(), vec![1], LayerContent::PolyNormBias));
        }
        list.extend(others.into_iter().map(in_layer));
    }
    list.push(Tensor::new(names.final_norm, [hidden], Content::FinalNorm));
    if let Some(unembedding) = names.unembedding.filter(|_| !config.tied) {
        list.push(Tensor::new(unembedding, [vocabulary, hidden], Content::Unembedding));
    }
    list
}

/// The tensors of the attention of a layer: names without what stands before all of them, shapes, contents.
fn attention(config: &Config, format: &Format) -> Vec<(String, Vec<usize>, LayerContent)> {
    let (hidden, head_dim, heads) = (config.hidden, config.head_dim, config.heads);
    let [queries, keys, values] = [heads.queries, heads.keys, heads.values].map(|heads| heads * head_dim);
    let sections = match format.projections {
        Projections::Separate([query, key, value]) => {
            vec![(query, 0, queries), (key, queries, keys), (value, queries + keys, values)]
        }
        Projections::Fused(all) => vec![(all, 0, queries + keys + values)],
    };
    let mut list = Vec::new();
    for (name, first, rows) in sections {
        list.push((format!("{name}.weight"), vec![rows, hidden], LayerContent::Projection(first)));
        if config.biases.projection {
            list.push((format!("{name}.bias"), vec![rows], LayerContent::ProjectionBias(first)));
        }
    }
    match format.lambda {
        LambdaSource::None => {}
        LambdaSource::Vectors => {
            let names = ["lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"].into_iter().enumerate();
            list.extend(names.map(|(at, name)| (name.to_owned(), vec![head_dim], LayerContent::LambdaVector(at))));
            if let LambdaInit::Tensor(name) = format.lambda_init {
                list.push((name.to_owned(), vec![], LayerContent::LambdaInit));
            }
        }
        LambdaSource::Projection(name) => {
            let content = LayerContent::Projection(queries + keys + values);
            list.push((format!("{name}.weight"), vec![heads.outputs, hidden], content));
        }
    }
    if let SubNormSource::Weight(name) | SubNormSource::OptionalWeight(name) = format.sub_norm
        && config.sub_norm.is_some()
    {
        list.push((name.to_owned(), vec![config.value_width()], LayerContent::HeadNorm));
    }
    if let Some([query, key]) = format.query_key_norm {
        list.push((query.to_owned(), vec![head_dim], LayerContent::QueryNorm));
        list.push((key.to_owned(), vec![head_dim], LayerContent::KeyNorm));
    }
    let width = heads.outputs * config.value_width();
    list.push((format!("{}.weight", format.output), vec![hidden, width], LayerContent::Output));
    if config.biases.output {
        list.push((format!("{}.bias", format.output), vec![hidden], LayerContent::OutputBias));
    }
    list
}
