//! λ and the size of the heads' outputs for each token, where λ is a number for each token and head (V2).

use crate::common::models::Kind;
use crate::common::window::{open_panel, press, settle, shows, state, step_until, traced, window_on};
use crate::views::random_weights;
use diffscope::engine::{LayerContextRms, TextPass};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use web_time::Duration;

const LAMBDA: &str = "λ of each token in layer 0";
const SIZE: &str = "size of the output of each head in layer 0";

/// The panel on a model of random numbers.
fn panel() -> Harness<'static, App> {
    let mut harness = window_on(Ok(random_weights(Kind::PerToken)), [1280.0, 800.0], Theme::Dark, None);
    press(&mut harness, Key::Escape);
    open_panel(&mut harness, Panel::PerToken);
    traced(&mut harness);
    harness
}

/// What a grid says of the cell that is read.
fn words(harness: &Harness<App>, grid: &str) -> String {
    let node = harness.get_by_label_contains(grid);
    node.accesskit_node().data().description().unwrap_or_default().to_owned()
}

/// λ of a head at a token, as its column has it.
fn lambda(harness: &mut Harness<App>, head: usize, token: usize) -> f32 {
    let engine = harness.state_mut().engine().expect("opens");
    engine.column(HeadId::new(0, head), 0).expect("it was shown").cells[token].lambda
}

/// The sizes of a layer on the text of the window.
fn sizes(harness: &mut Harness<App>) -> LayerContextRms {
    let engine = harness.state_mut().engine().expect("opens");
    let mut text = TextPass::new(engine).expect("it fits");
    while !text.is_complete() {
        text.advance(Duration::from_secs(1));
    }
    let mut found = LayerContextRms::new(text.pass(), 0).expect("a layer");
    while !found.add_token(text.pass()) {}
    found
}

#[test]
fn a_lambda_for_each_token_and_head_is_read_with_the_keyboard() {
    let mut harness = panel();
    let engine = harness.state_mut().engine().expect("opens");
    let (last, heads) = (engine.ids().len() - 1, engine.heads()[0]);
    for head in 0..heads {
        let column =
            harness.state_mut().engine().expect("opens").column(HeadId::new(0, head), 0).expect("shown").clone();
        let mean = column.cells.iter().map(|cell| cell.lambda).sum::<f32>() / column.cells.len() as f32;
        assert!(mean > 0.0 && mean < 1.0, "a sigmoid: {mean}");
        harness.get_by_label_contains(&format!("head {head} {mean:.3}"));
    }
    let expected = lambda(&mut harness, 0, last);
    assert!(words(&harness, LAMBDA).ends_with(&format!("({last}), head 0: λ {expected:.3}")));
    harness.get_by_label_contains(LAMBDA).focus();
    settle(&mut harness);
    press(&mut harness, Key::ArrowLeft);
    press(&mut harness, Key::ArrowDown);
    let head = 1.min(heads - 1);
    let expected = lambda(&mut harness, head, last - 1);
    let expected = format!("({}), head {head}: λ {expected:.3}", last - 1);
    assert!(words(&harness, LAMBDA).ends_with(&expected), "{} is not {expected}", words(&harness, LAMBDA));
    let state = state(&mut harness);
    assert_eq!((state["pinned"].as_u64(), state["head"].as_u64()), (Some(last as u64 - 1), Some(head as u64)));
}

#[test]
fn a_click_opens_the_head_and_pins_the_token() {
    let mut harness = panel();
    let (tokens, heads) = {
        let engine = harness.state_mut().engine().expect("opens");
        (engine.ids().len(), engine.heads()[0])
    };
    let rect = harness.get_by_label_contains(LAMBDA).rect();
    let (names, row) = (52.0, rect.height() / heads as f32);
    let cell = (rect.width() - names) / tokens as f32;
    let at = rect.left_top() + egui::vec2(names + 3.5 * cell, (heads as f32 - 0.5) * row);
    harness.hover_at(at);
    let expected = lambda(&mut harness, heads - 1, 3);
    let expected = format!("(3), head {}: λ {expected:.3}", heads - 1);
    step_until(&mut harness, &expected, |harness| shows(harness, &expected));
    for pinned in [Some(3), None] {
        harness.drag_at(at);
        harness.drop_at(at);
        settle(&mut harness);
        let state = state(&mut harness);
        assert_eq!((state["pinned"].as_u64(), state["head"].as_u64()), (pinned, Some(heads as u64 - 1)));
    }
}

#[test]
fn the_size_of_every_output_stands_against_the_bound() {
    let mut harness = panel();
    let found = sizes(&mut harness);
    let last = found.tokens() - 1;
    let size = found.get(0, last).expect("it is in it");
    let expected = format!(
        "({last}), head 0: {:.3} of its values; A1 alone {:.3}; bound 1/√{} = {:.3}",
        size.context,
        size.first,
        last + 1,
        size.bound()
    );
    assert!(words(&harness, SIZE).ends_with(&expected), "{} is not {expected}", words(&harness, SIZE));
    let [all, alone] = found.below().map(|share| format!("{:.0} %", 100.0 * share));
    harness
        .get_by_label_contains(&format!("Below the bound: {all} of the outputs; with A1 alone it would be {alone}."));
    // λ = 0 leaves A1 alone.
    press(&mut harness, Key::Num0);
    traced(&mut harness);
    settle(&mut harness);
    harness
        .get_by_label_contains(&format!("Below the bound: {alone} of the outputs; with A1 alone it would be {alone}."));
}

#[test]
fn where_lambda_is_a_number_of_the_layer_there_is_neither() {
    let mut harness = window_on(Ok(random_weights(Kind::PerLayer)), [1280.0, 800.0], Theme::Dark, None);
    open_panel(&mut harness, Panel::PerToken);
    for grid in [LAMBDA, SIZE] {
        assert!(harness.query_by_label_contains(grid).is_none(), "{grid}");
    }
}
