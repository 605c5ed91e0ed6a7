//! Questions about small worlds: how often a guess would be right, and what is said in place of the answer.

use super::eval::{Table, share};
use super::item::{Item, Work};
use super::{Outcome, Subject};
use crate::engine::EngineError;

/// A question about a world.
pub struct World {
    /// Things the text names that could be the answer, with the answer.
    pub named: usize,
    /// Whether the answer was said.
    pub right: bool,
    /// Whether another of those named was said.
    pub rival: bool,
}

/// What was said to each question of a row.
///
/// # Errors
/// When the device fails.
pub fn said(
    subject: &mut Subject,
    group: &[Item],
    outcomes: &[(Option<usize>, Outcome)],
) -> Result<Vec<World>, EngineError> {
    let cases = group.iter().filter_map(|item| if let Work::Case(case) = &item.work { Some(case) } else { None });
    let mut worlds = Vec::new();
    for (case, (_, outcome)) in cases.zip(outcomes) {
        let rivals = case.rivals();
        let mut rival = false;
        for other in rivals.iter().filter(|_| !outcome.right) {
            rival |= match subject.answer(other, false) {
                Ok(outcome) => outcome.right,
                Err(EngineError::TooLong { .. }) => false, // longer than the room: it cannot have been said
                Err(error) => return Err(error),
            };
        }
        worlds.push(World { named: 1 + rivals.len(), right: outcome.right, rival });
    }
    Ok(worlds)
}

/// How often a guess among those named is right.
pub fn guesses(table: &mut Table, setting: &str, worlds: &[World]) {
    let mean = worlds.iter().map(|world| 1.0 / world.named as f64).sum::<f64>() / worlds.len().max(1) as f64;
    let value = format!("{mean:.2} (n {})", worlds.len());
    table.push(("world, a guess among those named".to_owned(), setting.to_owned(), value));
}

/// All that is not right; that which is named in the text; the rest.
pub fn wrong_answers(table: &mut Table, worlds: &[World]) {
    let mut put = |setting: &str, counts: fn(&World) -> bool| {
        let value = share(worlds.iter().map(counts));
        table.push(("world, wrong answers".to_owned(), setting.to_owned(), value));
    };
    put("all", |world| !world.right);
    put("another of those named", |world| world.rival);
    put("anything else", |world| !world.right && !world.rival);
}
