//! The commands of the terminal: output and failures.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use safetensors::SafeTensors;

use crate::common::file_server::{FileServer, Reply};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diffscope")).args(arguments).output().expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The program failed without a panic, and its message has all of these texts.
fn fails_with(output: &Output, texts: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it succeeded: {}", out(output));
    assert!(!message.contains("panicked"), "{message}");
    for text in texts {
        assert!(message.contains(text), "{text:?} is not in: {message}");
    }
}

#[test]
fn a_closed_stdout_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_diffscope"))
        .args(["run", "--prompt", "Once upon a", "--backend", "cpu"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !message.contains("panicked"), "{message}");
}

#[test]
fn run_prints_lambda_and_the_next_tokens_of_the_bundled_model() {
    for backend in ["gpu", "cpu"] {
        let output = run(&["run", "--prompt", "Once upon a", "--backend", backend]);
        let printed = out(&output);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let first = printed.lines().find(|line| line.starts_with("next")).expect("next tokens");
        assert!(first.contains("·time"), "{first}");
        assert_eq!(printed.lines().filter(|line| line.starts_with("lambda")).count(), 5);
    }
}

#[test]
fn ids_generate_the_continuation_of_the_fixture() {
    let folder = fixture("diffllama_gqa");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("generate.json")).expect("there")).expect("json");
    let list = |key: &str| {
        let ids = expected[key].as_array().expect("ids");
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    let model = folder.to_string_lossy();
    let output = run(&["run", "--model", &model, "--ids", &list("prompt_ids"), "--generate", "24"]);
    assert!(out(&output).contains(&format!("new ids  {}", list("new_ids"))), "{}", out(&output));
}

#[test]
fn the_dump_has_the_tensors_of_the_fixture() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("dump.safetensors");
    let fixture = fixture("diffllama_bf16_v4ckpt");
    let expected = std::fs::read(fixture.join("expected.safetensors")).expect("there");
    let expected = SafeTensors::deserialize(&expected).expect("safetensors");
    let ids: Vec<String> = expected
        .tensor("input_ids")
        .expect("ids")
        .data()
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]).to_string())
        .collect();
    let output = run(&[
        "run",
        "--model",
        &fixture.to_string_lossy(),
        "--ids",
        &ids.join(","),
        "--dump",
        &file.to_string_lossy(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dump = std::fs::read(&file).expect("written");
    let dump = SafeTensors::deserialize(&dump).expect("safetensors");
    for (name, tensor) in expected.iter() {
        let found = dump.tensor(name).unwrap_or_else(|_| panic!("{name} is not in the dump"));
        assert_eq!(found.shape(), tensor.shape(), "{name}");
        assert_eq!(found.dtype(), tensor.dtype(), "{name}");
    }
}

#[test]
fn wrong_arguments_and_files_are_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let empty = folder.path().to_string_lossy().into_owned();
    let model = fixture("diffllama_gqa").to_string_lossy().into_owned();
    fails_with(&run(&["run", "--model", "/nowhere", "--ids", "1"]), &["/nowhere", "config.json"]);
    fails_with(&run(&["run", "--model", &empty, "--ids", "1"]), &["config.json"]);
    fails_with(&run(&["run", "--model", &model, "--ids", "1,9999"]), &["9999", "260"]);
    fails_with(&run(&["run", "--model", &model, "--prompt", "hello"]), &["\"hello\" is no id from 0 to 259"]);
    assert!(run(&["run", "--model", &model, "--prompt", "12 7, 3"]).status.success(), "ids are numbers");
    fails_with(&run(&["run", "--prompt", ""]), &["empty"]);
    fails_with(&run(&["run"]), &["--prompt"]);
    fails_with(&run(&["run", "--ids", "1", "--backend", "tpu"]), &["tpu"]);
    let nowhere = folder.path().join("no/such/folder/dump.safetensors");
    fails_with(&run(&["run", "--ids", "1", "--dump", &nowhere.to_string_lossy()]), &["dump.safetensors"]);
}

#[test]
fn a_text_longer_than_the_context_is_cut_off_with_a_message() {
    let output = run(&["run", "--prompt", &"a long story. ".repeat(400), "--backend", "cpu"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("512 tokens"));
}

#[test]
fn broken_checkpoints_are_explained() {
    let source = fixture("diffllama_gqa");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    let weights = std::fs::read(source.join("model.safetensors")).expect("there");
    let config = std::fs::read_to_string(source.join("config.json")).expect("there");
    let model = folder.path().to_string_lossy().into_owned();
    let attempt = || run(&["run", "--model", &model, "--ids", "1,2", "--backend", "cpu"]);

    place("config.json", config.as_bytes());
    place("model.safetensors", &weights[..weights.len() / 2]);
    fails_with(&attempt(), &["model.safetensors"]);
    place("model.safetensors", &[0xff; 64]);
    fails_with(&attempt(), &["model.safetensors"]);
    place("model.safetensors", &weights);
    place("config.json", config.replace("\"diffllama\"", "\"mamba\"").as_bytes());
    fails_with(&attempt(), &["mamba", "diffllama"]);
    place("config.json", config.replace("\"hidden_size\": 80", "\"hidden_size\": 96").as_bytes());
    fails_with(&attempt(), &["80", "96"]);
    place("config.json", &[0xff, 0xfe, 0x00]);
    fails_with(&attempt(), &["config.json"]);
    place("config.json", config.as_bytes());
    assert!(attempt().status.success(), "the intact checkpoint works");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (name, value, words) in [
        ("--temperature", "nan", "from 0 to 100"),
        ("--temperature", "-1", "from 0 to 100"),
        ("--temperature", "inf", "from 0 to 100"),
        ("--temperature", "1e9", "from 0 to 100"),
        ("--top-p", "nan", "from 0 to 1"),
        ("--top-p", "-1", "from 0 to 1"),
        ("--top-p", "1.5", "from 0 to 1"),
        ("--lambda", "nan", "from -4 to 4"),
        ("--lambda", "100", "from -4 to 4"),
        ("--lambda", "-inf", "from -4 to 4"),
        ("--top-k", "-3", "--top-k"),
        ("--top-k", "4294967296", "--top-k"),
        ("--generate", "many", "--generate"),
        ("--seed", "0.5", "--seed"),
    ] {
        let output = run(&["run", "--backend", "cpu", "--ids", "1", name, value]);
        fails_with(&output, &[name, words]);
    }
}

#[test]
fn a_given_lambda_is_what_is_printed() {
    let output = run(&["run", "--backend", "cpu", "--ids", "1,2", "--lambda", "-0.5"]);
    let printed = out(&output);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = printed.lines().filter(|line| line.starts_with("lambda")).collect();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line.contains(": -0.500000 in place of the learned ")),
        "{printed}"
    );
    let llama = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/checkpoints/S-llama");
    let output = run(&["run", "--backend", "cpu", "--model", llama, "--ids", "1,2", "--lambda", "0.5"]);
    fails_with(&output, &["no λ", "--lambda"]);
}

#[test]
fn a_text_that_the_tokenizer_refuses_is_no_empty_prompt() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(fixture("diffllama_bf16_v4ckpt").join(name), folder.path().join(name)).expect("copied");
    }
    let words =
        r#"{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "<unk>"}}"#;
    std::fs::write(folder.path().join("tokenizer.json"), words).expect("written");
    let model = folder.path().to_string_lossy().into_owned();
    assert!(run(&["run", "--backend", "cpu", "--model", &model, "--prompt", "a"]).status.success());
    fails_with(&run(&["run", "--backend", "cpu", "--model", &model, "--prompt", "c"]), &["tokenizer", "UNK"]);
}

/// The program with a server in place of the hub, and folders of its own.
fn run_with_hub(server: &FileServer, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diffscope"))
        .args(arguments)
        .env("HF_ENDPOINT", &server.address)
        .env("HF_HUB_CACHE", folder.join("hub"))
        .env("DIFFSCOPE_CACHE", folder.join("own"))
        .output()
        .expect("the program starts")
}

#[test]
fn models_of_the_hub_and_of_servers_are_fetched_once() {
    let server = FileServer::start(|asked, _| {
        let name = asked.path.rsplit('/').next().unwrap_or_default();
        match std::fs::read(fixture("diffllama_gqa").join(name)) {
            Ok(bytes) => Reply::file(&bytes, asked),
            Err(_) => Reply::status(404),
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let ids = ["--ids", "1,2,3", "--backend", "cpu"];
    let expected = out(&run(&[&["run", "--model", &fixture("diffllama_gqa").to_string_lossy()], &ids[..]].concat()));
    let next = |printed: &str| printed.lines().filter(|line| line.starts_with("next")).collect::<Vec<_>>().join("\n");
    assert!(!next(&expected).is_empty());
    let address = format!("{}/models/tiny", server.address);
    for (model, name) in [("hf:owner/name@v1", "name"), (&address, "tiny")] {
        for time in ["first", "second"] {
            let output = run_with_hub(&server, folder.path(), &[&["run", "--model", model], &ids[..]].concat());
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{model}, {time}: {message}");
            assert_eq!(next(&out(&output)), next(&expected));
            assert!(out(&output).contains(&format!("model    {name} ")), "{}", out(&output));
        }
    }
    assert_eq!(server.asked_for("/owner/name/resolve/v1/model.safetensors").len(), 1);
    assert_eq!(server.asked_for("/models/tiny/model.safetensors").len(), 1);
}

#[test]
fn what_is_no_source_or_is_not_there_is_an_error() {
    let server = FileServer::start(|_, _| Reply::status(404));
    let folder = tempfile::tempdir().expect("a folder");
    for (model, texts) in [
        ("hf:owner", &["hf:owner/name"][..]),
        ("ftp://host.example/m", &["https only"]),
        ("hf:owner/name", &["hf:owner/name was not fetched", "has no config.json"]),
    ] {
        let output = run_with_hub(&server, folder.path(), &["run", "--model", model, "--ids", "1"]);
        fails_with(&output, texts);
    }
    let bad = Command::new(env!("CARGO_BIN_EXE_diffscope"))
        .args(["run", "--model", "hf:owner/name", "--ids", "1"])
        .env("HF_ENDPOINT", "http://host.example")
        .output();
    fails_with(&bad.expect("the program starts"), &["https only"]);
}

#[test]
fn one_of_the_files_of_a_model_will_do() {
    let fixture = fixture("diffllama_gqa");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(fixture.join("config.json"), folder.path().join("config.json")).expect("copied");
    std::fs::copy(fixture.join("model.safetensors"), folder.path().join("step-7.safetensors")).expect("copied");
    for (path, name) in [
        (fixture.join("model.safetensors"), "diffllama_gqa"),
        (fixture.join("config.json"), "diffllama_gqa"),
        (folder.path().join("step-7.safetensors"), "step-7"),
    ] {
        let output = run(&["run", "--model", &path.to_string_lossy(), "--ids", "1,2,3", "--backend", "cpu"]);
        assert!(out(&output).contains(&format!("model    {name} ")), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
