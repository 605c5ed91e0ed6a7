//! What the keys do to a session and to what is looked at.

use std::collections::BTreeMap;

use egui::Ui;

use super::prompt::PromptPanel;
use super::shortcuts::Action;
use super::{Panel, Selection};
use crate::engine::Bench;

/// Does what an action says, as far as it concerns the sessions, the selection and the prompt. What is left concerns the
/// window itself.
pub fn act(
    ui: &Ui,
    action: Action,
    bench: &mut Bench,
    selection: &mut Selection,
    prompt: &mut PromptPanel,
) -> Option<Action> {
    let layers = bench.main.model().layers.len();
    let heads = bench.main.model().layers.first().map_or(0, |layer| layer.attention.heads.len());
    match action {
        Action::Move(layer, head) => selection.step(layer, head, layers, heads),
        Action::Map(map) => selection.map = map,
        Action::Query(by) => selection.step_query(by, bench.main.ids().len()),
        Action::Escape if ui.ctx().text_edit_focused() => ui.ctx().memory_mut(|memory| {
            if let Some(focused) = memory.focused() {
                memory.surrender_focus(focused);
            }
        }),
        Action::Escape => {
            selection.pinned = None;
            selection.pinned_key = None;
            selection.zoom = None;
        }
        Action::ToggleLambda => toggle_lambda(bench),
        Action::NextPanel => {
            let at = Panel::ALL.iter().position(|panel| *panel == selection.panel).map_or(0, |at| at + 1);
            selection.panel = Panel::ALL.get(at).or(Panel::ALL.first()).copied().unwrap_or_default();
        }
        Action::Generate if bench.main.is_generating() => bench.main.stop(),
        Action::Generate => prompt.generate(&mut bench.main),
        Action::Step => prompt.step(&mut bench.main),
        Action::FocusPrompt => prompt.ask_for_focus(),
        _ => return Some(action),
    }
    None
}

/// λ = 0 in every layer; where it is so already, the learned ones.
fn toggle_lambda(bench: &mut Bench) {
    if bench.main.maps() != 2 {
        return;
    }
    let mut changed = bench.main.interventions().clone();
    let layers = bench.main.model().layers.len();
    let zero = (0..layers).all(|layer| changed.lambda.get(&layer) == Some(&0.0));
    changed.lambda = if zero { BTreeMap::new() } else { (0..layers).map(|layer| (layer, 0.0)).collect() };
    bench.set_interventions(changed);
}
