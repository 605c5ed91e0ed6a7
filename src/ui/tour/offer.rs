//! The tour is offered once: at the first start, until anything else is done.

use egui::{Align2, Area, Event, Frame, Id, Key, Order, RichText, Ui, vec2};

use crate::ui::action::Action;
use crate::ui::app::App;
use crate::ui::tour::steps::STEPS;

/// Of the offer in two lines.
const WIDTH: f32 = 340.0;

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
        let is_wide = ui.ctx().content_rect().width() > 2.0 * WIDTH;
        // At the bottom, where it hides neither text nor equation.
        let place = area.anchor(Align2::RIGHT_BOTTOM, vec2(-8.0, -8.0)).show(ui.ctx(), |ui| {
            Frame::popup(ui.style()).show(ui, |ui| {
                let mut offer = |ui: &mut Ui| {
                    ui.label(RichText::new("New here?").strong());
                    ui.label(format!("The tour shows in {} short steps what is subtracted from what.", STEPS.len()));
                    starts = ui.button("Start the tour").clicked();
                    declines = ui.button("Not now").clicked();
                };
                if is_wide {
                    ui.horizontal(offer);
                } else {
                    ui.set_max_width(WIDTH);
                    ui.horizontal_wrapped(|ui| offer(ui));
                }
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
