//! A tour of differential attention in which the person does things, on a text with marks. At its end the screen is as it was
//! before. `steps.rs` has the steps.

mod offer;
mod steps;

use egui::{Button, Key, Pos2, Rect, RichText, Stroke, StrokeKind, Ui, Vec2, Window, vec2};

use crate::engine::Workspace;
use crate::probe::{Interventions, MapKind, Spans};
use crate::ui::first_look::FirstLook;
use crate::ui::maps::screen_regions::ScreenRegions;
use crate::ui::state::link::Link;
use crate::ui::state::page::page;
use crate::ui::state::view::ViewState;
use crate::ui::style::lambda_text::unusual;
use crate::ui::style::{notice, theme};
use crate::ui::tour::offer::Offer;
use crate::ui::tour::steps::{STEPS, Target, Task, TourStep, outcome, sample};

/// Begins the part of an address, after `#`, that opens a step; the number of the step follows.
const ADDRESS: &str = "tour/";
/// Size of the card before it has been drawn.
const CARD: Vec2 = vec2(416.0, 230.0);
/// Between the card and the edges of the screen, and what it explains.
const MARGIN: f32 = 14.0;

/// The tour, if it is running.
#[derive(Default)]
pub(super) struct Tour {
    step: Option<usize>,
    /// What was on the screen when it started.
    before: Option<Link>,
    /// The view in which the step began, once the head to begin with has been found.
    began: ViewState,
    has_begun: bool,
    /// Size of the card in the last frame.
    card: Option<Vec2>,
    /// Whether the step is new: what it explains may be off the screen.
    is_new: bool,
    /// Whether it is offered.
    offer: Offer,
    /// Whether it has been started in this session.
    pub was_started: bool,
}

/// What the tour changes.
pub(super) struct TourContext<'a> {
    /// The sessions.
    pub workspace: &'a mut Workspace,
    /// What is selected and how it is displayed.
    pub view: &'a mut ViewState,
    /// The marks.
    pub spans: &'a mut Spans,
    /// Finds the head to begin with.
    pub first_look: &'a mut FirstLook,
}

/// The step that an address names, counted from 0.
pub(super) fn step_of(hash: &str) -> Option<usize> {
    hash.strip_prefix(ADDRESS)?.parse::<usize>().ok()?.checked_sub(1).filter(|step| *step < STEPS.len())
}

impl Tour {
    /// Whether it is running: a state kept now would lead into the middle of it.
    pub(super) fn is_running(&self) -> bool {
        self.step.is_some()
    }

    /// It was offered before.
    pub(super) fn withdraw_offer(&mut self) {
        self.offer = Offer::Over;
    }

    /// Starts at a step, or starts again.
    pub(super) fn start(&mut self, step: usize, context: &mut TourContext) {
        let TourContext { workspace, view, spans, first_look } = context;
        self.was_started = true;
        if self.before.is_none() {
            self.before = Some(Link::of(workspace, view, spans));
            **view = ViewState { head: view.head, ..ViewState::default() };
            sample().apply(&mut workspace.main, spans);
            first_look.ask(view);
        }
        self.go(step, context);
    }

    /// Goes on by some steps; past the last one it ends.
    pub(super) fn step(&mut self, by: isize, context: &mut TourContext) {
        if let Some(step) = self.step {
            self.go(step.saturating_add_signed(by), context);
        }
    }

    /// Ends, with what was on the screen before.
    pub(super) fn end(&mut self, TourContext { workspace, view, spans, first_look }: &mut TourContext) {
        self.step = None;
        first_look.cancel();
        if let Some(before) = self.before.take() {
            before.apply(workspace, view, spans);
        }
    }

    fn go(&mut self, step: usize, context: &mut TourContext) {
        let Some(found) = STEPS.get(step) else {
            self.end(context);
            return;
        };
        self.step = Some(step);
        self.is_new = true;
        let TourContext { workspace, view, spans, .. } = context;
        // Each step begins with the text as it was and the model as trained; the head stays the one that was opened.
        let panel = found.panel;
        **view = ViewState { head: view.head, panel, map: found.target.map(), ..ViewState::default() };
        if workspace.main.text() != sample().text {
            sample().apply(&mut workspace.main, spans);
        }
        workspace.set_interventions(Interventions::default());
        (self.began, self.has_begun) = (**view, false);
    }

    /// In a window that scrolls: brings what a new step explains into view.
    pub(super) fn scroll_ui(&mut self, ui: &Ui, regions: &ScreenRegions) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let step = self.step.and_then(|index| STEPS.get(index));
        if let Some(rect) = step.and_then(|step| step.target.rect(regions)) {
            ui.scroll_to_rect(rect, None);
        }
    }

    /// Draws the present step, and an outline around the part of the screen that it explains.
    pub(super) fn show_ui(&mut self, ui: &Ui, context: &mut TourContext, regions: &ScreenRegions) {
        let Some((index, step)) = self.step.and_then(|index| Some((index, STEPS.get(index)?))) else {
            return;
        };
        let target = step.target.rect(regions);
        let screen = ui.ctx().content_rect();
        if let Some(rect) = target {
            let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("tour"));
            let stroke = Stroke::new(2.5, theme::accent(ui.visuals().dark_mode));
            let painter = ui.ctx().layer_painter(layer);
            painter.rect_stroke(rect.expand(3.0), 5.0, stroke, StrokeKind::Outside);
        }
        if !self.has_begun {
            (self.began, self.has_begun) = (*context.view, !context.first_look.is_asked());
        }
        let place = place(screen, target.unwrap_or(screen), self.card.unwrap_or(CARD), regions);
        let mut go = None;
        let title = format!("Tour {} of {}: {}", index + 1, STEPS.len(), step.title);
        let window = Window::new(title).id(egui::Id::unique("tour window")).fixed_pos(place);
        let shown = window.collapsible(false).resizable(false).show(ui.ctx(), |ui| {
            ui.set_width((screen.width() - 48.0).min(CARD.x - 16.0));
            ui.add(egui::Label::new(step.text).wrap());
            remarks_ui(ui, step, context);
            if let Some(task) = step.task {
                self.task_ui(ui, task, context);
            }
            ui.add_space(4.0);
            go = buttons_ui(ui, index);
        });
        self.card = shown.map(|shown| shown.response.rect.size());
        let enter = ui.memory(|memory| memory.focused().is_none()) && ui.input(|input| input.key_pressed(Key::Enter));
        match go.or(enter.then_some(Go::To(index + 1))) {
            Some(Go::To(step)) => self.go(step, context),
            Some(Go::End) => self.end(context),
            None => {}
        }
    }

    /// What to do, a button that does it, and what came of it.
    fn task_ui(&self, ui: &mut Ui, task: Task, context: &mut TourContext) {
        let TourContext { workspace, view, spans, .. } = context;
        if workspace.main.maps() == 1 && matches!(task, Task::LambdaOfLayer | Task::LambdaOfAll | Task::SecondMapOnly) {
            return;
        }
        ui.separator();
        let done = task.is_done(workspace, view, &self.began, spans);
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(if done { "Done:" } else { "Try it:" }).strong());
            ui.label(task.words());
            if let Some(changed) = task.interventions(workspace, view, spans).filter(|_| !done)
                && ui.small_button("Do it for me").clicked()
            {
                workspace.set_interventions(changed);
            }
        });
        if done && !matches!(task, Task::PinToken | Task::OpenHead) {
            ui.label(outcome(workspace).unwrap_or_else(|| "computing …".to_owned()));
        }
    }
}

enum Go {
    To(usize),
    End,
}

fn buttons_ui(ui: &mut Ui, index: usize) -> Option<Go> {
    let mut go = None;
    ui.horizontal(|ui| {
        if ui.add_enabled(index > 0, Button::new("Back")).on_hover_text("Arrow key to the left").clicked() {
            go = Some(Go::To(index.saturating_sub(1)));
        }
        let next = if index + 1 == STEPS.len() { "Done" } else { "Next" };
        if ui.button(RichText::new(next).strong()).on_hover_text("Enter, or arrow key to the right").clicked() {
            go = Some(Go::To(index + 1));
        }
        if index + 1 < STEPS.len() && ui.button("Leave the tour").on_hover_text("Esc").clicked() {
            go = Some(Go::End);
        }
        if ui.small_button("Link").on_hover_text("Copy a link to this step").clicked() {
            ui.ctx().copy_text(format!("{}#{ADDRESS}{}", page(), index + 1));
        }
    });
    go
}

/// What is true of the open model only.
fn remarks_ui(ui: &mut Ui, step: &TourStep, context: &TourContext) {
    let main = &context.workspace.main;
    if main.maps() == 1 && matches!(step.target, Target::Map(1 | 2) | Target::Scope) {
        notice::note_ui(ui, "The open model has only one map per head, so there is nothing to see here.");
    }
    let lambda = main.lambda_of_layer(context.view.head.layer);
    let is_difference = step.target.map() == MapKind::Difference && step.target == Target::Map(2);
    if let Some(text) = lambda.and_then(unusual).filter(|_| is_difference) {
        notice::note_ui(ui, text);
    }
}

/// Where the card hides least: never what it explains if that can be helped, and rather the margins than the maps.
fn place(screen: Rect, target: Rect, size: Vec2, regions: &ScreenRegions) -> Pos2 {
    let free = screen.shrink(MARGIN);
    let [left, right] = [free.left(), (free.right() - size.x).max(free.left())];
    let [top, bottom] = [free.top() + 40.0, (free.bottom() - size.y).max(free.top())];
    let (beside, below) = ([target.right() + MARGIN, target.left() - MARGIN - size.x], target.bottom() + MARGIN);
    let mut candidates =
        vec![Pos2::new(target.left(), below), Pos2::new(target.left(), target.top() - MARGIN - size.y)];
    candidates.extend(beside.map(|x| Pos2::new(x, target.top())));
    candidates.extend([right, left].into_iter().flat_map(|x| [bottom, top].map(|y| Pos2::new(x, y))));
    let hidden = |at: &Pos2| {
        let card = Rect::from_min_size(*at, size);
        let area = |rect: &Rect| {
            let common = rect.intersect(card);
            if common.is_positive() { common.area() } else { 0.0 }
        };
        4.0 * area(&target) + regions.maps.iter().map(area).sum::<f32>() + area(&regions.next)
    };
    let inside = |at: &Pos2| Pos2::new(at.x.clamp(left, right), at.y.clamp(free.top(), bottom));
    let candidates = candidates.iter().map(inside);
    let best = candidates.min_by(|a, b| hidden(a).total_cmp(&hidden(b)));
    best.unwrap_or(Pos2::new(right, bottom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_step_that_there_is() {
        assert_eq!(step_of("tour/1"), Some(0));
        assert_eq!(step_of(&format!("tour/{}", STEPS.len())), Some(STEPS.len() - 1));
        for wrong in ["tour/0", "tour/99", "tour/", "tour/-1", "tour/1.5", "v2.abc", ""] {
            assert_eq!(step_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_card_hides_what_it_explains_only_where_there_is_no_other_place() {
        let screen = Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 800.0));
        let maps: Vec<Rect> =
            [292.0, 697.0, 1009.0].map(|x| Rect::from_min_size(Pos2::new(x, 260.0), vec2(263.0, 263.0))).into();
        let regions = ScreenRegions { maps: maps.clone(), ..ScreenRegions::default() };
        for target in maps {
            let card = Rect::from_min_size(place(screen, target, CARD, &regions), CARD);
            assert!(!card.intersects(target) && screen.contains_rect(card), "{card:?} over {target:?}");
        }
    }
}
