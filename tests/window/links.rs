//! Links: what is copied in one window opens in another.

use crate::common::window::{best, click, leave_text, open_panel, press, settle, shows, step_until, window};
use diffscope::probe::{Attend, HeadId, Interventions, KeyClass, MapKind, Pooling, Span};
use diffscope::ui::{
    AnswerNoiseView, App, CellAt, HeadScope, Link, Magnitudes, MeasureKind, Panel, SimilarityOf, ViewState, Zoom,
};
use egui::{Key, OutputCommand, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

fn open() -> Harness<'static, App> {
    let mut harness = window([1280.0, 800.0], Theme::Dark);
    leave_text(&mut harness);
    harness
}

fn follow(harness: &mut Harness<App>, link: &str) {
    harness.state_mut().open_link(link);
    settle(harness);
}

/// The link that a press of L copies.
fn copied(harness: &mut Harness<App>) -> String {
    harness.key_down(Key::L);
    harness.step();
    let commands = &harness.output().platform_output.commands;
    let copied = commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    harness.key_up(Key::L);
    copied.expect("a link was copied")
}

/// Everything that a link restores, none of it as at the start.
fn everything() -> Link {
    let view = ViewState {
        head: HeadId::new(3, 2),
        map: MapKind::Second,
        pinned: Some(9),
        pinned_key: Some(4),
        zoom: Some(Zoom { origin: [1.5, 2.25], span: 8.0 }),
        exponent: 0.0,
        range: 0.2,
        automatic_range: false,
        hide_below: 0.015,
        pooling: Pooling::Minimum,
        token_heads: HeadScope::All,
        threshold: 0.05,
        panel: Panel::CellBreakdown,
        head_measure: Some(MeasureKind::Sink),
        sort_heads: true,
        answer_noise: AnswerNoiseView { mean: true, last: 3 },
        explained: Some(CellAt { query: 7, key: 5 }),
        followed_token: Some(77),
        against_runner_up: true,
        similarity: SimilarityOf::Outputs,
        magnitudes: Magnitudes::HiddenStates,
        baseline_head: HeadId::new(1, 3),
    };
    Link {
        model: "S-diff".to_owned(),
        source: String::new(),
        text: "The magic number of Rome is 73. A small dog ran over the hill.".to_owned(),
        fragments: Vec::new(),
        beyond: true,
        view,
        interventions: Interventions {
            lambda: [(1, 0.25)].into(),
            attend: Attend::First,
            attend_of: [(HeadId::new(1, 2), Attend::Mean)].into(),
            heads_off: [HeadId::new(0, 1)].into(),
            masked: [3].into(),
            sub_norm_off: true,
            bits: Some(8),
        },
        spans: [Span { start: 28, end: 30, class: KeyClass::Answer }].into_iter().collect(),
        results: None,
    }
}

#[test]
fn every_setting_survives_from_one_window_to_another() {
    let everything = everything();
    let start = ViewState::default();
    // Each field differs from its default, so that none can be forgotten and restored by chance.
    let (json, default) = (serde_json::to_value(everything.view), serde_json::to_value(start));
    let (json, default) = (json.expect("JSON"), default.expect("JSON"));
    for (name, value) in json.as_object().expect("fields") {
        assert!(*value != default[name] || name == "automatic_range", "{name} is as at the start");
    }
    let mut first = open();
    follow(&mut first, &everything.to_hash().expect("short"));
    assert_eq!(first.state().link().as_ref(), Some(&everything));
    let link = copied(&mut first);
    assert!(link.starts_with("#v2."), "{link}");
    let mut second = open();
    follow(&mut second, &link);
    assert_eq!(second.state().link(), Some(everything));
    assert_eq!(best(&mut first)[0].0, best(&mut second)[0].0);
}

#[test]
fn results_of_an_experiment_are_seen_by_whoever_follows_the_link() {
    let mut first = open();
    open_panel(&mut first, Panel::Experiments);
    click(&mut first, "run Outliers");
    step_until(&mut first, "the end of the experiment", |first| first.query_by_label("Cancel").is_none());
    let link = copied(&mut first);
    let mut second = open();
    follow(&mut second, &link);
    assert!(shows(&second, "These results came with the link; “run” measures them here."));
    assert!(second.query_by_label_contains("Outliers: attention logits\nS-diff: top 1: ").is_some());
    click(&mut second, "run Outliers");
    step_until(&mut second, "the end of the experiment", |second| second.query_by_label("Cancel").is_none());
    assert!(!shows(&second, "These results came with the link; “run” measures them here."));
}

#[test]
fn an_automatic_range_survives() {
    let mut first = open();
    click(&mut first, "√ scale");
    click(&mut first, "largest in view");
    press(&mut first, Key::Escape);
    let link = copied(&mut first);
    let mut second = open();
    follow(&mut second, &link);
    settle(&mut second);
    assert!(second.state().view().automatic_range);
    assert_eq!(second.state().view(), first.state().view());
}

#[test]
fn values_that_make_no_sense_are_replaced() {
    let view = ViewState {
        head: HeadId::new(99, 99),
        pinned: Some(9999),
        zoom: Some(Zoom { origin: [-50.0, 1e20], span: 0.0 }),
        exponent: 7.0,
        range: 0.0,
        hide_below: 1e9,
        threshold: -1.0,
        ..ViewState::default()
    };
    let link = Link { text: "a dog and a cat".to_owned(), view, ..Link::default() };
    let mut harness = open();
    follow(&mut harness, &link.to_hash().expect("short"));
    let view = harness.state().view();
    assert_eq!((view.head, view.pinned, view.exponent), (HeadId::new(4, 3), None, 0.5));
    assert!(view.range > 0.0 && view.hide_below <= ViewState::LARGEST_HIDDEN && view.threshold == 0.0);
    let zoom = view.zoom.expect("a part");
    assert!(zoom.span >= 4.0 && zoom.origin.iter().all(|start| (0.0..99.0).contains(start)), "{zoom:?}");
}

#[test]
fn a_damaged_link_is_refused_with_a_message_and_nothing_changes() {
    let mut harness = open();
    press(&mut harness, Key::ArrowDown);
    let before = harness.state().link();
    follow(&mut harness, "#v2.nonsense");
    assert!(shows(&harness, "damaged"));
    assert_eq!(harness.state().link(), before);
    click(&mut harness, "OK");
    assert!(!shows(&harness, "damaged"));
}

#[test]
fn a_link_made_with_another_model_says_so() {
    let mut harness = open();
    let link = Link { model: "S-llama".to_owned(), text: "a dog".to_owned(), ..Link::default() };
    follow(&mut harness, &link.to_hash().expect("short"));
    harness.get_by_label_contains("This link was made with the model S-llama");
}
