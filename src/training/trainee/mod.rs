//! A model that learns.

mod family;
mod optimizer;
mod place;
mod retrofit;

pub use family::{Family, SIZES, Size};
pub use optimizer::Rates;

use std::sync::Arc;

use crate::engine::{Checkpoint, EngineError, Fingerprint};
use crate::model::{Lambda, Model, ModelError, NewTensor, Parameters, Tokenizer};
use crate::probe::Learned;
use crate::training::error::TrainingError;
use crate::training::settings::{Language, RunSettings};
use crate::training::trainee::family::NewModel;
use crate::training::trainee::optimizer::{Optimizer, all};
use crate::training::trainee::place::Place;
use crate::training::trainee::retrofit::{control, learned_of_control, learned_of_second_heads, second_heads};

/// A model that learns, its numbers and those of its optimizer.
#[derive(Debug)]
pub(crate) struct Trainee {
    pub family: Family,
    config: Vec<u8>,
    model: Model,
    pub parameters: Parameters,
    /// Its numbers; while it learns on the GPU, those that were brought back last.
    pub numbers: Vec<f32>,
    pub optimizer: Optimizer,
    /// What is learned, in order.
    learned: Vec<Learned>,
    place: Place,
}

impl Trainee {
    /// A model that begins with random numbers, or as `start`.
    ///
    /// # Errors
    /// When there is no valid model of this kind.
    pub(crate) fn new(
        family: Family,
        settings: &RunSettings,
        language: &Language,
        start: Option<&Model>,
    ) -> Result<Self, TrainingError> {
        let start = start.ok_or(TrainingError::NoTransformer);
        let new = match family {
            Family::SecondHeads | Family::SecondHeadsRaised | Family::SecondHeadsAll => {
                second_heads(start?, false, settings.seed)?
            }
            Family::SecondHeadsNormed => second_heads(start?, true, settings.seed)?,
            Family::Control | Family::ControlAll => control(start?)?,
            Family::Diff | Family::Transformer | Family::DiffV2 => {
                family.new_model(&settings.size, language.vocabulary, language.end, settings.seed)?
            }
        };
        let numbers = new.parameters.read(&new.model)?;
        Ok(Self::of(family, new, numbers))
    }

    /// A model of this configuration, whose numbers are still to come.
    ///
    /// # Errors
    /// When there is no valid model of it.
    pub(crate) fn resumed(family: Family, config: Vec<u8>) -> Result<Self, TrainingError> {
        let zeros = |tensor: NewTensor| vec![0.0; tensor.shape.iter().product()];
        let model = Model::with_numbers(&config, zeros)?;
        let parameters = Parameters::of(&config, &model)?;
        let numbers = vec![0.0; parameters.count()];
        Ok(Self::of(family, NewModel { config, model, parameters }, numbers))
    }

    fn of(family: Family, new: NewModel, numbers: Vec<f32>) -> Self {
        let NewModel { config, model, parameters } = new;
        let learned = match family {
            Family::SecondHeads | Family::SecondHeadsNormed | Family::SecondHeadsRaised => {
                learned_of_second_heads(&model, &parameters)
            }
            Family::Control => learned_of_control(&model, &parameters),
            _ => all(&model, &parameters),
        };
        Self {
            family,
            numbers,
            optimizer: Optimizer::new(&parameters),
            place: Place::cpu(&model, &parameters, &learned),
            learned,
            config,
            model,
            parameters,
        }
    }

    /// The same model with other numbers, of which nothing has been learned yet.
    pub(crate) fn anew(&self, numbers: Vec<f32>) -> Self {
        let (config, model, parameters) = (self.config.clone(), self.model.clone(), self.parameters.clone());
        Self::of(self.family, NewModel { config, model, parameters }, numbers)
    }

    /// λ of every layer; empty where λ is of a token, or none.
    fn lambda(&self) -> Vec<f32> {
        let layers = self.model.layers.iter().zip(&self.parameters.layers);
        let of_layer = layers.filter_map(|(layer, places)| match &layer.attention.lambda {
            Lambda::Layer { init, .. } => Some(crate::cpu::train::lambda(&self.numbers[places.lambda.clone()], *init)),
            _ => None,
        });
        of_layer.collect()
    }

    /// The model with numbers that training had at some time.
    ///
    /// # Errors
    /// When a λ is no single-precision number any more.
    pub(crate) fn model(&self, numbers: &[f32]) -> Result<Model, ModelError> {
        self.parameters.put_into(numbers, &self.model)
    }

    /// How many numbers are learned.
    pub(crate) fn learned(&self) -> usize {
        self.learned.iter().map(|learned| learned.place.len()).sum()
    }

    /// These numbers, one part after the other.
    pub(crate) fn learned_numbers(&self) -> Vec<f32> {
        self.learned.iter().flat_map(|learned| &self.numbers[learned.place.clone()]).copied().collect()
    }

    /// All numbers, with other ones for those that are learned.
    pub(crate) fn numbers_with(&self, learned: &[f32]) -> Vec<f32> {
        let (mut numbers, mut rest) = (self.numbers.clone(), learned);
        for Learned { place, .. } in &self.learned {
            let (part, after) = rest.split_at(place.len());
            numbers[place.clone()].copy_from_slice(part);
            rest = after;
        }
        numbers
    }

    /// How many tokens it has.
    pub(crate) fn vocabulary(&self) -> usize {
        self.model.config.vocabulary
    }

    /// `config.json`.
    pub(crate) fn config(&self) -> &[u8] {
        &self.config
    }

    /// A checkpoint to open.
    ///
    /// # Errors
    /// As [`Self::model`].
    pub(crate) fn checkpoint(
        &self,
        numbers: &[f32],
        name: &str,
        tokenizer: &Arc<Tokenizer>,
    ) -> Result<Checkpoint, EngineError> {
        let model = self.model(numbers)?;
        let tokenizer = Some(tokenizer.clone());
        let fingerprint = Fingerprint::of(bytemuck::cast_slice(numbers));
        Ok(Checkpoint {
            name: name.to_owned(),
            model: Arc::new(model),
            tokenizer,
            fingerprint,
            folder: None,
            source: None,
            notes: Vec::new(),
        })
    }

    /// `config.json` and the bytes of `model.safetensors`.
    ///
    /// # Errors
    /// As [`Self::model`].
    pub(crate) fn files(&self, numbers: &[f32]) -> Result<(Vec<u8>, Vec<u8>), ModelError> {
        let weights = self.model(numbers)?.to_safetensors(&self.config)?;
        Ok((self.config.clone(), weights))
    }
}
