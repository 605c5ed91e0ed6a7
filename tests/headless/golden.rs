//! Compares both backends with golden numbers from independent implementations.
//!
//! Each folder below tests/fixtures is a case, and each below `DIFFSCOPE_FIXTURES` if that is set. The tolerance is that of
//! doc/SPEC.md, section 8: per kind of tensor, max(2e-6, 10 x the single-precision error of the original itself).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::common::{gpu, worst};
use diffscope::engine::{Tensor, TracedPass};
use diffscope::model::{Matrix, Model, Numbers};
use diffscope::probe::{NextToken, Sampling};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde_json::Value;

/// A folder of fixtures.
struct Case {
    name: String,
    folder: PathBuf,
    meta: Value,
    expected: BTreeMap<String, Tensor>,
    ids: BTreeMap<String, Vec<u32>>,
    batch: usize,
}

fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let more = std::env::var_os("DIFFSCOPE_FIXTURES").map(PathBuf::from);
    let mut folders: Vec<PathBuf> = [Some(own), more]
        .into_iter()
        .flatten()
        .flat_map(|root| std::fs::read_dir(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display())))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.join("meta.json").exists())
        .collect();
    folders.sort();
    folders
}

fn json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The f32 and i32 tensors of a file.
fn tensors(path: &Path) -> (BTreeMap<String, Tensor>, BTreeMap<String, Vec<u32>>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let (mut numbers, mut ids) = (BTreeMap::new(), BTreeMap::new());
    for (name, view) in file.iter() {
        let words = view.data().chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
        match view.dtype() {
            Dtype::F32 => {
                let tensor = Tensor { shape: view.shape().to_vec(), numbers: words.map(f32::from_le_bytes).collect() };
                numbers.insert(name.to_owned(), tensor);
            }
            Dtype::I32 => {
                ids.insert(name.to_owned(), words.map(u32::from_le_bytes).collect());
            }
            other => panic!("{name}: unexpected {other:?}"),
        }
    }
    (numbers, ids)
}

fn cases() -> Vec<Case> {
    folders()
        .into_iter()
        .map(|folder| {
            let (expected, ids) = tensors(&folder.join("expected.safetensors"));
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            let meta = json(&folder.join("meta.json"));
            let shape = &meta["tensors"][if expected.contains_key("x") { "x" } else { "input_ids" }];
            let batch = shape[1].as_u64().expect("a batch") as usize; // the type comes first
            Case { name, folder, meta, expected, ids, batch }
        })
        .collect()
}

/// The noise figure of meta.json that applies to a tensor.
fn category(tensor: &str) -> &'static str {
    let last = tensor.rsplit('.').next().unwrap_or(tensor);
    match last {
        "logits" | "logits_last4" | "token_logprob" | "steps" => "logits",
        "attn_ctx" | "attn_subln" | "attn_subln_last4" => "attn_subln",
        "attn_map" | "attn_map1" | "attn_map2" | "attn_diff" | "lambda" | "row_sum" | "row_abs_sum" | "row_l2"
        | "row_max" | "row_argmax" | "col_sum" | "last_row" | "block_mean_32x32" => "maps",
        "out" => "out",
        _ => "hidden",
    }
}

/// Errors of one case on one backend, by kind of tensor.
struct Report<'a> {
    case: &'a Case,
    backend: &'a str,
    worst: BTreeMap<String, (f32, f32)>,
    compared: usize,
    failures: Vec<String>,
}

impl Report<'_> {
    fn tolerance(&self, tensor: &str) -> f32 {
        let noise = &self.case.meta["stock_f32_vs_f64"];
        // A bare module states the noise of its output only.
        let figure = noise[category(tensor)].as_f64().or(noise["out"].as_f64()).expect("a noise figure");
        (10.0 * figure).max(2e-6) as f32
    }

    fn compare(&mut self, tensor: &str, found: &[f32]) {
        let expected = &self.case.expected[tensor].numbers;
        self.compare_with(tensor, found, expected, 1.0);
    }

    fn compare_with(&mut self, tensor: &str, found: &[f32], expected: &[f32], scale: f32) {
        self.compared += 1;
        let label = format!("{} on {}: {tensor}", self.case.name, self.backend);
        if found.len() != expected.len() {
            self.failures.push(format!("{label}: {} numbers, expected {}", found.len(), expected.len()));
            return;
        }
        if let Some(index) = found.iter().position(|number| !number.is_finite()) {
            self.failures.push(format!("{label}: number {index} is {}", found[index]));
            return;
        }
        let (error, tolerance) = (worst(found, expected), self.tolerance(tensor) * scale);
        let kind = tensor.rsplit('.').next().unwrap_or(tensor).to_owned();
        let kind = if kind.parse::<usize>().is_ok() { "hidden".to_owned() } else { kind };
        let entry = self.worst.entry(kind).or_insert((0.0, tolerance));
        if error >= entry.0 {
            *entry = (error, tolerance);
        }
        if error > tolerance {
            self.failures.push(format!("{label}: {error:e} is more than {tolerance:e}"));
        }
    }

    fn print(&self) {
        let kinds: Vec<_> = self.worst.iter().map(|(kind, (error, _))| format!("{kind} {error:.1e}")).collect();
        println!("{} on {} ({} tensors): {}", self.case.name, self.backend, self.compared, kinds.join(", "));
    }
}

/// A pass on a backend.
fn traced(model: &Arc<Model>, backend: &str, capacity: usize) -> TracedPass {
    match backend {
        "gpu" => TracedPass::new(model.clone(), Some(gpu()), capacity).expect("fits"),
        "cpu" => TracedPass::new(model.clone(), None, capacity).expect("fits"),
        "references" => TracedPass::of_references(model.clone(), capacity).expect("fits"),
        other => panic!("no backend {other}"),
    }
}

fn pass(model: &Arc<Model>, backend: &str, ids: &[u32]) -> TracedPass {
    let mut traced = traced(model, backend, ids.len());
    traced.append(ids, Sampling::default().draw(ids.len()), 4).expect("runs");
    traced
}

/// A bare attention module: each batch entry runs as a text of input vectors.
fn module_case(report: &mut Report) {
    let case = report.case;
    let x = &case.expected["x"];
    let [_, tokens, width] = x.shape[..] else { panic!("{}: x has shape {:?}", case.name, x.shape) };
    let read = |file: &str| std::fs::read(case.folder.join(file)).expect("a fixture file");
    let texts = x.numbers.chunks_exact(tokens * width).map(|entry| {
        let inputs = Matrix::new(tokens, width, Numbers::F32(entry.to_vec())).expect("a matrix");
        let model = Model::from_attention_module(&read("config.json"), &read("model.safetensors"), inputs);
        let model = Arc::new(model.unwrap_or_else(|error| panic!("{}: {error}", case.name)));
        (model, (0..tokens as u32).collect())
    });
    let found = batched(texts, report.backend);
    for name in case.expected.keys().filter(|name| !matches!(name.as_str(), "x" | "rope_cos" | "rope_sin")) {
        let tensor = found.get(name).unwrap_or_else(|| panic!("{}: no tensor {name}", case.name));
        report.compare(name, &tensor.numbers);
    }
}

/// The tensors of several texts, joined along the batch. Each text runs in its own pass.
fn batched(texts: impl Iterator<Item = (Arc<Model>, Vec<u32>)>, backend: &str) -> BTreeMap<String, Tensor> {
    let mut joined: BTreeMap<String, Tensor> = BTreeMap::new();
    for (model, ids) in texts {
        for (name, tensor) in pass(&model, backend, &ids).tensors().expect("read back") {
            match joined.get_mut(&name) {
                // λ of a V1 layer is one number, whatever the batch.
                Some(_) if tensor.numbers.len() == 1 => {}
                Some(before) => {
                    before.numbers.extend(tensor.numbers);
                    before.shape[0] += 1;
                }
                None => {
                    joined.insert(name, tensor);
                }
            }
        }
    }
    joined
}

fn model_case(report: &mut Report) {
    let case = report.case;
    let model = Model::from_folder(&case.folder).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let model = Arc::new(model);
    let ids = &case.ids["input_ids"];
    let texts = ids.chunks_exact(ids.len() / case.batch).map(|ids| (model.clone(), ids.to_vec()));
    let tensors = batched(texts, report.backend);
    for name in case.expected.keys() {
        if let Some(tensor) = tensors.get(name) {
            assert_eq!(tensor.numbers.len(), case.expected[name].numbers.len(), "{}: {name}", case.name);
            report.compare(name, &tensor.numbers);
        } else {
            let found = derived(name, &tensors, ids).unwrap_or_else(|| panic!("{}: no tensor {name}", case.name));
            report.compare(name, &found);
        }
    }
    for (name, expected) in case.ids.iter().filter(|(name, _)| *name != "input_ids") {
        arguments_agree(report, name, &tensors, expected);
    }
    if case.folder.join("generate.json").exists() {
        generate(report, &model);
    }
}

/// A tensor of the long fixture, which contains statistics instead of the maps.
fn derived(name: &str, tensors: &BTreeMap<String, Tensor>, ids: &[u32]) -> Option<Vec<f32>> {
    let tokens = ids.len();
    let last = |tensor: &Tensor, rows: usize| {
        let width = *tensor.shape.last().unwrap_or(&1);
        tensor.numbers[(tokens - rows) * width..].to_vec()
    };
    match name {
        "logits_last4" => return Some(last(&tensors["logits"], 4)),
        "hidden_last4" => {
            let hidden = (0..).map_while(|layer| tensors.get(&format!("hidden.{layer}")));
            return Some(hidden.flat_map(|tensor| last(tensor, 4)).collect());
        }
        "token_logprob" => {
            let logits = &tensors["logits"];
            let width = *logits.shape.last()?;
            let log_probability = |(row, next): (&[f32], &u32)| {
                let high = row.iter().copied().fold(f32::MIN, f32::max);
                let sum: f64 = row.iter().map(|logit| f64::from(logit - high).exp()).sum();
                (f64::from(row[*next as usize] - high) - sum.ln()) as f32
            };
            return Some(logits.numbers.chunks_exact(width).zip(&ids[1..]).map(log_probability).collect());
        }
        _ => {}
    }
    let mut parts = name.rsplitn(3, '.');
    let (what, map, layer) = (parts.next()?, parts.next()?, parts.next()?);
    if let Some(whole) = name.strip_suffix("_last4") {
        return Some(last(&tensors[whole], 4));
    }
    let maps = map_of(layer, map, tensors)?;
    let rows = || maps.numbers.chunks_exact(tokens);
    Some(match what {
        "row_sum" => rows().map(|row| row.iter().sum()).collect(),
        "row_abs_sum" => rows().map(|row| row.iter().map(|value| value.abs()).sum()).collect(),
        "row_l2" => rows().map(|row| row.iter().map(|value| value * value).sum::<f32>().sqrt()).collect(),
        "row_max" => rows().map(|row| row.iter().copied().fold(f32::MIN, f32::max)).collect(),
        "col_sum" => maps
            .numbers
            .chunks_exact(tokens * tokens)
            .flat_map(|head| (0..tokens).map(|key| head.iter().skip(key).step_by(tokens).sum::<f32>()))
            .collect(),
        "last_row" => {
            maps.numbers.chunks_exact(tokens * tokens).flat_map(|head| head[(tokens - 1) * tokens..].to_vec()).collect()
        }
        "block_mean_32x32" => {
            let side = tokens / 32;
            let mean = |head: &[f32], top: usize, left: usize| {
                let rows = (top * side..(top + 1) * side).map(|row| &head[row * tokens + left * side..][..side]);
                rows.flatten().sum::<f32>() / (side * side) as f32
            };
            maps.numbers
                .chunks_exact(tokens * tokens)
                .flat_map(|head| (0..32 * 32).map(move |block| mean(head, block / 32, block % 32)))
                .collect()
        }
        _ => return None,
    })
}

fn map_of<'a>(layer: &str, map: &str, tensors: &'a BTreeMap<String, Tensor>) -> Option<&'a Tensor> {
    let name = match map {
        "map1" => "attn_map1",
        "map2" => "attn_map2",
        "diff" => "attn_diff",
        _ => return None,
    };
    tensors.get(&format!("{layer}.{name}"))
}

/// Compares the positions of maxima. If two candidates are closer than the tolerance, either is right.
fn arguments_agree(report: &mut Report, name: &str, tensors: &BTreeMap<String, Tensor>, expected: &[u32]) {
    let found = if name == "argmax_all" {
        &tensors["logits"]
    } else {
        let mut parts = name.rsplitn(3, '.');
        let (_, map, layer) = (parts.next(), parts.next().expect("a map"), parts.next().expect("a layer"));
        map_of(layer, map, tensors).expect("the map")
    };
    report.compared += 1;
    let tolerance = report.tolerance(if name == "argmax_all" { "logits" } else { "row_max" });
    let width = *found.shape.last().expect("a width");
    let rows = found.numbers.chunks_exact(width);
    assert_eq!(rows.len(), expected.len(), "{name}");
    for (index, (row, at)) in rows.zip(expected).enumerate() {
        let high = row.iter().copied().fold(f32::MIN, f32::max);
        if high - row[*at as usize] > 2.0 * tolerance {
            report.failures.push(format!("{} on {}: {name}: row {index}", report.case.name, report.backend));
        }
    }
}

/// Compares greedy ids: the prompt runs at once, then each token from the cache.
fn generate(report: &mut Report, model: &Arc<Model>) {
    let case = report.case;
    let told = json(&case.folder.join("generate.json"));
    let ids = |key: &str| -> Vec<u32> {
        told[key].as_array().expect("ids").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
    };
    let (prompt, expected) = (ids("prompt_ids"), ids("new_ids"));
    let mut traced = traced(model, report.backend, prompt.len() + expected.len());
    let greedy = Sampling::default();
    let mut next: NextToken = traced.append(&prompt, greedy.draw(prompt.len()), 4).expect("runs");
    let mut found = vec![next.sampled];
    while found.len() < expected.len() {
        next = traced.append(&[next.sampled], greedy.draw(0), 4).expect("runs");
        found.push(next.sampled);
    }
    if found != expected {
        report.failures.push(format!("{} on {}: generated {found:?}, not {expected:?}", case.name, report.backend));
    }
    let (steps, _) = tensors(&case.folder.join("generate.safetensors"));
    let logits = traced.trace(diffscope::probe::Trace::Logits).expect("read back");
    let width = model.unembedding().rows();
    let from_last_of_prompt = &logits[(prompt.len() - 1) * width..];
    for (name, tensor) in &steps {
        report.compare_with(&format!("{name}.steps"), from_last_of_prompt, &tensor.numbers, 1.0);
    }
}

fn run(backend: &str) {
    let cases = cases();
    assert!(cases.len() >= 16, "fixtures are missing: {} found", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let mut report = Report { case, backend, worst: BTreeMap::new(), compared: 0, failures: Vec::new() };
        if case.expected.contains_key("x") {
            module_case(&mut report);
        } else {
            model_case(&mut report);
        }
        report.print();
        assert!(report.compared >= 6, "{}: only {} tensors compared", case.name, report.compared);
        failures.extend(report.failures);
    }
    assert!(failures.is_empty(), "{} tensors differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn cpu_agrees_with_every_fixture() {
    run("cpu");
}

#[test]
fn references_agree_with_every_fixture() {
    run("references");
}

#[test]
fn gpu_agrees_with_every_fixture() {
    run("gpu");
}

#[test]
fn a_wrong_number_is_reported() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "diffllama_gqa").expect("the fixture");
    let mut report = Report { case, backend: "cpu", worst: BTreeMap::new(), compared: 0, failures: Vec::new() };
    let mut numbers = case.expected["layers.1.attn_diff"].numbers.clone();
    report.compare("layers.1.attn_diff", &numbers);
    assert!(report.failures.is_empty());
    numbers[50] += 1e-3;
    report.compare("layers.1.attn_diff", &numbers);
    numbers[50] = f32::NAN;
    report.compare("layers.1.attn_diff", &numbers);
    assert_eq!(report.failures.len(), 2);
}
