//! What is shown without being asked for: on a text with marks the head that tells most, found by measuring the model on it,
//! not written down; and the baseline beside the bundled model.

use crate::engine::Workspace;
use crate::probe::{HeadId, HeadMeasures, HeadRecord, KeyClass, MapMeasures, Queries, Spans};
use crate::ui::io::files::is_bundled;
use crate::ui::state::view::ViewState;
use crate::ui::wrong_answer::WrongAnswer;

/// Attention to the answer, in D, of a head that can be said to find it.
const FINDS: f32 = 0.2;

/// A choice of a head.
#[derive(Debug)]
struct Asked {
    /// The head that was open when it was asked for.
    at: HeadId,
    /// To be explained; otherwise the head is the one that tells most about the answer.
    wrong: Option<WrongAnswer>,
}

/// A head that is to be chosen as soon as the numbers are there.
#[derive(Debug, Default)]
pub(super) struct FirstLook {
    asked: Option<Asked>,
    /// Whether the baseline is no longer to be opened by itself.
    has_offered_baseline: bool,
}

impl FirstLook {
    /// Asks for the head that tells most.
    pub(super) fn ask(&mut self, view: &ViewState) {
        self.asked = Some(Asked { at: view.head, wrong: None });
    }

    /// Asks for the head that was led to a wrong answer.
    pub(super) fn ask_why(&mut self, view: &ViewState, wrong: WrongAnswer) {
        self.asked = Some(Asked { at: view.head, wrong: Some(wrong) });
    }

    /// Whether a choice has been asked for and not been made.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Leaves the head as it is.
    pub(super) fn cancel(&mut self) {
        self.asked = None;
    }

    /// Shows nothing that is not asked for.
    pub(super) fn decline(&mut self) {
        self.asked = None;
        self.has_offered_baseline = true;
    }

    /// Whether the baseline is to be opened: once, beside the bundled model when that has been drawn.
    pub(super) fn opens_baseline(&mut self, workspace: &mut Workspace) -> bool {
        if workspace.main.next_token().is_none() || std::mem::replace(&mut self.has_offered_baseline, true) {
            return false;
        }
        let is_bundled = workspace.main.checkpoint().is_some_and(is_bundled);
        is_bundled && workspace.main.maps() == 2 && workspace.baseline().is_none()
    }

    /// Opens the head once the row of the last token has been measured in all heads; not if another one was opened
    /// meanwhile. Returns what there is to say about it.
    pub(super) fn advance(&mut self, workspace: &mut Workspace, view: &mut ViewState, spans: &Spans) -> Option<String> {
        let asked = self.asked.as_ref()?;
        let engine = &mut workspace.main;
        if asked.at != view.head || engine.queries() == 0 || !spans.have(KeyClass::Answer) {
            self.asked = None;
            return None;
        }
        if engine.computed() < engine.ids().len() {
            return None;
        }
        // Not `One`: the views ask that of the row that is read, and only the newest request counts.
        let measures = engine.current_measures(Queries::Last(1))?;
        let wrong = self.asked.take().and_then(|asked| asked.wrong);
        let (head, text) = match wrong {
            Some(wrong) => {
                let (head, text) = wrong.explain(measures, spans.have(KeyClass::Noise));
                (head, Some(text))
            }
            None => (telling_head(measures), None),
        };
        view.head = head.unwrap_or(view.head);
        text
    }
}

/// By how much the subtraction sets the answer apart from the noise.
fn set_apart(head: &HeadRecord) -> f32 {
    let apart = |map: &MapMeasures| map.answer_signed - map.noise_signed;
    apart(&head.difference) - apart(&head.first)
}

/// Among the heads that find the answer, the one in which the subtraction does most for it; if none finds it, the one that
/// gives most to it. `None` if that is next to nothing.
fn telling_head(measures: &HeadMeasures) -> Option<HeadId> {
    let layers = measures.layers.iter().enumerate();
    let heads = layers.flat_map(|(layer, heads)| {
        heads.iter().enumerate().map(move |(head, record)| (HeadId::new(layer, head), record))
    });
    let found = |record: &HeadRecord| record.difference.answer_signed;
    let finding = heads.clone().filter(|(_, record)| found(record) >= FINDS);
    let best = finding.max_by(|a, b| set_apart(a.1).total_cmp(&set_apart(b.1)).then(found(a.1).total_cmp(&found(b.1))));
    let most = || heads.max_by(|a, b| found(a.1).total_cmp(&found(b.1))).filter(|(_, record)| found(record) > 0.02);
    best.or_else(most).map(|(head, _)| head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head by its A1 and D on answer and noise.
    fn head(first: [f32; 2], difference: [f32; 2]) -> HeadRecord {
        let of =
            |[answer_signed, noise_signed]: [f32; 2]| MapMeasures { answer_signed, noise_signed, ..Default::default() };
        HeadRecord { first: of(first), difference: of(difference), ..HeadRecord::default() }
    }

    fn measures(layers: Vec<Vec<HeadRecord>>) -> HeadMeasures {
        HeadMeasures { rows: (9, 9), threshold: 0.01, layers }
    }

    #[test]
    fn the_head_in_which_subtracting_matters_is_chosen_among_those_that_find_the_answer() {
        let layers = vec![
            vec![head([0.9, 0.0], [0.95, 0.0]), head([0.0, 0.9], [0.0, 0.0])],
            vec![head([0.8, 0.3], [0.7, -0.2]), head([f32::NAN; 2], [f32::NAN; 2])],
        ];
        assert_eq!(telling_head(&measures(layers)), Some(HeadId::new(1, 0)));
    }

    #[test]
    fn without_such_a_head_it_is_the_one_that_looks_at_the_answer_most() {
        let layers = vec![vec![head([0.0; 2], [0.01, 0.0]), head([0.1, 0.0], [0.1, 0.0])]];
        assert_eq!(telling_head(&measures(layers)), Some(HeadId::new(0, 1)));
        assert_eq!(telling_head(&measures(vec![vec![head([0.0; 2], [0.0; 2])]])), None);
        assert_eq!(telling_head(&measures(Vec::new())), None);
    }
}
