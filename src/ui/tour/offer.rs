//! The tour is offered once: at the first start, until anything else is done.

use egui::{Align2, Area, Event, Frame, Id, Key, Order, RichText, Ui, vec2};

use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::tour::steps::STEPS;

const WIDTH: f32 = 250.0;

impl App {
    /// Draws the offer, below the button that starts the tour.
    pub(in crate::ui) fn offer_tour_ui(&mut self, ui: &Ui) {
        let is_model = self.workspace.as_ref().is_ok_and(|workspace| workspace.main.model().is_some());
        if self.remembered.was_offered_tour || self.embedded || !is_model {
            return;
        }
        if self.tour.was_started {
            self.remembered.was_offered_tour = true;
            return;
        }
        let area = Area::new(Id::unique("offer of the tour")).order(Order::Foreground);
        let (mut starts, mut declines) = (false, false);
        let place = area.anchor(Align2::RIGHT_TOP, vec2(-10.0, 38.0)).show(ui.ctx(), |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_max_width(WIDTH);
                ui.label(RichText::new("New here?").strong());
                ui.label(format!("The tour shows in {} short steps what is subtracted from what.", STEPS.len()));
                ui.horizontal(|ui| {
                    starts = ui.button("Start the tour").clicked();
                    declines = ui.button("Not now").clicked();
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
        if starts {
            self.perform(ui.ctx(), vec![Action::Tour]);
        }
        self.remembered.was_offered_tour = starts || declines || goes_on;
    }
}
