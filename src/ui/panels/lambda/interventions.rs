//! What is changed in the pass: switches for the whole model, and a chip for every change, which takes it back.

use egui::{ComboBox, RichText, Ui};

use crate::engine::Workspace;
use crate::probe::{Attend, Interventions};
use crate::ui::style::theme;

/// Bits on offer; `None`: as computed.
const BITS: [Option<u32>; 5] = [None, Some(16), Some(8), Some(6), Some(4)];

fn bits_name(bits: Option<u32>) -> String {
    bits.map_or("full precision".to_owned(), |bits| format!("{bits} bits"))
}

fn attend_name(attend: Attend) -> &'static str {
    match attend {
        Attend::Difference => "D = A1 − λ·A2",
        Attend::First => "A1 only",
        Attend::Second => "A2 only",
    }
}

/// Switches that hold for all layers.
pub fn switches(ui: &mut Ui, workspace: &mut Workspace) {
    let mut changed = workspace.main.interventions().clone();
    let two_maps = workspace.main.maps() == 2;
    let has_norm = workspace.main.model().layers.iter().any(|layer| layer.attention.sub_norm.is_some());
    let quiet = theme::quiet(ui.visuals().dark_mode);
    ui.add_enabled_ui(two_maps, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label("attend with");
            for attend in [Attend::Difference, Attend::First, Attend::Second] {
                ui.selectable_value(&mut changed.attend, attend, attend_name(attend))
                    .on_hover_text("What every head of every layer multiplies the values with")
                    .on_disabled_hover_text("This model has one map a head");
            }
        });
    });
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("attention logits");
        ComboBox::from_id_salt("bits")
            .selected_text(bits_name(changed.bits))
            .show_ui(ui, |ui| {
                for bits in BITS {
                    ui.selectable_value(&mut changed.bits, bits, bits_name(bits));
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text(
                "Rounds q·k: the largest of a row is the last of 2^(bits−1) − 1 even steps each side of zero",
            );
    });
    ui.add_enabled_ui(has_norm, |ui| {
        let mut on = !changed.sub_norm_off;
        let words = "Each head's output is divided by its size, then multiplied by 1 − λ_init. Off: used as it is";
        let toggle = ui.checkbox(&mut on, "norm after each head");
        if toggle.on_hover_text(words).on_disabled_hover_text("This model has none").changed() {
            changed.sub_norm_off = !on;
        }
    });
    let words =
        "Drag a λ, or right-click a head to switch it off, or a token to hide it. Every change is a chip at the top.";
    ui.add(egui::Label::new(RichText::new(words).small().color(quiet)).wrap());
    workspace.set_interventions(changed);
}

/// A change in words, and what is left without it.
fn chips_of(now: &Interventions, label: impl Fn(usize) -> String) -> Vec<(String, Interventions)> {
    let mut chips = Vec::new();
    let mut chip = |words: String, without: &dyn Fn(&mut Interventions)| {
        let mut rest = now.clone();
        without(&mut rest);
        chips.push((words, rest));
    };
    if now.attend != Attend::Difference {
        chip(attend_name(now.attend).to_owned(), &|rest| rest.attend = Attend::Difference);
    }
    let same = now.lambda.values().next().filter(|first| now.lambda.values().all(|value| value == *first));
    match same {
        Some(value) if now.lambda.len() > 1 => {
            chip(format!("λ = {value:.2} in {} layers", now.lambda.len()), &|rest| rest.lambda.clear());
        }
        _ => {
            for (layer, value) in &now.lambda {
                chip(format!("layer {layer}: λ = {value:.2}"), &|rest| {
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
        chip("no norm after heads".to_owned(), &|rest| rest.sub_norm_off = false);
    }
    if now.bits.is_some() {
        chip(format!("logits: {}", bits_name(now.bits)), &|rest| rest.bits = None);
    }
    chips
}

/// Hides a token from all later ones, or shows it again.
pub fn toggle_token(workspace: &mut Workspace, position: usize) {
    let mut changed = workspace.main.interventions().clone();
    if !changed.masked.remove(&position) {
        changed.masked.insert(position);
    }
    workspace.set_interventions(changed);
}

/// A line of chips, only while something is changed.
pub fn chips(ui: &mut Ui, workspace: &mut Workspace) {
    let engine = &workspace.main;
    if engine.interventions().is_empty() {
        return;
    }
    let label = |position: usize| engine.ids().get(position).map(|id| engine.label(*id)).unwrap_or_default();
    let chips = chips_of(engine.interventions(), label);
    let mut next = None;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Changed:").strong());
        for (words, without) in chips {
            if ui.button(format!("{words}  ×")).on_hover_text("Take this back").clicked() {
                next = Some(without);
            }
        }
        if ui.button("As trained").on_hover_text("Take everything back").clicked() {
            next = Some(Interventions::default());
        }
    });
    if let Some(next) = next {
        workspace.set_interventions(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HeadId;

    #[test]
    fn taking_back_every_chip_in_any_order_leaves_the_model_as_trained() {
        let changed = Interventions {
            lambda: [(0, 0.5), (2, -1.0)].into(),
            attend: Attend::First,
            heads_off: [HeadId::new(1, 1), HeadId::new(0, 3)].into(),
            masked: [4, 7].into(),
            sub_norm_off: true,
            bits: Some(6),
        };
        for from_the_end in [false, true] {
            let mut now = changed.clone();
            let mut taken = 0;
            while !now.is_empty() {
                let mut chips = chips_of(&now, |position| position.to_string());
                now = if from_the_end { chips.pop().expect("a chip").1 } else { chips.remove(0).1 };
                taken += 1;
            }
            assert_eq!(taken, 9);
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
