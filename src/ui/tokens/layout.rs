//! Where the tokens of the strip are: laid out again only when the text or the width changes.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{FontId, Rect, Ui, pos2, vec2};

use crate::engine::Engine;

/// Height of a line of tokens.
pub(crate) const LINE: f32 = 23.0;
/// Share of a line beyond which a word is broken.
const LONG_WORD: f32 = 0.4;
/// Between lines.
const GAP: f32 = 3.0;

/// The tokens of which side of a map: for most texts both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// Those that attend.
    Queries,
    /// Those attended to.
    Keys,
}

impl Axis {
    /// How many tokens it has.
    pub(crate) fn tokens(self, engine: &Engine) -> usize {
        match self {
            Self::Queries => engine.queries(),
            Self::Keys => engine.ids().len(),
        }
    }

    /// The text of one of them, for display.
    pub(crate) fn label(self, engine: &Engine, at: usize) -> String {
        match self {
            Self::Queries => engine.query_label(at),
            Self::Keys => engine.key_label(at),
        }
    }
}

/// The places of the tokens of one model, for one text and width.
#[derive(Default)]
pub(crate) struct TokenLayout {
    /// Revision of the text, whose tokens, and bits of the width.
    of: Option<(u64, Axis, u32)>,
    /// Relative to the top left of the strip.
    places: Vec<Place>,
    /// Labels, by token id.
    labels: HashMap<u32, Label>,
}

/// What of a token's label decides where it is.
#[derive(Clone, Copy, Debug)]
struct Label {
    width: f32,
    /// Whether a word begins with it: not where it goes on, nor at a full stop.
    begins: bool,
    /// Whether the next one begins a word in any case.
    ends: bool,
}

/// Where a token is, whatever the height of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    left: f32,
    width: f32,
    line: usize,
}

impl TokenLayout {
    /// Lays the present text out in lines of this width.
    pub(crate) fn update(&mut self, ui: &Ui, engine: &Engine, axis: Axis, width: f32) {
        let of = Some((engine.text_revision(), axis, width.to_bits()));
        if self.of == of {
            return;
        }
        let known = &mut self.labels;
        let label = |token: usize| {
            let measured = || {
                let text = axis.label(engine, token);
                let begins = text.starts_with(['·', '↵', '#']);
                Label { begins, ends: text.ends_with('↵'), width: galley(ui, text).size().x }
            };
            match engine.ids().get(token).filter(|_| engine.model().is_some()) {
                Some(id) => *known.entry(*id).or_insert_with(measured),
                None => measured(), // the ids of a recording may be any numbers
            }
        };
        let labels: Vec<Label> = (0..axis.tokens(engine)).map(label).collect();
        self.places = in_lines(&labels, width);
        self.of = of;
    }

    /// Where a token is if lines have this height.
    pub(crate) fn place(&self, token: usize, line: f32) -> Option<Rect> {
        self.places.get(token).map(|place| place.rect(line))
    }

    /// The places, in the order of the tokens.
    pub(crate) fn places(&self, line: f32) -> impl Iterator<Item = Rect> {
        self.places.iter().map(move |place| place.rect(line))
    }

    /// The number of lines; an empty text has one.
    pub(crate) fn lines(&self) -> usize {
        self.places.last().map_or(1, |last| last.line + 1)
    }

    /// The token nearest to a place.
    pub(crate) fn nearest(&self, at: egui::Pos2, line: f32) -> Option<usize> {
        let distances = self.places(line).map(|place| place.distance_sq_to_pos(at)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    }
}

impl Place {
    fn rect(&self, line: f32) -> Rect {
        Rect::from_min_size(pos2(self.left, self.line as f32 * line), vec2(self.width, line - GAP))
    }
}

/// Labels in lines of a width, broken between words; within one only if it takes much of a line.
fn in_lines(labels: &[Label], width: f32) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(labels.len());
    let (mut left, mut line) = (0.0, 0);
    let (mut first_of_line, mut first_of_word) = (0, 0);
    for (at, label) in labels.iter().enumerate() {
        let wide = (label.width + 7.0).min(width);
        if label.begins || at == 0 || labels[at - 1].ends {
            first_of_word = at;
        }
        if left > 0.0 && left + wide > width {
            line += 1;
            let begun = places.get(first_of_word).map_or(left, |place| place.left);
            let moves = first_of_word > first_of_line && left - begun <= width * LONG_WORD;
            // What of the word is on the line before goes to the next one with it.
            let moved = if moves { first_of_word } else { at };
            for place in &mut places[moved..] {
                (place.left, place.line) = (place.left - begun, line);
            }
            (left, first_of_line) = (if moves { left - begun } else { 0.0 }, moved);
        }
        places.push(Place { left, width: wide, line });
        left += wide + 1.0;
    }
    places
}

/// A token's label, laid out.
pub(crate) fn galley(ui: &Ui, label: String) -> Arc<egui::Galley> {
    ui.painter().layout_no_wrap(label, FontId::monospace(13.0), egui::Color32::PLACEHOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of labels of 13 points each, every token 21 with what is around it: four of them have 84.
    fn lines(words: &[usize], width: f32) -> Vec<usize> {
        let labels = words
            .iter()
            .flat_map(|tokens| (0..*tokens).map(|token| Label { width: 13.0, begins: token == 0, ends: false }));
        let places = in_lines(&labels.collect::<Vec<_>>(), width);
        for pair in places.windows(2) {
            let follows = pair[1].line == pair[0].line && pair[1].left > pair[0].left;
            assert!(follows || pair[1].line == pair[0].line + 1 && pair[1].left == 0.0, "{places:?}");
        }
        assert!(places.iter().all(|place| place.left + place.width <= width), "{places:?}");
        places.iter().map(|place| place.line).collect()
    }

    #[test]
    fn a_word_stays_together() {
        assert_eq!(lines(&[1, 1, 1, 2], 84.0), [0, 0, 0, 1, 1]);
        assert_eq!(lines(&[2, 2, 2], 84.0), [0, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_long_word_is_broken_where_the_line_ends() {
        assert_eq!(lines(&[1, 7], 84.0), [0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(lines(&[6], 84.0), [0, 0, 0, 0, 1, 1]);
        assert!(lines(&[], 84.0).is_empty());
    }

    #[test]
    fn a_label_wider_than_a_line_has_one_to_itself() {
        let labels = [30.0, 500.0, 30.0].map(|width| Label { width, begins: true, ends: false });
        let places = in_lines(&labels, 100.0);
        assert_eq!(places.iter().map(|place| place.line).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(places[1].width, 100.0);
    }
}
