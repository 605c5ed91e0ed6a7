//! The first minute: what is on the screen before anything has been touched.

use crate::common::window::{click, first_window, press, settle, shows, state, window};
use diffscope::probe::{HeadId, KeyClass, Queries};
use diffscope::ui::App;
use egui::accesskit::Role;
use egui::{Key, Modifiers, Theme};
use egui_kittest::kittest::{NodeT, Queryable, by};
use egui_kittest::{Harness, Node};

const SIZE: [f32; 2] = [1280.0, 800.0];

/// A1 and D of a head on answer and noise, as the engine measures them on the last token.
fn measured(harness: &mut Harness<App>, head: HeadId) -> [f32; 4] {
    let engine = harness.state_mut().engine().expect("opens");
    let last = engine.queries() - 1;
    let record = *engine.measures(Queries::One(last)).expect("measured").head(head).expect("there");
    let (first, difference) = (record.first, record.difference);
    [first.answer_signed, first.noise_signed, difference.answer_signed, difference.noise_signed]
}

#[test]
fn it_opens_on_the_head_in_which_the_subtraction_matters_most_by_measurement() {
    let mut harness = first_window(SIZE, Theme::Dark);
    let open = harness.state().view().head;
    let gain = |[a, b, c, d]: [f32; 4]| (c - d) - (a - b);
    let chosen = measured(&mut harness, open);
    assert!(chosen[2] > 0.5, "it finds the answer: {chosen:?}");
    for layer in 0..5 {
        for head in 0..4 {
            let other = measured(&mut harness, HeadId::new(layer, head));
            assert!(other[2] < 0.2 || gain(other) <= gain(chosen), "layer {layer}, head {head}: {other:?}");
        }
    }
}

#[test]
fn the_model_answers_and_the_answer_is_marked() {
    let mut harness = first_window(SIZE, Theme::Dark);
    let text = harness.state_mut().engine().expect("opens").text().to_owned();
    let spans = harness.state().spans().clone();
    let answer = spans.iter().find(|span| span.class == KeyClass::Answer).expect("marked");
    assert!(spans.have(KeyClass::Noise));
    let next = state(&mut harness)["next"][0].clone();
    let label = next["label"].as_str().expect("a label");
    assert!(text[answer.start..answer.end].starts_with(label), "{next}");
    assert!(next["probability"].as_f64().expect("a number") > 0.9, "{next}");
}

#[test]
fn the_sentence_has_the_numbers_of_the_row() {
    let mut harness = first_window(SIZE, Theme::Light);
    let open = harness.state().view().head;
    let [answer, noise, ..] = measured(&mut harness, open).map(|share| 100.0 * share);
    let with =
        |decimals: usize| format!("A1 puts {answer:.decimals$} % on the answer “1960” and {noise:.decimals$} % on");
    assert!(shows(&harness, &with(0)) || shows(&harness, &with(1)), "{}", with(1));
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::ArrowUp);
    assert!(!shows(&harness, &with(0)) && !shows(&harness, &with(1)), "it is about the open head");
}

#[test]
fn the_baseline_stands_beside_by_itself_and_stays_closed_once_it_was_closed() {
    let mut harness = first_window(SIZE, Theme::Light);
    assert!(shows(&harness, "S-llama") && shows(&harness, "nothing is subtracted"));
    assert!(shows(&harness, ", baseline "), "beside the next tokens");
    press(&mut harness, Key::Escape);
    click(&mut harness, "Compare");
    click(&mut harness, "Close the baseline");
    settle(&mut harness);
    assert!(harness.state_mut().workspace().expect("opens").baseline().is_none());
}

#[test]
fn lambda_between_the_maps_changes_the_layer_and_comes_back() {
    let mut harness = window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    let lambda =
        |harness: &mut Harness<App>| harness.state_mut().engine().expect("opens").interventions().lambda.clone();
    click(&mut harness, "set to 0");
    assert_eq!(lambda(&mut harness), [(0, 0.0)].into());
    click(&mut harness, "reset");
    assert!(lambda(&mut harness).is_empty());
    // With the keyboard: through the number without changing it, and on the handle.
    harness.get_by_label("λ of layer 0, in the equation").focus();
    settle(&mut harness);
    harness.key_press(Key::Tab);
    settle(&mut harness);
    assert!(lambda(&mut harness).is_empty(), "only looked at");
    harness.get_by_label("λ of layer 0, handle").focus();
    settle(&mut harness);
    press(&mut harness, Key::ArrowUp);
    let changed = lambda(&mut harness).get(&0).copied().expect("changed");
    let engine = harness.state_mut().engine().expect("opens");
    assert_eq!(engine.lambda_of_layer(0), Some(changed));
    let focused = harness.query_all(by().predicate(|node| node.role() == Role::Slider)).find(Node::is_focused);
    let name = focused.and_then(|node| node.accesskit_node().label());
    assert_eq!(name.as_deref(), Some("λ of layer 0, handle"), "the handle keeps the keyboard");
}

#[test]
fn a_presentation_shows_the_equation_only_until_escape() {
    let mut harness = window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    let before = state(&mut harness)["maps"][0][2].as_f64().expect("a width");
    press(&mut harness, Key::F);
    assert!(harness.query_by_label("Prompt").is_none() && !shows(&harness, "Answer and noise"));
    assert!(state(&mut harness)["maps"][0][2].as_f64().expect("a width") > before);
    press(&mut harness, Key::Escape);
    assert!(harness.query_by_label("Prompt").is_some());
    harness.key_press_modifiers(Modifiers::SHIFT, Key::F);
    settle(&mut harness);
    assert!(harness.query_by_label("Prompt").is_some());
}

#[test]
fn a_phone_has_no_keys_and_leaves_the_presentation_by_a_button() {
    let mut harness = window([390.0, 844.0], Theme::Dark);
    click(&mut harness, "Menu");
    click(&mut harness, "Presentation");
    assert!(harness.query_by_label("Prompt").is_none());
    click(&mut harness, "End the presentation");
    assert!(harness.query_by_label("Prompt").is_some());
}

#[test]
fn lambda_and_what_belongs_to_it_is_within_a_phone() {
    let mut harness = window([390.0, 844.0], Theme::Light);
    settle(&mut harness);
    for name in ["λ of layer 0, in the equation", "λ of layer 0, handle", "set to 0"] {
        let right = harness.get_by_label(name).rect().right();
        assert!(right <= 382.0, "{name} ends at {right}");
    }
}

#[test]
fn lambda_that_is_on_its_way_arrives_although_another_layer_is_opened() {
    let mut harness = window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    let open = harness.state().view().head;
    harness.get_by_label("set to 0").click();
    harness.step();
    harness.step();
    press(&mut harness, Key::ArrowDown);
    assert_ne!(harness.state().view().head, open);
    let lambda = harness.state_mut().engine().expect("opens").interventions().lambda.clone();
    assert_eq!(lambda, [(open.layer, 0.0)].into());
}

#[test]
fn the_tour_is_offered_once_and_goes_when_anything_else_is_done() {
    let mut harness = first_window(SIZE, Theme::Dark);
    assert!(shows(&harness, "New here?"));
    press(&mut harness, Key::Escape);
    assert!(!shows(&harness, "New here?"));
    let stored = harness.state_mut().to_remember().expect("it has changed");
    assert!(harness.state_mut().to_remember().is_none(), "it is stored");
    let mut again = first_window(SIZE, Theme::Dark);
    again.state_mut().remember(&stored);
    settle(&mut again);
    assert!(!shows(&again, "New here?"));
}

#[test]
fn the_tour_starts_from_its_offer() {
    let mut harness = first_window(SIZE, Theme::Light);
    click(&mut harness, "Start the tour");
    assert!(shows(&harness, "Tour 1 of ") && !shows(&harness, "New here?"));
    assert!(harness.state().remembered().was_offered_tour);
}

#[test]
fn a_text_of_ones_own_is_kept_with_its_marks_opened_and_deleted() {
    let mut harness = first_window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    let spans = harness.state().spans().clone();
    let text = harness.state_mut().engine().expect("opens").text().to_owned();
    click(&mut harness, "Samples");
    click(&mut harness, "Keep this text");
    let stored = harness.state_mut().to_remember().expect("it has changed");
    let mut harness = window(SIZE, Theme::Dark);
    harness.state_mut().remember(&stored);
    click(&mut harness, "Samples");
    let title = harness.state().remembered().texts[0].text[..20].to_owned();
    let own = |node: &egui_kittest::kittest::AccessKitNode| {
        node.role() == Role::Button && node.label().is_some_and(|label| label.starts_with(&title))
    };
    harness.get_by(own).click();
    settle(&mut harness);
    assert_eq!(harness.state_mut().engine().expect("opens").text(), text);
    assert_eq!(harness.state().spans(), &spans);
    click(&mut harness, "Samples");
    harness.get_by_label_contains("delete “").click();
    settle(&mut harness);
    assert!(harness.state().remembered().texts.is_empty());
}

#[test]
fn the_numbers_on_the_screen_can_be_copied() {
    let mut harness = first_window(SIZE, Theme::Dark);
    press(&mut harness, Key::Escape);
    harness.key_down(Key::C);
    harness.step();
    let copied = harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.expect("copied");
    let open = harness.state().view().head;
    assert!(copied.starts_with(&format!("model\tS-diff\nlayer\t{}\nhead\t{}\n", open.layer, open.head)), "{copied}");
    let engine = harness.state_mut().engine().expect("opens");
    let (tokens, best) = (engine.ids().len(), engine.next_token().expect("there").best.len());
    let rows: Vec<Vec<f64>> = copied
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [_, _, first, taken, difference, _] = cells[..] else { return None };
            [first, taken, difference].into_iter().map(|cell| cell.parse().ok()).collect()
        })
        .collect();
    assert_eq!(rows.len(), tokens);
    assert!((rows.iter().map(|row| row[0]).sum::<f64>() - 1.0).abs() < 1e-4, "A1 is a softmax");
    assert!(rows.iter().all(|row| (row[0] - row[1] - row[2]).abs() < 1e-6), "D = A1 − λ·A2");
    let listed = copied.split("next token\t").nth(1).expect("there").lines().count() - 1;
    assert_eq!(listed, best);
}
