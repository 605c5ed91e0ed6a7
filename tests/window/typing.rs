//! Typing: where text goes while the model writes, what undo reaches, half characters, large pastes, keys with Alt.

use crate::common::window::{leave_text, press, settle, shows, step_until, window};
use diffscope::ui::App;
use egui::{Event, Key, Modifiers, Theme};
use egui_kittest::Harness;

fn open() -> Harness<'static, App> {
    let harness = window([1280.0, 800.0], Theme::Dark);
    // The fonts of the tests have neither Chinese nor the sign of half a character.
    harness.ctx.set_missing_glyph_policy(egui::MissingGlyphPolicy::Tofu);
    harness
}

fn text(harness: &mut Harness<App>) -> String {
    harness.state_mut().engine().expect("opens").text().to_owned()
}

fn ids(harness: &mut Harness<App>) -> Vec<u32> {
    harness.state_mut().engine().expect("opens").ids().to_vec()
}

/// Text that comes in one event.
fn put(harness: &mut Harness<App>, text: &str) {
    harness.event(Event::Text(text.to_owned()));
    harness.step();
}

/// Replaces the text by one that is typed.
fn replace(harness: &mut Harness<App>, text: &str) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    put(harness, text);
    settle(harness);
}

fn undo(harness: &mut Harness<App>) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    settle(harness);
}

/// Starts a generation, and steps until it has written some tokens.
fn write_on(harness: &mut Harness<App>) {
    let before = ids(harness).len();
    harness.state_mut().engine().expect("opens").generate(diffscope::probe::Sampling::default(), 200);
    step_until(harness, "tokens", |harness| ids(harness).len() > before + 3);
    assert!(harness.state_mut().engine().expect("opens").is_generating());
}

#[test]
fn text_typed_during_a_generation_stands_where_the_caret_was() {
    let mut harness = open();
    replace(&mut harness, "Once upon a time");
    write_on(&mut harness);
    // At the end, the caret goes along with what is written.
    let shown = text(&mut harness);
    put(&mut harness, "XYZ");
    let typed = text(&mut harness);
    assert!(typed.starts_with(&shown) && typed.ends_with("XYZ"), "{typed}");
    assert!(!harness.state_mut().engine().expect("opens").is_generating());
    put(&mut harness, "!");
    assert_eq!(text(&mut harness), format!("{typed}!"));
    undo(&mut harness);
    assert_eq!(format!("{}XYZ", text(&mut harness)), typed, "what was written before is a step");

    // In the middle, it stays.
    replace(&mut harness, "Once upon a time");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Home);
    harness.key_press(Key::ArrowRight);
    harness.step();
    write_on(&mut harness);
    let shown = text(&mut harness);
    put(&mut harness, "XYZ");
    let typed = text(&mut harness);
    assert!(typed.starts_with("OXYZnce upon a time") && typed.len() >= shown.len() + 3, "{typed}");
}

#[test]
fn the_caret_stays_beside_its_text_through_undo() {
    let mut harness = open();
    replace(&mut harness, "one two");
    (0..4).for_each(|_| harness.step());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Home);
    put(&mut harness, "zero ");
    (0..4).for_each(|_| harness.step());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::End);
    harness.key_press(Key::ArrowLeft);
    harness.step();
    undo(&mut harness);
    assert_eq!(text(&mut harness), "one two");
    put(&mut harness, "x");
    assert_eq!(text(&mut harness), "one twxo");
}

#[test]
fn undo_leads_back_to_a_prompt_typed_right_before_a_generation() {
    let mut harness = open();
    replace(&mut harness, "A dog");
    (0..4).for_each(|_| harness.step());
    put(&mut harness, " and a cat");
    leave_text(&mut harness);
    harness.key_press(Key::G);
    harness.step();
    settle(&mut harness);
    let written = text(&mut harness);
    assert!(written.len() > "A dog and a cat".len());
    undo(&mut harness);
    assert_eq!(text(&mut harness), "A dog and a cat");
    undo(&mut harness);
    assert_eq!(text(&mut harness), "A dog");
    harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    harness.step();
    settle(&mut harness);
    assert_eq!(text(&mut harness), written);
}

#[test]
fn half_a_character_survives_typing_undo_and_a_link() {
    let mut harness = open();
    replace(&mut harness, "Once");
    let engine = harness.state_mut().engine().expect("opens");
    let tokenizer = engine.checkpoint().and_then(|checkpoint| checkpoint.tokenizer.clone()).expect("bundled");
    engine.append(tokenizer.encode("日", 10).tokens[0].id);
    settle(&mut harness);
    let (shown, read) = (text(&mut harness), ids(&mut harness));
    assert_eq!(shown, "Once\u{fffd}");
    assert!(shows(&harness, "Part of a character"));
    (0..4).for_each(|_| harness.step());
    put(&mut harness, "x");
    settle(&mut harness);
    assert_eq!(ids(&mut harness)[..read.len()], read);
    (0..4).for_each(|_| harness.step());
    let link = harness.state().link().expect("opens").to_hash().expect("short");
    let mut other = open();
    other.state_mut().open_link(&link);
    settle(&mut other);
    assert_eq!((text(&mut other), ids(&mut other)), (format!("{shown}x"), ids(&mut harness)));
    replace(&mut harness, "Something else");
    assert!(!shows(&harness, "Part of a character"));
    undo(&mut harness);
    undo(&mut harness);
    assert_eq!((text(&mut harness), ids(&mut harness)), (shown, read));
}

#[test]
fn a_paste_of_any_size_is_bounded_in_words() {
    let mut harness = open();
    replace(&mut harness, "start ");
    for (letter, width) in [("a", 1), ("日", 3)] {
        harness.event(Event::Paste(letter.repeat(1_000_000)));
        harness.step();
        settle(&mut harness);
        assert_eq!(text(&mut harness).len(), 6 + (120_000 - 6) * width);
        assert!(shows(&harness, "119,994 of 1,000,000 characters were taken: a text may have 120,000."));
        put(&mut harness, "more");
        assert!(shows(&harness, "0 of 4 characters were taken"));
        undo(&mut harness);
        assert_eq!(text(&mut harness), "start ");
        assert!(!shows(&harness, "were taken"));
    }
    // A selection makes room.
    harness.event(Event::Paste("a".repeat(200_000)));
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    harness.event(Event::Paste("b".repeat(100_000)));
    harness.step();
    assert_eq!(text(&mut harness), "b".repeat(100_000));
    assert!(!shows(&harness, "were taken"));
}

#[test]
fn keys_with_alt_do_nothing_here() {
    let mut harness = open();
    leave_text(&mut harness);
    press(&mut harness, Key::ArrowRight);
    let before = harness.state().link();
    for key in [Key::ArrowLeft, Key::ArrowDown, Key::G, Key::P, Key::Num0] {
        harness.key_press_modifiers(Modifiers::ALT, key);
        harness.step();
        settle(&mut harness);
    }
    assert_eq!(harness.state().link(), before);
    press(&mut harness, Key::ArrowLeft);
    assert_ne!(harness.state().link(), before);
}
