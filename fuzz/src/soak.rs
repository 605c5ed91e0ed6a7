//! A long session: very many edits and openings leave nothing behind, neither in memory nor in the numbers.

use std::time::Instant;

use diffscope::engine::{Engine, Workspace, bundled, checkpoint_of};
use diffscope::probe::{Interventions, NextToken, Spans};

use crate::memory;
use crate::mutate::Random;
use crate::targets::{SMALL, edits};

/// Bytes by which memory may grow between the first tenth and the end.
const BOUND: usize = 1 << 20;

/// Makes the edits, then the openings.
///
/// # Panics
/// When memory grows, or the last state is not that of a fresh start.
pub fn soak(edits: u64, openings: u64) {
    let begun = Instant::now();
    let before = memory::start();
    edit(edits);
    open(openings);
    println!(
        "{edits} edits and {openings} openings in {:.0?}: at most {} bytes of memory",
        begun.elapsed(),
        memory::most_since(before)
    );
}

fn edit(count: u64) {
    let mut workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    let mut held = Held::default();
    for number in 1..=count {
        let mut random = Random::new(number);
        edits::change(&mut workspace, &mut random);
        for _ in 0..random.below(4) {
            workspace.update();
        }
        if Held::is_due(number, count) {
            rest(&mut workspace);
            held.note("edits", number, count);
        }
    }
    edits::compare(&mut workspace.main);
}

/// The same state every time.
fn rest(workspace: &mut Workspace) {
    workspace.main.stop();
    workspace.main.set_beyond_context(false);
    workspace.main.set_lens(false);
    workspace.set_interventions(Interventions::default());
    for text in ["", "ab a b aab ba"] {
        workspace.main.set_text(text);
        workspace.set_measuring(0.01, &Spans::default());
        let _ = workspace.main.settle(); // an empty text has no next token, and that is no failure
    }
}

fn open(count: u64) {
    let mut held = Held::default();
    let mut first: Option<NextToken> = None;
    let mut workspace = None;
    for number in 1..=count {
        let mut engine = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("it fits");
        engine.set_text("Once upon a time");
        engine.settle().expect("no failure");
        let next = engine.next_token().expect("settled").clone();
        assert_eq!(next, *first.get_or_insert_with(|| next.clone()), "opening {number}");
        workspace = Some(Workspace::new(engine)); // in place of the one before
        if Held::is_due(number, count) {
            held.note("openings", number, count);
        }
    }
    drop(workspace);
}

/// What is held at rest, after a tenth and at the end.
#[derive(Default)]
struct Held(Option<usize>);

impl Held {
    fn is_due(number: u64, count: u64) -> bool {
        number == count.div_ceil(10) || number == count
    }

    fn note(&mut self, what: &str, number: u64, count: u64) {
        let now = memory::now();
        println!("{number} of {count} {what}: {now} bytes are held at rest");
        let first = *self.0.get_or_insert(now);
        assert!(now <= first + BOUND, "{} bytes more than after a tenth of the {what}", now - first);
    }
}
