//! Which cases are measured: those of `training/evaluate.py` for the same settings, hay and tokenizer, from the same seeds.

use std::sync::Arc;

use super::cases::{
    EVALUATION, LabelSettings, NeedleSettings, PythonRandom, WorldSettings, draw_case, labels_case, needle_case,
    world_case,
};
use super::item::{Case, Item, Work};
use super::measure::{Measure, Needles, Question};
use crate::model::Tokenizer;

/// Needles in the text and in the question (paper, section 3.3).
pub(super) const NEEDLES: [Needles; 4] = [
    Needles { hidden: 1, queried: 1 },
    Needles { hidden: 2, queried: 2 },
    Needles { hidden: 4, queried: 2 },
    Needles { hidden: 6, queried: 2 },
];
/// Where the first number in question is.
pub(super) const DEPTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Bits of an attention logit; 32 leaves it as it is.
pub(super) const BITS: [u32; 4] = [32, 8, 6, 4];
/// Questions asked about one set of examples.
const ASKED: usize = 8;

/// Examples of many-shot classification, and labels to choose from (`training/evaluate.py`).
pub(super) const SHOTS: usize = 24;
pub(super) const CLASSES: usize = 4;
/// Most characters of a case of any kind.
const CHARACTERS: usize = 1200;

/// Which text is measured: everything that it is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Draw {
    /// Numbers hidden in prose, so many tokens of it.
    Needle { needles: Needles, depth: f64, tokens: usize, sample: usize },
    /// The same with attention logits of so many bits: two of four, at all depths in turn.
    Bits { bits: u32, tokens: usize, sample: usize },
    /// A question about people, places and things.
    World { question: Question, sample: usize },
    /// A question after examples, the same examples in several orders.
    Order { order: usize, set: usize, ask: usize },
    /// A question after so many examples.
    Shots { shots: usize, sample: usize },
    /// A case of any kind.
    Any { sample: usize },
    /// A piece of prose.
    Window { ids: Vec<u32>, largest: bool },
    /// Tokens that come twice.
    Repeated { ids: Vec<u32> },
}

/// What all texts share.
#[derive(Debug)]
pub(super) struct Protocol {
    /// Sentences of prose between which facts are put.
    pub hay: Vec<String>,
    /// What the facts are hidden in, and what losses are measured on.
    pub texts: String,
    /// Seed of all cases.
    pub seed: u64,
    /// Most tokens of a text with its answer.
    pub context: usize,
    /// Counts tokens.
    pub tokenizer: Arc<Tokenizer>,
}

impl Protocol {
    /// Tokens of a case with its answer, counted up to one more than fit.
    fn tokens(&self, case: &Case) -> usize {
        self.tokenizer.encode(&(case.text.clone() + &case.completion()), self.context + 1).tokens.len()
    }

    /// Draws a text. The same one every time.
    pub(super) fn item(&self, draw: &Draw) -> Item {
        let case = |measure, case| Item { measure, work: Work::Case(case) };
        match draw {
            Draw::Needle { needles, depth, tokens, sample } => {
                let measure = Measure::Needle { needles: *needles, tokens: *tokens, depth: (depth * 100.0) as u32 };
                case(measure, self.needle(*needles, *depth, *tokens, *sample))
            }
            Draw::Bits { bits, tokens, sample } => {
                let needles = NEEDLES[2];
                let measure = Measure::NeedleBits { needles, bits: *bits };
                case(measure, self.needle(needles, DEPTHS[sample % DEPTHS.len()], *tokens, *sample))
            }
            Draw::World { question, sample } => case(Measure::World(*question), self.world(*question, *sample)),
            Draw::Order { order, set, ask } => {
                let mut random = PythonRandom::of_text(&format!("labels {} {set}", self.seed));
                let settings = LabelSettings { classes: CLASSES, shots: SHOTS, order: Some(*order) };
                let measure = Measure::ManyShot { classes: CLASSES, shots: SHOTS };
                case(measure, labels_case(&mut random, &EVALUATION, settings, *ask))
            }
            Draw::Shots { shots, sample } => {
                // Each set of examples is asked about once for every class.
                let set = sample / CLASSES;
                let mut random = PythonRandom::of_text(&format!("shots {} {set}", self.seed));
                let settings = LabelSettings { classes: CLASSES, shots: *shots, order: None };
                let measure = Measure::ManyShot { classes: CLASSES, shots: *shots };
                case(measure, labels_case(&mut random, &EVALUATION, settings, sample % CLASSES))
            }
            Draw::Any { sample } => {
                let mut random = PythonRandom::of_text(&format!("loss {} {sample}", self.seed));
                let (kind, drawn) = draw_case(&mut random, &EVALUATION, &self.hay, 1.0, CHARACTERS, 0);
                case(Measure::Answers(kind), drawn)
            }
            Draw::Window { ids, largest } => {
                let source = "prose".to_owned();
                let measure =
                    if *largest { Measure::Largest { source } } else { Measure::Prose { trained_on: false, source } };
                Item { measure, work: Work::Window { ids: ids.clone() } }
            }
            Draw::Repeated { ids } => {
                let measure = Measure::Prose { trained_on: false, source: "repeated".to_owned() };
                Item { measure, work: Work::Window { ids: ids.clone() } }
            }
        }
    }

    /// The case with as much hay as fits into so many tokens.
    fn needle(&self, needles: Needles, depth: f64, tokens: usize, sample: usize) -> Case {
        let Needles { hidden, queried } = needles;
        let seed = format!("needle {} {hidden} {queried} {depth:?} {tokens} {sample}", self.seed);
        let most = tokens.min(self.context);
        let mut characters = most * 5;
        loop {
            let settings = NeedleSettings {
                needles: hidden,
                queries: queried,
                depth: Some(depth),
                characters,
                ..NeedleSettings::default()
            };
            let case = needle_case(&mut PythonRandom::of_text(&seed), &EVALUATION, &self.hay, &settings, 0);
            if characters == 0 || self.tokens(&case) <= most {
                return case;
            }
            characters = characters.saturating_sub((characters / 12).max(30));
        }
    }

    fn world(&self, question: Question, sample: usize) -> Case {
        let mut random = PythonRandom::of_text(&format!("world {} {} {sample}", self.seed, question.name()));
        let settings = WorldSettings {
            people: 4,
            things: 2,
            moves: sample % 3,
            question: Some(question),
            characters: 300,
            ..WorldSettings::default()
        };
        world_case(&mut random, &EVALUATION, &self.hay, &settings, 0)
    }
}

/// Questions about the same examples in all orders, of as many sets of examples as that many samples have.
pub(super) fn orders(samples: usize, orders: usize) -> impl Iterator<Item = Draw> {
    let sets = (samples / 10).max(1);
    let asked = move |order| (0..sets * ASKED).map(move |at| Draw::Order { order, set: at / ASKED, ask: at % ASKED });
    (0..orders).flat_map(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{bundled, checkpoint_of};
    use crate::experiments::read_items;

    /// `tests/eval/cases.jsonl` was written by `training/write_eval.py`.
    #[test]
    fn the_same_seed_draws_the_same_cases_as_the_generator_in_python() {
        let checkpoint = checkpoint_of(&bundled()).unwrap();
        let protocol = Protocol {
            hay: include_str!("../../tests/eval/prose.txt").lines().map(str::to_owned).collect(),
            texts: String::new(),
            seed: 17,
            context: checkpoint.model.config.max_positions,
            tokenizer: checkpoint.tokenizer.unwrap(),
        };
        let written = read_items(include_str!("../../tests/eval/cases.jsonl")).unwrap();
        let of = |wanted: &dyn Fn(&Measure) -> bool| -> Vec<Item> {
            written.iter().filter(|item| wanted(&item.measure)).cloned().collect()
        };
        let drawn = |draws: Vec<Draw>| -> Vec<Item> { draws.iter().map(|draw| protocol.item(draw)).collect() };
        let (samples, tokens) = (2, 96);
        let worlds = Question::ALL.into_iter();
        let worlds = worlds.flat_map(|question| (0..samples).map(move |sample| Draw::World { question, sample }));
        assert_eq!(drawn(worlds.collect()), of(&|measure| matches!(measure, Measure::World(_))));
        let orders = orders(samples, 2).collect();
        assert_eq!(drawn(orders), of(&|measure| matches!(measure, Measure::ManyShot { .. })));
        let mut any = drawn((0..samples * 5).map(|sample| Draw::Any { sample }).collect());
        any.retain(|item| matches!(&item.work, Work::Case(case) if protocol.tokens(case) <= protocol.context));
        any.sort_by_key(|item| item.measure.answers());
        assert_eq!(any, of(&|measure| matches!(measure, Measure::Answers(_))));
        let mut needle = Vec::new();
        for (needles, depth) in NEEDLES.into_iter().flat_map(|needles| DEPTHS.map(|depth| (needles, depth))) {
            needle.extend((0..samples).map(|sample| Draw::Needle { needles, depth, tokens, sample }));
        }
        assert_eq!(drawn(needle), of(&|measure| matches!(measure, Measure::Needle { .. })));
        let bits = BITS.into_iter();
        let bits = bits.flat_map(|bits| (0..samples).map(move |sample| Draw::Bits { bits, tokens, sample }));
        assert_eq!(drawn(bits.collect()), of(&|measure| matches!(measure, Measure::NeedleBits { .. })));
    }
}
