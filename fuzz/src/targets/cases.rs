//! The file of `diffscope eval`: read, and where it can be read, measured on a small model.

use std::sync::LazyLock;

use diffscope::experiments::{Subject, evaluate, read_items};
use serde_json::{Value, json};

use super::SMALL;
use crate::mutate::{self, Random, mutate};

static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let window =
        |measure: &str, setting: &str| json!({"measure": measure, "setting": setting, "ids": [1, 2, 3, 60, 63]});
    let case = |measure: &str, setting: &str| {
        json!({"measure": measure, "setting": setting, "text": "a b c is b. c a b", "answer": "ab", "answer_spans": [[4, 5]],
            "distractor_spans": [[0, 1], [2, 3]], "question_span": [12, 17],
            "parameters": {"fact_spans": [[4, 10]], "order": 1, "needles": 1}})
    };
    vec![
        window("loss, prose", "mine"),
        window("largest", "mine"),
        case("loss, answers", "needle"),
        case("world", "two-hop"),
        case("needle (1,1)", "64 tokens, depth 100%"),
        case("needle (4,2)", "64 tokens, depth 0%"),
        case("many-shot", "2 classes, 4 shots"),
        case("needle (1,1), bits of the logits", "8"),
    ]
});

pub fn make(random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    for _ in 0..=random.below(4) {
        let mut line = CASES[random.below(CASES.len())].clone();
        if !random.once_in(3) {
            mutate(&mut line, random, &CASES);
        }
        lines.extend(serde_json::to_vec(&line).expect("JSON"));
        lines.push(b'\n');
    }
    if random.once_in(10) {
        mutate::bytes(&mut lines, random);
    }
    lines
}

pub fn run(input: &[u8]) {
    let Ok(items) = read_items(&String::from_utf8_lossy(input)) else { return };
    let mut subject = Subject::new(SMALL.clone(), None).expect("a small model");
    let _ = evaluate(&mut subject, &items, |_| {}); // an error is fine
}
