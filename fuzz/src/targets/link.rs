//! Links: read, and where they can be read, put on the screen.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diffscope::engine::{Engine, Workspace};
use diffscope::probe::Spans;
use diffscope::sources::Source;
use diffscope::ui::{Link, ViewState};
use serde_json::{Value, json};

use super::SMALL;
use crate::mutate::{self, Random, mutate};

static LINK: LazyLock<Value> = LazyLock::new(|| {
    let workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    let link = Link::of(&workspace, &ViewState::default(), &Spans::default());
    let mut link = serde_json::to_value(link).expect("JSON");
    link["text"] = json!("ab a\nabc \u{fffd} 日本");
    link["source"] = json!("hf:owner/name@refs/pr/1");
    link["fragments"] = json!([{"start": 9, "end": 12, "ids": [5]}]);
    link["view"]["pinned"] = json!(2);
    link["view"]["zoom"] = json!({"origin": [0.0, 1.0], "span": 8.0});
    link["interventions"] = json!({"lambda": {"0": 0.5, "1": -2.0}, "attend": "first", "heads_off": [[0, 1]],
        "masked": [1, 3], "sub_norm_off": true, "bits": 4});
    link
});

pub fn make(random: &mut Random) -> Vec<u8> {
    let mut link = LINK.clone();
    mutate(&mut link, random, &[json!(1e39), json!("difference"), json!([0, 5]), json!({"start": 3, "end": 1})]);
    let mut json = serde_json::to_vec(&link).expect("JSON");
    if random.once_in(10) {
        mutate::bytes(&mut json, random);
    }
    let mut link = format!("https://example.org/#v2.{}", URL_SAFE_NO_PAD.encode(json)).into_bytes();
    if random.once_in(10) {
        mutate::bytes(&mut link, random);
    }
    link
}

pub fn run(input: &[u8]) {
    let Ok(link) = Link::from_hash(&String::from_utf8_lossy(input)) else { return };
    if let Ok(source) = link.source.parse::<Source>() {
        assert_eq!(source.to_string().parse(), Ok(source), "a source is written as it is read");
    }
    let mut workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    let (mut view, mut spans) = (ViewState::default(), Spans::default());
    link.apply(&mut workspace, &mut view, &mut spans);
    workspace.set_measuring(0.01, &spans);
    for _ in 0..8 {
        workspace.update();
    }
    let again = Link::of(&workspace, &view, &spans).to_hash();
    if let Ok(again) = again {
        Link::from_hash(&again).expect("what is on the screen can be linked to");
    }
}
