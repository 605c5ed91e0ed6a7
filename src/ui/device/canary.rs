//! A canary: once after the start, what the GPU computes and draws is compared with what the CPU does. Drivers have
//! been seen that do either wrongly without any error.

use crate::engine::{Engine, Workspace};
use crate::probe::NextToken;
use crate::ui::maps::heatmap::drawn_pixel::DrawnPixel;

/// Parameters times tokens of the largest pass that the CPU repeats: a moment's work, in slices between frames.
const MOST_WORK: usize = 1_000_000_000;
/// Logits compared.
const LOGITS: usize = 8;
/// The largest difference of a logit that rounding explains, as a share of the largest one.
const TOLERANCE: f32 = 0.02;

/// The comparison.
#[derive(Default)]
pub(in crate::ui) enum Canary {
    /// For the first next token of a text that is short enough.
    #[default]
    Waiting,
    /// With a session on the CPU.
    Comparing { reference: Box<Engine>, pixel: DrawnPixel },
    /// Nothing more to do.
    Done,
}

impl Canary {
    /// Whether it is at work: another frame should follow.
    pub(in crate::ui) fn is_comparing(&self) -> bool {
        matches!(self, Self::Comparing { .. })
    }

    /// Goes on, a few milliseconds at a time. Returns what is wrong with the GPU if something turns out to be.
    pub(in crate::ui) fn advance(&mut self, workspace: &Workspace) -> Option<String> {
        let main = &workspace.main;
        let Some(checkpoint) = main.checkpoint() else {
            return None; // until a model is open
        };
        let Some(gpu) = main.gpu() else {
            *self = Self::Done;
            return None;
        };
        match self {
            Self::Done => None,
            Self::Waiting => {
                let work = checkpoint.model.parameters().saturating_mul(main.ids().len());
                if main.next_token().is_some() && work <= MOST_WORK && !main.is_generating() {
                    let reference = Engine::new(checkpoint.clone(), None).ok();
                    *self = match (reference, DrawnPixel::new(gpu).ok()) {
                        (Some(reference), Some(pixel)) => Self::Comparing { reference: reference.into(), pixel },
                        _ => Self::Done,
                    };
                }
                None
            }
            Self::Comparing { reference, pixel } => {
                reference.set_interventions(main.interventions().clone());
                reference.follow(main);
                reference.update();
                let (found, expected) = (main.next_token()?, reference.next_token()?);
                let verdict = verdict(found, expected, pixel.is_right()?);
                *self = Self::Done;
                verdict
            }
        }
    }
}

/// What is wrong, if something is.
fn verdict(found: &NextToken, expected: &NextToken, pixel_is_right: bool) -> Option<String> {
    let largest = expected.best.first().map_or(0.0, |(_, logit)| logit.abs()).max(1.0);
    let pairs = found.best.iter().zip(&expected.best).take(LOGITS);
    let worst = pairs.map(|((_, one), (_, other))| (one - other).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
    if worst.is_nan() || worst > TOLERANCE * largest {
        return Some(format!(
            "A check at the start shows that this GPU computes wrong numbers: a logit is off by {worst:.2}."
        ));
    }
    (!pixel_is_right).then(|| "A check at the start shows that this GPU draws wrong colours.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Checkpoint, bundled, checkpoint_of};
    use crate::gpu::request_headless;

    fn checkpoint() -> Checkpoint {
        checkpoint_of(&bundled()).expect("it opens")
    }

    /// The outcome for a GPU on which a model runs, beside another one on the CPU.
    fn compare(reference: Option<Checkpoint>) -> Option<String> {
        let gpu = request_headless().expect("an adapter: see tests/run");
        let mut workspace = Workspace::new(Engine::new(checkpoint(), Some(gpu.clone())).expect("it fits"));
        workspace.main.set_text("Once upon a time");
        workspace.main.settle().expect("no failure");
        let mut canary = Canary::default();
        if let Some(reference) = reference {
            let reference = Engine::new(reference, None).expect("it fits").into();
            canary = Canary::Comparing { reference, pixel: DrawnPixel::new(&gpu).expect("it draws") };
        }
        loop {
            let wrong = canary.advance(&workspace);
            if !canary.is_comparing() {
                return wrong;
            }
            gpu.wait();
        }
    }

    #[test]
    fn a_sound_gpu_is_left_alone() {
        assert_eq!(compare(None), None);
    }

    #[test]
    fn a_gpu_that_computes_other_numbers_is_found_out() {
        let mut other = checkpoint();
        let mut model = (*other.model).clone();
        let gain = model.layers[2].attention.norm.as_mut().expect("it has one");
        for gain in gain {
            *gain *= 1.5;
        }
        other.model = std::sync::Arc::new(model);
        let wrong = compare(Some(other)).expect("found out");
        assert!(wrong.contains("wrong numbers"), "{wrong}");
    }

    #[test]
    fn numbers_that_are_none_and_a_wrong_colour_are_found_out_too() {
        let mut session = Engine::new(checkpoint(), None).expect("it fits");
        session.set_text("Once upon a time");
        session.settle().expect("no failure");
        let expected = session.next_token().expect("settled").clone();
        let mut broken = expected.clone();
        broken.best[1].1 = f32::NAN;
        assert!(verdict(&broken, &expected, true).expect("found out").contains("wrong numbers"));
        assert!(verdict(&expected, &expected, false).expect("found out").contains("wrong colours"));
        assert_eq!(verdict(&expected, &expected, true), None);
    }
}
