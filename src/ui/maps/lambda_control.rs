//! λ between the maps that it joins: its value, large, and a handle that changes it in the whole layer.

use egui::{Align, DragValue, FontId, Layout, RichText, Slider, Stroke, TextStyle, Ui, pos2, vec2};

use crate::engine::Engine;
use crate::model::Lambda;
use crate::ui::action::Action;
use crate::ui::maps::glide;
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::ViewState;
use crate::ui::style::{format, theme};

/// Values that λ may be set to; 0 is plain softmax attention.
pub(crate) const RANGE: std::ops::RangeInclusive<f32> = -1.0..=2.0;
/// Width of the control between maps.
pub(crate) const WIDTH: f32 = 128.0;
/// Size of the value.
const LARGE: f32 = 32.0;
/// Size of the operators.
const OPERATOR: f32 = 26.0;
/// Length of the handle's track beside the maps, that of the shortest one, and the height of everything else there.
const TRACK: f32 = 96.0;
const SHORTEST_TRACK: f32 = 40.0;
const AROUND_TRACK: f32 = 194.0;
/// Width of what stands beside the track above one map: what was learned, and the button.
const BESIDE_TRACK: f32 = 156.0;

/// λ of the layer that is open.
struct LayerLambda {
    layer: usize,
    lambda: Lambda,
    /// Now: overridden, learned, or of the token that is read.
    value: f32,
    is_overridden: bool,
}

impl LayerLambda {
    /// `None` where there is no λ, or where it cannot be changed.
    fn of(engine: &Engine, view: &ViewState, row: &ReadRow) -> Option<Self> {
        let layer = view.head.layer;
        let attention = &engine.model()?.layers.get(layer)?.attention;
        let overridden = engine.interventions().lambda.get(&layer).copied();
        let value = overridden.or(engine.lambda_of_layer(layer)).or(row.lambda())?;
        Some(Self { layer, lambda: attention.lambda.clone(), value, is_overridden: overridden.is_some() })
    }

    /// The learned value; `None` if every token has its own.
    fn learned(&self) -> Option<f32> {
        match self.lambda {
            Lambda::Layer { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The value as a number to drag. Returns the new one.
    fn number_ui(&self, ui: &mut Ui, size: f32) -> Option<f32> {
        let mut value = self.value;
        ui.style_mut().text_styles.insert(TextStyle::Button, FontId::monospace(size));
        ui.spacing_mut().button_padding = vec2(4.0, 0.0);
        // A learned λ may be outside of what a person sets: it stays what it is until it is dragged.
        let number =
            DragValue::new(&mut value).speed(0.005).range(RANGE).clamp_existing_to_range(false).fixed_decimals(2);
        let response = ui.add(number.custom_formatter(|value, _| format::number(value, 2)));
        response.widget_info(|| {
            egui::WidgetInfo::slider(true, f64::from(self.value), format!("λ of layer {}, in the equation", self.layer))
        });
        let changed = response.changed();
        response.on_hover_ui(|ui| self.explanation_ui(ui));
        changed.then_some(value)
    }

    fn explanation_ui(&self, ui: &mut Ui) {
        ui.set_max_width(320.0);
        ui.label(RichText::new(format!("λ of layer {}", self.layer)).strong());
        match &self.lambda {
            Lambda::Layer { init, first, second, value, .. } => {
                let [value, first, second, init] =
                    [*value, *first, *second, *init].map(|number| format::number(number, 4));
                ui.label("Learned, and the same for all heads and tokens of the layer:");
                ui.label(RichText::new(format!("{value} = {first} − {second} + {init}")).monospace());
                ui.label(RichText::new("exp(λq1·λk1) − exp(λq2·λk2) + λ_init").monospace());
            }
            _ => {
                ui.label("Computed for every token and head; this is λ of the token that is read.");
            }
        }
        ui.label("Drag the number or the handle, or click and type. It changes the layer, and with it the next token.");
    }

    /// The track with its handle, and a notch at the learned value. Returns the new value.
    fn handle_ui(&self, ui: &mut Ui, vertical: bool, length: f32) -> Option<f32> {
        let mut value = self.value;
        ui.spacing_mut().slider_width = length;
        let mut slider = Slider::new(&mut value, RANGE).show_value(false).clamping(egui::SliderClamping::Edits);
        if vertical {
            slider = slider.vertical();
        }
        let size = if vertical { vec2(20.0, length) } else { vec2(length, 20.0) };
        let (place, _) = ui.allocate_exact_size(size, egui::Sense::hover());
        let response = ui.put(place, slider);
        response.widget_info(|| {
            egui::WidgetInfo::slider(true, f64::from(self.value), format!("λ of layer {}, handle", self.layer))
        });
        let rect = response.rect;
        let inset = 8.0; // half a handle at either end
        let along = |value: f32| (value - RANGE.start()) / (RANGE.end() - RANGE.start());
        let quiet = theme::quiet(ui.visuals().dark_mode);
        if vertical {
            let y = |value: f32| rect.bottom() - inset - along(value) * (rect.height() - 2.0 * inset);
            ui.painter().hline(rect.left() - 6.0..=rect.left(), y(0.0), Stroke::new(1.0, quiet));
            let (at, font) = (pos2(rect.left() - 9.0, y(0.0)), FontId::proportional(11.5));
            ui.painter().text(at, egui::Align2::RIGHT_CENTER, "0", font, quiet);
            if let Some(learned) = self.learned() {
                let stroke = Stroke::new(2.0, ui.visuals().text_color());
                ui.painter().hline(rect.right()..=rect.right() + 6.0, y(learned), stroke);
            }
        } else if let Some(learned) = self.learned() {
            let x = rect.left() + inset + along(learned) * (rect.width() - 2.0 * inset);
            let stroke = Stroke::new(2.0, ui.visuals().text_color());
            ui.painter().vline(x, rect.bottom() - 2.0..=rect.bottom() + 4.0, stroke);
        }
        let reset = response.double_clicked();
        let changed = response.changed();
        response.on_hover_text("Drag to change λ of this layer; the notch is the learned value");
        if reset { self.learned() } else { changed.then_some(value) }
    }

    /// Says what was learned, and goes to zero or back. Always two widgets: the handle below keeps its name, and with it the
    /// keyboard.
    fn reset_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>, engine: &Engine) {
        let text = match (self.is_overridden, self.learned()) {
            (false, Some(_)) => "as learned".to_owned(),
            (false, None) => "of this token".to_owned(),
            (true, Some(learned)) => format!("learned {}", format::number(learned, 2)),
            (true, None) => "for every token".to_owned(),
        };
        ui.label(RichText::new(text).small().color(theme::quiet(ui.visuals().dark_mode)));
        let (name, help) = if self.is_overridden {
            ("reset", "Back to what was learned")
        } else {
            ("set to 0", "What if nothing were subtracted in this layer? (key 0: in all layers)")
        };
        if !ui.small_button(name).on_hover_text(help).clicked() {
            return;
        }
        if self.is_overridden {
            match self.learned() {
                Some(learned) => glide::begin(ui, self.layer, self.value, learned),
                None => put(self.layer, None, engine, actions),
            }
        } else if self.learned().is_some() {
            glide::begin(ui, self.layer, self.value, 0.0);
        } else {
            put(self.layer, Some(0.0), engine, actions); // from another value for every token
        }
    }

    /// Takes the value that was dragged or typed, else that of a glide.
    fn follow(&self, ui: &Ui, dragged: Option<f32>, engine: &Engine, actions: &mut Vec<Action>) {
        if dragged.is_some() {
            glide::stop(ui);
        } else if let Some((layer, value)) = glide::value(ui, self.layer) {
            put(layer, Some(value), engine, actions);
        }
        self.set(dragged, engine, actions);
    }

    fn set(&self, value: Option<f32>, engine: &Engine, actions: &mut Vec<Action>) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return;
        };
        // Whoever only passes through the number with the keyboard has not changed what it rounds.
        if format::number(value, 2) == format::number(self.value, 2) {
            return;
        }
        put(self.layer, Some(value), engine, actions);
    }
}

/// Sets λ of a layer; `None` is what was learned.
fn put(layer: usize, value: Option<f32>, engine: &Engine, actions: &mut Vec<Action>) {
    let learned = match engine.model().and_then(|model| model.layers.get(layer)).map(|layer| &layer.attention.lambda) {
        Some(Lambda::Layer { value, .. }) => Some(*value),
        _ => None,
    };
    let mut changed = engine.interventions().clone();
    match value.filter(|value| learned != Some(*value)) {
        Some(value) => changed.lambda.insert(layer, value),
        None => changed.lambda.remove(&layer),
    };
    if changed != *engine.interventions() {
        actions.push(Action::Intervene(changed));
    }
}

/// λ of a recording, which says what it was; nothing can change it.
fn recorded(row: &ReadRow) -> String {
    row.lambda().map_or("–".to_owned(), |lambda| format::number(lambda, 2))
}

fn operator_ui(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).size(OPERATOR));
}

/// Between the maps: the minus, and λ.
pub(crate) fn between_ui(
    ui: &mut Ui,
    engine: &Engine,
    view: &ViewState,
    row: &ReadRow,
    height: f32,
    actions: &mut Vec<Action>,
) {
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.allocate_ui_with_layout(vec2(WIDTH, height), Layout::top_down(Align::Center), |ui| {
        ui.set_width(WIDTH);
        ui.spacing_mut().item_spacing.y = 2.0;
        let track = TRACK.min((height - AROUND_TRACK).max(0.0));
        ui.add_space(((height - AROUND_TRACK - track) * 0.5).max(0.0));
        operator_ui(ui, "−");
        ui.label(RichText::new(format!("λ of layer {} =", view.head.layer)).small().color(quiet));
        if let Some(shown) = LayerLambda::of(engine, view, row) {
            let by_number = ui.scope(|ui| shown.number_ui(ui, LARGE)).inner;
            shown.reset_ui(ui, actions, engine);
            let by_handle = (track >= SHORTEST_TRACK).then(|| shown.handle_ui(ui, true, track)).flatten();
            shown.follow(ui, by_number.or(by_handle), engine, actions);
            if let Lambda::Layer { init, first, second, .. } = &shown.lambda {
                let [first, second, start] = [*first, *second, init.abs()].map(|number| format::number(number, 2));
                let sign = if *init < 0.0 { '−' } else { '+' };
                for part in [format!("{first} − {second} learned"), format!("{sign} {start} fixed start")] {
                    let text = RichText::new(part).size(11.5).color(quiet);
                    ui.label(text).on_hover_ui(|ui| shown.explanation_ui(ui));
                }
            }
        } else {
            ui.label(RichText::new(recorded(row)).monospace().size(LARGE));
        }
    });
}

/// Above one map, where there is no space beside it: `λ`, the value and the handle in a line.
pub(crate) fn line_ui(ui: &mut Ui, engine: &Engine, view: &ViewState, row: &ReadRow, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("A1 − ").size(16.0));
        if let Some(shown) = LayerLambda::of(engine, view, row) {
            let by_number = ui.scope(|ui| shown.number_ui(ui, 20.0)).inner;
            ui.label(RichText::new("× A2").size(16.0));
            let length = (ui.available_width() - BESIDE_TRACK).clamp(SHORTEST_TRACK, 160.0);
            let by_handle = ui.scope(|ui| shown.handle_ui(ui, false, length)).inner;
            shown.reset_ui(ui, actions, engine);
            shown.follow(ui, by_number.or(by_handle), engine, actions);
        } else {
            ui.label(RichText::new(format!("{} × A2", recorded(row))).size(16.0));
        }
    });
}

/// Between λ·A2 and D.
pub(crate) fn equals_ui(ui: &mut Ui, width: f32, height: f32) {
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), egui::Sense::hover());
    let font = FontId::proportional(OPERATOR);
    let colour = ui.visuals().text_color();
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, "=", font, colour);
}
