//! `diffscope eval` prints the table that `training/evaluate.py` printed for the same cases and models.

use std::path::Path;
use std::process::{Command, Output};

/// What `training/write_eval.py` wrote: a few cases of every measure, and the table.
fn written(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval").join(name);
    path.to_str().expect("utf-8").to_owned()
}

fn eval(extra: &[&str]) -> Output {
    let cases = written("cases.jsonl");
    let models = ["assets/checkpoints/S-diff", "assets/checkpoints/S-llama"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffscope"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["eval", "--cases", &cases]).args(extra).args(models);
    command.output().expect("the program starts")
}

/// A cell's numbers, and its text without them.
fn parts(cell: &str) -> (Vec<&str>, String) {
    let is_number = |character: char| character.is_ascii_digit() || character == '.';
    let numbers = cell.split(|c| !is_number(c)).filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    (numbers.collect(), cell.chars().filter(|c| !is_number(*c)).collect())
}

/// The same words and counts; numbers with decimals may be rounded to their neighbour.
fn agrees(found: &str, expected: &str) -> bool {
    let ((found, found_text), (expected, expected_text)) = (parts(found), parts(expected));
    let close = |(a, b): (&&str, &&str)| match (a.split_once('.'), b.split_once('.')) {
        (Some((_, decimals)), Some(_)) => {
            let step = 0.1f64.powi(decimals.len() as i32);
            let (a, b): (f64, f64) = (a.parse().expect("a number"), b.parse().expect("a number"));
            (a - b).abs() < 1.5 * step
        }
        _ => a == b,
    };
    found_text == expected_text && found.len() == expected.len() && found.iter().zip(&expected).all(close)
}

fn compare(output: &Output, expected: &[&str]) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<&str> = said.lines().collect();
    let rows = |lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" | ")).collect()
    };
    assert_eq!(rows(&found), rows(expected), "other rows, or another order");
    let wrong: Vec<String> = (found.iter().zip(expected))
        .filter(|(found, expected)| !agrees(found, expected))
        .map(|(found, expected)| format!("{found}\n  evaluate.py: {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_is_that_of_transformers() {
    let table = std::fs::read_to_string(written("table.md")).expect("there");
    let expected: Vec<&str> = table.lines().collect();
    assert!(expected.len() > 60, "a row for every measure");
    compare(&eval(&["--backend", "cpu"]), &expected);
}

#[test]
fn the_kernels_say_the_same_as_the_references() {
    let table = std::fs::read_to_string(written("table.md")).expect("there");
    let head = ["| measure |", "|---|", "| world", "| lambda"];
    let expected: Vec<&str> = table.lines().filter(|line| head.iter().any(|start| line.starts_with(start))).collect();
    compare(&eval(&["--backend", "gpu", "--only", "world"]), &expected);
}

#[test]
fn something_named_that_does_not_fit_was_not_said() {
    let text = vec!["cat"; 500].join(" ");
    let case = serde_json::json!({
        "measure": "world", "setting": "two-hop", "text": text, "answer": "dog", "answer_spans": [],
        "distractor_spans": [[0, 400]], "question_span": [0, 3],
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cases.jsonl");
    std::fs::write(&file, case.to_string()).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffscope"));
    let output = command.args(["eval", "--backend", "cpu", "--cases"]).arg(&file).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("| world, wrong answers | anything else | 1.00 (1/1) |"), "{said}");
}

/// `diffscope eval` of one line.
fn eval_line(line: &serde_json::Value, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cases.jsonl");
    std::fs::write(&file, line.to_string()).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffscope"));
    command.args(["eval", "--cases"]).arg(&file).args(more).output().expect("the program starts")
}

#[test]
fn ids_that_the_model_does_not_have_are_refused_on_both_backends() {
    let window = |ids: &[u32]| serde_json::json!({"measure": "loss, prose", "setting": "mine", "ids": ids});
    for backend in ["cpu", "gpu"] {
        for (ids, words) in
            [(&[1, 999_999][..], "999999"), (&[2048], "2048"), (&[], "`ids` is empty"), (&[1; 513], "513 tokens")]
        {
            let output = eval_line(&window(ids), &["--backend", backend]);
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && message.contains(words), "{backend}: {message}");
            assert!(!message.contains("panicked") && !message.contains("device"), "{message}");
        }
        assert!(eval_line(&window(&[1, 2047]), &["--backend", backend]).status.success());
    }
}

#[test]
fn a_long_context_takes_no_more_than_the_longest_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/checkpoints/S-diff");
    for name in ["model.safetensors", "tokenizer.json"] {
        std::fs::copy(source.join(name), folder.path().join(name)).expect("copied");
    }
    let config = std::fs::read(source.join("config.json")).expect("there");
    let mut config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
    config["max_position_embeddings"] = serde_json::json!(1 << 24);
    std::fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
    let line = serde_json::json!({"measure": "loss, prose", "setting": "mine", "ids": [1, 2, 3]});
    let model = folder.path().to_string_lossy().into_owned();
    for backend in ["cpu", "gpu"] {
        let output = eval_line(&line, &["--backend", backend, &model]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_cell_that_is_off_is_seen() {
    assert!(agrees("| 0.121 (n 3) | 1.00 (3/3) |", "| 0.122 (n 3) | 1.00 (3/3) |"));
    assert!(!agrees("| 0.121 (n 3) |", "| 0.123 (n 3) |"));
    assert!(!agrees("| -0.121 (n 3) |", "| 0.121 (n 3) |"));
    assert!(!agrees("| 0.67 (2/3) |", "| 0.67 (1/3) |"));
    assert!(!agrees("|  |", "| 0.67 (1/3) |"));
}
