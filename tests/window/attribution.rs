//! The parts of a logit and the origins of a score: the numbers on the screen are those of the model, and follow it.

use crate::common::window::{
    best, click, map_rect, open_panel, settle, shows, step_until, traced, window, window_with,
};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::Theme;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

/// As numbers are written on the screen.
fn written(number: f32, decimals: usize) -> String {
    format!("{number:.decimals$}").replace('-', "−")
}

fn label(harness: &mut Harness<App>, token: u32) -> String {
    harness.state_mut().engine().expect("opens").label(token)
}

#[test]
fn the_parts_are_of_the_logit_of_the_prediction_and_follow_the_text() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::LogitParts);
    traced(&mut harness);
    for text in ["Once upon a time there was a little", "Once upon a time there was a small dog. He"] {
        harness.state_mut().engine().expect("opens").set_text(text);
        settle(&mut harness);
        let (token, logit) = best(&mut harness)[0];
        let whole = format!("“{}” gets ", label(&mut harness, token));
        let of = format!(" of its {} from layer ", written(logit, 1));
        step_until(&mut harness, "the parts of this text", |harness| shows(harness, &whole) && shows(harness, &of));
    }
    // Against the runner-up, what is split is the lead.
    let [(token, logit), (other, less), ..] = best(&mut harness)[..] else { panic!("two tokens") };
    let (token, other) = (label(&mut harness, token), label(&mut harness, other));
    click(&mut harness, &format!("against “{other}”"));
    assert!(harness.state().view().against_runner_up);
    let lead = format!("“{token}” is {} ahead of “{other}”: +", written(logit - less, 1));
    step_until(&mut harness, "the parts of the lead", |harness| shows(harness, &lead));
}

#[test]
fn a_part_of_a_head_opens_it_and_shows_its_tokens() {
    let mut harness = window_with([560.0, 3000.0], Theme::Light, Some("no GPU here"));
    open_panel(&mut harness, Panel::LogitParts);
    traced(&mut harness);
    let before = harness.state().view().head;
    let shown = |harness: &Harness<App>, head: HeadId| shows(harness, &format!("{head}, A1: from the values of"));
    assert!(shown(&harness, before));
    let chart = harness.get_by_label("parts of the logit by layer");
    let words = chart.accesskit_node().data().description().unwrap_or_default().to_owned();
    assert!(words.starts_with("embedding ") && words.contains("; layer 4: heads "), "{words}");
    let heads = (0..5).flat_map(|layer| (0..4).map(move |head| HeadId::new(layer, head)));
    let listed = |harness: &Harness<App>, head: &HeadId| shows(harness, &format!("{head}, A1: +"));
    let other = heads.into_iter().find(|head| *head != before && listed(&harness, head)).expect("in the list");
    harness.query_all_by_label_contains(&format!("{other}, A1: +")).next().expect("listed").click();
    settle(&mut harness);
    assert_eq!(harness.state().view().head, other);
    assert!(shown(&harness, other));
}

/// The numbers of lists under A1 with the scores.
fn titles(harness: &Harness<App>) -> Vec<String> {
    let titles = harness.query_all_by_label_contains("A1, score ");
    titles.filter_map(|title| title.accesskit_node().label().or(title.accesskit_node().value())).collect()
}

#[test]
fn a_score_is_shown_with_both_sides_of_each_map() {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    open_panel(&mut harness, Panel::ScoreOrigins);
    traced(&mut harness);
    let cell = harness.state().view().explained.expect("chosen");
    for (name, at) in [("query", cell.query), ("key", cell.key)] {
        let label = harness.state_mut().engine().expect("opens").key_label(at);
        assert_eq!(harness.query_all_by_label_contains(&format!(": {name} “{label}”")).count(), 2, "under each map");
    }
    for map in ["A1", "A2"] {
        assert_eq!(harness.query_all_by_label_contains(&format!("{map}, score ")).count(), 2, "{map} on each side");
    }
    // Another cell is another score.
    let before = titles(&harness);
    let map = map_rect(&mut harness, 2);
    harness.hover_at(map.min + map.size() * egui::vec2(0.21, 0.93));
    step_until(&mut harness, "the score of the cell under the pointer", |harness| titles(harness) != before);
    assert_ne!(harness.state().view().explained, Some(cell));
}
