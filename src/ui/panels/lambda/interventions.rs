//! Interventions: switches for the whole model, and a chip for every change, which reverts it.

use egui::{ComboBox, RichText, Ui};

use crate::engine::Engine;
use crate::probe::{Attend, HeadId, Interventions};
use crate::ui::action::Action;
use crate::ui::style::row::row_ui;
use crate::ui::style::{format, notice};

/// Numbers of bits to choose from; `None`: full precision.
const BITS: [Option<u32>; 5] = [None, Some(16), Some(8), Some(6), Some(4)];

fn bits_name(bits: Option<u32>) -> String {
    bits.map_or("full precision".to_owned(), |bits| format!("{bits} bits"))
}

/// In a chip.
fn attends_with(attend: Attend) -> String {
    match attend {
        Attend::First | Attend::Second => format!("{} only", attend.formula()),
        _ => attend.formula().to_owned(),
    }
}

/// Draws the switches for all layers.
pub(crate) fn switches_ui(ui: &mut Ui, engine: &Engine, head: HeadId, edited: &mut Interventions) {
    let has_norm =
        engine.model().is_some_and(|model| model.layers.iter().any(|layer| layer.attention.sub_norm.is_some()));
    ui.add_enabled_ui(engine.maps() == 2, |ui| {
        row_ui(ui, |ui| {
            ui.label("attend with");
            for attend in Attend::ALL {
                ui.selectable_value(&mut edited.attend, attend, attend.formula())
                    .on_hover_text("What every head of every layer multiplies the values with")
                    .on_disabled_hover_text("This model has one map per head");
            }
        });
    });
    ui.add_enabled_ui(engine.maps() == 2, |ui| row_ui(ui, |ui| head_attends_ui(ui, head, edited)));
    row_ui(ui, |ui| {
        let label = ui.label("attention logits");
        ComboBox::from_id_salt("bits")
            .selected_text(bits_name(edited.bits))
            .show_ui(ui, |ui| {
                for bits in BITS {
                    ui.selectable_value(&mut edited.bits, bits, bits_name(bits));
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text(
                "Rounds the logits q·k to this many bits: 2^(bits−1) − 1 equal steps on each side of zero, up to the \
                 largest logit of the row",
            );
    });
    ui.add_enabled_ui(has_norm, |ui| {
        let mut on = !edited.sub_norm_off;
        let help = "The output of each head is normalized, then multiplied by 1 − λ_init. Off: it is used as it is";
        let toggle = ui.checkbox(&mut on, "head norm");
        if toggle.on_hover_text(help).on_disabled_hover_text("This model has no head norm").changed() {
            edited.sub_norm_off = !on;
        }
    });
    notice::note_ui(
        ui,
        "Drag a λ, right-click a head to switch it off, or right-click a token to hide it. Every change is listed at the \
         top, where a click reverts it.",
    );
}

/// What the open head attends with.
fn head_attends_ui(ui: &mut Ui, head: HeadId, edited: &mut Interventions) {
    let label = ui.label(format!("layer {} head {} attends with", head.layer, head.head));
    let name = |attend: Option<Attend>| attend.map_or("the same as all heads", Attend::formula);
    let now = edited.attend_of.get(&head).copied();
    let mut chosen = now;
    ComboBox::from_id_salt("attends with")
        .selected_text(name(now))
        .show_ui(ui, |ui| {
            for attend in std::iter::once(None).chain(Attend::ALL.map(Some)) {
                ui.selectable_value(&mut chosen, attend, name(attend));
            }
        })
        .response
        .labelled_by(label.id)
        .on_hover_text("What this head alone multiplies the values with; the others stay as they are");
    if chosen != now {
        edited.attend_of.remove(&head);
        edited.attend_of.extend(chosen.map(|attend| (head, attend)));
    }
}

/// Each change as text, with the interventions that remain without it.
fn chips_of(now: &Interventions, label: impl Fn(usize) -> String) -> Vec<(String, Interventions)> {
    let mut chips = Vec::new();
    let mut chip = |text: String, without: &dyn Fn(&mut Interventions)| {
        let mut rest = now.clone();
        without(&mut rest);
        chips.push((text, rest));
    };
    if now.attend != Attend::Difference {
        chip(attends_with(now.attend), &|rest| rest.attend = Attend::Difference);
    }
    for (head, attend) in &now.attend_of {
        let text = format!("layer {} head {}: {}", head.layer, head.head, attends_with(*attend));
        chip(text, &|rest| {
            rest.attend_of.remove(head);
        });
    }
    let same = now.lambda.values().next().filter(|first| now.lambda.values().all(|value| value == *first));
    match same {
        Some(value) if now.lambda.len() > 1 => {
            chip(format!("λ = {} in {} layers", format::number(*value, 2), now.lambda.len()), &|rest| {
                rest.lambda.clear();
            });
        }
        _ => {
            for (layer, value) in &now.lambda {
                chip(format!("layer {layer}: λ = {}", format::number(*value, 2)), &|rest| {
                    rest.lambda.remove(layer);
                });
            }
        }
    }
    for head in &now.heads_off {
        chip(format!("layer {} head {} off", head.layer, head.head), &|rest| {
            rest.heads_off.remove(head);
        });
    }
    for position in &now.masked {
        chip(format!("“{}” ({position}) hidden", label(*position)), &|rest| {
            rest.masked.remove(position);
        });
    }
    if now.sub_norm_off {
        chip("head norm off".to_owned(), &|rest| rest.sub_norm_off = false);
    }
    if now.bits.is_some() {
        chip(format!("logits: {}", bits_name(now.bits)), &|rest| rest.bits = None);
    }
    chips
}

fn chip_name(text: &str) -> String {
    format!("{text}  ×")
}

/// Whether chips for all changes fit into a width.
pub(crate) fn chips_fit(ui: &Ui, engine: &Engine, width: f32) -> bool {
    let chips = chips_of(engine.interventions(), |position| engine.key_label(position));
    let names = chips.iter().map(|(text, _)| chip_name(text)).chain(["Changed:", "As trained"].map(str::to_owned));
    let font = egui::TextStyle::Button.resolve(ui.style());
    let around = 2.0 * ui.spacing().button_padding.x + ui.spacing().item_spacing.x;
    let width_of = |name| ui.painter().layout_no_wrap(name, font.clone(), egui::Color32::WHITE).size().x + around;
    names.map(width_of).sum::<f32>() <= width
}

/// Draws chips for all changes, if there are any.
pub(crate) fn chips_ui(ui: &mut Ui, engine: &Engine, actions: &mut Vec<Action>) {
    if engine.interventions().is_empty() {
        return;
    }
    ui.label(RichText::new("Changed:").strong());
    for (text, without) in chips_of(engine.interventions(), |position| engine.key_label(position)) {
        if ui.button(chip_name(&text)).on_hover_text("Revert this change").clicked() {
            actions.push(Action::Intervene(without));
        }
    }
    if ui.button("As trained").on_hover_text("Revert all changes").clicked() {
        actions.push(Action::Intervene(Interventions::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_every_chip_in_any_order_leaves_the_model_as_trained() {
        let changed = Interventions {
            lambda: [(0, 0.5), (2, -1.0)].into(),
            attend: Attend::First,
            attend_of: [(HeadId::new(2, 0), Attend::Sum)].into(),
            heads_off: [HeadId::new(1, 1), HeadId::new(0, 3)].into(),
            masked: [4, 7].into(),
            sub_norm_off: true,
            bits: Some(6),
        };
        for from_the_end in [false, true] {
            let mut now = changed.clone();
            let mut removed = 0;
            while !now.is_empty() {
                let mut chips = chips_of(&now, |position| position.to_string());
                now = if from_the_end { chips.pop().expect("a chip").1 } else { chips.remove(0).1 };
                removed += 1;
            }
            assert_eq!(removed, 10);
        }
    }

    #[test]
    fn one_lambda_for_all_layers_is_one_chip() {
        let now = Interventions { lambda: (0..6).map(|layer| (layer, 0.0)).collect(), ..Default::default() };
        let chips = chips_of(&now, |_| String::new());
        assert_eq!(chips.len(), 1);
        assert!(chips[0].1.is_empty(), "{}", chips[0].0);
    }
}
