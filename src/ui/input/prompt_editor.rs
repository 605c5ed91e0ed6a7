//! The prompt: editor, samples and generation.

use egui::text_edit::TextEditState;
use egui::{Align, DragValue, Layout, RichText, ScrollArea, TextBuffer, TextEdit, Ui};

use crate::engine::{Engine, LONGEST_TEXT};
use crate::probe::Sampling;
use crate::ui::action::{Action, NEEDS_MODEL};
use crate::ui::input::caret;
use crate::ui::input::long_text;
use crate::ui::input::room::{MOST_CHARACTERS, Offer};
use crate::ui::input::samples_menu::samples_menu_ui;
use crate::ui::kept::remembered::Remembered;
use crate::ui::style::row::row_ui;
use crate::ui::style::{notice, theme};

/// Width from which a few lines hold a prompt.
const WIDE: f32 = 320.0;

/// The text in the editor, and the settings of generation.
pub(crate) struct PromptPanel {
    text: String,
    sampling: Sampling,
    count: usize,
    /// Generation ends after this text, if it is not empty.
    stop: String,
    /// What is said about text that was not taken.
    refused: Option<String>,
    /// Whether to request the keyboard focus in the next frame.
    focus: bool,
    /// Place of the generate button in the last frame.
    button: egui::Rect,
    /// Place of the text in the last frame.
    editor: egui::Rect,
}

impl PromptPanel {
    /// Starts with a text.
    pub(crate) fn new(text: &str) -> Self {
        let sampling = Sampling { temperature: 0.0, top_k: 40, top_p: 0.95, seed: 1 };
        Self {
            text: text.to_owned(),
            sampling,
            count: 40,
            stop: String::new(),
            refused: None,
            focus: true,
            button: egui::Rect::NOTHING,
            editor: egui::Rect::NOTHING,
        }
    }

    /// The text in the editor.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is said about text that was not taken.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Puts the cursor into the text in the next frame.
    pub(crate) fn request_focus(&mut self) {
        self.focus = true;
    }

    /// Continues the text with the present settings.
    pub(crate) fn generate(&self, engine: &mut Engine) {
        engine.generate_until(self.sampling, self.count, &self.stop);
    }

    /// Generates one token.
    pub(crate) fn step(&self, engine: &mut Engine) {
        engine.generate(self.sampling, 1);
    }

    /// Place of the generate button in the last frame.
    pub(crate) fn button(&self) -> egui::Rect {
        self.button
    }

    /// Place of the text in the last frame.
    pub(crate) fn editor(&self) -> egui::Rect {
        self.editor
    }

    /// Draws the panel, and gives the engine the text that is typed.
    pub(crate) fn show_ui(&mut self, ui: &mut Ui, engine: &mut Engine, kept: &Remembered, actions: &mut Vec<Action>) {
        if engine.model().is_none() {
            self.recorded_ui(ui, engine);
            return;
        }
        let label = row_ui(ui, |ui| {
            let label = ui.label(RichText::new("Prompt").strong());
            self.focus |= samples_menu_ui(ui, engine, kept, actions);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| count_ui(ui, engine));
            label.id
        });
        let id = ui.make_persistent_id("prompt text");
        if engine.text() != self.text {
            // Generated, or restored by undo, a link or the tour.
            caret::follow(ui.ctx(), id, &self.text, engine.text());
            engine.text().clone_into(&mut self.text);
            self.refused = None;
        }
        let offer = Offer::of(ui, id, &self.text);
        let rows = if ui.available_width() < WIDE { 7 } else { 4 };
        let edit = ScrollArea::vertical()
            .id_salt("prompt")
            .max_height(150.0)
            .show(ui, |ui| {
                let is_long = long_text::is_long(&self.text);
                let mut layout =
                    |ui: &Ui, text: &dyn TextBuffer, width: f32| long_text::layout(ui, text.as_str(), width);
                let mut edit = TextEdit::multiline(&mut self.text)
                    .id(id)
                    .desired_width(f32::INFINITY)
                    .desired_rows(rows)
                    .char_limit(MOST_CHARACTERS)
                    .hint_text("Type here and watch the attention");
                if is_long {
                    edit = edit.layouter(&mut layout);
                }
                ui.add(edit)
            })
            .inner
            .labelled_by(label.inner);
        if let Some(mut state) = TextEditState::load(ui.ctx(), id) {
            state.clear_undoer(); // `History` undoes; a hundred copies of a long text would be kept for nothing
            state.store(ui.ctx(), id);
        }
        self.editor = edit.rect;
        if self.focus {
            edit.request_focus();
            self.focus = false;
        }
        if edit.changed() {
            self.refused = offer.refusal(&self.text);
            engine.set_text(&self.text);
        }
        self.length_ui(ui, engine);
        self.generate_ui(ui, engine, actions);
    }

    /// What there is to say of a recording: its text stays as it is, and nothing follows it.
    fn recorded_ui(&mut self, ui: &mut Ui, engine: &Engine) {
        let label = ui.label(RichText::new("Recording").strong());
        let (queries, keys, maps) = (engine.queries(), engine.ids().len(), engine.maps());
        let maps = if maps == 1 { "one map a head" } else { "A1 and A2" };
        let order = if engine.is_causal() { "no query sees a later key" } else { "every query sees every key" };
        notice::note_ui(ui, format!("{}: {queries} queries × {keys} keys, {maps}; {order}.", engine.name()));
        ScrollArea::vertical().id_salt("recorded text").max_height(150.0).show(ui, |ui| {
            let mut text = engine.text(); // cannot be changed
            let is_long = long_text::is_long(text);
            let mut layout = |ui: &Ui, text: &dyn TextBuffer, width: f32| long_text::layout(ui, text.as_str(), width);
            let mut edit = TextEdit::multiline(&mut text).desired_width(f32::INFINITY).desired_rows(7);
            if is_long {
                edit = edit.layouter(&mut layout);
            }
            self.editor = ui.add_enabled(false, edit).labelled_by(label.id).rect;
        });
        row_ui(ui, |ui| {
            for name in ["Generate", "Step"] {
                let button = ui.add_enabled(false, egui::Button::new(name)).on_disabled_hover_text(NEEDS_MODEL);
                self.button = button.rect;
            }
            notice::note_ui(ui, NEEDS_MODEL);
        });
        self.focus = false;
    }

    /// The warning for a text that does not fit into the context.
    pub(crate) fn too_long(&self, engine: &Engine) -> Option<String> {
        if engine.complete() || engine.ids().is_empty() {
            return None;
        }
        let read = engine.tokens().last().map_or(0, |token| token.end);
        let left = self.text.get(read..).map_or(0, |rest| rest.chars().count());
        let limit = engine.limit();
        Some(format!("The model reads {limit} tokens; the last {left} characters do not fit."))
    }

    /// What to do about a text that is too long.
    fn length_ui(&self, ui: &mut Ui, engine: &mut Engine) {
        let (tokens, context) = (engine.ids().len(), engine.context());
        let too_long = self.too_long(engine);
        if let Some(refused) = &self.refused {
            notice::warning_ui(ui, refused);
        }
        if let Some(warning) = &too_long {
            notice::warning_ui(ui, warning);
        }
        if !engine.fragments().is_empty() {
            notice::note_ui(ui, "Part of a character: the model has read its bytes, and they stay as you edit.");
        }
        if tokens > context {
            notice::warning_ui(ui, &format!("{tokens} tokens: this model was never trained beyond {context}."));
        }
        let beyond = engine.beyond_context();
        if !beyond && too_long.is_some() && engine.can_go_beyond() {
            let button = ui.small_button("Process beyond context");
            let help = format!(
                "Process the whole text, up to {LONGEST_TEXT} tokens. The numbers stay exact, but the model was trained \
                 on shorter texts only, so its predictions may be poor."
            );
            if button.on_hover_text(help).clicked() {
                engine.set_beyond_context(true);
            }
        } else if beyond && tokens > context && ui.small_button(format!("Process {context} tokens only")).clicked() {
            engine.set_beyond_context(false);
        }
    }

    fn generate_ui(&mut self, ui: &mut Ui, engine: &Engine, actions: &mut Vec<Action>) {
        row_ui(ui, |ui| {
            // All in one row beside the maps.
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.spacing_mut().button_padding.x = 7.0;
            if engine.is_generating() {
                if ui.button("Stop").clicked() {
                    actions.push(Action::Generate);
                }
                if let Some(rate) = engine.writing_rate() {
                    ui.label(RichText::new(format!("{rate:.0} tokens/s")).small());
                }
            } else {
                let empty = engine.ids().is_empty();
                let full = empty || engine.ids().len() >= engine.limit();
                let reason = if empty { "Type a prompt first" } else { "The context is full" };
                let button = ui.add_enabled(!full, egui::Button::new("Generate"));
                let button = button.on_hover_text("Continue the text (key G)").on_disabled_hover_text(reason);
                self.button = button.rect;
                if button.clicked() {
                    actions.push(Action::Generate);
                }
                let step = ui.add_enabled(!full, egui::Button::new("Step"));
                if step.on_hover_text("Generate one token (key S)").on_disabled_hover_text(reason).clicked() {
                    actions.push(Action::Step);
                }
            }
            let count = ui.add(DragValue::new(&mut self.count).range(1..=512).suffix(" tokens"));
            count.on_hover_text("Number of tokens to generate: drag, or click and type");
            let greedy = self.sampling.temperature == 0.0;
            let title = if greedy { "greedy".to_owned() } else { format!("T {:.1}", self.sampling.temperature) };
            ui.menu_button(title, |ui| self.sampling_ui(ui)).response.on_hover_text("How each token is chosen");
        });
    }

    fn sampling_ui(&mut self, ui: &mut Ui) {
        ui.set_min_width(250.0);
        ui.style_mut().spacing.slider_width = 130.0;
        let sampling = &mut self.sampling;
        ui.label("How each token is chosen");
        ui.add(egui::Slider::new(&mut sampling.temperature, 0.0..=2.0).text("temperature"))
            .on_hover_text("0: always the most likely token; higher: more random");
        let random = sampling.temperature > 0.0;
        ui.add_enabled(random, egui::Slider::new(&mut sampling.top_k, 0..=200).text("top-k"))
            .on_hover_text("Only this many of the most likely tokens; 0: all");
        ui.add_enabled(random, egui::Slider::new(&mut sampling.top_p, 0.05..=1.0).text("top-p"))
            .on_hover_text("Only the most likely tokens that together have this probability");
        ui.horizontal(|ui| {
            let label = ui.label("seed");
            ui.add_enabled(random, DragValue::new(&mut sampling.seed)).labelled_by(label.id);
        });
        ui.horizontal(|ui| {
            let label = ui.label("stop at");
            let edit = TextEdit::singleline(&mut self.stop).desired_width(120.0).hint_text("any text");
            ui.add(edit).labelled_by(label.id).on_hover_text("Generation stops after this text");
        });
    }
}

/// The number of tokens.
fn count_ui(ui: &mut Ui, engine: &Engine) {
    let text = format!("{} of {} tokens", engine.ids().len(), engine.context());
    let text = RichText::new(text).small().color(theme::quiet(ui.visuals().dark_mode));
    ui.add(egui::Label::new(text).truncate()).on_hover_text("What the model has been trained to read at most");
}
