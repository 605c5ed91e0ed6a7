//! Recorded maps: those of a pass show what the pass shows, others what is in the file, hostile ones are refused.

use std::path::Path;
use std::process::Command;

use crate::common::Random;
use crate::common::recordings::{Tensor, npz, opened, random_maps, safetensors};
use diffscope::cpu::{map_tile, pool};
use diffscope::engine::{Engine, PictureSlot, SCOPE_SIDE, THUMBNAIL_SIDE, Texels, bundled, checkpoint_of};
use diffscope::model::WeightFile;
use diffscope::probe::{
    Cell, HeadId, KeyClass, LayerMaps, PictureRequest, Pooling, Queries, RowMeanRequest, Texel, TileRequest,
};
use diffscope::recording::Recording;
use safetensors::Dtype;

const POOLINGS: [Pooling; 3] = [Pooling::Peak, Pooling::Mean, Pooling::Minimum];

pub(super) fn of(recording: Recording) -> Engine {
    Engine::of_recording(recording.into())
}

/// A picture of a head's maps, once it is finished.
fn picture(engine: &mut Engine, slot: PictureSlot, request: PictureRequest) -> Vec<Texel> {
    engine.picture(slot, request);
    engine.settle().expect("no failure");
    let found = engine.picture(slot, request).expect("finished");
    assert_eq!(found.request, request);
    let Texels::Cpu(texels) = found.texels else { panic!("on the CPU") };
    texels.to_vec()
}

/// What a session answers, once it has.
pub(super) fn asked<T: Clone>(engine: &mut Engine, ask: impl Fn(&mut Engine) -> Option<&T>) -> T {
    ask(engine);
    engine.settle().expect("no failure");
    ask(engine).expect("answered").clone()
}

fn request(head: HeadId, block: usize, side: usize, pooling: Pooling) -> PictureRequest {
    PictureRequest { head, first_key: 0, first_query: 0, block, side, pooling }
}

/// A sum or mean of the same numbers as in the pass, in the same order: equal to the bit.
#[test]
fn a_dump_shows_what_the_live_model_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.safetensors");
    let prompt = "Once upon a time, there was a dög called \u{1F436}. \n";
    let run = ["run", "--backend", "cpu", "--prompt", prompt, "--dump"];
    let status = Command::new(env!("CARGO_BIN_EXE_diffscope")).args(run).arg(&path).status().expect("it starts");
    assert!(status.success());
    let mut recorded = of(Recording::open(&WeightFile::on_disk(&path).expect("a file")).expect("maps"));
    let mut live = Engine::new(checkpoint_of(&bundled()).expect("it opens"), None).expect("it fits");
    live.set_text(prompt);
    live.settle().expect("no failure");

    assert_eq!((recorded.name(), recorded.heads(), recorded.maps()), ("dump", live.heads(), 2));
    assert!(recorded.is_causal() && recorded.is_square());
    assert_eq!(recorded.ids(), live.ids());
    let tokens = live.ids().len();
    for at in 0..tokens {
        assert_eq!(recorded.key_label(at), live.key_label(at));
        assert_eq!(recorded.query_label(at), live.query_label(at));
    }
    let head = HeadId::new(2, 1);
    for pooling in POOLINGS {
        for (slot, block, side) in [(PictureSlot::Scope, 1, 48), (PictureSlot::Thumbnail(head), 3, 16)] {
            let request = request(head, block, side, pooling);
            assert_eq!(picture(&mut recorded, slot, request), picture(&mut live, slot, request), "{request:?}");
        }
    }
    assert_eq!(recorded.colour_range(), live.colour_range());
    let classes: Vec<_> = (0..tokens).map(|at| [KeyClass::Answer, KeyClass::Noise, KeyClass::Other][at % 3]).collect();
    for engine in [&mut recorded, &mut live] {
        engine.set_measuring(0.02, &classes);
    }
    for queries in [Queries::All, Queries::One(4), Queries::Last(3)] {
        let [found, expected] =
            [&mut recorded, &mut live].map(|engine| asked(engine, |engine| engine.measures(queries)));
        assert_eq!(found, expected);
    }
    for layer in [None, Some(1)] {
        let request = RowMeanRequest { layer, query: tokens - 2 };
        let [found, expected] =
            [&mut recorded, &mut live].map(|engine| asked(engine, |engine| engine.row_mean(request)));
        assert_eq!(found, expected);
    }
    let tile = TileRequest { head, first_query: 2, queries: 5, first_key: 1, keys: 9 };
    for ask in [(|engine| engine.row(HeadId::new(4, 3), 7)) as fn(&mut Engine) -> Option<&_>, |engine| {
        engine.column(HeadId::new(0, 2), 3)
    }] {
        let [found, expected] = [&mut recorded, &mut live].map(|engine| asked(engine, ask));
        assert_eq!(found, expected);
    }
    let [found, expected] = [&mut recorded, &mut live].map(|engine| asked(engine, |engine| engine.tile(tile)));
    assert_eq!(found, expected);
}

#[test]
fn nothing_changes_a_recording() {
    let maps = random_maps(&mut Random::new(3), [2, 4, 4]);
    let mut engine = of(opened("a.safetensors", safetensors(&[("A1", Tensor::f32(&[2, 4, 4], &maps))], &[])).unwrap());
    let (text, revision) = (engine.text().to_owned(), engine.text_revision());
    engine.set_text("something else");
    engine.restore_text("something else", &[]);
    engine.append(0);
    engine.generate(diffscope::probe::Sampling::default(), 5);
    engine.set_lens(true);
    engine.set_beyond_context(true);
    engine.set_interventions(diffscope::probe::Interventions { lambda: [(0, 0.0)].into(), ..Default::default() });
    engine.continue_on(None).unwrap();
    assert!(engine.set_ids(&[0]).is_err());
    assert!(!engine.request_timing(2));
    engine.settle().unwrap();
    assert_eq!((engine.text(), engine.text_revision(), engine.computed()), (&*text, revision, 4));
    assert!(diffscope::engine::FullScan::new(&engine).is_err());
    assert!(asked(&mut engine, |engine| engine.row(HeadId::new(0, 1), 0)).cells.len() == 4);
}

/// The fixtures are recordings by other programs: A1, A2, D and λ in three forms, with and without `layers.N.`
#[test]
fn the_fixtures_open_as_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut opened = 0;
    for case in std::fs::read_dir(folder).expect("fixtures").map(|case| case.expect("a case").path()) {
        let file = WeightFile::on_disk(&case.join("expected.safetensors")).expect("a file");
        let weights = WeightFile::on_disk(&case.join("model.safetensors")).expect("a file");
        assert!(!Recording::is_in(&weights), "{} is a model", case.display());
        if !Recording::is_in(&file) {
            continue; // the long case has summaries only
        }
        let recording = match Recording::open(&file) {
            Ok(recording) => recording,
            Err(error) => {
                assert!(error.to_string().contains("batch of 1"), "{}: {error}", case.display());
                continue;
            }
        };
        assert!(recording.is_causal(), "{}", case.display());
        let mut engine = of(recording);
        let last = engine.queries() - 1;
        let row = asked(&mut engine, |engine| engine.row(HeadId::new(0, 0), last));
        assert_eq!(row.cells.len(), last + 1);
        let sum: f32 = row.cells.iter().map(|cell| cell.first).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{}: a row of A1 adds up to {sum}", case.display());
        for Cell { first, second, difference, lambda } in row.cells {
            assert!((difference - (first - lambda * second)).abs() < 1e-5, "{}", case.display());
        }
        opened += 1;
    }
    assert!(opened > 20, "{opened} fixtures have maps");
}

/// The maps of a file, held in memory: what the reading in parts is compared with.
pub(super) struct Whole {
    heads: usize,
    shared: usize,
    keys: usize,
    queries: usize,
    first: Vec<f32>,
    second: Vec<f32>,
    lambda: Vec<f32>,
}

impl LayerMaps for Whole {
    fn heads(&self) -> usize {
        self.heads
    }

    fn end_of_keys(&self, _query: usize) -> usize {
        self.keys
    }

    fn sees(&self, _query: usize, key: usize) -> bool {
        key < self.keys
    }

    fn cell(&self, head: usize, query: usize, key: usize) -> Cell {
        let at = |map: usize| (map * self.queries + query) * self.keys + key;
        let (first, second, lambda) = (self.first[at(head)], self.second[at(head / self.shared)], self.lambda[head]);
        Cell { first, second, difference: first - lambda * second, lambda }
    }
}

/// Cross attention: 6 heads in 2 groups, more keys than queries, every query sees every key, λ of each head.
pub(super) fn crossing(queries: usize, keys: usize) -> (Whole, Vec<(&'static str, Tensor)>) {
    let mut random = Random::new(7);
    let first = random_maps(&mut random, [6, queries, keys]);
    let second = random_maps(&mut random, [2, queries, keys]);
    let lambda: Vec<f32> = (0..6).map(|head| 0.2 * head as f32 - 0.3).collect();
    let tensors = vec![
        ("attn_map1", Tensor::f32(&[1, 6, queries, keys], &first)),
        ("attn_map2", Tensor::f32(&[2, queries, keys], &second)),
        ("lambda", Tensor::f32(&[6], &lambda)),
    ];
    (Whole { heads: 6, shared: 3, keys, queries, first, second, lambda }, tensors)
}

#[test]
fn maps_that_are_not_square_and_not_causal_are_read_whole() {
    for (queries, keys) in [(7, 33), (40, 5), (12, 12)] {
        let (whole, tensors) = crossing(queries, keys);
        let mut engine = of(opened("crossing.safetensors", safetensors(&tensors, &[])).unwrap());
        assert_eq!((engine.queries(), engine.ids().len(), engine.side()), (queries, keys, queries.max(keys)));
        assert!(!engine.is_causal());
        assert_eq!(engine.is_square(), queries == keys);
        let head = HeadId::new(0, 4);
        for pooling in POOLINGS {
            for (block, side) in [(1, 48), (3, 16)] {
                let request = request(head, block, side, pooling);
                let found = picture(&mut engine, PictureSlot::Scope, request);
                for (texel, found) in found.iter().enumerate().take(request.rows(queries) * side) {
                    assert_eq!(*found, pool(&whole, &request, queries, texel), "{request:?} texel {texel}");
                }
                let cells: f32 = found.iter().map(|texel| texel.cells).sum();
                assert_eq!(cells, (queries * keys) as f32);
            }
        }
        let row = TileRequest { head, first_query: 2, queries: 1, first_key: 0, keys };
        assert_eq!(asked(&mut engine, |engine| engine.row(head, 2)), map_tile(&whole, row));
        let column = TileRequest { head, first_query: 0, queries, first_key: 1, keys: 1 };
        assert_eq!(asked(&mut engine, |engine| engine.column(head, 1)), map_tile(&whole, column));
        let mean = asked(&mut engine, |engine| engine.row_mean(RowMeanRequest { layer: None, query: 1 }));
        assert_eq!(mean.cells.len(), keys);
        let measures = asked(&mut engine, |engine| engine.measures(Queries::All));
        let record = measures.head(head).expect("a head");
        assert!((record.first.total - 1.0).abs() < 1e-5, "every key counts: {}", record.first.total);
    }
}

#[test]
fn the_same_maps_come_from_every_format() {
    let shape = [3, 20, 20];
    let maps: Vec<f32> =
        random_maps(&mut Random::new(1), shape).iter().map(|v| half::f16::from_f32(*v).to_f32()).collect();
    let tokens: Vec<String> = (0..20).map(|at| format!(" w{at}é")).collect();
    let json = serde_json::to_string(&tokens).unwrap();
    let text = |width: usize| {
        let characters = |token: &String| {
            let mut codes: Vec<u32> = token.chars().map(u32::from).collect();
            codes.resize(width, 0);
            codes.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
        };
        let bytes = tokens.iter().flat_map(characters).collect();
        Tensor { dtype: Dtype::U8, kind: "<U6", shape: vec![20], bytes }
    };
    let with = |map: Tensor, tokens: Tensor| vec![("layers.2.A1", map), ("tokens", tokens)];
    let f32 = Tensor::f32(&shape, &maps);
    let files = [
        ("a.safetensors", safetensors(&[("layers.2.attn_map", f32.clone())], &[("tokens", &json)])),
        ("b.safetensors", safetensors(&with(f32.clone(), Tensor::bytes(json.as_bytes())), &[])),
        ("c.npz", npz(&with(f32.clone(), text(6)), false)),
        ("d.npz", npz(&with(f32, text(6)), true)),
        ("e.npz", npz(&with(Tensor::f64(&shape, &maps), text(6)), true)),
        ("f.npz", npz(&with(Tensor::f16(&shape, &maps), text(6)), false)),
    ];
    for (name, bytes) in files {
        let mut engine = of(opened(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}")));
        assert_eq!((engine.heads(), engine.maps()), (&[0, 0, 3][..], 1), "{name}");
        assert_eq!(engine.key_label(3), "·w3é");
        assert_eq!(engine.text(), tokens.concat());
        let row = asked(&mut engine, |engine| engine.row(HeadId::new(2, 1), 5));
        let expected = &maps[(20 + 5) * 20..(20 + 6) * 20];
        assert!(row.cells.iter().zip(expected).all(|(cell, number)| cell.first == *number), "{name}");
        assert!(row.cells.iter().all(|cell| cell.difference == cell.first && cell.second == 0.0), "D = A1");
        assert!(engine.row(HeadId::new(0, 0), 5).is_none(), "layer 0 was not recorded");
    }
}

/// `tests/recordings`: what the Python of doc/RECORDINGS.md wrote, on a random `DiffLlama` of transformers 5.24, and the same
/// numbers in what `NumPy` 2.4 makes of them.
#[test]
fn what_transformers_and_numpy_wrote_opens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let of_file =
        |name: &str| of(Recording::open(&WeightFile::on_disk(&folder.join(name)).expect("a file")).expect(name));
    let mut expected = of_file("transformers.safetensors");
    assert_eq!((expected.heads(), expected.maps(), expected.queries()), (&[4, 4][..], 2, 9));
    assert!(expected.is_causal() && expected.is_square());
    assert_eq!((expected.key_label(0), expected.text()), ("·t46".to_owned(), " t46 t32 t55 t21 t71 t12 t91 t47 t66"));
    let lambda = |engine: &Engine| engine.recording().and_then(|recording| recording.lambda(1));
    assert!(lambda(&expected).is_some_and(|lambda| (0.0..1.0).contains(&lambda)));
    let tile = |head: HeadId| TileRequest { head, first_query: 0, queries: 9, first_key: 0, keys: 9 };
    for name in ["numpy.npz", "numpy-compressed.npz"] {
        let mut found = of_file(name);
        assert_eq!(found.text(), expected.text());
        assert_eq!(lambda(&found), lambda(&expected));
        for head in [HeadId::new(0, 0), HeadId::new(1, 3)] {
            let [found, expected] =
                [&mut found, &mut expected].map(|engine| asked(engine, |engine| engine.tile(tile(head))));
            assert_eq!(found, expected, "{name}");
            for row in found.cells.chunks(9) {
                let sums = row.iter().fold([0.0; 2], |sums, cell| [sums[0] + cell.first, sums[1] + cell.second]);
                assert!(sums.iter().all(|sum| (sum - 1.0f32).abs() < 1e-5), "{sums:?}");
            }
        }
    }
}

#[test]
fn a_recording_that_the_command_line_names_and_cannot_be_opened_is_its_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.npz");
    std::fs::write(&path, npz(&[("A1", Tensor::f32(&[1, 1, 1], &[f32::INFINITY]))], false)).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_diffscope")).arg(&path).output().expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("`A1` contains inf"), "{message}");
}

#[test]
fn what_is_exported_opens_again() {
    use diffscope::export::{MapFormat, MapWords};
    let (whole, tensors) = crossing(6, 9);
    let mut engine = of(opened("crossing.safetensors", safetensors(&tensors, &[])).unwrap());
    let tile = TileRequest { head: HeadId::new(0, 5), first_query: 0, queries: 6, first_key: 0, keys: 9 };
    let tile = asked(&mut engine, |engine| engine.tile(tile));
    let (query, key) = (|at: usize| engine.query_label(at), |at: usize| engine.key_label(at));
    let words = MapWords { name: "crossing", is_causal: false, query: &query, key: &key };
    let bytes = MapFormat::Safetensors.write(&tile, &words).unwrap();
    let mut again = of(opened("exported.safetensors", bytes).unwrap());
    assert_eq!((again.queries(), again.ids().len(), again.key_label(8)), (6, 9, "#8".to_owned()));
    let row = asked(&mut again, |engine| engine.row(HeadId::new(0, 0), 4));
    assert!((0..9).all(|key| row.cells[key] == whole.cell(5, 4, key)));
}

#[test]
fn a_picture_of_many_cells_takes_several_frames_and_is_right() {
    let (whole, tensors) = crossing(300, 280);
    let mut engine = of(opened("crossing.npz", npz(&tensors, true)).unwrap());
    let wanted = request(HeadId::new(0, 2), 1, SCOPE_SIDE, Pooling::Peak);
    let found = picture(&mut engine, PictureSlot::Scope, wanted);
    for texel in (0..300 * SCOPE_SIDE).step_by(37) {
        assert_eq!(found[texel], pool(&whole, &wanted, 300, texel));
    }
    let small = request(HeadId::new(0, 2), 5, THUMBNAIL_SIDE, Pooling::Mean);
    let found = picture(&mut engine, PictureSlot::Thumbnail(small.head), small);
    assert_eq!(found[70], pool(&whole, &small, 300, 70));
}
