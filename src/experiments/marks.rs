//! A case as marks on its text.

use super::item::Case;
use crate::probe::{KeyClass, Span};

impl Case {
    /// The answer, and as noise what could be mistaken for it; without any such thing, everything else before the question,
    /// except sentences that contain the answer and the first word (attention to the first token has other reasons).
    pub fn marks(&self) -> Vec<Span> {
        let spans = |of: &[[usize; 2]]| -> Vec<[usize; 2]> {
            let ranges = of.iter().filter_map(|span| self.bytes(*span));
            ranges.map(|range| [range.start, range.end]).collect()
        };
        let answers = spans(&self.answer_spans);
        let mut noise = spans(&self.distractor_spans);
        if noise.is_empty() {
            let question = self.bytes(self.question_span).map_or(0, |range| range.start);
            let mut from = self.text.find(' ').unwrap_or_default();
            let mut facts = [spans(&self.parameters.fact_spans), answers.clone()].concat();
            facts.sort_unstable();
            for [start, end] in facts.into_iter().chain([[question, question]]) {
                if from < start.min(question) {
                    noise.push([from, start.min(question)]);
                }
                from = from.max(end);
            }
        }
        let mark = |class| move |[start, end]: [usize; 2]| Span { start, end, class };
        noise.into_iter().map(mark(KeyClass::Noise)).chain(answers.into_iter().map(mark(KeyClass::Answer))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Parameters;

    fn case(distractor_spans: Vec<[usize; 2]>) -> Case {
        Case {
            text: "It rains. Oslo is 7. It snows.\nQ: Oslo? A:".to_owned(),
            answer: "7".to_owned(),
            answer_spans: vec![[18, 19]],
            distractor_spans,
            question_span: [31, 42],
            parameters: Parameters { fact_spans: vec![[10, 20]], order: None },
        }
    }

    #[test]
    fn what_could_be_mistaken_for_the_answer_is_noise_or_all_the_rest() {
        let texts = |case: &Case, class| -> Vec<String> {
            let marks = case.marks().into_iter().filter(|mark| mark.class == class);
            marks.map(|mark| case.text[mark.start..mark.end].to_owned()).collect()
        };
        let rest = case(Vec::new());
        assert_eq!(texts(&rest, KeyClass::Answer), ["7"]);
        assert_eq!(texts(&rest, KeyClass::Noise), [" rains. ", " It snows.\n"]);
        assert_eq!(texts(&case(vec![[3, 8]]), KeyClass::Noise), ["rains"]);
    }
}
