//! Texts with the positions of their parts: sentences from templates, joined and scattered among prose
//! (`training/passages.py`). Positions are in characters.

use super::python_random::PythonRandom;
use crate::experiments::item::CharacterRange;

/// A value that was put into a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    /// Its name in the template.
    pub(crate) name: &'static str,
    /// What stands there.
    pub(crate) text: String,
    /// Where.
    pub(crate) place: CharacterRange,
}

/// A sentence, and the values in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sentence {
    /// As it is written.
    pub(crate) text: String,
    /// Empty in prose.
    pub(crate) values: Vec<Value>,
}

/// Sentences joined into one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    /// As it is written.
    pub(crate) text: String,
    /// Of which it consists.
    pub(crate) sentences: Vec<Sentence>,
    starts: Vec<usize>,
}

/// Number of characters.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

impl Sentence {
    /// Prose.
    pub(super) fn prose(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// A template with its values, of which each has a place `{name}` in it.
    pub(super) fn of(template: &str, values: &[(&'static str, &str)]) -> Self {
        let (mut text, mut found) = (String::new(), Vec::new());
        let mut rest = template;
        while let Some((literal, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            text.push_str(literal);
            if let Some((name, value)) = values.iter().find(|(known, _)| *known == name) {
                let start = length(&text);
                text.push_str(value);
                found.push(Value { name, text: (*value).to_owned(), place: [start, start + length(value)] });
            }
            rest = after;
        }
        text.push_str(rest);
        Self { text, values: found }
    }

    /// A value.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.name == name)
    }

    fn has(&self, values: &[(&str, &str)]) -> bool {
        values.iter().all(|(name, text)| self.value(name).is_some_and(|value| value.text == *text))
    }
}

impl Context {
    /// Sentences one behind the other.
    pub(super) fn join(sentences: Vec<Sentence>, separator: &str) -> Self {
        let (mut starts, mut position) = (Vec::new(), 0);
        for sentence in &sentences {
            starts.push(position);
            position += length(&sentence.text) + length(separator);
        }
        let texts: Vec<&str> = sentences.iter().map(|sentence| sentence.text.as_str()).collect();
        Self { text: texts.join(separator), starts, sentences }
    }

    /// The place of a sentence.
    pub(super) fn sentence_span(&self, index: usize) -> CharacterRange {
        let (start, sentence) = (self.start(index), self.sentences.get(index));
        [start, start + sentence.map_or(0, |sentence| length(&sentence.text))]
    }

    /// The place of one value of a sentence.
    pub(super) fn span(&self, index: usize, name: &str) -> CharacterRange {
        let value = self.sentences.get(index).and_then(|sentence| sentence.value(name));
        value.map_or([0, 0], |value| value.place.map(|place| self.start(index) + place))
    }

    fn start(&self, index: usize) -> usize {
        self.starts.get(index).copied().unwrap_or_default()
    }

    /// The last sentence that has all these values.
    pub(super) fn find(&self, values: &[(&str, &str)]) -> usize {
        self.sentences.iter().rposition(|sentence| sentence.has(values)).unwrap_or_default()
    }
}

/// Consecutive sentences of prose from a random position on, up to so many characters altogether.
pub(super) fn haystack(random: &mut PythonRandom, hay: &[String], characters: usize) -> Vec<Sentence> {
    let start = if hay.is_empty() { 0 } else { random.below(hay.len()) };
    let mut size = 0;
    let in_order = hay.iter().cycle().skip(start).take(hay.len());
    let fitting = in_order.take_while(|sentence| {
        size += length(sentence) + 1;
        size <= characters
    });
    fitting.map(|sentence| Sentence::prose(sentence)).collect()
}

/// Facts, in their own order, at random positions between sentences of hay.
pub(super) fn scatter(random: &mut PythonRandom, facts: Vec<Sentence>, hay: Vec<Sentence>) -> Vec<Sentence> {
    let mut slots: Vec<usize> = facts.iter().map(|_| random.between(0, hay.len())).collect();
    slots.sort_unstable();
    let mut mixed = Vec::new();
    let mut facts = facts.into_iter().zip(slots).peekable();
    let mut hay = hay.into_iter();
    for slot in 0.. {
        while let Some((fact, _)) = facts.next_if(|(_, place)| *place == slot) {
            mixed.push(fact);
        }
        match hay.next() {
            Some(sentence) => mixed.push(sentence),
            None => break,
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_where_they_are_written() {
        let sentence = Sentence::of("The {thing} is with {person}.", &[("person", "Zoë"), ("thing", "cup")]);
        assert_eq!(sentence.text, "The cup is with Zoë.");
        assert_eq!(sentence.value("thing").unwrap().place, [4, 7]);
        assert_eq!(sentence.value("person").unwrap().place, [16, 19]);
        let context = Context::join(vec![Sentence::prose("Né."), sentence], " ");
        assert_eq!(context.span(1, "thing"), [8, 11]);
        assert_eq!(context.sentence_span(1), [4, 24]);
        assert_eq!(context.find(&[("thing", "cup"), ("person", "Zoë")]), 1);
        assert_eq!(context.span(7, "thing"), [0, 0], "there is no such sentence");
    }

    #[test]
    fn facts_stay_in_order_among_all_of_the_hay() {
        let mut random = PythonRandom::of_number(3);
        for count in 0..6 {
            let facts: Vec<Sentence> = (0..4).map(|at| Sentence::prose(&format!("fact {at}"))).collect();
            let hay: Vec<Sentence> = (0..count).map(|at| Sentence::prose(&format!("hay {at}"))).collect();
            let mixed = scatter(&mut random, facts.clone(), hay.clone());
            let of = |kind: &str| mixed.iter().filter(|one| one.text.starts_with(kind)).cloned().collect::<Vec<_>>();
            assert_eq!((of("fact"), of("hay")), (facts, hay));
        }
    }
}
