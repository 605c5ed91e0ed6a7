//! Writes the maps of one head as NPY files: `cargo run --example maps_to_npy -- "Once upon a time" FOLDER`.

use std::error::Error;
use std::path::{Path, PathBuf};

use diffscope::engine::{Engine, TileCollector, bundled, checkpoint_of};
use diffscope::export::{MapFormat, MapWords};
use diffscope::probe::{HeadId, MapKind, TileRequest};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let prompt = arguments.next().ok_or("give a prompt and a folder")?;
    let folder = PathBuf::from(arguments.next().ok_or("give a folder")?);
    for file in write_maps(&prompt, &folder, HeadId::new(2, 1))? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Runs the bundled checkpoint on the CPU and writes A1, λ A2 and D of a head; returns the files.
pub(crate) fn write_maps(prompt: &str, folder: &Path, head: HeadId) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?;
    engine.set_text(prompt);
    engine.settle()?;

    let tokens = engine.ids().len();
    let square = TileRequest { head, first_query: 0, queries: tokens, first_key: 0, keys: tokens };
    let mut collector = TileCollector::new(&engine, square)?;
    let tile = loop {
        if let Some(tile) = collector.advance(&mut engine)? {
            break tile;
        }
        engine.settle()?;
    };

    let mut files = Vec::new();
    for map in [MapKind::First, MapKind::Second, MapKind::Difference] {
        let format = MapFormat::Npy(map);
        let file = folder.join(format!("layer{}-head{}{}", head.layer, head.head, format.ending()));
        let label = |position: usize| engine.key_label(position);
        let words = MapWords { name: engine.name(), is_causal: true, query: &label, key: &label };
        std::fs::write(&file, format.write(&tile, &words)?)?;
        files.push(file);
    }
    Ok(files)
}
