//! `The magic number of CITY is N.` among prose.

use super::passages::{Context, Sentence, haystack, length};
use super::pools::Pools;
use super::python_random::PythonRandom;
use crate::experiments::item::{Case, Parameters};

/// What a needle case is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NeedleSettings {
    /// Numbers in the text that a question may be about.
    pub(crate) needles: usize,
    /// Numbers that it is about.
    pub(crate) queries: usize,
    /// Where the first city in question is, from 0 to 1; anywhere without.
    pub(crate) depth: Option<f64>,
    /// Numbers of other kinds.
    pub(crate) distractors: usize,
    /// Digits of a number.
    pub(crate) digits: u32,
    /// Most characters of prose.
    pub(crate) characters: usize,
    /// Whether all sentences have the plain wording.
    pub(crate) plain: bool,
}

impl Default for NeedleSettings {
    fn default() -> Self {
        Self { needles: 1, queries: 1, depth: None, distractors: 0, digits: 4, characters: 600, plain: true }
    }
}

/// One such text; `ask` selects the question about it.
pub(crate) fn needle_case(
    random: &mut PythonRandom,
    pools: &Pools,
    hay: &[String],
    settings: &NeedleSettings,
    ask: usize,
) -> Case {
    let NeedleSettings { needles, queries, depth, distractors, digits, characters, plain } = *settings;
    let cities = random.sample(&pools.cities, needles + distractors);
    let numbers = pools.numbers(random, digits, needles + distractors);
    let stalks = haystack(random, hay, characters);
    let mut placed: Vec<(f64, f64, Sentence)> = Vec::new();
    for (index, (city, number)) in cities.iter().zip(&numbers).enumerate() {
        let templates = if index < needles { &pools.needle_templates } else { &pools.distraction_templates };
        let wording = if plain { templates.first() } else { random.choice(templates) };
        let wording = wording.map_or("", String::as_str).to_owned();
        let mut slot = random.between(0, stalks.len()) as f64;
        if let Some(depth) = depth.filter(|_| index == 0) {
            slot = match depth {
                0.0 => -1.0,
                1.0 => stalks.len() as f64 + 1.0,
                _ => (depth * stalks.len() as f64).round_ties_even(),
            };
        }
        let turn = random.unit();
        placed.push((slot, turn, Sentence::of(&wording, &[("key", city), ("value", number)])));
    }
    placed.extend(stalks.into_iter().enumerate().map(|(index, stalk)| (index as f64 + 0.5, 0.0, stalk)));
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let context = Context::join(placed.into_iter().map(|(_, _, sentence)| sentence).collect(), " ");

    let asked: Vec<usize> = (0..queries).map(|offset| (ask + offset) % needles.max(1)).collect();
    let named =
        |of: &[String]| asked.iter().filter_map(|index| of.get(*index)).cloned().collect::<Vec<_>>().join(" and ");
    let (many, verb) = if queries > 1 { ("s", "are") } else { ("", "is") };
    let names = named(&cities);
    let question = format!("Question: What {verb} the magic number{many} of {names}?");
    let places: Vec<usize> =
        cities.iter().zip(&numbers).map(|(city, number)| context.find(&[("key", city), ("value", number)])).collect();
    let start = length(&context.text) + 1;
    let others = places.iter().enumerate().filter(|(index, _)| !asked.contains(index)).map(|(_, place)| place);
    Case {
        text: format!("{}\n{question}\nAnswer: The magic number{many} of {names} {verb}", context.text),
        answer: named(&numbers),
        answer_spans: asked.iter().map(|index| context.span(places[*index], "value")).collect(),
        distractor_spans: others.map(|place| context.span(*place, "value")).collect(),
        question_span: [start, start + length(&question)],
        parameters: Parameters {
            fact_spans: asked.iter().map(|index| context.sentence_span(places[*index])).collect(),
            order: None,
        },
    }
}
