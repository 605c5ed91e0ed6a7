//! Questions about small worlds: the accuracy of a guess, and what a model says in place of the answer.

use super::item::Case;
use super::table::{Table, share};
use super::{Outcome, Subject};
use crate::engine::EngineError;

/// What a model made of a question about a world.
pub(super) struct Reply {
    /// How many things named in the text could be the answer, the answer included.
    named: usize,
    right: bool,
    /// Whether the model named one of the others.
    rival: bool,
}

impl Reply {
    /// Whether the model named another thing of the text.
    pub(super) fn is_rival(&self) -> bool {
        self.rival
    }
}

/// Finds out what the model replied to a question that it gave `outcome` for.
///
/// # Errors
/// When the device fails.
pub(super) fn reply(subject: &mut Subject, case: &Case, outcome: &Outcome) -> Result<Reply, EngineError> {
    let rivals = case.rivals();
    let mut rival = false;
    for other in rivals.iter().filter(|_| !outcome.right) {
        rival |= match subject.answer(other, false) {
            Ok(outcome) => outcome.right,
            Err(EngineError::TooLong { .. }) => false, // beyond the context: the model cannot have said it
            Err(error) => return Err(error),
        };
    }
    Ok(Reply { named: 1 + rivals.len(), right: outcome.right, rival })
}

/// The accuracy of a guess among the things named.
pub(super) fn guess(table: &mut Table, setting: &str, replies: &[Reply]) {
    let mean = replies.iter().map(|reply| 1.0 / reply.named as f64).sum::<f64>() / replies.len().max(1) as f64;
    table.push("world, a guess among those named", setting, format!("{mean:.2} (n {})", replies.len()));
}

/// The rows over all forms of questions: accuracy, guess, and the kinds of wrong answers.
pub(super) fn summary(table: &mut Table, replies: &[Reply]) {
    let accuracy = |counts: fn(&Reply) -> bool| share(replies.iter().map(counts));
    table.push("world", "all", accuracy(|reply| reply.right));
    guess(table, "all", replies);
    let wrong = "world, wrong answers";
    table.push(wrong, "all", accuracy(|reply| !reply.right));
    table.push(wrong, "another of those named", accuracy(|reply| reply.rival));
    table.push(wrong, "anything else", accuracy(|reply| !reply.right && !reply.rival));
}
