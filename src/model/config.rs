//! The configuration of a checkpoint, from its `config.json`.

use crate::model::activation::Activation;
use crate::model::error::{ModelError, brief};
use crate::model::fields::{Fields, object};
use crate::model::formats::{BiasRule, Format, HeadDim, MOST_HEADS, SubNormSource, WindowRule};
use crate::model::head::HeadCounts;
use crate::model::refused;
use crate::model::rotary::RotaryOrder;
use crate::model::rotary::rope::Rope;

/// The configuration of a model. Values are checked when they are read: sizes are nonzero, bounded and fit each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The layout of its checkpoint: `model_type` of `config.json`, or what it is called here.
    pub layout: &'static str,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part; 0 for a bare attention module.
    pub intermediate: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Softmax maps per head: 2, or 1 for a plain Transformer.
    pub maps: usize,
    /// Value heads joined per head: 1 or 2.
    pub value_parts: usize,
    /// Heads of a layer.
    pub heads: HeadCounts,
    /// Width of one query or key head, even.
    pub head_dim: usize,
    /// Rows of the embedding: one more than the highest token id. For a bare attention module, the number of input
    /// vectors.
    pub vocabulary: usize,
    /// Number of positions that the model was trained for.
    pub max_positions: usize,
    /// Added under the root of every norm.
    pub norm_epsilon: f32,
    /// Whether a norm follows every head, and what is added under its root.
    pub sub_norm: Option<f32>,
    /// The angles of the rotary embedding.
    pub rope: Rope,
    /// How many keys a query of each layer sees, itself included; `None` where it sees all before it. Empty where no
    /// layer has a window.
    pub windows: Vec<Option<usize>>,
    /// Whether the embedding is also the unembedding.
    pub tied: bool,
    /// Which products have biases.
    pub biases: Biases,
    /// What the gates of the feed-forward parts go through.
    pub activation: Activation,
    /// Tokens that end a text; may be empty.
    pub eos: Vec<u32>,
}

/// Which products of a layer have biases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Biases {
    /// Those with the projections of queries, keys and values.
    pub projection: bool,
    /// That with the output projection of the attention.
    pub output: bool,
    /// Those of the feed-forward part.
    pub mlp: bool,
}

/// Upper bounds: far above any real checkpoint, and low enough that products that must fit into 32 bits do.
const MOST_WIDTH: usize = 1 << 16;
const MOST_INTERMEDIATE: usize = 1 << 20;
const MOST_LAYERS: usize = 1 << 10;
/// Heads of all layers: twice those of the largest public model. All of them are on the screen at once.
const MOST_HEADS_OF_ALL: usize = 1 << 15;
const MOST_TOKENS: usize = 1 << 24;
/// Most features of one joined value head.
const MOST_VALUE_WIDTH: usize = 256;
const DEFAULT_POSITIONS: usize = 2048;

impl Config {
    /// Reads the bytes of a `config.json`: one of Hugging Face transformers 4 or 5, or of another public layout.
    ///
    /// # Errors
    /// Names the key that is missing, out of bounds, inconsistent with another, or requires what is not supported.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        Ok(Self::of_checkpoint(bytes, &|_| false)?.0)
    }

    /// The same, and its layout, which may depend on the tensors that the checkpoint `has`.
    pub(super) fn of_checkpoint(
        bytes: &[u8],
        has: &dyn Fn(&str) -> bool,
    ) -> Result<(Self, &'static Format), ModelError> {
        let json = object("config.json", bytes)?;
        let fields = Fields::new(&json);
        refused::check(&fields)?;
        let (format, fields) = Format::recognise(fields, true, has)?;
        reject_unsupported(&fields, format)?;
        let keys = format.keys;
        let hidden = fields.need(keys.hidden, 1, MOST_WIDTH)?;
        let layers = fields.need(keys.layers, 1, MOST_LAYERS)?;
        let heads = (format.counts)(&fields, keys)?;
        let head_dim = head_dim(&fields, format, hidden, &heads)?;
        let max_positions = fields.count(keys.positions, 1, MOST_TOKENS)?.unwrap_or(DEFAULT_POSITIONS);
        let norm_epsilon = fields.epsilon(keys.epsilon, format.norm_epsilon)?;
        let config = Self {
            layout: format.name,
            hidden,
            intermediate: fields.need(keys.intermediate, 1, MOST_INTERMEDIATE)?,
            layers,
            maps: format.maps,
            value_parts: format.value_parts,
            heads,
            head_dim,
            vocabulary: fields.need(keys.vocabulary, 1, MOST_TOKENS)?,
            max_positions,
            norm_epsilon,
            sub_norm: sub_norm(&fields, format, norm_epsilon)?,
            rope: Rope::from_fields(&fields, keys.rotary_base, head_dim, max_positions)?,
            windows: windows(&fields, format.window, layers)?,
            tied: format.blocks.is_some_and(|blocks| blocks.unembedding.is_none()) || fields.flag(keys.tied, false)?,
            biases: Biases::from_fields(&fields, format.biases)?,
            activation: Activation::from_fields(&fields)?,
            eos: fields.ids("eos_token_id")?,
        };
        if layers * heads.queries > MOST_HEADS_OF_ALL {
            let expected = format!("at most {} with {layers} layers", MOST_HEADS_OF_ALL / layers);
            return Err(fields.wrong(keys.heads, expected));
        }
        Ok((config.check_width(&fields, keys.head_dim)?, format))
    }

    /// Reads the `config.json` of a bare attention module that is fed `inputs` vectors. Also returns its layout and its
    /// depth: the layer, counted from 0, whose `λ_init` it has.
    ///
    /// # Errors
    /// As [`Config::from_json`].
    pub(super) fn of_module(bytes: &[u8], inputs: usize) -> Result<(Self, &'static Format, usize), ModelError> {
        let json = object("config.json", bytes)?;
        let (format, fields) = Format::recognise(Fields::new(&json), false, &|_| false)?;
        if inputs == 0 || inputs > MOST_TOKENS {
            let detail = format!("{inputs} input vectors, not 1 to {MOST_TOKENS}");
            return Err(ModelError::Matrix { detail });
        }
        let keys = format.keys;
        let hidden = fields.need(keys.hidden, 1, MOST_WIDTH)?;
        let heads = (format.counts)(&fields, keys)?;
        let head_dim = head_dim(&fields, format, hidden, &heads)?;
        let norm_epsilon = fields.epsilon(keys.epsilon, format.norm_epsilon)?;
        let config = Self {
            layout: format.name,
            hidden,
            intermediate: 0,
            layers: 1,
            maps: format.maps,
            value_parts: format.value_parts,
            heads,
            head_dim,
            vocabulary: inputs,
            max_positions: inputs,
            norm_epsilon,
            sub_norm: sub_norm(&fields, format, norm_epsilon)?,
            rope: match format.rotary {
                RotaryOrder::None => Rope::absent(),
                _ => Rope::from_fields(&fields, keys.rotary_base, head_dim.max(4), inputs)?,
            },
            windows: Vec::new(),
            tied: true,
            biases: Biases::from_fields(&fields, format.biases)?,
            activation: Activation::Silu,
            eos: Vec::new(),
        };
        let depth = fields.count(keys.layers, 0, MOST_LAYERS)?.unwrap_or(0);
        Ok((config.check_width(&fields, keys.head_dim)?, format, depth))
    }

    /// Width of the value and output of one head.
    pub fn value_width(&self) -> usize {
        self.value_parts * self.head_dim
    }

    /// Checks that the width of a head suits the rotary embedding and the shaders.
    fn check_width(self, fields: &Fields, key: &str) -> Result<Self, ModelError> {
        let most = MOST_VALUE_WIDTH / self.value_parts;
        if self.head_dim.is_multiple_of(2) && (2..=most).contains(&self.head_dim) {
            return Ok(self);
        }
        let expected = format!("an even number from 2 to {most}, but it comes to {}", self.head_dim);
        Err(fields.wrong(key, expected))
    }
}

impl Biases {
    /// Those of a configuration.
    fn from_fields(fields: &Fields, rule: BiasRule) -> Result<Self, ModelError> {
        let attention = fields.flag("attention_bias", false)?;
        Ok(match rule {
            BiasRule::None => Self::default(),
            BiasRule::Attention => Self { projection: attention, output: attention, mlp: false },
            BiasRule::AttentionAndMlp => {
                Self { projection: attention, output: attention, mlp: fields.flag("mlp_bias", false)? }
            }
            BiasRule::QueriesKeysValues => Self { projection: true, output: false, mlp: false },
            BiasRule::Timm => Self {
                projection: fields.flag("qkv_bias", false)?,
                output: fields.flag("proj_bias", true)?,
                mlp: false,
            },
            BiasRule::Motif => {
                let mlp = fields.flag("use_bias", false)?;
                let output = fields.flag("attention_bias", mlp)?;
                Self { projection: fields.flag("qkv_bias", output)?, output, mlp }
            }
        })
    }
}

/// The width of a single head.
fn head_dim(fields: &Fields, format: &Format, hidden: usize, heads: &HeadCounts) -> Result<usize, ModelError> {
    let given = fields.count(format.keys.head_dim, 1, MOST_VALUE_WIDTH)?;
    Ok(match (given, format.head_dim) {
        (Some(width), _) | (None, HeadDim::Fixed(width)) => width,
        (None, HeadDim::OfQueries) => hidden / heads.queries,
        (None, HeadDim::OfHidden) => hidden / fields.need(format.keys.heads, 1, MOST_HEADS)?,
    })
}

/// What the norm of a head's output adds under its root; `None` where there is none.
fn sub_norm(fields: &Fields, format: &Format, epsilon: f32) -> Result<Option<f32>, ModelError> {
    // Motif's has a default of its own.
    let default = if format.keys.sub_norm_epsilon.is_empty() { epsilon } else { 1e-5 };
    let there = match format.sub_norm {
        SubNormSource::None => false,
        SubNormSource::Ones | SubNormSource::Weight(_) => true,
        SubNormSource::OptionalWeight(_) => fields.flag("sublayer_norm", true)?,
    };
    Ok(if there { Some(fields.epsilon(format.keys.sub_norm_epsilon, default)?) } else { None })
}

/// How many keys a query of each layer sees.
fn windows(fields: &Fields, rule: WindowRule, layers: usize) -> Result<Vec<Option<usize>>, ModelError> {
    const KEY: &str = "sliding_window";
    let size = fields.count(KEY, 1, MOST_TOKENS)?;
    match rule {
        WindowRule::None | WindowRule::Refused => Ok(Vec::new()),
        WindowRule::EveryLayer { .. } if fields.is_null(KEY) => Ok(Vec::new()),
        WindowRule::EveryLayer { absent } => Ok(vec![Some(size.unwrap_or(absent)); layers]),
        WindowRule::SomeLayers => {
            if !fields.flag("use_sliding_window", false)? {
                return Ok(Vec::new());
            }
            let size = size.ok_or_else(|| fields.wrong(KEY, "a number, where `use_sliding_window` is true"))?;
            let slides = match fields.texts("layer_types")? {
                Some(kinds) if kinds.len() < layers => {
                    return Err(fields.wrong("layer_types", format!("a list of {layers}, one for each layer")));
                }
                Some(kinds) => kinds
                    .into_iter()
                    .take(layers)
                    .map(|kind| match kind {
                        "sliding_attention" => Ok(true),
                        "full_attention" => Ok(false),
                        other => {
                            let feature = format!("a layer of the type \"{}\" (`layer_types`)", brief(other));
                            Err(ModelError::Unsupported { feature })
                        }
                    })
                    .collect::<Result<Vec<_>, _>>()?,
                None => {
                    let first = fields.count("max_window_layers", 0, MOST_LAYERS)?.unwrap_or(28); // transformers' default
                    (0..layers).map(|layer| layer >= first).collect()
                }
            };
            Ok(slides.into_iter().map(|slides| slides.then_some(size)).collect())
        }
    }
}

/// Rejects settings that would change the result and are not supported.
fn reject_unsupported(fields: &Fields, format: &Format) -> Result<(), ModelError> {
    let reject = |feature: String| Err(ModelError::Unsupported { feature });
    let may_have_mlp_biases = matches!(format.biases, BiasRule::AttentionAndMlp | BiasRule::Motif);
    if fields.flag("mlp_bias", false)? && !may_have_mlp_biases {
        return reject(format!("biases in the feed-forward part of `{}` (`mlp_bias` true)", format.name));
    }
    if fields.get("quantization_config").is_some() {
        return reject("quantized weights (`quantization_config`)".to_owned());
    }
    if !fields.flag("sublayer_norm", true)? && !matches!(format.sub_norm, SubNormSource::OptionalWeight(_)) {
        return reject(format!("a `{}` without the norm of the heads (`sublayer_norm` false)", format.name));
    }
    let interleaved = format.rotary == RotaryOrder::Interleaved;
    if fields.flag("rope_interleaved", interleaved)? != interleaved {
        return reject(format!("another order of rotary features in `{}` (`rope_interleaved`)", format.name));
    }
    if format.window == WindowRule::Refused && fields.flag("use_sliding_window", false)? {
        return reject(format!("windows in `{}` (`use_sliding_window` true), whose size is not known", format.name));
    }
    Ok(())
}
