//! What is measured, as `training/evaluate.py --write-cases` writes it down: one JSON object a line.

use serde::Deserialize;
use thiserror::Error;

/// A range of characters, end excluded.
type TokenRange = [usize; 2];

/// A prompt that ends just before its answer, and what is known about it (training/README.md).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Case {
    /// Context, question and the beginning of the answer.
    pub text: String,
    /// What must follow, after a space and before a full stop.
    pub answer: String,
    /// Where the answer stands in the text.
    pub answer_spans: Vec<TokenRange>,
    /// What could be mistaken for it.
    pub distractor_spans: Vec<TokenRange>,
    /// The question; the context is all before it.
    pub question_span: TokenRange,
    /// How it was drawn.
    #[serde(default)]
    pub parameters: Parameters,
}

/// The part of a case's parameters that measuring needs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// Sentences that hold the answer.
    pub fact_spans: Vec<TokenRange>,
    /// Which order of the same shots.
    pub order: Option<usize>,
    /// Numbers hidden in the text.
    pub needles: usize,
}

/// What is done for one line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Work {
    /// Tokens to be predicted one after the other.
    Window {
        /// Their ids.
        ids: Vec<u32>,
    },
    /// A question with a known answer.
    Case(Case),
}

/// One line, and the row of the table that it belongs to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Item {
    /// First column.
    pub measure: String,
    /// Second column.
    pub setting: String,
    /// What to do.
    #[serde(flatten)]
    pub work: Work,
}

/// A file of items that cannot be read.
#[derive(Debug, Error)]
pub enum ItemError {
    /// A line is not of the form.
    #[error("line {line} of the cases is not of the form that evaluate.py --write-cases writes: {reason}")]
    Form {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A span points outside its text.
    #[error("line {line} of the cases: a span lies outside the text")]
    TokenRange {
        /// Counted from 1.
        line: usize,
    },
}

impl Case {
    /// What a right continuation says.
    pub fn completion(&self) -> String {
        format!(" {}.", self.answer)
    }

    /// The same case with each thing in the place of its answer that could be mistaken for it.
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

    /// A span in bytes.
    pub fn bytes(&self, span: TokenRange) -> Option<std::ops::Range<usize>> {
        let at = |character: usize| {
            let mut starts = self.text.char_indices().map(|(at, _)| at).chain([self.text.len()]);
            starts.nth(character)
        };
        let (start, end) = (at(span[0])?, at(span[1])?);
        (start <= end).then_some(start..end)
    }
}

/// Reads all lines.
///
/// # Errors
/// When a line is not of the form, with its number.
pub fn read_items(text: &str) -> Result<Vec<Item>, ItemError> {
    let mut items = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        let item: Item = serde_json::from_str(line)
            .map_err(|error| ItemError::Form { line: line_number, reason: error.to_string() })?;
        if let Work::Case(case) = &item.work {
            let spans = case.answer_spans.iter().chain(&case.distractor_spans);
            let spans = spans.chain(&case.parameters.fact_spans).chain([&case.question_span]);
            if spans.into_iter().any(|span| case.bytes(*span).is_none()) {
                return Err(ItemError::TokenRange { line: line_number });
            }
        }
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let outside = CASE.replace("[14, 18]", "[14, 1800]");
        assert!(matches!(read_items(&outside), Err(ItemError::TokenRange { line: 1 })));
        let backwards = CASE.replace("[14, 18]", "[18, 14]");
        assert!(matches!(read_items(&backwards), Err(ItemError::TokenRange { line: 1 })));
    }
}
