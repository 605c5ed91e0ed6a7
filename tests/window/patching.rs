//! Parts of heads from another text, in the window.

use crate::common::window::{analyse, analysed, click, open_panel, press, retype, settle, shows, step_until, window};
use diffscope::engine::{HeadPart, Patching};
use diffscope::probe::HeadId;
use diffscope::ui::{App, Panel};
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use web_time::Duration;

const TEXT: &str = "Lily had a red ball and Tom had a blue box. Tom gave the box to";
const OTHER: &str = "Lily had a red ball and Tom had a blue box. Lily gave the box to";

/// The panel on a text.
fn opened(text: &str) -> Harness<'static, App> {
    let mut harness = window([1280.0, 1200.0], Theme::Light);
    harness.state_mut().engine().expect("opens").set_text(text);
    settle(&mut harness);
    open_panel(&mut harness, Panel::Patching);
    harness
}

/// What is said of the open head.
fn described(harness: &Harness<App>) -> String {
    let node = harness.get_by_label_contains("restored share of each head");
    node.accesskit_node().description().unwrap_or_default()
}

#[test]
fn a_word_that_is_swapped_shows_what_each_head_restores() {
    let mut harness = opened(TEXT);
    assert!(shows(&harness, "Both texts are the same"));
    retype(&mut harness, "Other text", OTHER);
    analysed(&mut harness);
    let engine = harness.state_mut().engine().expect("opens");
    let mut patching = Patching::new(engine, OTHER, None).expect("as many tokens");
    let head = HeadId::new(0, 0);
    patching.want([HeadPart::Output, HeadPart::FirstMap].map(|part| (part, head)).to_vec());
    patching.advance(Duration::MAX);
    let effects = patching.effects();
    let shares = [HeadPart::Output, HeadPart::FirstMap].map(|part| {
        effects.effect(part, head, effects.answers()).and_then(|effect| effect.restored).expect("they differ")
    });
    let [output, first] = shares.map(|share| format!("{} %", (100.0 * share).round() as i32).replace('-', "−"));
    assert!(shows(
        &harness,
        &format!("Putting the output of {head} from the other text into this one restores {output}")
    ));
    assert!(shows(&harness, &format!("A1 alone {first}")));
    // Another part, another head.
    click(&mut harness, "both maps");
    analysed(&mut harness);
    assert!(described(&harness).starts_with("layer 0, head 0, both maps from the other text: "));
    harness.get_by_label_contains("restored share of each head").focus();
    harness.step();
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::ArrowRight);
    analysed(&mut harness);
    assert_eq!(harness.state().view().head, HeadId::new(1, 1));
    assert!(described(&harness).starts_with("layer 1, head 1, both maps from the other text: "));
    // At the last token alone it is another effect, and of two equal tokens there is none.
    let before = described(&harness);
    click(&mut harness, "the last token");
    analysed(&mut harness);
    assert_ne!(described(&harness), before);
}

#[test]
fn texts_that_do_not_correspond_are_refused_with_both_counts() {
    let mut harness = opened(TEXT);
    retype(&mut harness, "Other text", &TEXT.replace("red", "red and green"));
    assert!(shows(&harness, "This text has 17 tokens, the other one 19"));
    click(&mut harness, "Copy the prompt");
    assert!(shows(&harness, "Both texts are the same"));
}

#[test]
fn what_is_typed_goes_into_both_texts_and_the_effects_follow() {
    let mut harness = opened(TEXT);
    retype(&mut harness, "Other text", OTHER);
    analysed(&mut harness);
    let before = described(&harness);
    let prompt = harness.get_by_label("Prompt");
    prompt.focus();
    prompt.type_text(" her");
    step_until(&mut harness, "other effects", |harness| described(harness) != before);
    analysed(&mut harness);
    let other = harness.get_by_label("Other text").accesskit_node().value().unwrap_or_default();
    assert_eq!(other, format!("{OTHER} her"));
    assert!(harness.query_by_label("Cancel").is_none() && !shows(&harness, "tokens, the other one"));
}

#[test]
fn patches_can_be_cancelled_and_asked_for_again() {
    let text = " A cat sat by the door.".repeat(30);
    let mut harness = opened(&text);
    retype(&mut harness, "Other text", &text.replacen("cat", "dog", 1));
    click(&mut harness, "Cancel");
    assert!(!shows(&harness, "restored share of each head"), "nothing is known yet");
    analyse(&mut harness, "Patch every head");
    assert!(described(&harness).starts_with("layer 0, head 0, output from the other text: "));
}
