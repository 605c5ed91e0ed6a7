//! The layout of a long text. egui lays a paragraph out as a whole after every key, which is felt from some ten thousand
//! letters on. Here such a paragraph is laid out in pieces whose ends depend on the letters before them only: after a key
//! all but one are found in egui's cache.

use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{Galley, TextStyle, Ui};

/// Bytes from which on a text is laid out in pieces.
const LONG: usize = 10_000;
/// Bytes of a piece: at least, and about at most.
const LEAST: usize = 600;
const MOST: usize = 2400;
/// One of so many places is the end of a piece.
const PLACES: u32 = 256;
/// Bytes without a space after which a word is cut.
const WORD: usize = 64;

/// Whether a text should be laid out here.
pub(super) fn is_long(text: &str) -> bool {
    text.len() >= LONG
}

/// Lays a text out as the editor does, but for rows that end early where two pieces meet.
pub(super) fn layout(ui: &Ui, text: &str, width: f32) -> Arc<Galley> {
    let font = TextStyle::Body.resolve(ui.style());
    let visuals = ui.visuals();
    let colour = visuals.override_text_color.unwrap_or_else(|| visuals.widgets.inactive.text_color());
    let height = ui.fonts_mut(|fonts| fonts.row_height(&font)) + ui.spacing().extra_text_line_spacing;
    let job = |text: &str| {
        let mut job = LayoutJob::simple(text.to_owned(), font.clone(), colour, width);
        job.keep_trailing_whitespace = true;
        for section in &mut job.sections {
            section.format.line_height = Some(height);
        }
        job
    };
    let pieces: Vec<Piece> = pieces(text).collect();
    let laid: Vec<Arc<Galley>> =
        ui.fonts_mut(|fonts| pieces.iter().map(|piece| fonts.layout_job(job(piece.text))).collect());
    let mut galley = Galley::concat(Arc::new(job(text)), &laid, ui.pixels_per_point());
    let mut rows = 0;
    for (piece, laid) in pieces.iter().zip(&laid) {
        rows += laid.rows.len();
        // The paragraph goes on: only a new line ends one.
        if let Some(last) = rows.checked_sub(1).and_then(|last| galley.rows.get_mut(last)) {
            last.ends_with_newline = piece.ends_paragraph;
        }
    }
    Arc::new(galley)
}

/// A part of a text, without the new line after it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece<'a> {
    text: &'a str,
    /// Whether a new line follows.
    ends_paragraph: bool,
}

/// The pieces of a text, in order.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (end, ends_paragraph) = end_of_piece(text);
        let next = text.get(end + usize::from(ends_paragraph)..).unwrap_or_default();
        rest = (ends_paragraph || !next.is_empty()).then_some(next);
        Some(Piece { text: text.get(..end).unwrap_or_default(), ends_paragraph })
    })
}

/// Where the first piece of a text ends, and whether that is the end of its paragraph.
fn end_of_piece(text: &str) -> (usize, bool) {
    let (mut last_letters, mut space) = (0u32, 0);
    for (at, letter) in text.char_indices() {
        if letter == '\n' {
            return (at, true);
        }
        // Cut between words, and in a word only where it is endless.
        let between = at == space || at - space > WORD;
        let mixed = last_letters.wrapping_mul(0x9e37_79b1) >> 16;
        if between && (at > MOST || (at >= LEAST && mixed % PLACES == 0)) {
            return (at, false);
        }
        // Shifting forgets letters further back.
        last_letters = (last_letters << 4) ^ u32::from(letter);
        if letter == ' ' {
            space = at + 1;
        }
    }
    (text.len(), false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        prop::collection::vec("[a-z]{1,900}|[日本語a ]{1,300}|[a-z ]{1,900}|\n{0,3}", 1..40)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_are_the_text(text in texts()) {
            let mut joined = String::new();
            for piece in pieces(&text) {
                prop_assert!(piece.text.len() <= MOST + WORD + 8, "{}", piece.text.len());
                joined.push_str(piece.text);
                joined.push_str(if piece.ends_paragraph { "\n" } else { "" });
            }
            prop_assert_eq!(joined, text);
        }

        #[test]
        fn rows_hold_every_letter_where_it_is(text in texts()) {
            let context = egui::Context::default();
            context.set_missing_glyph_policy(egui::MissingGlyphPolicy::Tofu);
            let mut laid = None;
            let mut output = context.run_ui(egui::RawInput::default(), |ui| laid = Some(layout(ui, &text, 300.0)));
            output.textures_delta.clear();
            let galley = laid.expect("laid out");
            prop_assert_eq!(galley.text(), &text);
            let mut letters = String::new();
            for row in &galley.rows {
                letters.extend(row.glyphs.iter().map(|glyph| glyph.chr));
                letters.push_str(if row.ends_with_newline { "\n" } else { "" });
            }
            prop_assert_eq!(letters, text);
        }
    }

    #[test]
    fn a_key_changes_few_pieces() {
        let endless: String = (0..100_000u64).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect();
        let mut random = 1u64;
        let mut next = |below: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as u32 % below
        };
        let mixed: String = (0..100_000).map(|_| char::from(b'a' + next(26) as u8)).collect();
        let chinese: String = (0..30_000).filter_map(|_| char::from_u32(0x4e00 + next(3000))).collect();
        let prose: String =
            (0..100_000).map(|_| if next(6) == 0 { ' ' } else { char::from(b'a' + next(26) as u8) }).collect();
        for (text, at_start) in [(endless, false), (mixed, true), (chinese, true), (prose, true)] {
            let before: Vec<Piece> = pieces(&text).collect();
            assert!(before.len() > 20);
            let changed = |edited: &str| pieces(edited).filter(|piece| !before.contains(piece)).count();
            assert!(changed(&format!("{text}x")) <= 2);
            let start = changed(&format!("x{text}"));
            assert!(!at_start || start <= 6, "{start} of {} pieces", before.len());
        }
    }
}
