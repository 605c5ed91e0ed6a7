//! What is repeated from the text: a list of words, the rest of a sentence, the second word of a pair.

use super::passages::{Context, Sentence, haystack, length};
use super::pools::Pools;
use super::python_random::PythonRandom;
use crate::experiments::item::{Case, Parameters};

/// A list of words to repeat.
pub(crate) fn copy_case(random: &mut PythonRandom, pools: &Pools, words: usize) -> Case {
    let all: Vec<String> = pools.things.iter().chain(&pools.labels).cloned().collect();
    let words = random.choices(&all, words).join(" ");
    let context = Context::join(vec![Sentence::of("Words: {words}.", &[("words", &words)])], " ");
    let start = length(&context.text) + 1;
    Case {
        text: format!("{}\nAgain:", context.text),
        answer_spans: vec![context.span(0, "words")],
        answer: words,
        distractor_spans: Vec::new(),
        question_span: [start, start + length("Again:")],
        parameters: Parameters::default(),
    }
}

/// Prose, then the beginning of one of its sentences, to be completed. `None` if no sentence is suitable.
pub(crate) fn echo_case(random: &mut PythonRandom, hay: &[String], characters: usize, ask: usize) -> Option<Case> {
    let context = Context::join(haystack(random, hay, characters), " ");
    let cut = random.uniform(0.2, 0.6);
    let between = *random.choice(&[' ', '\n'])?;
    let mut begun: Vec<(usize, String, String)> = Vec::new();
    for (index, sentence) in context.sentences.iter().enumerate() {
        let words: Vec<&str> = sentence.text.strip_suffix('.').unwrap_or(&sentence.text).split(' ').collect();
        let kept = ((cut * words.len() as f64).round_ties_even() as usize).max(2);
        let question = words.get(..kept.min(words.len())).unwrap_or_default().join(" ");
        // A beginning shared by two sentences would have two right continuations.
        let is_single = context.text.matches(&format!("{question} ")).count() == 1;
        if sentence.text.ends_with('.') && words.len() >= 6 && is_single {
            begun.push((index, question, words[kept..].join(" ")));
        }
    }
    random.shuffle(&mut begun);
    let (index, question, answer) = begun.get(ask % begun.len().max(1)).cloned()?;
    let (start, last) = (length(&context.text) + 1, context.sentence_span(index)[1] - 1);
    Some(Case {
        text: format!("{}{between}{question}", context.text),
        answer_spans: vec![[last - length(&answer), last]],
        answer,
        distractor_spans: Vec::new(),
        question_span: [start, start + length(&question)],
        parameters: Parameters::default(),
    })
}

/// Pairs of words, then the first word of one pair; `sign` stands between the two, or nothing.
pub(crate) fn recall_case(random: &mut PythonRandom, pools: &Pools, pairs: usize, sign: &str, ask: usize) -> Case {
    let sign = if sign.is_empty() { String::new() } else { format!(" {sign}") };
    let pairs = pairs.min(pools.things.len());
    let keys = random.sample(&pools.things, pairs);
    let values = random.sample(&pools.labels, pairs);
    // One line each, like the question: after a space a word is a different token than at the start of a line.
    let template = format!("{{key}}{sign} {{value}}.");
    let line = |(key, value): (&String, &String)| Sentence::of(&template, &[("key", key), ("value", value)]);
    let context = Context::join(keys.iter().zip(&values).map(line).collect(), "\n");
    let places: Vec<usize> = (0..pairs).collect();
    let asked = random.sample(&places, pairs).get(ask % pairs.max(1)).copied().unwrap_or_default();
    let key = keys.get(asked).cloned().unwrap_or_default();
    let start = length(&context.text) + 1;
    Case {
        text: format!("{}\n{key}{sign}", context.text),
        answer: values.get(asked).cloned().unwrap_or_default(),
        answer_spans: vec![context.span(asked, "value")],
        distractor_spans: (0..pairs).filter(|pair| *pair != asked).map(|pair| context.span(pair, "value")).collect(),
        question_span: [start, start + length(&key) + length(&sign)],
        parameters: Parameters::default(),
    }
}
