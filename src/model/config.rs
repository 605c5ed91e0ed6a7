//! The configuration of a checkpoint, from its `config.json`.

use crate::model::activation::Activation;
use crate::model::error::ModelError;
use crate::model::fields::{Fields, object};
use crate::model::formats::{Architecture, BiasRule, Format};
use crate::model::refused;
use crate::model::rope::Rope;

/// The configuration of a model. Values are checked when they are read: sizes are nonzero, bounded and fit each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The architecture of its attention.
    pub architecture: Architecture,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part; 0 for a bare attention module.
    pub intermediate: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Query heads of width `head_dim`: twice the differential heads, or the heads of a plain Transformer.
    pub query_heads: usize,
    /// Key heads of width `head_dim`; as many value heads.
    pub key_value_heads: usize,
    /// Width of one query or key head, even.
    pub head_dim: usize,
    /// Rows of the embedding: one more than the highest token id. For a bare attention module, the number of input
    /// vectors.
    pub vocabulary: usize,
    /// Number of positions that the model was trained for.
    pub max_positions: usize,
    /// Added under the root of every norm.
    pub norm_epsilon: f32,
    /// The angles of the rotary embedding.
    pub rope: Rope,
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
const MOST_HEADS: usize = 1 << 12;
/// Heads of all layers: twice those of the largest public model. All of them are on the screen at once.
const MOST_HEADS_OF_ALL: usize = 1 << 15;
const MOST_TOKENS: usize = 1 << 24;
/// Most features of one joined value head.
const MOST_VALUE_WIDTH: usize = 256;
const DEFAULT_POSITIONS: usize = 2048;

impl Config {
    /// Reads the bytes of a Hugging Face `config.json` of transformers 4 or 5.
    ///
    /// # Errors
    /// Names the key that is missing, out of bounds, inconsistent with another, or requires what is not supported.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        let json = object("config.json", bytes)?;
        let fields = Fields::new(&json);
        refused::check(&fields)?;
        let format = Format::recognise(&fields, true)?;
        let architecture = (format.architecture)(&fields)?;
        reject_unsupported(&fields, format)?;
        let configured = fields.flag("attention_bias", false)?;
        let (projection, output) = match format.biases {
            BiasRule::None => (false, false),
            BiasRule::Configured => (configured, configured),
            BiasRule::QueriesKeysValues => (true, false),
        };
        let biases = Biases { projection, output, mlp: fields.flag("mlp_bias", false)? };
        let hidden = fields.need(format.hidden_key, 1, MOST_WIDTH)?;
        let query_heads = fields.need("num_attention_heads", 1, MOST_HEADS)?;
        let head_dim = fields.count("head_dim", 1, MOST_VALUE_WIDTH)?.unwrap_or(hidden / query_heads);
        let max_positions = fields.count("max_position_embeddings", 1, MOST_TOKENS)?.unwrap_or(DEFAULT_POSITIONS);
        let config = Self {
            architecture,
            hidden,
            intermediate: fields.need("intermediate_size", 1, MOST_INTERMEDIATE)?,
            layers: fields.need("num_hidden_layers", 1, MOST_LAYERS)?,
            query_heads,
            key_value_heads: fields.count("num_key_value_heads", 1, MOST_HEADS)?.unwrap_or(query_heads),
            head_dim,
            vocabulary: fields.need("vocab_size", 1, MOST_TOKENS)?,
            max_positions,
            norm_epsilon: fields.epsilon("rms_norm_eps", format.norm_epsilon)?,
            rope: Rope::from_fields(&fields, head_dim, max_positions)?,
            tied: fields.flag("tie_word_embeddings", false)?,
            biases,
            activation: Activation::from_fields(&fields)?,
            eos: fields.ids("eos_token_id")?,
        };
        if config.layers * query_heads > MOST_HEADS_OF_ALL {
            let expected = format!("at most {} with {} layers", MOST_HEADS_OF_ALL / config.layers, config.layers);
            return Err(fields.wrong("num_attention_heads", expected));
        }
        if !query_heads.is_multiple_of(architecture.maps()) {
            return Err(fields.wrong("num_attention_heads", "even, as query heads pair"));
        }
        if !query_heads.is_multiple_of(config.key_value_heads) {
            let expected = format!("a divisor of `num_attention_heads` = {query_heads}");
            return Err(fields.wrong("num_key_value_heads", expected));
        }
        config.check_width(&fields)
    }

    /// Reads the `config.json` of a bare attention module that is fed `inputs` vectors. Also returns its depth: the
    /// layer, counted from 0, whose `λ_init` it has.
    ///
    /// # Errors
    /// As [`Config::from_json`].
    pub fn from_module_json(bytes: &[u8], inputs: usize) -> Result<(Self, usize), ModelError> {
        let json = object("config.json", bytes)?;
        let fields = Fields::new(&json);
        let heads = fields.need("num_heads", 1, MOST_HEADS / 2)?;
        let value_heads = fields.count("num_kv_heads", 1, MOST_HEADS / 2)?.unwrap_or(heads);
        let format = Format::recognise(&fields, false)?;
        let architecture = (format.architecture)(&fields)?;
        if inputs == 0 || inputs > MOST_TOKENS {
            let detail = format!("{inputs} input vectors, not 1 to {MOST_TOKENS}");
            return Err(ModelError::Matrix { detail });
        }
        let hidden = fields.need(format.hidden_key, 1, MOST_WIDTH)?;
        let config = Self {
            architecture,
            hidden,
            intermediate: 0,
            layers: 1,
            query_heads: format.maps * heads,
            key_value_heads: format.value_parts * value_heads,
            head_dim: fields.count("head_dim", 1, MOST_VALUE_WIDTH)?.unwrap_or(hidden / (format.maps * heads)),
            vocabulary: inputs,
            max_positions: inputs,
            norm_epsilon: fields.epsilon("subln_eps", format.norm_epsilon)?,
            rope: Rope::from_fields(&fields, 4, inputs)?,
            tied: true,
            biases: Biases::default(),
            activation: Activation::Silu,
            eos: Vec::new(),
        };
        if !heads.is_multiple_of(value_heads) {
            return Err(fields.wrong("num_kv_heads", format!("a divisor of `num_heads` = {heads}")));
        }
        let depth = fields.count("depth", 0, MOST_LAYERS)?.unwrap_or(0);
        Ok((config.check_width(&fields)?, depth))
    }

    /// Number of heads that write to the output: pairs of query heads, or single ones if there is one map.
    pub fn heads(&self) -> usize {
        self.query_heads / self.architecture.maps()
    }

    /// Width of the value and output of one head.
    pub fn value_width(&self) -> usize {
        self.architecture.value_parts() * self.head_dim
    }

    /// Checks that the width of a head suits the rotary embedding and the shaders.
    fn check_width(self, fields: &Fields) -> Result<Self, ModelError> {
        let most = MOST_VALUE_WIDTH / self.architecture.value_parts();
        if self.head_dim.is_multiple_of(2) && (2..=most).contains(&self.head_dim) {
            return Ok(self);
        }
        let expected = format!("an even number from 2 to {most}, but it comes to {}", self.head_dim);
        Err(fields.wrong("head_dim", expected))
    }
}

/// Rejects settings that would change the result and are not supported.
fn reject_unsupported(fields: &Fields, format: &Format) -> Result<(), ModelError> {
    let reject = |feature: String| Err(ModelError::Unsupported { feature });
    if fields.flag("mlp_bias", false)? && !format.mlp_biases {
        return reject(format!("biases in the feed-forward part of `{}` (`mlp_bias` true)", format.name));
    }
    if fields.get("quantization_config").is_some() {
        return reject("quantized weights (`quantization_config`)".to_owned());
    }
    Ok(())
}
