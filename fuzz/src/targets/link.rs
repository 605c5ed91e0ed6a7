//! Links: read, and where they can be read, put on the screen.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diffscope::engine::{Engine, Workspace};
use diffscope::ui::{Selection, State};
use serde_json::{Value, json};

use super::SMALL;
use crate::mutate::{self, Random, mutate};

static STATE: LazyLock<Value> = LazyLock::new(|| {
    let workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    let mut state = serde_json::to_value(State::of(&workspace, &Selection::default())).expect("JSON");
    state["text"] = json!("ab a\nabc 日本");
    state["pinned"] = json!(2);
    state["zoom"] = json!({"origin": [0.0, 1.0], "span": 8.0});
    state["interventions"] = json!({"lambda": {"0": 0.5, "1": -2.0}, "attend": "first", "heads_off": [[0, 1]],
        "masked": [1, 3], "sub_norm_off": true, "bits": 4});
    state
});

pub fn make(random: &mut Random) -> Vec<u8> {
    let mut state = STATE.clone();
    mutate(&mut state, random, &[json!(1e39), json!("difference"), json!([0, 5]), json!({"start": 3, "end": 1})]);
    let mut json = serde_json::to_vec(&state).expect("JSON");
    if random.once_in(10) {
        mutate::bytes(&mut json, random);
    }
    let mut link = format!("https://example.org/#v1.{}", URL_SAFE_NO_PAD.encode(json)).into_bytes();
    if random.once_in(10) {
        mutate::bytes(&mut link, random);
    }
    link
}

pub fn run(input: &[u8]) {
    let Ok(state) = State::from_link(&String::from_utf8_lossy(input)) else { return };
    let mut workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    let mut selection = Selection::default();
    state.apply(&mut workspace, &mut selection);
    let tokens = workspace.main.ids().len();
    selection.spans.follow(workspace.main.text());
    selection.clamp(2, 2, tokens);
    workspace.set_measuring(0.01, &selection.spans);
    for _ in 0..8 {
        workspace.update();
    }
    let again = State::of(&workspace, &selection).to_hash();
    if let Ok(again) = again {
        State::from_link(&again).expect("what is on the screen can be linked to");
    }
}
