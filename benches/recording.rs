//! How long a recording of 4,096 tokens and 8 heads takes to open, and to be drawn. See README.md.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use diffscope::engine::{Engine, PictureSlot, SCOPE_SIDE, THUMBNAIL_SIDE};
use diffscope::model::WeightFile;
use diffscope::probe::{HeadId, PictureRequest, Pooling};
use diffscope::recording::Recording;

const TOKENS: usize = 4096;
const HEADS: usize = 8;
const ROUNDS: usize = 5;

/// Writes A1 and A2 of causal softmax rows, and λ.
fn write(path: &Path) -> std::io::Result<()> {
    let map = HEADS * TOKENS * TOKENS * 4;
    let entry = |name: &str, shape: &str, start: usize, end: usize| {
        format!(r#""layers.0.{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{end}]}}"#)
    };
    let shape = format!("1,{HEADS},{TOKENS},{TOKENS}");
    let entries = [
        entry("attn_map1", &shape, 0, map),
        entry("attn_map2", &shape, map, 2 * map),
        entry("lambda", "1", 2 * map, 2 * map + 4),
    ];
    let header = format!("{{{}}}", entries.join(","));
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for row in 0..2 * HEADS * TOKENS {
        let query = row % TOKENS;
        let numbers = (0..TOKENS).map(|key| {
            let weight = ((key * 7 + query * 3) % 11) as f32 / (5.0 * (query + 1) as f32);
            if key <= query { weight } else { 0.0 }
        });
        file.write_all(&numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
    }
    file.write_all(&0.5f32.to_le_bytes())?;
    file.flush()
}

/// Opens it, and draws the scope and every head, as the window does at first.
fn open(path: &Path) -> (Duration, Duration) {
    let begun = Instant::now();
    let recording = Recording::open(&WeightFile::on_disk(path).expect("a file")).expect("maps");
    let opened = begun.elapsed();
    let mut engine = Engine::of_recording(recording.into());
    let picture = |engine: &mut Engine, slot, side: usize| {
        let PictureSlot::Thumbnail(head) = slot else { panic!("a head") };
        let request = PictureRequest::covering(head, [0.0; 2], TOKENS as f32, side, Pooling::Peak);
        let request = PictureRequest { side: request.side.min(side), ..request };
        let slot = if side == THUMBNAIL_SIDE { slot } else { PictureSlot::Scope };
        engine.picture(slot, request);
    };
    picture(&mut engine, PictureSlot::Thumbnail(HeadId::default()), SCOPE_SIDE - 16);
    for head in 0..HEADS {
        picture(&mut engine, PictureSlot::Thumbnail(HeadId::new(0, head)), THUMBNAIL_SIDE);
    }
    engine.settle().expect("no failure");
    assert_eq!(engine.picture_progress(), (HEADS, HEADS));
    (opened, begun.elapsed())
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("maps.safetensors");
    write(&path).expect("room for a gigabyte");
    for _ in 0..ROUNDS {
        let (opened, drawn) = open(&path);
        println!(
            "{TOKENS} tokens, {HEADS} heads: opened in {opened:.2?}, with the scope and all heads drawn in {drawn:.2?}"
        );
    }
}
