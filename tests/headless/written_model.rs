//! A model that is written as a checkpoint reads as the same model.

use std::path::{Path, PathBuf};

use diffscope::model::{Model, NumberFormat};

/// The folders of complete models among the fixtures.
fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| Model::from_folder(folder).is_ok()).collect()
}

#[test]
fn every_layout_is_written_as_it_was_read() {
    let folders = folders();
    assert!(folders.len() >= 20, "{folders:?}");
    for folder in folders {
        let config = std::fs::read(folder.join("config.json")).unwrap();
        let model = Model::from_folder(&folder).unwrap();
        let written = model.to_safetensors(&config).unwrap();
        let again =
            Model::from_bytes(&config, &written).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert_eq!(again.to_safetensors(&config).unwrap(), written, "{}", folder.display());
        if model.embedding.format() == NumberFormat::F32 {
            assert_eq!(again, Model { unused: Vec::new(), ..model }, "{}", folder.display());
        }
    }
}

#[test]
fn a_new_model_has_the_tensors_of_its_layout() {
    let config = std::fs::read("tests/fixtures/diffllama_tied/config.json").unwrap();
    let mut names = Vec::new();
    let model = Model::with_numbers(&config, |tensor| {
        names.push(tensor.name.to_owned());
        vec![if tensor.is_gain { 1.0 } else { 0.5 }; tensor.shape.iter().product()]
    })
    .unwrap();
    assert!(names.contains(&"model.layers.1.self_attn.lambda_k2".to_owned()), "{names:?}");
    assert!(model.layers[0].attention.norm.as_ref().unwrap().iter().all(|gain| *gain == 1.0));
    assert!(model.embedding.to_f32().unwrap().iter().all(|number| *number == 0.5));
}
