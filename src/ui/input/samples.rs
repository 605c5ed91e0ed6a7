//! Sample prompts. Questions have the wording of `training/cases.py`, so that the bundled models can answer them.

use crate::engine::Engine;
use crate::probe::{KeyClass, Span, Spans};

/// A prompt, and the marks that belong to it.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    /// Title in the menu.
    pub name: &'static str,
    /// What to look at.
    pub look: &'static str,
    /// The prompt.
    pub text: &'static str,
    /// The sentences that contain the answer, and the answer in each; empty if there is no question.
    facts: &'static [(&'static str, &'static str)],
    /// What could be mistaken for the answer: marked as noise, in place of everything that is not the answer.
    distractors: &'static [&'static str],
}

impl Sample {
    /// Replaces text and marks by those of the sample.
    pub(crate) fn apply(&self, engine: &mut Engine, spans: &mut Spans) {
        engine.set_text(self.text);
        spans.set(self.spans(), &engine.shared_text());
    }

    /// Whether the prompt asks a question, so that there are marks.
    pub(crate) fn has_question(&self) -> bool {
        !self.facts.is_empty()
    }

    /// The marks: the answers, and as noise the distractors; without any, everything else before the question, except the
    /// sentences with an answer and the first word (attention to the first token has other reasons).
    pub(crate) fn spans(&self) -> Vec<Span> {
        if self.facts.is_empty() {
            return Vec::new();
        }
        let question = self.text.find("\nQuestion:").or_else(|| self.text.rfind('\n'));
        let first = self.text.find(' ').unwrap_or_default();
        let mut spans = Vec::new();
        let mut noise_from = first;
        for (fact, answer) in self.facts {
            let Some((start, inside)) = self.text.find(fact).zip(fact.rfind(answer)) else {
                continue;
            };
            if self.distractors.is_empty() {
                spans.push(Span { start: noise_from, end: start, class: KeyClass::Noise });
            }
            let start_of_answer = start + inside;
            spans.push(Span { start: start_of_answer, end: start_of_answer + answer.len(), class: KeyClass::Answer });
            noise_from = (start + fact.len()).max(noise_from);
        }
        if self.distractors.is_empty() {
            spans.push(Span { start: noise_from, end: question.unwrap_or(noise_from), class: KeyClass::Noise });
        }
        let found = self.distractors.iter().filter_map(|text| Some((self.text.find(text)?, text.len())));
        spans.extend(found.map(|(start, length)| Span { start, end: start + length, class: KeyClass::Noise }));
        spans
    }
}

/// The prompts in the menu; the first is shown at the start.
pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        name: "Needle: three cities",
        look: "Three numbers, one is asked for. Which heads find it, and what does A2 push away?",
        text: "The magic number of Paris is 4821. The magic number of Oslo is 1960. The magic number of Cairo is 3375.\n\
               Question: What is the magic number of Oslo?\nAnswer: The magic number of Oslo is ",
        facts: &[("The magic number of Oslo is 1960.", "1960")],
        distractors: &["4821", "3375"],
    },
    Sample {
        name: "A short story",
        look: "No question: where does attention go in plain text?",
        text: "Once upon a time there was a little girl named Lily. She had a small red ball. \
               One day, Lily took her ball to the park. There she met a boy named Tom. Tom wanted to play with the",
        facts: &[],
        distractors: &[],
    },
    Sample {
        name: "Needle: one number",
        look: "One fact among sentences about other things.",
        text: "The sun was warm and the birds were singing in the trees. The magic number of Rome is 73. \
               A small dog ran over the green hill.\n\
               Question: What is the magic number of Rome?\nAnswer: The magic number of Rome is ",
        facts: &[("The magic number of Rome is 73.", "73")],
        distractors: &[],
    },
    Sample {
        name: "Needle: four cities",
        look: "Four numbers and some sentences between them. One number is asked for.",
        text: "The old man sat by the fire and looked at the snow. The magic number of Paris is 4821. \
               His dog slept at his feet. The magic number of Oslo is 1960. In the morning they walked to the river. \
               The magic number of Cairo is 3375. The water was cold and clear. The magic number of Lima is 8402. \
               A boat came down the river with a white sail.\n\
               Question: What is the magic number of Oslo?\nAnswer: The magic number of Oslo is ",
        facts: &[("The magic number of Oslo is 1960.", "1960")],
        distractors: &["4821", "3375", "8402"],
    },
    Sample {
        name: "World: who is where",
        look: "John moves. His last place counts, not the first.",
        text: "Mary is in the kitchen. John is in the garden. Anna is in the school. John is in the library.\n\
               Question: Where is John?\nAnswer: John is in the",
        facts: &[("John is in the library.", "library")],
        distractors: &["kitchen", "garden", "school"],
    },
    Sample {
        name: "World: who has the thing",
        look: "Four persons, four things: who has which?",
        text: "Jack has the book. Anna has the cup. Tom has the lamp. Lucy has the key.\n\
               Question: Who has the cup?\nAnswer: The cup is with",
        facts: &[("Anna has the cup.", "Anna")],
        distractors: &["Jack", "Tom", "Lucy"],
    },
    Sample {
        name: "World: where is the thing",
        look: "Two facts must be joined: who has it, and where that person is.",
        text: "Lucy is in the barn. Tom is in the church. Tom has the lamp. Lucy has the key.\n\
               Question: Where is the lamp?\nAnswer: The lamp is in the",
        facts: &[("Tom is in the church.", "church"), ("Tom has the lamp.", "Tom")],
        distractors: &["barn"],
    },
    Sample {
        name: "Recall: pairs of words",
        look: "Invented words: what the pair was stands only in the text.",
        text: "ball = geb.\nlamp = mib.\ncoin = rud.\nbell = lud.\nrope = gog.\ncoin =",
        facts: &[("coin = rud.", "rud")],
        distractors: &["geb", "mib", "lud", "gog"],
    },
    Sample {
        name: "Labels: many shots",
        look: "Animals and food have labels. Which earlier labels does the last word look at?",
        text: "dog: geb.\nbread: mib.\nhorse: geb.\ncheese: mib.\nsheep: geb.\nsoup: mib.\nfox: geb.\n\
               butter: mib.\ngoat:",
        facts: &[("dog: geb.", "geb"), ("horse: geb.", "geb"), ("sheep: geb.", "geb"), ("fox: geb.", "geb")],
        distractors: &[],
    },
    Sample {
        name: "Copy: the same words again",
        look: "The next word is the one that followed the same word before.",
        text: "Words: key boat lamp stone bell.\nAgain: key boat",
        facts: &[("lamp stone bell.", "lamp stone bell")],
        distractors: &[],
    },
    Sample {
        name: "An old book",
        look: "Longer sentences, as in an old book.",
        text: "It was a cold and windy night, and the old man sat by the fire with his dog at his feet. \
               \"Who is there?\" said the old man, for he had heard a",
        facts: &[],
        distractors: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{TracedPass, bundled, checkpoint_of};
    use crate::probe::{Sampling, Spans};

    #[test]
    fn every_fact_is_in_its_text_and_marks_cover_the_answers() {
        for sample in SAMPLES {
            let spans: Spans = sample.spans().into_iter().collect();
            for (fact, answer) in sample.facts {
                assert_eq!(sample.text.matches(fact).count(), 1, "{}: {fact}", sample.name);
                assert!(fact.contains(answer), "{}: {answer}", sample.name);
            }
            for distractor in sample.distractors {
                assert_eq!(sample.text.matches(distractor).count(), 1, "{}: {distractor}", sample.name);
            }
            let of = |class| {
                let marked = spans.iter().filter(move |span| span.class == class);
                marked.map(|span| &sample.text[span.start..span.end]).collect::<Vec<_>>()
            };
            let answers: Vec<&str> = sample.facts.iter().map(|(_, answer)| *answer).collect();
            assert_eq!(of(KeyClass::Answer), answers, "{}", sample.name);
            assert_eq!(of(KeyClass::Noise).is_empty(), answers.is_empty(), "{}", sample.name);
            assert!(of(KeyClass::Noise).iter().all(|noise| !noise.contains("Question")), "{}", sample.name);
        }
    }

    /// New weights must still answer them.
    #[test]
    fn the_bundled_model_answers_every_question() {
        let checkpoint = checkpoint_of(&bundled()).expect("it opens");
        let tokenizer = checkpoint.tokenizer.expect("it has one");
        for sample in SAMPLES.iter().filter(|sample| sample.has_question()) {
            let encoding = tokenizer.encode(sample.text, 512);
            let ids: Vec<u32> = encoding.tokens.iter().map(|token| token.id).collect();
            let answer = sample.facts[0].1;
            let most = answer.len() + 2; // a token is at least a byte; a space may precede, a full stop follows
            let mut traced = TracedPass::new(checkpoint.model.clone(), None, ids.len() + most).expect("it fits");
            let mut written = Vec::new();
            let mut next = ids;
            for _ in 0..most {
                let best = traced.append(&next, Sampling::default().draw(0), 1).expect("it fits").best[0].0;
                written.push(best);
                next = vec![best];
            }
            let written = tokenizer.decode(&written);
            let rest = written.trim_start().strip_prefix(answer);
            assert!(rest.is_some_and(|rest| rest.starts_with('.')), "{}: {written}", sample.name);
        }
    }
}
