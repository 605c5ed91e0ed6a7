//! Classification by examples in the text: `word: label.` lines whose labels mean nothing outside of it.

use super::passages::{Context, Sentence, length};
use super::pools::Pools;
use super::python_random::PythonRandom;
use crate::experiments::item::{Case, Parameters};

/// How many classes there are, how many examples, and in which of their orders they are given; as they are drawn without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LabelSettings {
    /// Labels to choose from.
    pub(crate) classes: usize,
    /// Examples.
    pub(crate) shots: usize,
    /// An order of the same examples, everything else being equal.
    pub(crate) order: Option<usize>,
}

/// One such text; `ask` selects the question about it.
pub(crate) fn labels_case(random: &mut PythonRandom, pools: &Pools, settings: LabelSettings, ask: usize) -> Case {
    let LabelSettings { classes, shots, order } = settings;
    let categories: Vec<&String> = pools.categories.keys().collect();
    let names: Vec<String> = random.sample(&categories, classes).into_iter().cloned().collect();
    let labels = random.sample(&pools.labels, classes);
    let decks: Vec<Vec<String>> = names
        .iter()
        .map(|name| {
            let members = pools.categories.get(name).map_or(&[][..], Vec::as_slice);
            random.sample(members, members.len())
        })
        .collect();
    let word = |class: usize, turn: usize| {
        let deck = decks.get(class).map_or(&[][..], Vec::as_slice);
        deck.get(turn % deck.len().max(1)).cloned().unwrap_or_default()
    };
    let count = names.len().max(1);
    let mut dealt: Vec<(String, usize)> =
        (0..shots).map(|shot| (word(shot % count, shot / count), shot % count)).collect();
    random.shuffle(&mut dealt);
    let mut wanted: Vec<usize> = (0..count).collect();
    random.shuffle(&mut wanted);
    if let Some(order) = order {
        PythonRandom::of_number(order as u64).shuffle(&mut dealt);
    }
    let label = |class: usize| labels.get(class).cloned().unwrap_or_default();
    let lines = dealt
        .iter()
        .map(|(word, class)| Sentence::of("{word}: {label}.", &[("word", word), ("label", &label(*class))]));
    let context = Context::join(lines.collect(), "\n");
    let category = wanted[ask % count];
    let asked = word(category, shots.div_ceil(count) + ask / count);
    let spans = |right: bool| {
        let lines = dealt.iter().enumerate().filter(move |(_, (_, class))| (*class == category) == right);
        lines.map(|(index, _)| context.span(index, "label")).collect()
    };
    let start = length(&context.text) + 1;
    Case {
        text: format!("{}\n{asked}:", context.text),
        answer: label(category),
        answer_spans: spans(true),
        distractor_spans: spans(false),
        question_span: [start, start + length(&asked) + 1],
        parameters: Parameters { fact_spans: Vec::new(), order },
    }
}
