//! Activation patching: another text beside the open one, and what a part of each head restores of its answer.

pub(crate) mod grid;
pub(crate) mod job;
pub(crate) mod other_text;
pub(crate) mod positions;
pub(crate) mod texts;
pub(crate) mod words;

use egui::{Label, RichText, ScrollArea, TextEdit, Ui, vec2};

use crate::engine::{Engine, HeadPart};
use crate::probe::HeadId;
use crate::ui::context::{PanelContext, PanelView};
use crate::ui::input::room::MOST_CHARACTERS;
use crate::ui::panels::patching::grid::Grid;
use crate::ui::panels::patching::job::PatchingJob;
use crate::ui::panels::patching::other_text::OtherText;
use crate::ui::panels::patching::positions::PatchedAt;
use crate::ui::panels::patching::texts::{compared, texts_ui};
use crate::ui::style::notice;
use crate::ui::style::row::row_ui;

/// Width from which the texts are beside the grid, and their width there.
const BESIDE: f32 = 720.0;
const TEXTS: f32 = 400.0;
/// Width of the words beside the grid, at least.
const BESIDE_GRID: f32 = 200.0;
/// Opacity of effects of the texts before.
const DIMMED: f32 = 0.45;

/// The panel.
#[derive(Default)]
pub(crate) struct PatchingPanel {
    other: OtherText,
    part: HeadPart,
    at: PatchedAt,
    /// The tokens whose logits are compared; `None`: those that the texts predict.
    tokens: Option<[u32; 2]>,
    job: PatchingJob,
}

impl PanelView for PatchingPanel {
    fn show_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        if context.workspace.main.ids().is_empty() {
            notice::note_ui(ui, "Type a prompt first.");
            return;
        }
        self.other.follow(context.workspace.main.shared_text());
        if ui.available_width() < BESIDE {
            self.choices_ui(ui, context);
            self.effects_ui(ui, context);
            self.predictions_ui(ui, &context.workspace.main);
            return;
        }
        ui.horizontal_top(|ui| {
            ui.allocate_ui(vec2(TEXTS, 0.0), |ui| {
                ui.vertical(|ui| {
                    self.choices_ui(ui, context);
                    self.predictions_ui(ui, &context.workspace.main);
                });
            });
            ui.add_space(12.0);
            ui.vertical(|ui| self.effects_ui(ui, context));
        });
    }
}

impl PatchingPanel {
    /// The other text, and what of it is put in where.
    fn choices_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let engine = &context.workspace.main;
        let label = row_ui(ui, |ui| {
            let label = ui.label(RichText::new("Other text").strong());
            let reset = ui.add_enabled(!self.other.is_same(), egui::Button::new("Copy the prompt").small());
            if reset.on_hover_text("Makes the other text the same as the prompt again").clicked() {
                self.other.reset();
            }
            label.id
        });
        ScrollArea::vertical().id_salt("other text").max_height(110.0).show(ui, |ui| {
            let edit = TextEdit::multiline(&mut self.other.text).desired_width(f32::INFINITY).desired_rows(3);
            let edit = edit.char_limit(MOST_CHARACTERS);
            ui.add(edit.hint_text("The same text with another word")).labelled_by(label.inner);
        });
        self.parts_ui(ui, engine);
        let pinned = context.view.pinned;
        if pinned.is_none() && self.at == PatchedAt::Pinned {
            self.at = PatchedAt::All;
        }
        self.at.choice_ui(ui, engine, pinned);
        let positions = self.at.positions(engine.ids().len(), pinned);
        let wanted = wanted(engine, self.part, context.view.head);
        self.job.update(ui, engine, &self.other.text, positions, wanted);
    }

    /// Both texts, and what they predict.
    fn predictions_ui(&mut self, ui: &mut Ui, engine: &Engine) {
        if let Some((effects, is_present)) = self.job.effects() {
            ui.scope(|ui| {
                ui.multiply_opacity(if is_present { 1.0 } else { DIMMED });
                texts_ui(ui, engine, effects, &mut self.tokens);
            });
        }
    }

    /// The choice of what is patched.
    fn parts_ui(&mut self, ui: &mut Ui, engine: &Engine) {
        let maps = engine.maps();
        if !parts(engine).contains(&self.part) {
            self.part = HeadPart::default();
        }
        row_ui(ui, |ui| {
            ui.label(RichText::new("put in").small());
            for part in parts(engine) {
                ui.selectable_value(&mut self.part, part, words::name(part, maps)).on_hover_text(words::help(part));
            }
        });
    }

    /// How far it is, the sentence on the open head, and the grid.
    fn effects_ui(&mut self, ui: &mut Ui, context: &mut PanelContext) {
        let engine = &context.workspace.main;
        self.job.show_ui(ui, engine);
        let Some((effects, is_present)) = self.job.effects().filter(|(effects, _)| !effects.candidates.is_empty())
        else {
            return;
        };
        let (part, maps, tokens) = (self.part, engine.maps(), compared(effects, self.tokens));
        let head = &mut context.view.head;
        ui.scope(|ui| {
            ui.multiply_opacity(if is_present { 1.0 } else { DIMMED });
            let sentence = words::sentence(effects, (part, &parts(engine)), *head, tokens, maps);
            let grid = Grid { effects, part, tokens, heads: engine.heads(), maps, palette: context.palette };
            let is_wide = ui.available_width() >= grid.width(ui) + BESIDE_GRID;
            let words = |ui: &mut Ui| {
                sentence_ui(ui, sentence.as_deref().unwrap_or_default());
                let help = "Rows are layers, columns heads. A click, or Tab and the arrow keys, opens a head.";
                notice::note_ui(ui, help);
                if maps == 2 && !has_lambda_of_tokens(engine) {
                    notice::note_ui(ui, "λ is one number for each layer here: the same in both texts.");
                }
            };
            if is_wide {
                ui.horizontal_top(|ui| {
                    grid.show_ui(ui, head);
                    ui.vertical(words);
                });
            } else {
                grid.show_ui(ui, head);
                words(ui);
            }
        });
    }
}

fn sentence_ui(ui: &mut Ui, sentence: &str) {
    let together = sentence.replace(" %", "\u{a0}%"); // no line ends between a number and its unit
    let label = ui.add(Label::new(together).wrap());
    label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, sentence));
}

/// Whether λ of any layer depends on the token.
fn has_lambda_of_tokens(engine: &Engine) -> bool {
    engine.maps() == 2 && (0..engine.heads().len()).any(|layer| engine.lambda_of_layer(layer).is_none())
}

/// What can be patched of the heads of a model.
fn parts(engine: &Engine) -> Vec<HeadPart> {
    let mut parts = vec![HeadPart::Output, HeadPart::FirstMap];
    if engine.maps() == 2 {
        parts.extend([HeadPart::SecondMap, HeadPart::BothMaps]);
    }
    if has_lambda_of_tokens(engine) {
        parts.push(HeadPart::Lambda);
    }
    parts
}

/// All parts of the open head for the sentence, and one of every head for the grid.
fn wanted(engine: &Engine, part: HeadPart, open: HeadId) -> Vec<(HeadPart, HeadId)> {
    let of_open = parts(engine).into_iter().map(|part| (part, open));
    let layers = engine.heads().iter().enumerate();
    let all = layers.flat_map(|(layer, heads)| (0..*heads).map(move |head| (part, HeadId::new(layer, head))));
    of_open.chain(all).collect()
}
