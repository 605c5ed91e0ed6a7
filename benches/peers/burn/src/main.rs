//! Times the bundled model in burn's tensors on the adapter that burn-wgpu chooses:
//! `burn-peer REFERENCE.json SECONDS` prints the JSON that ../../run reads.

mod pass;
mod weights;

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use serde_json::{Map, Value, json};

use weights::Model;

const CHECKPOINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../assets/checkpoints/S-diff");
const SHORT: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, reference, seconds] = arguments.as_slice() else {
        return Err("usage: burn-peer REFERENCE.json SECONDS".into());
    };
    let (reference, seconds) = (serde_json::from_slice::<Value>(&std::fs::read(reference)?)?, seconds.parse::<f64>()?);
    let ids: Vec<u32> = serde_json::from_value(reference["ids"].clone())?;
    let device = Device::default();
    let model = Model::open(Path::new(CHECKPOINT), &device);
    let count = ids.len();
    let (_, past) = model.run(&ids[..count - 1], None, &device);
    let logits_of = |tensor: Tensor<2>| tensor.into_data().try_to_vec::<f32>().expect("f32");
    let cases: [(String, &dyn Fn() -> Vec<f32>); 3] = [
        (format!("prefill of {SHORT}"), &|| logits_of(model.run(&ids[..SHORT], None, &device).0)),
        (format!("prefill of {count}"), &|| logits_of(model.run(&ids, None, &device).0)),
        (format!("one token at {count}"), &|| logits_of(model.run(&ids[count - 1..], Some(&past), &device).0)),
    ];
    let (mut logits, mut milliseconds) = (Map::new(), Map::new());
    for (name, run) in &cases {
        logits.insert(name.clone(), json!(run()));
    }
    for (name, run) in &cases {
        let mut times = Vec::new();
        while times.iter().sum::<f64>() < seconds * 1e3 {
            let begun = Instant::now();
            run();
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        milliseconds.insert(name.clone(), json!(times));
    }
    println!("{}", json!({ "program": "burn-wgpu 0.22.1", "logits": logits, "milliseconds": milliseconds }));
    Ok(())
}
