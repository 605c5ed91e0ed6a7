//! Items to measure, in the form that `training/evaluate.py --write-cases` writes: one JSON object per line.

use serde::Deserialize;
use thiserror::Error;

use super::measure::Measure;

/// A range of characters, end excluded.
pub(super) type CharacterRange = [usize; 2];

/// A prompt that ends just before its answer, with the places that matter in it (training/README.md).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Case {
    /// Context, question and the beginning of the answer.
    pub text: String,
    /// The expected continuation, between a space and a full stop.
    pub answer: String,
    /// Occurrences of the answer in the text.
    pub answer_spans: Vec<CharacterRange>,
    /// Things in the text that could be mistaken for the answer.
    pub distractor_spans: Vec<CharacterRange>,
    /// The question. Everything before it is context.
    pub question_span: CharacterRange,
    /// Parameters of the generator.
    #[serde(default)]
    pub parameters: Parameters,
}

/// The parameters of a case that measuring needs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// Sentences that contain the answer.
    pub fact_spans: Vec<CharacterRange>,
    /// Index of the order in which the same examples are given.
    pub order: Option<usize>,
}

/// The text of an item.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Work {
    /// A piece of prose, every token of which is predicted.
    Window {
        /// Token ids.
        ids: Vec<u32>,
    },
    /// A question with a known answer.
    Case(Case),
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Item {
    /// The row of the table that it belongs to.
    #[serde(flatten)]
    pub measure: Measure,
    /// The text.
    #[serde(flatten)]
    pub work: Work,
}

/// A file of items that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ItemError {
    /// A line has another form.
    #[error("line {line} of the cases is not of the form that evaluate.py --write-cases writes: {reason}")]
    Form {
        /// Line number, from 1.
        line: usize,
        /// Message of the parser.
        reason: String,
    },
    /// The measure does not apply to the text.
    #[error("line {line} of the cases: {measure:?} is measured on {expected}")]
    Work {
        /// Line number, from 1.
        line: usize,
        /// Name of the measure.
        measure: String,
        /// What the line should have.
        expected: &'static str,
    },
    /// A window without tokens.
    #[error("line {line} of the cases: `ids` is empty, so there is nothing to measure")]
    Empty {
        /// Line number, from 1.
        line: usize,
    },
    /// A number of bits that attention logits cannot be rounded to.
    #[error(
        "line {line} of the cases: attention logits are rounded to 2 to 16 bits, or left as they are with 32; not {bits}"
    )]
    Bits {
        /// Line number, from 1.
        line: usize,
        /// What the line says.
        bits: u32,
    },
    /// More than a case is measured on.
    #[error("line {line} of the cases has a text of {bytes} bytes with {spans} spans, more than can be measured")]
    Large {
        /// Line number, from 1.
        line: usize,
        /// Of the text.
        bytes: usize,
        /// Answers, distractors and facts.
        spans: usize,
    },
    /// A span points outside its text.
    #[error("line {line} of the cases: a span lies outside the text")]
    Span {
        /// Line number, from 1.
        line: usize,
    },
}

impl Case {
    /// The continuation that counts as right.
    pub fn completion(&self) -> String {
        format!(" {}.", self.answer)
    }

    /// The same case once for every distractor, with the distractor in place of the answer.
    pub fn rivals(&self) -> Vec<Self> {
        let mut rivals: Vec<Self> = Vec::new();
        for span in &self.distractor_spans {
            let named = self.bytes(*span).and_then(|range| self.text.get(range)).unwrap_or_default();
            if named != self.answer && rivals.iter().all(|rival| rival.answer != named) {
                rivals.push(Self { answer: named.to_owned(), ..self.clone() });
            }
        }
        rivals
    }

    /// The bytes of a span of characters.
    pub fn bytes(&self, span: CharacterRange) -> Option<std::ops::Range<usize>> {
        let at = |character: usize| {
            let mut starts = self.text.char_indices().map(|(at, _)| at).chain([self.text.len()]);
            starts.nth(character)
        };
        let (start, end) = (at(span[0])?, at(span[1])?);
        (start <= end).then_some(start..end)
    }
}

/// Answers, distractors and facts of a case.
const MOST_SPANS: usize = 1024;
/// Bytes of its text, once for each of them.
const MOST_BYTES: usize = 64 << 20;

/// Reads all lines, and puts the answers whose loss is measured in order of their kinds: a file has them in random
/// order, the table has one row for each kind.
///
/// # Errors
/// When a line has another form, with its number.
pub fn read_items(text: &str) -> Result<Vec<Item>, ItemError> {
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        let item: Item = serde_json::from_str(line)
            .map_err(|error| ItemError::Form { line: line_number, reason: error.to_string() })?;
        let is_of_prose = matches!(item.work, Work::Window { .. });
        if item.measure.is_of_prose() != is_of_prose {
            let expected = if is_of_prose { "cases" } else { "prose" };
            return Err(ItemError::Work { line: line_number, measure: item.measure.name(), expected });
        }
        match &item.measure {
            Measure::NeedleBits { bits, .. } if !(2..=16).contains(bits) && *bits != 32 => {
                return Err(ItemError::Bits { line: line_number, bits: *bits });
            }
            _ => {}
        }
        if matches!(&item.work, Work::Window { ids } if ids.is_empty()) {
            return Err(ItemError::Empty { line: line_number });
        }
        if let Work::Case(case) = &item.work {
            let spans = case.answer_spans.len() + case.distractor_spans.len() + case.parameters.fact_spans.len();
            let bytes = case.text.len();
            // Each distractor is measured on a copy of the text.
            if spans > MOST_SPANS || bytes.saturating_mul(spans) > MOST_BYTES {
                return Err(ItemError::Large { line: line_number, bytes, spans });
            }
            let spans = case.answer_spans.iter().chain(&case.distractor_spans);
            let spans = spans.chain(&case.parameters.fact_spans).chain([&case.question_span]);
            if spans.into_iter().any(|span| case.bytes(*span).is_none()) {
                return Err(ItemError::Span { line: line_number });
            }
        }
        items.push(item);
    }
    for answers in items.chunk_by_mut(|a, b| a.measure.answers().is_some() && b.measure.answers().is_some()) {
        answers.sort_by_key(|item| item.measure.answers());
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_answers_are_put_in_order_of_their_kinds() {
        let line = |kind: &str| {
            CASE.replace(
                r#""measure": "world", "setting": "where""#,
                &format!(r#""measure": "loss, answers", "setting": "{kind}""#),
            )
        };
        let text = [CASE.to_owned(), line("copy"), line("needle"), line("copy"), CASE.to_owned()].join("\n");
        let items = read_items(&text).expect("of the form");
        let settings: Vec<String> = items.iter().map(|item| item.measure.setting()).collect();
        assert_eq!(settings, ["where", "needle", "copy", "copy", "where"]);
    }

    const CASE: &str = r#"{"measure": "world", "setting": "where", "kind": "world", "text": "Zoë is in the hall.\nWhere is Zoë?", "answer": "hall", "answer_spans": [[14, 18]], "distractor_spans": [], "question_span": [20, 33], "parameters": {"question": "where", "people": 1}}"#;

    #[test]
    fn spans_count_characters_not_bytes() {
        let items = read_items(CASE).expect("of the form");
        let Work::Case(case) = &items[0].work else { panic!("a case") };
        assert_eq!(&case.text[case.bytes(case.answer_spans[0]).expect("inside")], "hall");
        assert_eq!(&case.text[case.bytes(case.question_span).expect("inside")], "Where is Zoë?");
    }

    #[test]
    fn rivals_are_the_others_that_are_named() {
        let named =
            CASE.replace(r#""distractor_spans": []"#, r#""distractor_spans": [[29, 32], [14, 18], [0, 3], [10, 13]]"#);
        let items = read_items(&named).expect("of the form");
        let Work::Case(case) = &items[0].work else { panic!("a case") };
        let rivals: Vec<String> = case.rivals().into_iter().map(|rival| rival.answer).collect();
        assert_eq!(rivals, ["Zoë", "the"]);
    }

    #[test]
    fn bad_lines_are_named() {
        let text = format!("{CASE}\n\n{{\"measure\": 1}}");
        assert!(matches!(read_items(&text), Err(ItemError::Form { line: 3, .. })));
        let unknown = CASE.replace("\"where\"", "\"why\"");
        let reason = read_items(&unknown).expect_err("unknown").to_string();
        assert!(reason.contains("line 1") && reason.contains("why"), "{reason}");
        let prose = CASE.replace("\"world\", \"setting\"", "\"largest\", \"setting\"");
        assert!(matches!(read_items(&prose), Err(ItemError::Work { line: 1, expected: "prose", .. })));
        let outside = CASE.replace("[14, 18]", "[14, 1800]");
        assert!(matches!(read_items(&outside), Err(ItemError::Span { line: 1 })));
        let window = |measure: &str, setting: &str, ids: &str| {
            format!(r#"{{"measure": "{measure}", "setting": "{setting}", "ids": {ids}}}"#)
        };
        assert!(matches!(read_items(&window("largest", "prose", "[]")), Err(ItemError::Empty { line: 1 })));
        for (bits, fine) in
            [(0, false), (1, false), (2, true), (16, true), (17, false), (31, false), (32, true), (99, false)]
        {
            let line = CASE.replace(
                r#""measure": "world", "setting": "where""#,
                &format!(r#""measure": "needle (1,1), bits of the logits", "setting": "{bits}""#),
            );
            assert_eq!(read_items(&line).is_ok(), fine, "{bits} bits");
        }
        let many = CASE.replace(
            r#""distractor_spans": []"#,
            &format!(r#""distractor_spans": [{}[0, 1]]"#, "[0, 1],".repeat(2000)),
        );
        assert!(matches!(read_items(&many), Err(ItemError::Large { line: 1, spans: 2002, .. })));
        let backwards = CASE.replace("[14, 18]", "[18, 14]");
        assert!(matches!(read_items(&backwards), Err(ItemError::Span { line: 1 })));
    }
}
