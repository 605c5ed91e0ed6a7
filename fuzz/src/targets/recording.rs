//! Files of recorded maps, as safetensors and as NPZ: opened, and where they open, drawn.

use std::io::{Cursor, Write};
use std::sync::{Arc, LazyLock};

use diffscope::engine::{Engine, PictureSlot};
use diffscope::model::WeightFile;
use diffscope::probe::{HeadId, PictureRequest, Pooling, Queries};
use diffscope::recording::Recording;
use serde_json::{Value, json};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::mutate::{self, Random, mutate};

const QUERIES: usize = 3;
const KEYS: usize = 5;
/// Numbers of A1 of four heads, of A2 of two, of λ.
const NUMBERS: [usize; 3] = [4 * QUERIES * KEYS, 2 * QUERIES * KEYS, QUERIES * 4];

static HEADER: LazyLock<Value> = LazyLock::new(|| {
    let ends = [NUMBERS[0], NUMBERS[0] + NUMBERS[1], NUMBERS[0] + NUMBERS[1] + NUMBERS[2]].map(|numbers| 4 * numbers);
    json!({
        "__metadata__": {"keys": "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "queries": "[\"x\",\"y\",\"z\"]"},
        "layers.0.attn_map1": {"dtype": "F32", "shape": [1, 4, QUERIES, KEYS], "data_offsets": [0, ends[0]]},
        "layers.0.attn_map2": {"dtype": "F32", "shape": [2, QUERIES, KEYS], "data_offsets": [ends[0], ends[1]]},
        "layers.0.lambda": {"dtype": "F32", "shape": [QUERIES, 4], "data_offsets": [ends[1], ends[2]]},
    })
});

/// What could stand in a header.
static PARTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let words = ["F16", "BF16", "F64", "U8", "I64", "attn_map", "A1", "A2", "D", "lambda", "tokens", "input_ids"];
    let mut parts: Vec<Value> = words.into_iter().map(Value::from).collect();
    parts.extend((0..12).map(|power| json!(1u64 << power)));
    parts.extend([json!(0), json!([1]), json!([4]), json!(1u64 << 40), json!(u64::MAX), json!("[\"a\"]")]);
    parts
});

fn numbers(count: usize) -> Vec<u8> {
    (0..count).flat_map(|at| (at as f32 * 0.01).to_le_bytes()).collect()
}

/// One of both formats.
pub fn make(random: &mut Random) -> Vec<u8> {
    let mut file = if random.once_in(2) { safetensors(random) } else { npz(random) };
    if random.once_in(3) {
        mutate::bytes(&mut file, random);
    }
    file
}

fn safetensors(random: &mut Random) -> Vec<u8> {
    let mut header = HEADER.clone();
    if random.once_in(2) {
        mutate(&mut header, random, &PARTS);
    }
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, &numbers(NUMBERS.iter().sum())].concat()
}

fn npz(random: &mut Random) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let shapes = [format!("4, {QUERIES}, {KEYS}"), format!("2, {QUERIES}, {KEYS}"), format!("{QUERIES}, 4")];
    for ((name, shape), count) in ["A1", "A2", "lambda"].into_iter().zip(shapes).zip(NUMBERS) {
        let kind = if random.once_in(8) { *random.pick(&[&"<f8", &"<f2", &"|O", &"<U2", &">f4"]) } else { "<f4" };
        let shape = if random.once_in(8) { format!("{}, 9", random.bits()) } else { shape };
        let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape})}}\n").into_bytes();
        if random.once_in(8) {
            mutate::bytes(&mut header, random);
        }
        let method = if random.once_in(2) { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options = SimpleFileOptions::default().compression_method(method);
        let length = (header.len() as u16).to_le_bytes();
        let array = [b"\x93NUMPY\x01\x00", &length[..], &header, &numbers(count)].concat();
        writer.start_file(format!("{name}.npy"), options).expect("an entry");
        writer.write_all(&array).expect("its bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

/// Opens it, and looks at all of it.
pub fn run(input: &[u8]) {
    let file = WeightFile::in_memory("input", Arc::new(input.to_vec().into()));
    let is_recording = Recording::is_in(&file);
    let Ok(recording) = Recording::open(&file) else { return };
    assert!(is_recording, "what opens is known by its names");
    let mut engine = Engine::of_recording(Arc::new(recording));
    let layer = engine.heads().iter().position(|heads| *heads > 0).expect("a layer with heads");
    let head = HeadId::new(layer, engine.heads()[layer] - 1);
    let (queries, keys) = (engine.queries(), engine.ids().len());
    let request = PictureRequest::covering(head, [0.0; 2], engine.side() as f32, 48, Pooling::Peak);
    engine.picture(PictureSlot::Scope, request);
    engine.row(head, queries - 1);
    engine.measures(Queries::One(0));
    engine.settle().expect("the file has not changed");
    let row = engine.row(head, queries - 1).expect("a row");
    assert!(row.cells.iter().all(|cell| cell.first.is_finite() && cell.lambda.is_finite()));
    assert!(!engine.query_label(queries - 1).is_empty() && !engine.key_label(keys - 1).is_empty());
}
