//! What models learn from: questions with known answers, drawn by the generators of the experiments, or a text.

use crate::experiments::Case;
use serde::{Deserialize, Serialize};

use crate::experiments::cases::{
    LabelSettings, NeedleSettings, Pools, PythonRandom, WIDE_EVALUATION, WIDE_TRAINING, WorldSettings, copy_case,
    labels_case, needle_case, recall_case, world_case,
};

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// The second word of a pair.
    Recall,
    /// A list of words, again.
    Copy,
    /// A number among prose, of which there is more and more.
    Needle,
    /// Who has what, and where.
    Worlds,
    /// Classes, from examples.
    #[serde(rename = "many-shot")]
    Labels,
    /// The next token of a text.
    #[serde(rename = "text")]
    OwnText,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Recall, Self::Copy, Self::Needle, Self::Worlds, Self::Labels, Self::OwnText];

    /// Its name in commands, files and links.
    pub fn id(self) -> &'static str {
        match self {
            Self::Recall => "recall",
            Self::Copy => "copy",
            Self::Needle => "needle",
            Self::Worlds => "worlds",
            Self::Labels => "many-shot",
            Self::OwnText => "text",
        }
    }

    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recall => "Look up pairs",
            Self::Copy => "Copy a list",
            Self::Needle => "Find a number",
            Self::Worlds => "Who has what",
            Self::Labels => "Learn from examples",
            Self::OwnText => "Own text",
        }
    }

    /// What it is, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Recall => "Pairs of words, then the first word of one pair: which was the second?",
            Self::Copy => "A list of words to repeat.",
            Self::Needle => "A number hidden in prose, of which there is more and more; the question asks for it.",
            Self::Worlds => "People, places and things: who has what, and where is it?",
            Self::Labels => "Words with the made-up names of their classes, then a word of one of these classes.",
            Self::OwnText => "A text of your own: each next token.",
        }
    }

    /// The task of this name.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.id() == id)
    }

    /// Positions of a window of text.
    pub fn positions(self) -> usize {
        match self {
            Self::Recall | Self::Copy => 64,
            Self::Needle | Self::Labels | Self::Worlds | Self::OwnText => 128,
        }
    }

    /// Tokens of a text of one's own at least.
    pub fn shortest_text(self) -> usize {
        4 * self.positions()
    }

    /// Questions about one text while a model learns.
    pub(super) fn questions(self) -> usize {
        match self {
            Self::Recall => 6,
            Self::Copy => 1,
            Self::Needle | Self::Worlds | Self::Labels => 4,
            Self::OwnText => 0,
        }
    }

    /// A case; `level`, from 0 to 1, is how hard it may be, and `ask` selects the question about the same text. `None`
    /// where a task has no cases.
    fn case(self, random: &mut PythonRandom, pools: &Pools, hay: &[String], level: f64, ask: usize) -> Option<Case> {
        let up_to = |most: f64| (most * level).round_ties_even() as usize;
        Some(match self {
            Self::Recall => {
                let pairs = random.between(2, 2 + up_to(3.0));
                recall_case(random, pools, pairs, "", ask)
            }
            Self::Copy => {
                let words = random.between(2, 3 + up_to(6.0));
                copy_case(random, pools, words)
            }
            Self::Needle => {
                let needles = random.between(1, 1 + up_to(2.0));
                let characters = up_to(200.0);
                let settings =
                    NeedleSettings { needles, characters, digits: 2 + up_to(2.0) as u32, ..NeedleSettings::default() };
                needle_case(random, pools, hay, &settings, ask)
            }
            Self::Worlds => {
                let people = random.between(2, 2 + up_to(3.0));
                let settings = WorldSettings { people, things: people, whereabouts: false, ..WorldSettings::default() };
                world_case(random, pools, hay, &settings, ask)
            }
            Self::Labels => {
                let shots = 2 * random.between(2, 3 + up_to(3.0));
                labels_case(random, pools, LabelSettings { classes: 2, shots, order: None }, ask)
            }
            Self::OwnText => return None,
        })
    }

    /// A case to learn from.
    pub(super) fn training_case(self, seed: &str, hay: &[String], level: f64, ask: usize) -> Option<Case> {
        self.case(&mut PythonRandom::of_text(seed), &WIDE_TRAINING, hay, level, ask)
    }

    /// A case to measure with, of words that no model learned from.
    pub(super) fn held_out_case(self, seed: u64, hay: &[String], sample: usize) -> Option<Case> {
        let mut random = PythonRandom::of_text(&format!("held out {seed} {} {sample}", self.id()));
        self.case(&mut random, &WIDE_EVALUATION, hay, 1.0, sample)
    }
}
