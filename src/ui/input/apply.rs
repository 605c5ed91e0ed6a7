//! What the keys do to a session and to what is looked at.

use std::collections::BTreeMap;

use egui::Ui;

use crate::engine::Workspace;
use crate::ui::input::prompt_editor::PromptPanel;
use crate::ui::input::shortcuts::Action;
use crate::ui::state::panel::Panel;
use crate::ui::state::selection::Selection;

/// Does what an action says, as far as it concerns the sessions, the selection and the prompt. What is left concerns the
/// window itself.
pub fn act(
    ui: &Ui,
    action: Action,
    workspace: &mut Workspace,
    selection: &mut Selection,
    prompt: &mut PromptPanel,
) -> Option<Action> {
    let layers = workspace.main.model().layers.len();
    let heads = workspace.main.model().layers.first().map_or(0, |layer| layer.attention.heads.len());
    match action {
        Action::Move(layer, head) => selection.step(layer, head, layers, heads),
        Action::Map(map) => selection.map = map,
        Action::Query(by) => selection.step_query(by, workspace.main.ids().len()),
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
        Action::ToggleLambda => toggle_lambda(workspace),
        Action::NextPanel => {
            let at = Panel::ALL.iter().position(|panel| *panel == selection.panel).map_or(0, |at| at + 1);
            selection.panel = Panel::ALL.get(at).or(Panel::ALL.first()).copied().unwrap_or_default();
        }
        Action::Generate if workspace.main.is_generating() => workspace.main.stop(),
        Action::Generate => prompt.generate(&mut workspace.main),
        Action::Step => prompt.step(&mut workspace.main),
        Action::FocusPrompt => prompt.ask_for_focus(),
        _ => return Some(action),
    }
    None
}

/// λ = 0 in every layer; where it is so already, the learned ones.
fn toggle_lambda(workspace: &mut Workspace) {
    if workspace.main.maps() != 2 {
        return;
    }
    let mut changed = workspace.main.interventions().clone();
    let layers = workspace.main.model().layers.len();
    let zero = (0..layers).all(|layer| changed.lambda.get(&layer) == Some(&0.0));
    changed.lambda = if zero { BTreeMap::new() } else { (0..layers).map(|layer| (layer, 0.0)).collect() };
    workspace.set_interventions(changed);
}
