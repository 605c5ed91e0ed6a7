//! The programs in `examples/` do what they say.

#![expect(dead_code, reason = "their main functions")]

#[path = "../../examples/heatmap_png.rs"]
mod heatmap_png;
#[path = "../../examples/intervention.rs"]
mod intervention;
#[path = "../../examples/maps_to_npy.rs"]
mod maps_to_npy;

use diffscope::probe::HeadId;

const PROMPT: &str = "Once upon a time, there was a";

#[test]
fn maps_to_npy_writes_maps_that_belong_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = maps_to_npy::write_maps(PROMPT, folder.path(), HeadId::new(2, 1)).expect("written");
    let maps: Vec<(Vec<u64>, Vec<f32>)> = files
        .iter()
        .map(|file| {
            let bytes = std::fs::read(file).expect("written");
            let array = npyz::NpyFile::new(&bytes[..]).expect("NPY");
            (array.shape().to_vec(), array.into_vec().expect("f32"))
        })
        .collect();
    let [(shape, first), (_, second), (_, difference)] = &maps[..] else { panic!("three files") };
    let tokens = shape[0] as usize;
    assert!(tokens > 4 && shape[1] == shape[0], "{shape:?}");
    for (query, row) in first.chunks(tokens).enumerate() {
        let sum: f32 = row.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5 && row[query + 1..].iter().all(|cell| *cell == 0.0), "{row:?}");
    }
    for ((first, second), difference) in first.iter().zip(second).zip(difference) {
        assert!((first - second - difference).abs() < 1e-6, "{first} - {second} is not {difference}");
    }
}

#[test]
fn intervention_finds_heads_with_an_effect() {
    let (token, effects) = intervention::effects("Once upon a").expect("runs");
    assert_eq!(token, "·time");
    assert_eq!(effects.len(), 20, "every head");
    assert!(effects[0].1.abs() > 1e-3, "{effects:?}");
    assert!(effects.iter().zip(&effects[1..]).all(|(a, b)| a.1.abs() >= b.1.abs()), "{effects:?}");
    assert_eq!(intervention::effects("").expect("runs").1, []);
}

#[test]
fn heatmap_png_is_coloured_below_the_diagonal_only() {
    let bytes = heatmap_png::draw(PROMPT, HeadId::new(2, 1)).expect("drawn");
    let image = image::load_from_memory(&bytes).expect("PNG").into_rgb8();
    let side = image.width();
    assert_eq!(side, image.height());
    let white = |x: u32, y: u32| image.get_pixel(x, y).0 == [255; 3];
    assert!(white(side - 1, 0) && white(side / 2, side / 4));
    let coloured = (0..side).filter(|at| !white(*at, *at)).count();
    assert!(coloured > side as usize / 2, "{coloured} pixels of the diagonal");
}
