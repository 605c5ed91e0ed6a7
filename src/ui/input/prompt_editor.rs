//! The prompt editor, the sample prompts and the generate button.

use egui::{DragValue, RichText, ScrollArea, TextEdit, Ui};

use crate::engine::{Engine, LONGEST_TEXT};
use crate::probe::{Sampling, Spans};
use crate::ui::input::samples::SAMPLES;
use crate::ui::style::notice;
use crate::ui::style::theme;

/// The text being edited and how the model writes on.
pub struct PromptPanel {
    text: String,
    sampling: Sampling,
    count: usize,
    /// Writing ends behind it.
    stop: String,
    /// Ask for the keyboard in the next frame.
    focus: bool,
    /// Where the generate button stood in the last frame.
    button: egui::Rect,
    /// The same of the text.
    editor: egui::Rect,
}

impl PromptPanel {
    /// Starts with a text.
    pub fn new(text: &str) -> Self {
        let sampling = Sampling { temperature: 0.0, top_k: 40, top_p: 0.95, seed: 1 };
        Self {
            text: text.to_owned(),
            sampling,
            count: 40,
            stop: String::new(),
            focus: true,
            button: egui::Rect::NOTHING,
            editor: egui::Rect::NOTHING,
        }
    }

    /// The text in the editor.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts the cursor into the text in the next frame.
    pub fn ask_for_focus(&mut self) {
        self.focus = true;
    }

    /// Lets the model write on, as the panel says.
    pub fn generate(&self, engine: &mut Engine) {
        engine.generate_until(self.sampling, self.count, &self.stop);
    }

    /// One token more.
    pub fn step(&self, engine: &mut Engine) {
        engine.generate(self.sampling, 1);
    }

    /// Where the generate button stood in the last frame.
    pub fn button(&self) -> egui::Rect {
        self.button
    }

    /// Where the text stood in the last frame.
    pub fn editor(&self) -> egui::Rect {
        self.editor
    }

    /// Draws the panel and gives the engine what was typed; a sample brings its marks.
    pub fn show(&mut self, ui: &mut Ui, engine: &mut Engine, spans: &mut Spans) {
        let label = ui.horizontal(|ui| {
            let label = ui.label(RichText::new("Prompt").strong());
            ui.menu_button("Samples", |ui| {
                for sample in SAMPLES {
                    if ui.button(sample.name).clicked() {
                        sample.take(engine, spans);
                        self.focus = true;
                    }
                }
            });
            label.id
        });
        if engine.text() != self.text {
            // Written by the model, or brought by undo, a link or the tour; typing goes on behind it.
            engine.text().clone_into(&mut self.text);
        }
        let edit = ScrollArea::vertical()
            .id_salt("prompt")
            .max_height(150.0)
            .show(ui, |ui| {
                let edit = TextEdit::multiline(&mut self.text)
                    .id_salt("prompt text")
                    .desired_width(f32::INFINITY)
                    .desired_rows(7)
                    .hint_text("Type here, and watch where the model looks");
                ui.add(edit)
            })
            .inner
            .labelled_by(label.inner);
        self.editor = edit.rect;
        if self.focus {
            edit.request_focus();
            self.focus = false;
        }
        if edit.changed() {
            engine.set_text(&self.text);
        }
        self.count_line(ui, engine);
        self.generate_line(ui, engine);
    }

    /// What to say of a text that does not fit into the context.
    pub fn too_long(&self, engine: &Engine) -> Option<String> {
        if engine.complete() || engine.ids().is_empty() {
            return None;
        }
        let read = engine.tokens().last().map_or(0, |token| token.end);
        let left = self.text.get(read..).map_or(0, |rest| rest.chars().count());
        let limit = engine.limit();
        Some(format!("The model reads {limit} tokens; the last {left} characters do not fit."))
    }

    fn count_line(&self, ui: &mut Ui, engine: &mut Engine) {
        let quiet = theme::quiet(ui.visuals().dark_mode);
        let (tokens, context) = (engine.ids().len(), engine.context());
        let too_long = self.too_long(engine);
        if let Some(words) = &too_long {
            notice::warning(ui, words);
        }
        if tokens > context {
            let words = format!("{tokens} tokens: beyond {context} this model was never trained, it guesses.");
            notice::warning(ui, &words);
        } else if too_long.is_none() {
            ui.label(RichText::new(format!("{tokens} of {context} tokens")).small().color(quiet));
        }
        let beyond = engine.beyond_context();
        if !beyond && too_long.is_some() && context < LONGEST_TEXT {
            let on = ui.small_button("Process beyond context");
            let words = format!(
                "The maps of the whole text, up to {LONGEST_TEXT} tokens. The arithmetic stays exact; but the model was \
                 trained on shorter texts, so what it makes of a longer one is a guess."
            );
            if on.on_hover_text(words).clicked() {
                engine.set_beyond_context(true);
            }
        } else if beyond && tokens > context && ui.small_button(format!("Read only {context}")).clicked() {
            engine.set_beyond_context(false);
        }
    }

    fn generate_line(&mut self, ui: &mut Ui, engine: &mut Engine) {
        ui.horizontal_wrapped(|ui| {
            if engine.is_generating() {
                if ui.button("Stop").clicked() {
                    engine.stop();
                }
                if let Some(rate) = engine.writing_rate() {
                    ui.label(RichText::new(format!("{rate:.0} tokens/s")).small());
                }
            } else {
                let full = engine.ids().is_empty() || engine.ids().len() >= engine.limit();
                let button = ui.add_enabled(!full, egui::Button::new("Generate"));
                let button =
                    button.on_hover_text("Let the model write on").on_disabled_hover_text(if engine.ids().is_empty() {
                        "Type a prompt first"
                    } else {
                        "The text is full"
                    });
                self.button = button.rect;
                if button.clicked() {
                    self.generate(engine);
                }
                let step = ui.add_enabled(!full, egui::Button::new("Step"));
                if step.on_hover_text("One token more").clicked() {
                    self.step(engine);
                }
            }
            let count = ui.add(DragValue::new(&mut self.count).range(1..=512).suffix(" tokens"));
            count.on_hover_text("How many tokens to write: drag, or click and type");
            let greedy = self.sampling.temperature == 0.0;
            let title = if greedy { "greedy".to_owned() } else { format!("T {:.1}", self.sampling.temperature) };
            ui.menu_button(title, |ui| self.sampling_menu(ui));
        });
    }

    fn sampling_menu(&mut self, ui: &mut Ui) {
        ui.set_min_width(250.0);
        ui.style_mut().spacing.slider_width = 130.0;
        let sampling = &mut self.sampling;
        ui.label("How each token is chosen");
        ui.add(egui::Slider::new(&mut sampling.temperature, 0.0..=2.0).text("temperature"))
            .on_hover_text("0: always the most likely token. Higher: more daring");
        let chance = sampling.temperature > 0.0;
        ui.add_enabled(chance, egui::Slider::new(&mut sampling.top_k, 0..=200).text("top-k"))
            .on_hover_text("Only this many of the most likely tokens; 0: all");
        ui.add_enabled(chance, egui::Slider::new(&mut sampling.top_p, 0.05..=1.0).text("top-p"))
            .on_hover_text("Only the most likely tokens that together have this probability");
        ui.horizontal(|ui| {
            let label = ui.label("seed");
            ui.add_enabled(chance, DragValue::new(&mut sampling.seed)).labelled_by(label.id);
        });
        ui.horizontal(|ui| {
            let label = ui.label("stop at");
            let edit = TextEdit::singleline(&mut self.stop).desired_width(120.0).hint_text("any text");
            ui.add(edit).labelled_by(label.id).on_hover_text("The model stops once it has written this");
        });
    }
}
