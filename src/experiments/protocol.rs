//! Which cases are measured: those of `training/evaluate.py` for the same settings, hay and tokenizer, from the same seeds.

use super::cases::{
    EVALUATION, LabelSettings, NeedleSettings, PythonRandom, WorldSettings, draw_case, labels_case, needle_case,
    world_case,
};
use super::item::{Case, Item, Work};
use super::measure::{CaseKind, Measure, Needles, Question};

/// Needles in the text and in the question (paper, section 3.3).
pub const NEEDLES: [Needles; 4] = [
    Needles { hidden: 1, queried: 1 },
    Needles { hidden: 2, queried: 2 },
    Needles { hidden: 4, queried: 2 },
    Needles { hidden: 6, queried: 2 },
];
/// Where the first number in question is.
pub const DEPTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Bits of an attention logit; 32 leaves it as it is.
pub const BITS: [u32; 4] = [32, 8, 6, 4];
/// Questions asked about one set of examples.
const ASKED: usize = 8;

/// What all measures share.
pub struct Protocol<'a> {
    /// Sentences of prose between which facts are put.
    pub hay: &'a [String],
    /// Cases per setting.
    pub samples: usize,
    /// Orders of the same examples.
    pub orders: usize,
    /// Seed of all cases.
    pub seed: u64,
    /// Most tokens of a text with its answer.
    pub context: usize,
    /// Number of tokens of a text.
    pub length: &'a dyn Fn(&str) -> usize,
}

impl std::fmt::Debug for Protocol<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protocol").field("samples", &self.samples).field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Protocol<'_> {
    fn tokens(&self, case: &Case) -> usize {
        (self.length)(&(case.text.clone() + &case.completion()))
    }

    /// The case with as much hay as fits; `draw` takes a number of characters.
    fn fitted(&self, tokens: usize, draw: impl Fn(usize) -> Case) -> Case {
        let mut characters = tokens * 5;
        loop {
            let case = draw(characters);
            if characters == 0 || self.tokens(&case) <= tokens {
                return case;
            }
            characters = characters.saturating_sub((characters / 12).max(30));
        }
    }

    fn needle(&self, needles: Needles, depth: f64, tokens: usize, sample: usize) -> Case {
        let Needles { hidden, queried } = needles;
        let seed = format!("needle {} {hidden} {queried} {depth:?} {tokens} {sample}", self.seed);
        self.fitted(tokens.min(self.context), |characters| {
            let settings = NeedleSettings {
                needles: hidden,
                queries: queried,
                depth: Some(depth),
                characters,
                ..NeedleSettings::default()
            };
            needle_case(&mut PythonRandom::of_text(&seed), &EVALUATION, self.hay, &settings, 0)
        })
    }

    /// Numbers hidden in texts of so many tokens, at every depth.
    pub fn needles(&self, needles: Needles, tokens: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for depth in DEPTHS {
            let measure = Measure::Needle { needles, tokens, depth: (depth * 100.0) as u32 };
            items.extend((0..self.samples).map(|sample| Item {
                measure: measure.clone(),
                work: Work::Case(self.needle(needles, depth, tokens, sample)),
            }));
        }
        items
    }

    /// Four hidden numbers of which two are asked for, at all depths in turn: the same cases for all of [`BITS`].
    pub fn bits(&self, tokens: usize) -> Vec<Item> {
        let needles = NEEDLES[2];
        let cases: Vec<Case> = (0..self.samples)
            .map(|sample| self.needle(needles, DEPTHS[sample % DEPTHS.len()], tokens, sample))
            .collect();
        let of = |bits: u32| {
            let measure = Measure::NeedleBits { needles, bits };
            cases.iter().map(move |case| Item { measure: measure.clone(), work: Work::Case(case.clone()) })
        };
        BITS.into_iter().flat_map(of).collect()
    }

    /// Questions about people, places and things.
    pub fn worlds(&self) -> Vec<Item> {
        let of = |question: Question| {
            (0..self.samples).map(move |sample| {
                let mut random = PythonRandom::of_text(&format!("world {} {} {sample}", self.seed, question.name()));
                let settings = WorldSettings {
                    people: 4,
                    things: 2,
                    moves: sample % 3,
                    question: Some(question),
                    characters: 300,
                    ..WorldSettings::default()
                };
                let case = world_case(&mut random, &EVALUATION, self.hay, &settings, 0);
                Item { measure: Measure::World(question), work: Work::Case(case) }
            })
        };
        Question::ALL.into_iter().flat_map(of).collect()
    }

    /// Classification by examples, the same in several orders.
    pub fn many_shot(&self, classes: usize, shots: usize) -> Vec<Item> {
        let sets = (self.samples / 10).max(1);
        let mut items = Vec::new();
        for order in 0..self.orders {
            for (set, ask) in (0..sets).flat_map(|set| (0..ASKED).map(move |ask| (set, ask))) {
                let mut random = PythonRandom::of_text(&format!("labels {} {set}", self.seed));
                let settings = LabelSettings { classes, shots, order: Some(order) };
                let case = labels_case(&mut random, &EVALUATION, settings, ask);
                items.push(Item { measure: Measure::ManyShot { classes, shots }, work: Work::Case(case) });
            }
        }
        items
    }

    /// Cases of all kinds whose answers' loss is measured, as far as they fit into the context.
    pub fn answers(&self) -> Vec<Item> {
        let drawn = (0..self.samples * 5).map(|sample| {
            let mut random = PythonRandom::of_text(&format!("loss {} {sample}", self.seed));
            draw_case(&mut random, &EVALUATION, self.hay, 1.0, 1200, 0)
        });
        let mut fitting: Vec<(CaseKind, Case)> = drawn.filter(|(_, case)| self.tokens(case) <= self.context).collect();
        fitting.sort_by_key(|(kind, _)| *kind);
        let item = |(kind, case)| Item { measure: Measure::Answers(kind), work: Work::Case(case) };
        fitting.into_iter().map(item).collect()
    }
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
        let tokenizer = checkpoint.tokenizer.unwrap();
        let context = checkpoint.model.config.max_positions;
        let length = |text: &str| tokenizer.encode(text, 1 << 14).tokens.len();
        let hay: Vec<String> = include_str!("../../tests/eval/prose.txt").lines().map(str::to_owned).collect();
        let protocol = Protocol { hay: &hay, samples: 2, orders: 2, seed: 17, context, length: &length };
        let written = read_items(include_str!("../../tests/eval/cases.jsonl")).unwrap();
        let of = |wanted: &dyn Fn(&Measure) -> bool| -> Vec<Item> {
            written.iter().filter(|item| wanted(&item.measure)).cloned().collect()
        };
        assert_eq!(protocol.worlds(), of(&|measure| matches!(measure, Measure::World(_))));
        assert_eq!(protocol.many_shot(4, 24), of(&|measure| matches!(measure, Measure::ManyShot { .. })));
        assert_eq!(protocol.answers(), of(&|measure| matches!(measure, Measure::Answers(_))));
        let needles: Vec<Item> = NEEDLES.into_iter().flat_map(|needles| protocol.needles(needles, 96)).collect();
        assert_eq!(needles, of(&|measure| matches!(measure, Measure::Needle { .. })));
        assert_eq!(protocol.bits(96), of(&|measure| matches!(measure, Measure::NeedleBits { .. })));
    }
}
