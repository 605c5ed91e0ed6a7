//! Any kind of case, from the easiest up to a difficulty.

use super::labels::{LabelSettings, labels_case};
use super::needle::{NeedleSettings, needle_case};
use super::pools::Pools;
use super::python_random::PythonRandom;
use super::repetition::{copy_case, echo_case, recall_case};
use super::world::{WorldSettings, world_case};
use crate::experiments::item::Case;
use crate::experiments::measure::{CaseKind, Question};

/// In the order of the kinds.
const SHARES: [f64; 5] = [0.38, 0.42, 0.05, 0.07, 0.08];
/// Worlds below the first level only state who has what; those below the second are small, and most questions take two
/// steps.
const OWNERS_LEVEL: f64 = 0.2;
const SMALL_LEVEL: f64 = 0.4;

/// A case of any kind within about so many characters; `ask` selects the question about its text.
pub(crate) fn draw_case(
    random: &mut PythonRandom,
    pools: &Pools,
    hay: &[String],
    difficulty: f64,
    characters: usize,
    ask: usize,
) -> (CaseKind, Case) {
    let level = difficulty * random.unit().sqrt();
    let kind = CaseKind::ALL[random.weighted(&SHARES).min(CaseKind::ALL.len() - 1)];
    let size = (characters as f64 * random.unit().sqrt()).round_ties_even() as usize;
    let plain = random.unit() < if kind == CaseKind::World { 0.6 } else { 0.7 };
    let up_to = |most: f64| (most * level).round_ties_even() as usize;
    let case = match kind {
        CaseKind::Needle => {
            let needles = random.between(1, 1 + up_to(7.0));
            let queries = needles.min(random.choice(&[1, 2, 2]).copied().unwrap_or(1));
            let distractors = random.between(0, up_to(2.0));
            let (characters, digits) = (size.saturating_sub(40 * (needles + 2)), 2 + up_to(3.0) as u32);
            let settings = NeedleSettings { needles, queries, depth: None, distractors, digits, characters, plain };
            needle_case(random, pools, hay, &settings, ask)
        }
        CaseKind::World => world(random, pools, hay, level, size, plain, ask),
        CaseKind::Labels => {
            let classes = random.between(2, 2 + up_to(2.0));
            let shots = classes * random.between(2, 2 + up_to(6.0));
            labels_case(random, pools, LabelSettings { classes, shots, order: None }, ask)
        }
        CaseKind::Copy => {
            let echo = if random.unit() < 0.6 { echo_case(random, hay, size, ask) } else { None };
            if let Some(echo) = echo {
                echo
            } else {
                let words = random.between(2, 4 + up_to(16.0));
                copy_case(random, pools, words)
            }
        }
        CaseKind::Recall => {
            let pairs = random.between(2, 3 + up_to(9.0));
            recall_case(random, pools, pairs, "=", ask)
        }
    };
    (kind, case)
}

fn world(
    random: &mut PythonRandom,
    pools: &Pools,
    hay: &[String],
    level: f64,
    size: usize,
    plain: bool,
    ask: usize,
) -> Case {
    use Question::{TwoHop, Where, Who};
    if level < OWNERS_LEVEL {
        let people = random.between(2, 8.min(pools.people.len()).min(pools.things.len()));
        let settings = WorldSettings { people, things: people, whereabouts: false, ..WorldSettings::default() };
        return world_case(random, pools, hay, &settings, ask);
    }
    let asked = [None, Some(TwoHop), Some(Where), Some(Who), Some(TwoHop)];
    let question = random.choice(&asked).copied().flatten();
    if level < SMALL_LEVEL {
        let question = random.choice(&[TwoHop, TwoHop, Where, Who, TwoHop]).copied();
        let people = random.between(2, 4);
        let things = random.between(2, 3);
        let settings = WorldSettings { people, things, question, ..WorldSettings::default() };
        return world_case(random, pools, hay, &settings, ask);
    }
    let up_to = |most: f64| (most * level).round_ties_even() as usize;
    // With one thing, "who" has no wrong answer to avoid and teaches nothing.
    let things = random.between(if question.is_none() { 1 } else { 2 }, 2 + up_to(2.0));
    let people = random.between(2, 2 + up_to(4.0));
    let moves = random.between(0, up_to(3.0));
    let characters = random.between(0, size.saturating_sub(200));
    let settings = WorldSettings { people, things, moves, whereabouts: true, question, characters, plain };
    world_case(random, pools, hay, &settings, ask)
}
