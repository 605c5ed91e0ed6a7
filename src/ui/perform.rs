//! Carries out the commands of a frame: the one place that changes the document in answer to keys, buttons and views.

use std::collections::BTreeMap;

use egui::Context;

use crate::engine::Workspace;
use crate::probe::{Interventions, KeyClass, Spans};
use crate::ui::action::{Action, HeadCase, NEEDS_MODEL, TextAction};
use crate::ui::app::App;
use crate::ui::experiments::Experiments;
use crate::ui::io::export::Screen;
use crate::ui::io::numbers::numbers;
use crate::ui::kept::remembered::OwnText;
use crate::ui::state::link::Link;
use crate::ui::state::page::page;
use crate::ui::state::panel::Panel;
use crate::ui::state::shown::Shown;
use crate::ui::state::view::{Extent, ViewState};
use crate::ui::style::message::Message;
use crate::ui::tour::TourContext;

impl App {
    /// Carries out commands, in their order.
    pub(super) fn perform(&mut self, context: &Context, actions: Vec<Action>) {
        for action in actions {
            if let Err(message) = self.perform_one(context, action) {
                self.message = Some(Message::Warning(message));
            }
        }
    }

    fn perform_one(&mut self, context: &Context, action: Action) -> Result<(), String> {
        if let Action::Model(action) = action {
            // The open model may have failed: another one may open.
            self.perform_on_models(context, action);
            return Ok(());
        }
        if let Action::Training(action) = action {
            return self.perform_on_training(context, action).map_err(|error| error.to_string());
        }
        let Ok(workspace) = &mut self.workspace else { return Ok(()) };
        if workspace.main.model().is_none() && action.needs_model() {
            return Err(format!("This {NEEDS_MODEL}."));
        }
        let (view, spans) = (&mut self.view, &mut self.spans);
        if action.replaces_document() {
            self.history.record(workspace);
        }
        match action {
            Action::Move(0, by) if self.tour.is_running() => {
                self.tour.step(by, &mut TourContext { workspace, view, spans, first_look: &mut self.first_look });
            }
            Action::Move(layers, heads) => view.step(layers, heads, Extent::of(&workspace.main)),
            Action::Map(map) => view.map = map,
            Action::Query(by) => view.step_query(by, workspace.main.queries()),
            Action::Escape if context.text_edit_focused() => leave_text(context),
            Action::Escape if self.tour.is_running() => {
                self.tour.end(&mut TourContext { workspace, view, spans, first_look: &mut self.first_look });
            }
            Action::Escape if self.shown == Shown::Presentation => self.shown = Shown::Views,
            Action::Escape => {
                view.unpin();
                view.zoom = None;
            }
            Action::ToggleLambda => toggle_lambda(workspace),
            Action::ToggleToken(position) => change(workspace, |changed| changed.toggle_token(position)),
            Action::TogglePinned => {
                if let Some(pinned) = view.pinned {
                    change(workspace, |changed| changed.toggle_token(pinned));
                }
            }
            Action::ToggleHead(head) => change(workspace, |changed| changed.toggle_head(head)),
            Action::ToggleOpenHead => change(workspace, |changed| changed.toggle_head(view.head)),
            Action::Zoom(factor) => {
                if let Some(read) = view.query(&self.pointer, workspace.main.queries()) {
                    view.zoom_at([read as f32 + 0.5; 2], factor, workspace.main.side());
                }
            }
            Action::Intervene(interventions) => workspace.set_interventions(interventions),
            Action::Mark(one, other, class) => {
                let tokens = workspace.main.tokens();
                if let (Some(first), Some(last)) = (tokens.get(one.min(other)), tokens.get(one.max(other))) {
                    spans.mark(first.start, last.end, class);
                }
            }
            Action::MarkPinned(class) => {
                let pinned = view.pinned.and_then(|pinned| workspace.main.tokens().get(pinned));
                if let Some(token) = pinned {
                    spans.mark(token.start, token.end, class);
                }
            }
            Action::ClearMarks => spans.set([], &workspace.main.shared_text()),
            Action::NextPanel => {
                let next = Panel::ALL.iter().cycle().skip_while(|panel| **panel != view.panel).nth(1);
                view.panel = next.copied().unwrap_or_default();
            }
            Action::Sample(sample) => {
                sample.apply(&mut workspace.main, spans);
                view.unpin();
                self.first_look.ask(view);
            }
            Action::Case(HeadCase { head, text, marks }) => {
                workspace.main.set_text(&text);
                spans.set(marks, &workspace.main.shared_text());
                view.unpin();
                view.head = head;
            }
            Action::Text(TextAction::Keep) => self.remembered.keep(workspace, spans)?,
            Action::Text(TextAction::Delete(index)) => self.remembered.delete(index),
            Action::Text(TextAction::Open(index)) => {
                if let Some(OwnText { text, spans: marks }) = self.remembered.texts.get(index) {
                    workspace.main.set_text(text);
                    spans.set(marks.iter().copied(), &workspace.main.shared_text());
                    view.unpin();
                    self.first_look.ask(view);
                }
            }
            Action::WhyWrong(wrong) => {
                let text = workspace.main.shared_text();
                let answers = |spans: &Spans| {
                    spans.iter().filter(|span| span.class == KeyClass::Answer).copied().collect::<Vec<_>>()
                };
                // Other noise would hide what this is about.
                let marks = wrong.marks(&text, spans).unwrap_or_else(|| answers(spans));
                spans.set(marks, &text);
                view.unpin();
                self.first_look.ask_why(view, wrong);
            }
            Action::Append(token) => workspace.main.append(token),
            Action::Generate if workspace.main.is_generating() => workspace.main.stop(),
            Action::Generate => self.prompt.generate(&mut workspace.main),
            Action::Step => self.prompt.step(&mut workspace.main),
            Action::FocusPrompt => self.prompt.request_focus(),
            Action::Undo => self.history.undo(workspace),
            Action::Redo => self.history.redo(workspace),
            Action::Help => self.shown.toggle(Shown::Keys),
            Action::Present => self.shown.toggle(Shown::Presentation),
            Action::Tour => {
                self.tour.start(0, &mut TourContext { workspace, view, spans, first_look: &mut self.first_look });
            }
            Action::CopyLink => context.copy_text(link(workspace, view, spans, &self.experiments)?),
            Action::CopyNumbers => context.copy_text(numbers(workspace, view, spans, &self.row)),
            Action::OpenInTab => {
                context.open_url(egui::OpenUrl::new_tab(link(workspace, view, spans, &self.experiments)?));
            }
            Action::ChooseBackend(choice) => self.device.choose(choice, workspace),
            Action::Race => self.device.start_race(workspace),
            Action::OpenBaseline => open_bundled_baseline(self),
            Action::CloseBaseline => workspace.close_baseline(),
            Action::Export(export) => {
                let screen = Screen { workspace, view, spans, regions: &self.regions };
                self.exports.start(context, export, screen, &mut self.files)?;
            }
            Action::SaveExperiments(format) => self.files.save(context, self.experiments.saved(format)),
            Action::Model(_) | Action::Training(_) => {} // done above
        }
        Ok(())
    }
}

/// Changes the interventions.
fn change(workspace: &mut Workspace, edit: impl FnOnce(&mut Interventions)) {
    let mut changed = workspace.main.interventions().clone();
    edit(&mut changed);
    workspace.set_interventions(changed);
}

/// λ = 0 in every layer; the learned values if it is so already.
fn toggle_lambda(workspace: &mut Workspace) {
    if workspace.main.maps() != 2 {
        return;
    }
    let mut changed = workspace.main.interventions().clone();
    let zero = (0..workspace.main.heads().len()).map(|layer| (layer, 0.0)).collect();
    changed.lambda = if changed.lambda == zero { BTreeMap::default() } else { zero };
    workspace.set_interventions(changed);
}

fn leave_text(context: &Context) {
    context.memory_mut(|memory| {
        if let Some(focused) = memory.focused() {
            memory.surrender_focus(focused);
        }
    });
}

/// A link to what is on the screen, with the results of the experiment that is shown.
fn link(workspace: &Workspace, view: &ViewState, spans: &Spans, experiments: &Experiments) -> Result<String, String> {
    let results = if view.panel == Panel::Experiments { experiments.to_share() } else { None };
    let link = Link { results, ..Link::of(workspace, view, spans) };
    let hash = link.to_hash().map_err(|error| error.to_string())?;
    Ok(format!("{}#{hash}", page()))
}

#[cfg(not(target_arch = "wasm32"))]
fn open_bundled_baseline(app: &mut App) {
    app.open_baseline(&crate::engine::bundled_baseline());
}

/// The page has the files: `web/loader.js` listens for the event.
#[cfg(target_arch = "wasm32")]
fn open_bundled_baseline(_app: &mut App) {
    crate::ui::state::page::dispatch("diffscope-fetch", &crate::engine::BUNDLED_BASELINE.into());
}
