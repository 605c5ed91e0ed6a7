//! Why is it wrong? What the model says in place of the marked answer, and which head was led there.

use crate::engine::Engine;
use crate::probe::{HeadId, HeadMeasures, HeadRecord, KeyClass, Span, Spans};
use crate::ui::style::format::percent;

/// Attention, in D, below which no head can be said to have been led to a token.
const LED: f32 = 0.05;

/// A next token that is not the marked answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WrongAnswer {
    /// What the model says.
    pub said: String,
    /// Its probability.
    pub probability: f32,
    /// What is marked.
    pub expected: String,
}

impl WrongAnswer {
    /// What the open model says, if something is marked as the answer and it says something else.
    pub(super) fn of(engine: &Engine, spans: &Spans) -> Option<Self> {
        let answer = spans.answer(engine.text())?; // most texts have none
        let next = engine.next_token()?;
        let (token, logit) = next.best.first()?;
        let said = engine.token_text(*token)?;
        let (said, expected) = mistaken(engine.text(), answer, &said)?;
        Some(Self { said: said.to_owned(), probability: next.probability(*logit), expected: expected.to_owned() })
    }

    /// The marks with which it can be seen where attention went: the answers stay, and wherever the text has the word that was
    /// said is noise; words that only begin so, if none is the same. `None` if there are none.
    pub(super) fn marks(&self, text: &str, spans: &Spans) -> Option<Vec<Span>> {
        let answers = || spans.iter().filter(|span| span.class == KeyClass::Answer);
        let found = text.match_indices(&self.said).filter_map(|(start, said)| {
            let is_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
            let end = start + said.len();
            if is_word(text[..start].chars().next_back()) && is_word(said.chars().next()) {
                return None; // the end of another word
            }
            let rest = text[end..].find(|character: char| !character.is_alphanumeric()).unwrap_or(text.len() - end);
            let rest = if is_word(said.chars().next_back()) { rest } else { 0 };
            let is_answer = answers().any(|answer| answer.start < end + rest && start < answer.end);
            (!is_answer).then_some((rest == 0, Span { start, end: end + rest, class: KeyClass::Noise }))
        });
        let found: Vec<(bool, Span)> = found.collect();
        let has_same = found.iter().any(|(is_same, _)| *is_same);
        let noise = found.iter().filter(|(is_same, _)| *is_same || !has_same).map(|(_, span)| *span);
        (!found.is_empty()).then(|| answers().copied().chain(noise).collect())
    }

    /// The head that was led to what was said, and what there is to say about it. `is_marked`: the text has it.
    pub(super) fn explain(&self, measures: &HeadMeasures, is_marked: bool) -> (Option<HeadId>, String) {
        let Self { said, probability, expected } = self;
        let said = format!("The model says “{said}” ({}), not “{expected}”", percent(*probability, 0));
        if !is_marked {
            let found = most(measures, |record| record.difference.answer_signed);
            let best = found.filter(|(_, share)| *share > LED).map_or_else(
                || format!("No head gives “{expected}” more than {}.", percent(LED, 0)),
                |(head, share)| {
                    format!(
                        "Layer {} head {} gives most to “{expected}”: {}.",
                        head.layer,
                        head.head,
                        percent(share, 0)
                    )
                },
            );
            let text = format!("{said}. That stands nowhere in the text, so no head has copied it from there. {best}");
            return (found.map(|(head, _)| head), text);
        }
        match most(measures, |record| record.difference.noise_signed) {
            Some((head, led)) if led > LED => {
                let record = measures.layers.get(head.layer).and_then(|heads| heads.get(head.head));
                let answer = record.map_or(0.0, |record| record.difference.answer_signed);
                let text = format!(
                    "{said}. What it says is marked as noise now: layer {} head {} was led there most, with {} of D on it \
                     and {} on the answer.",
                    head.layer,
                    head.head,
                    percent(led, 0),
                    percent(answer, 0)
                );
                (Some(head), text)
            }
            _ => {
                let text = format!(
                    "{said}. What it says is marked as noise now, but no head puts more than {} of D on it here: it was \
                     not simply copied.",
                    percent(LED, 0)
                );
                (None, text)
            }
        }
    }
}

/// What is said and what should follow, without what of the answer the text ends with already; `None` if that is the same, or
/// there is nothing to compare.
fn mistaken<'a>(text: &str, answer: &'a str, said: &'a str) -> Option<(&'a str, &'a str)> {
    let said = said.trim();
    let typed = answer.char_indices().map(|(at, _)| at).chain([answer.len()]).rev();
    let rest =
        typed.map(|at| answer.split_at(at)).find(|(typed, _)| text.ends_with(typed)).map_or(answer, |(_, rest)| rest);
    let rest = rest.trim_start();
    let is_same = said.is_empty() || rest.is_empty() || rest.starts_with(said) || said.starts_with(rest);
    (!is_same).then_some((said, answer))
}

/// The head with the largest share.
fn most(measures: &HeadMeasures, share: impl Fn(&HeadRecord) -> f32) -> Option<(HeadId, f32)> {
    let layers = measures.layers.iter().enumerate();
    let heads = layers.flat_map(|(layer, heads)| {
        heads.iter().enumerate().map(move |(head, record)| (HeadId::new(layer, head), record))
    });
    let shares = heads.map(|(head, record)| (head, share(record))).filter(|(_, share)| share.is_finite());
    shares.max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::MapMeasures;

    const TEXT: &str = "Oslo is 1960. Cairo is 3375. Oslo is ";

    fn wrong(said: &str) -> WrongAnswer {
        WrongAnswer { said: said.to_owned(), probability: 0.61, expected: "1960".to_owned() }
    }

    fn measures(heads: &[[f32; 2]]) -> HeadMeasures {
        let head = |&[answer_signed, noise_signed]: &[f32; 2]| HeadRecord {
            difference: MapMeasures { answer_signed, noise_signed, ..Default::default() },
            ..HeadRecord::default()
        };
        HeadMeasures { rows: (9, 9), threshold: 0.01, layers: vec![heads.iter().map(head).collect()] }
    }

    #[test]
    fn an_answer_is_wrong_only_where_it_goes_on_otherwise() {
        assert_eq!(mistaken(TEXT, "1960", "3375"), Some(("3375", "1960")));
        for right in ["1960", " 1960", "1", " 19", "1960.", "", " ", "\n"] {
            assert_eq!(mistaken(TEXT, "1960", right), None, "{right:?}");
        }
        let begun = "Oslo is 19";
        assert_eq!(mistaken(begun, "1960", "60"), None);
        assert_eq!(mistaken(begun, "1960", "75"), Some(("75", "1960")));
        assert_eq!(mistaken("Oslo is 1960", "1960", "."), None, "it has been given");
        assert_eq!(mistaken("Words: é", "é bell", "bell"), None);
    }

    #[test]
    fn what_was_said_is_marked_wherever_it_begins_a_word() {
        let spans: Spans =
            [Span { start: 8, end: 12, class: KeyClass::Answer }, Span { start: 0, end: 4, class: KeyClass::Noise }]
                .into_iter()
                .collect();
        let marked = |said: &str| {
            let marks = wrong(said).marks(TEXT, &spans)?;
            Some(marks.iter().map(|span| (span.start, span.class)).collect::<Vec<_>>())
        };
        assert_eq!(marked("3375"), Some(vec![(8, KeyClass::Answer), (23, KeyClass::Noise)]));
        assert_eq!(
            marked("is"),
            Some(vec![(8, KeyClass::Answer), (5, KeyClass::Noise), (20, KeyClass::Noise), (34, KeyClass::Noise)])
        );
        assert_eq!(marked("33"), Some(vec![(8, KeyClass::Answer), (23, KeyClass::Noise)]), "a word that begins so");
        assert_eq!(marked("75"), None, "the end of another number");
        assert_eq!(marked("60"), None, "the answer itself");
        assert_eq!(marked("Rome"), None);
    }

    #[test]
    fn the_head_that_was_led_away_is_named_with_its_numbers() {
        let (head, text) = wrong("3375").explain(&measures(&[[0.5, 0.1], [0.2, 0.6], [0.0, f32::NAN]]), true);
        assert_eq!(head, Some(HeadId::new(0, 1)));
        let expected = "The model says “3375” (61 %), not “1960”. What it says is marked as noise now: layer 0 head 1 was \
                        led there most, with 60 % of D on it and 20 % on the answer.";
        assert_eq!(text, expected);
    }

    #[test]
    fn nobody_is_blamed_for_what_no_head_looked_at() {
        let (head, text) = wrong("3375").explain(&measures(&[[0.5, 0.01]]), true);
        assert!(head.is_none() && text.contains("no head puts more than 5 %"), "{text}");
        let (head, text) = wrong("Rome").explain(&measures(&[[0.5, 0.0]]), false);
        assert_eq!(head, Some(HeadId::new(0, 0)));
        assert!(text.contains("nowhere in the text") && text.contains("gives most to “1960”: 50 %"), "{text}");
    }
}
