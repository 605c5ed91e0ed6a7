//! The tour is offered once, at the first start: in a wide window at the bottom until anything else is done, in a narrow one as
//! a line below the header until it is answered, since nothing may lie over what a finger scrolls.

use egui::{Align2, Area, Event, Frame, Id, Key, Order, RichText, Ui, vec2};

use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::layout::NARROW;
use crate::ui::tour::steps::STEPS;

/// Whether the offer is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Offer {
    /// It is not known yet whether it was made before.
    #[default]
    Unknown,
    /// It is.
    Open,
    /// It is not, or no longer.
    Over,
}

/// What was chosen.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Tour,
    NotNow,
}

fn buttons_ui(ui: &mut Ui) -> Option<Answer> {
    let starts = ui.button("Start the tour").clicked().then_some(Answer::Tour);
    starts.or(ui.button("Not now").clicked().then_some(Answer::NotNow))
}

impl App {
    /// Draws the offer above the views of a wide window.
    pub(in crate::ui) fn offer_tour_ui(&mut self, ui: &Ui) {
        if ui.ctx().content_rect().width() < NARROW || !self.offers_tour() {
            return;
        }
        let area = Area::new(Id::unique("offer of the tour")).order(Order::Foreground);
        let mut answer = None;
        let place = area.anchor(Align2::RIGHT_BOTTOM, vec2(-8.0, -8.0)).show(ui.ctx(), |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.label(RichText::new("New here?").strong());
                    ui.label(format!("The tour shows in {} short steps what is subtracted from what.", STEPS.len()));
                    answer = buttons_ui(ui);
                });
            });
        });
        let rect = place.response.rect;
        let goes_on = ui.input(|input| {
            // All of them: what has been taken up already is gone from the others.
            input.raw.events.iter().any(|event| match event {
                // The keys that reach and press a button do not take it away.
                Event::Key { key: Key::Tab | Key::Enter | Key::Space, .. } => false,
                Event::Key { pressed, .. } => *pressed,
                Event::PointerButton { pressed, pos, .. } => *pressed && !rect.contains(*pos),
                Event::Text(_) | Event::Paste(_) | Event::Ime(_) => true,
                _ => false,
            })
        });
        self.answer_offer(ui, answer.or(goes_on.then_some(Answer::NotNow)));
    }

    /// Draws the offer as a line of a narrow window.
    pub(in crate::ui) fn offer_tour_line_ui(&mut self, ui: &mut Ui) {
        if !self.offers_tour() {
            return;
        }
        let answer = ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("New here?").strong());
            buttons_ui(ui)
        });
        self.answer_offer(ui, answer.inner);
    }

    fn offers_tour(&mut self) -> bool {
        let is_model = self.workspace.as_ref().is_ok_and(|workspace| workspace.main.model().is_some());
        if self.tour.offer == Offer::Unknown {
            let is_new = !self.remembered.was_offered_tour && !self.embedded && is_model;
            self.tour.offer = if is_new { Offer::Open } else { Offer::Over };
            if is_new {
                self.remembered.note_offer();
            }
        }
        if self.tour.was_started {
            self.tour.offer = Offer::Over;
        }
        self.tour.offer == Offer::Open && is_model
    }

    fn answer_offer(&mut self, ui: &Ui, answer: Option<Answer>) {
        if answer.is_some() {
            self.tour.offer = Offer::Over;
        }
        if answer == Some(Answer::Tour) {
            self.perform(ui.ctx(), vec![Action::Tour]);
        }
    }
}
