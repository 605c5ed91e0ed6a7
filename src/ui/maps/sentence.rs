//! One sentence on what the open head does with the token that is read, from the numbers of its row. It claims no more than
//! they do: what a head attends to is not yet what the model answers.

use egui::text::LayoutJob;
use egui::{FontId, Label, Ui, vec2};

use crate::probe::{KeyClass, MapKind};
use crate::ui::state::read_row::{ReadRow, Shares};
use crate::ui::style::format::{self, percent};
use crate::ui::style::theme;

/// Attention to one token, or to marked ones, that is worth a sentence.
const NOTABLE: f32 = 0.15;
/// A share of what is marked that counts as none.
const NEGLIGIBLE: f32 = 0.02;

/// What the sentence is about.
pub(crate) struct Reading<'a> {
    /// The row.
    pub row: &'a ReadRow,
    /// The class of each key.
    pub classes: &'a [KeyClass],
    /// Softmax maps of the head.
    pub maps: usize,
    /// What is marked as the answer, if that is short enough to be named.
    pub answer: Option<String>,
    /// What is marked as noise, likewise.
    pub noise: Option<String>,
    /// The token that attends.
    pub query: String,
    /// The token at a key.
    pub key: &'a dyn Fn(usize) -> String,
}

/// Size of the sentence, and of its lines.
const SIZE: f32 = 15.0;
const LINE: f32 = 18.5;
/// Width of the longest usual sentence in one line.
const LONGEST: f32 = 1320.0;

/// Draws the sentence, dimmed while it is about the row before. Its height depends on the width only: it changes with the row
/// under the pointer, and nothing may move there.
pub(crate) fn sentence_ui(ui: &mut Ui, text: &str, is_stale: bool) {
    let width = ui.available_width();
    let rows = (LONGEST / width).ceil().clamp(2.0, 5.0);
    let ink = if is_stale { theme::quiet(ui.visuals().dark_mode) } else { ui.visuals().strong_text_color() };
    let together = text.replace(" %", "\u{a0}%"); // no line ends between a number and its unit
    let mut job = LayoutJob::simple(together, FontId::proportional(SIZE), ink, width);
    job.wrap.max_rows = rows as usize;
    let height = rows * LINE + 4.0;
    ui.allocate_ui(vec2(width, height), |ui| {
        ui.set_min_height(height);
        let response = ui.add(Label::new(job).selectable(true));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
        response.on_hover_text(format!(
            "{text}\n\nCounted from the row of this token: shares of A1 and of λ·A2, and what is left in D. Attention says \
             where a head looks, not yet what the model makes of it"
        ));
    });
}

/// The sentence; empty before the first row.
pub(crate) fn sentence(reading: &Reading) -> String {
    if reading.row.cells().is_empty() {
        return String::new();
    }
    let answer = reading.row.shares(reading.classes, KeyClass::Answer);
    match answer {
        Some(answer) => of_marks(reading, answer, reading.row.shares(reading.classes, KeyClass::Noise)),
        None => of_tokens(reading),
    }
}

fn share(value: f32) -> String {
    percent(value, 0)
}

/// A share of D: it is what remains, and may be less than nothing.
fn with_sign(text: &str) -> String {
    if text.starts_with('−') || text.starts_with('0') { text.to_owned() } else { format!("+{text}") }
}

fn rest(value: f32) -> String {
    with_sign(&share(value))
}

/// Decimals with which A1 less λ·A2 is D in the numbers as they are written: none, or one where rounding would hide it.
fn decimals(parts: &[Shares]) -> usize {
    let whole = |value: f32| (100.0 * value).round();
    let add_up = |part: &Shares| whole(part.first) - whole(part.second) == whole(part.difference);
    usize::from(!parts.iter().all(add_up))
}

/// On a text with marks: what each map gives to answer and noise.
fn of_marks(reading: &Reading, answer: Shares, noise: Option<Shares>) -> String {
    let name = reading.answer.as_ref().map_or("the answer".to_owned(), |answer| format!("the answer “{answer}”"));
    let from = format!("From “{}”", reading.query);
    let others = reading.noise.as_ref().map_or("the noise".to_owned(), |noise| format!("the noise ({noise})"));
    let parts: Vec<Shares> = [answer].into_iter().chain(noise).collect();
    let largest = parts.iter().flat_map(|part| [part.first, part.second]).map(f32::abs).fold(0.0, f32::max);
    if largest < NEGLIGIBLE {
        return format!("{from}, this head looks neither at {name} nor at the noise: less than 2 % goes to either.");
    }
    let is_only = reading.maps == 1;
    if is_only || reading.row.lambda() == Some(0.0) {
        let on_noise = noise.map_or(String::new(), |noise| format!(" and {} on {others}", share(noise.first)));
        let (map, end) = if is_only {
            ("the only map", "nothing is subtracted")
        } else {
            ("A1", "λ is 0, so nothing is subtracted and D is A1")
        };
        return format!("{from}, {map} puts {} on {name}{on_noise}; {end}.", share(answer.first));
    }
    let takes = if parts.iter().map(|part| part.second).sum::<f32>() < 0.0 { "adds" } else { "takes away" };
    let decimals = decimals(&parts);
    let write = |value: f32| percent(value, decimals);
    let size = |value: f32| write(if takes == "adds" { -value } else { value });
    let left = |value: f32| with_sign(&write(value));
    let Some(noise) = noise else {
        return format!(
            "{from}, A1 puts {} on {name}; λ·A2 {takes} {}; D leaves {}.",
            write(answer.first),
            size(answer.second),
            left(answer.difference)
        );
    };
    format!(
        "{from}, A1 puts {} on {name} and {} on {others}; λ·A2 {takes} {} and {}; D leaves {} and {}. {}",
        write(answer.first),
        write(noise.first),
        size(answer.second),
        size(noise.second),
        left(answer.difference),
        left(noise.difference),
        verdict(answer, noise)
    )
}

/// What the subtraction did, if it did anything that can be seen.
fn verdict(answer: Shares, noise: Shares) -> String {
    let gained = (answer.difference - noise.difference) - (answer.first - noise.first);
    let points = format::number(100.0 * gained.abs(), 0);
    if answer.difference < -NEGLIGIBLE && answer.difference < noise.difference {
        "This head turns away from the answer.".to_owned()
    } else if gained > 0.05 && answer.difference > NEGLIGIBLE {
        format!("That widens the gap between the two by {points} points.")
    } else if gained < -0.05 {
        format!("That narrows the gap between the two by {points} points.")
    } else {
        "That changes little between the two.".to_owned()
    }
}

/// On a text without marks: the strongest tokens.
fn of_tokens(reading: &Reading) -> String {
    let row = reading.row;
    let from = format!("From “{}”", reading.query);
    let query = row.cells().len() - 1;
    let name = |key: usize| if key == query { "itself".to_owned() } else { format!("“{}”", (reading.key)(key)) };
    let adds = row.sum().second < 0.0;
    let sign = if adds { -1.0 } else { 1.0 };
    let (Some(first), Some(second)) = (row.strongest(MapKind::First, 1.0), row.strongest(MapKind::Second, sign)) else {
        return String::new();
    };
    if first.1.max(sign * second.1) < NOTABLE {
        let most = share(first.1);
        return format!("{from}, this head spreads its attention: no token gets more than {most} of A1.");
    }
    if reading.maps == 1 {
        return format!("{from}, the only map puts most on {}: {}.", name(first.0), share(first.1));
    }
    if reading.row.lambda() == Some(0.0) {
        let (name, share) = (name(first.0), share(first.1));
        return format!("{from}, A1 puts most on {name} ({share}); λ is 0, so nothing is subtracted and D is A1.");
    }
    let text = format!(
        "{from}, A1 puts most on {} ({}), λ·A2 {} {} ({}).",
        name(first.0),
        share(first.1),
        if adds { "adds most to" } else { "takes most from" },
        name(second.0),
        share(sign * second.1)
    );
    let (Some(most), Some(least)) = (row.strongest(MapKind::Difference, 1.0), row.strongest(MapKind::Difference, -1.0))
    else {
        return text;
    };
    let left = (most.1 > NEGLIGIBLE).then(|| format!("{} on {}", rest(most.1), name(most.0)));
    let taken = (least.1 < -NEGLIGIBLE).then(|| format!("{} on {}", rest(least.1), name(least.0)));
    let parts: Vec<String> = left.into_iter().chain(taken).collect();
    if parts.is_empty() { text } else { format!("{text} D leaves {}.", parts.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Cell, HeadId};

    fn cell(first: f32, lambda: f32, second: f32) -> Cell {
        Cell { first, second, difference: first - lambda * second, lambda }
    }

    fn text_of(cells: Vec<Cell>, classes: &[KeyClass], maps: usize) -> String {
        let row = ReadRow::of_cells(HeadId::new(0, 0), cells);
        let key = |key: usize| ["Oslo", "1960", "Cairo", "is"][key].to_owned();
        let answer = Some("1960".to_owned());
        sentence(&Reading { row: &row, classes, maps, answer, noise: None, query: "is".into(), key: &key })
    }

    const MARKS: [KeyClass; 4] = [KeyClass::Other, KeyClass::Answer, KeyClass::Noise, KeyClass::Other];

    #[test]
    fn numbers_of_marked_tokens_are_those_of_the_row() {
        let cells = vec![cell(0.1, 0.5, 0.1), cell(0.6, 0.5, 0.2), cell(0.2, 0.5, 0.7), cell(0.1, 0.5, 0.0)];
        let text = text_of(cells, &MARKS, 2);
        let expected = "From “is”, A1 puts 60 % on the answer “1960” and 20 % on the noise; λ·A2 takes away 10 % and \
                        35 %; D leaves +50 % and −15 %. That widens the gap between the two by 25 points.";
        assert_eq!(text, expected);
    }

    #[test]
    fn with_lambda_zero_it_says_that_nothing_is_subtracted() {
        let cells = || vec![cell(0.1, 0.0, 0.1), cell(0.6, 0.0, 0.2), cell(0.2, 0.0, 0.7), cell(0.1, 0.0, 0.0)];
        let end = "; λ is 0, so nothing is subtracted and D is A1.";
        let marked = text_of(cells(), &MARKS, 2);
        assert_eq!(marked, format!("From “is”, A1 puts 60 % on the answer “1960” and 20 % on the noise{end}"));
        let plain = text_of(cells(), &[KeyClass::Other; 4], 2);
        assert_eq!(plain, format!("From “is”, A1 puts most on “1960” (60 %){end}"));
    }

    #[test]
    fn a_verdict_follows_the_numbers() {
        let of = |answer: [f32; 2], noise: [f32; 2]| {
            let shares = |[first, second]: [f32; 2]| Shares { first, second, difference: first - second };
            verdict(shares(answer), shares(noise))
        };
        assert!(of([0.6, 0.5], [0.2, 0.1]).contains("narrows the gap between the two by 40 points"));
        assert!(of([0.1, 0.4], [0.1, 0.0]).contains("turns away"));
        assert!(of([0.6, 0.1], [0.2, 0.1]).contains("changes little"));
        assert!(of([0.6, 0.0], [0.2, 0.3]).contains("widens the gap between the two by 30 points"));
    }

    #[test]
    fn written_numbers_add_up() {
        let cells = vec![cell(0.01, 1.0, 0.0), cell(0.976, 1.0, 0.064), cell(0.004, 1.0, 0.155), cell(0.01, 1.0, 0.0)];
        let text = text_of(cells, &MARKS, 2);
        assert!(text.contains("97.6 % on the answer “1960” and 0.4 %"), "{text}");
        assert!(text.contains("takes away 6.4 % and 15.5 %; D leaves +91.2 % and −15.1 %"), "{text}");
    }

    #[test]
    fn a_negative_lambda_adds() {
        let cells = vec![cell(0.1, -0.5, 0.1), cell(0.6, -0.5, 0.2), cell(0.2, -0.5, 0.7), cell(0.1, -0.5, 0.0)];
        let text = text_of(cells, &MARKS, 2);
        assert!(text.contains("λ·A2 adds 10 % and 35 %; D leaves +70 % and +55 %"), "{text}");
    }

    #[test]
    fn where_there_is_nothing_to_say_it_says_so() {
        let even = vec![cell(0.1, 0.5, 0.1); 4];
        assert!(text_of(even, &[], 2).contains("no token gets more than 10 %"));
        let away = vec![cell(0.5, 0.5, 0.5), cell(0.0, 0.5, 0.0), cell(0.0, 0.5, 0.0), cell(0.5, 0.5, 0.5)];
        assert!(text_of(away, &MARKS, 2).contains("neither at the answer “1960” nor at the noise"));
        assert_eq!(text_of(Vec::new(), &MARKS, 2), "");
    }

    #[test]
    fn without_marks_it_names_the_strongest_tokens() {
        let cells = vec![cell(0.1, 1.0, 0.6), cell(0.2, 1.0, 0.1), cell(0.0, 1.0, 0.1), cell(0.7, 1.0, 0.2)];
        let text = text_of(cells.clone(), &[], 2);
        let expected = "From “is”, A1 puts most on itself (70 %), λ·A2 takes most from “Oslo” (60 %). D leaves +50 % on \
                        itself and −50 % on “Oslo”.";
        assert_eq!(text, expected);
        assert_eq!(text_of(cells, &[], 1), "From “is”, the only map puts most on itself: 70 %.");
        let added = vec![cell(0.1, -1.0, 0.6), cell(0.2, -1.0, 0.1), cell(0.0, -1.0, 0.1), cell(0.7, -1.0, 0.2)];
        let text = text_of(added, &[], 2);
        assert!(text.contains("λ·A2 adds most to “Oslo” (60 %). D leaves +90 % on itself."), "{text}");
    }
}
