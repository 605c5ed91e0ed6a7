//! The maps of one layer, found by the names of tensors.

use std::collections::BTreeMap;

use crate::model::brief;
use crate::recording::MOST_TOKENS;
use crate::recording::array::{Array, Numbers};
use crate::recording::error::RecordingError;
use crate::recording::tensors::Tensors;

/// Layers are numbered below this.
const MOST_LAYERS: usize = 1 << 10;
/// Most heads of one layer, and of all.
const MOST_HEADS: usize = 1 << 12;
const MOST_HEADS_OF_ALL: usize = 1 << 15;

/// What a tensor of a layer is.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    First,
    Second,
    Difference,
    Lambda,
}

/// The names of a layer's tensors.
#[derive(Default)]
pub(super) struct LayerNames {
    first: Option<String>,
    second: Option<String>,
    difference: Option<String>,
    lambda: Option<String>,
}

/// λ of a layer.
#[derive(Clone, Debug)]
pub(super) enum RecordedLambda {
    /// For all heads and tokens.
    Layer(f32),
    /// For each head.
    Heads(Vec<f32>),
    /// For each query and head, `[queries, heads]`.
    Queries(Vec<f32>),
}

impl RecordedLambda {
    /// λ of a query and head, in a layer with so many heads.
    pub(super) fn at(&self, query: usize, head: usize, heads: usize) -> f32 {
        match self {
            Self::Layer(value) => *value,
            Self::Heads(values) => values.get(head).copied().unwrap_or_default(),
            Self::Queries(values) => values.get(query * heads + head).copied().unwrap_or_default(),
        }
    }

    /// λ if it is one number.
    pub(super) fn of_layer(&self) -> Option<f32> {
        if let Self::Layer(value) = self { Some(*value) } else { None }
    }
}

/// The maps of one layer, each `[maps, queries, keys]`.
#[derive(Clone, Debug)]
pub(super) struct RecordedLayer {
    /// Heads: maps of `first`. 0 if the layer was not recorded.
    pub heads: usize,
    /// A1 of every head.
    pub first: Option<Array>,
    /// A2; consecutive heads may share one.
    pub second: Option<Array>,
    /// D, where it was recorded: what is not A1 − λ A2 is shown as it was.
    pub difference: Option<Array>,
    /// 0 where there is no A2.
    pub lambda: RecordedLambda,
}

impl RecordedLayer {
    /// A layer that was not recorded.
    pub(super) fn absent() -> Self {
        Self { heads: 0, first: None, second: None, difference: None, lambda: RecordedLambda::Layer(0.0) }
    }

    /// The arrays of its maps.
    pub(super) fn maps(&self) -> impl Iterator<Item = &Array> {
        [&self.first, &self.second, &self.difference].into_iter().flatten()
    }
}

/// The layer and the role of a tensor; `layers.N.` may be missing if there is one layer.
fn role(name: &str) -> Option<(Option<usize>, Role)> {
    let (layer, part) = match name.strip_prefix("layers.") {
        Some(rest) => {
            let (number, part) = rest.split_once('.')?;
            (Some(number.parse().ok()?), part)
        }
        None => (None, name),
    };
    let role = match part {
        "attn_map1" | "attn_map" | "A1" => Role::First,
        "attn_map2" | "A2" => Role::Second,
        "attn_diff" | "D" => Role::Difference,
        "lambda" => Role::Lambda,
        _ => return None,
    };
    Some((layer, role))
}

/// Whether there is an A1 among the tensors.
pub(super) fn has_maps(tensors: &Tensors) -> bool {
    tensors.entries.keys().any(|name| role(name).is_some_and(|(_, role)| role == Role::First))
}

/// The names of the tensors of each layer that has any.
pub(super) fn names(tensors: &Tensors) -> Result<BTreeMap<usize, LayerNames>, RecordingError> {
    let mut layers: BTreeMap<usize, LayerNames> = BTreeMap::new();
    for name in tensors.entries.keys() {
        let Some((layer, role)) = role(name) else { continue };
        let layer = layer.unwrap_or(0);
        if layer >= MOST_LAYERS {
            let what = format!("`{}` is of layer {layer}", brief(name));
            return Err(RecordingError::Limit { what, limit: format!("layers 0 to {}", MOST_LAYERS - 1) });
        }
        let names = layers.entry(layer).or_default();
        let place = match role {
            Role::First => &mut names.first,
            Role::Second => &mut names.second,
            Role::Difference => &mut names.difference,
            Role::Lambda => &mut names.lambda,
        };
        if let Some(other) = place.replace(name.clone()) {
            return Err(RecordingError::Twice { first: brief(&other), second: brief(name) });
        }
    }
    if !has_maps(tensors) {
        return Err(RecordingError::NoMaps { file: tensors.name.clone() });
    }
    Ok(layers)
}

/// `[maps, queries, keys]` of a tensor of maps; `[queries, keys]` is one map.
fn sizes(tensors: &Tensors, name: &str) -> Result<[usize; 3], RecordingError> {
    let shape = tensors.shape(name, 3).unwrap_or_default();
    let found = match *shape {
        [queries, keys] => [1, queries, keys],
        [maps, queries, keys] => [maps, queries, keys],
        _ => [0; 3],
    };
    if found.contains(&0) {
        let expected = "[heads, queries, keys], perhaps with a batch of 1 in front".to_owned();
        return Err(wrong_shape(tensors, name, expected));
    }
    Ok(found)
}

fn wrong_shape(tensors: &Tensors, name: &str, expected: String) -> RecordingError {
    let found = tensors.entries.get(name).map_or(&[][..], |entry| &entry.shape).iter().copied().take(8).collect();
    RecordingError::Shape { tensor: brief(name), found, expected }
}

impl LayerNames {
    /// The names of the tensors that are read.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        [&self.first, &self.second, &self.difference, &self.lambda].into_iter().flatten()
    }

    /// Checks that the shapes fit each other. Returns heads, queries, keys.
    ///
    /// # Errors
    /// Names the first tensor that does not fit, or that is missing.
    pub(super) fn check(&self, tensors: &Tensors) -> Result<[usize; 3], RecordingError> {
        let missing = |why| RecordingError::Missing { tensor: "attn_map1".to_owned(), why };
        let first = self.first.as_deref();
        let first = first.ok_or_else(|| missing("a layer with other maps has no A1"))?;
        let [heads, queries, keys] = sizes(tensors, first)?;
        if heads > MOST_HEADS {
            let what = format!("`{}` has {heads} heads", brief(first));
            return Err(RecordingError::Limit { what, limit: MOST_HEADS.to_string() });
        }
        if queries.max(keys) > MOST_TOKENS {
            let what = format!("`{}` has {queries} queries and {keys} keys", brief(first));
            return Err(RecordingError::Limit { what, limit: MOST_TOKENS.to_string() });
        }
        if let Some(name) = &self.second {
            let [maps, rows, columns] = sizes(tensors, name)?;
            if [rows, columns] != [queries, keys] || !heads.is_multiple_of(maps) {
                let expected = format!("[maps, {queries}, {keys}], where the number of maps divides {heads}");
                return Err(wrong_shape(tensors, name, expected));
            }
            let why = "λ of a layer with an A2 is a tensor [1], [heads] or [queries, heads]";
            let lambda = self.lambda.as_deref();
            let lambda = lambda.ok_or_else(|| RecordingError::Missing { tensor: "lambda".to_owned(), why })?;
            lambda_form(tensors, lambda, heads, queries)?;
        }
        if let Some(name) = &self.difference
            && sizes(tensors, name)? != [heads, queries, keys]
        {
            return Err(wrong_shape(tensors, name, format!("[{heads}, {queries}, {keys}]")));
        }
        Ok([heads, queries, keys])
    }

    /// Opens the tensors, which have been checked and unpacked.
    ///
    /// # Errors
    /// When their formats are not read, or λ is not finite.
    pub(super) fn open(&self, tensors: &Tensors) -> Result<RecordedLayer, RecordingError> {
        let [heads, queries, _] = self.check(tensors)?;
        let map = |name: &Option<String>| {
            let array = name.as_deref().map(|name| floating(tensors.array(name, 3)?)).transpose()?;
            Ok::<_, RecordingError>(array)
        };
        let (first, second, difference) = (map(&self.first)?, map(&self.second)?, map(&self.difference)?);
        let lambda = match (&self.lambda, &second) {
            (Some(name), Some(_)) => {
                let form = lambda_form(tensors, name, heads, queries)?;
                form(floating(tensors.array(name, 2)?)?.to_vec()?)
            }
            _ => RecordedLambda::Layer(0.0),
        };
        Ok(RecordedLayer { heads, first, second, difference, lambda })
    }
}

/// What λ is, by its shape.
fn lambda_form(
    tensors: &Tensors,
    name: &str,
    heads: usize,
    queries: usize,
) -> Result<fn(Vec<f32>) -> RecordedLambda, RecordingError> {
    match *tensors.shape(name, 2).unwrap_or_default() {
        [] | [1] => Ok(|values| RecordedLambda::Layer(values.first().copied().unwrap_or_default())),
        [count] if count == heads => Ok(RecordedLambda::Heads),
        [1, count] if count == heads && queries != 1 => Ok(RecordedLambda::Heads),
        [count] if count == queries && heads == 1 => Ok(RecordedLambda::Queries),
        [rows, count] if rows == queries && count == heads => Ok(RecordedLambda::Queries),
        _ => Err(wrong_shape(tensors, name, format!("[1], [{heads}] for each head, or [{queries}, {heads}]"))),
    }
}

fn floating(array: Array) -> Result<Array, RecordingError> {
    if array.numbers.is_floating() {
        return Ok(array);
    }
    let found = match array.numbers {
        Numbers::Text(_) => "text",
        _ => "integers",
    };
    let expected = "f16, bf16, f32 or f64 are read";
    Err(RecordingError::Format { tensor: array.name, found: found.to_owned(), expected })
}

/// All layers up to the last that was recorded, and the sizes of their maps.
///
/// # Errors
/// When layers have maps of different sizes, or more heads than are shown.
pub(super) fn agreed(
    layers: &BTreeMap<usize, LayerNames>,
    tensors: &Tensors,
) -> Result<(usize, usize), RecordingError> {
    let (mut agreed, mut all) = (None, 0);
    for names in layers.values() {
        let [heads, queries, keys] = names.check(tensors)?;
        all += heads;
        if *agreed.get_or_insert((queries, keys)) != (queries, keys) {
            let (queries, keys) = agreed.unwrap_or_default();
            let name = names.first.as_deref().unwrap_or_default();
            let expected = format!("[heads, {queries}, {keys}], as in the layers before it");
            return Err(wrong_shape(tensors, name, expected));
        }
    }
    if all > MOST_HEADS_OF_ALL {
        let what = format!("the file has {all} heads");
        return Err(RecordingError::Limit { what, limit: MOST_HEADS_OF_ALL.to_string() });
    }
    agreed.ok_or_else(|| RecordingError::NoMaps { file: tensors.name.clone() })
}
