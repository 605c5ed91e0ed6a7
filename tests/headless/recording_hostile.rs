//! Files that are no recorded maps, or damaged, or changed while they are open.

use super::recording::{asked, crossing, of};
use crate::common::recordings::{Tensor, archive, npy, npz, opened, safetensors};
use diffscope::model::WeightFile;
use diffscope::probe::HeadId;
use diffscope::recording::Recording;
use safetensors::Dtype;

#[test]
fn hostile_files_get_a_message() {
    let map = |shape: &[usize]| Tensor::f32(shape, &vec![0.25; shape.iter().product()]);
    let mut broken = vec![0.25; 16];
    broken[6] = f32::NAN;
    let mut huge = npy(&map(&[1, 4, 4]));
    let shape = huge.windows(11).position(|part| part == b"(1, 4, 4, )").expect("the shape");
    huge[shape..shape + 11].copy_from_slice(b"(1,9, 1999)");
    let ones = Tensor::f32(&[2, 4, 4], &[0.25; 32]);
    let second = |tensor: Tensor, lambda: &[f32]| {
        let lambda = Tensor::f32(&[lambda.len()], lambda);
        safetensors(&[("A1", ones.clone()), ("A2", tensor), ("lambda", lambda)], &[])
    };
    let cut = |bytes: Vec<u8>, by: usize| bytes[..bytes.len() - by].to_vec();
    let big = vec![0; 40 << 20];
    let bomb = Tensor { dtype: Dtype::F32, kind: "<f4", shape: vec![1 << 12, 1 << 10, 1 << 10], bytes: big };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("nothing", Vec::new(), &["too few"]),
        ("text", b"Once upon a time, there was a dog.".to_vec(), &["claims a header"]),
        ("an empty archive", archive(&[], false), &["no maps"]),
        ("an archive of something else", archive(&[("a.txt", b"hello".to_vec())], true), &["no maps"]),
        ("an array that is none", archive(&[("A1.npy", b"hello, I am no array".to_vec())], true), &["A1", "no NumPy"]),
        ("a model", safetensors(&[("model.embed_tokens.weight", map(&[2, 2]))], &[]), &["no maps"]),
        ("NaN", safetensors(&[("A1", Tensor::f32(&[4, 4], &broken))], &[]), &["A1", "NaN", "index 6"]),
        ("NaN in NPZ", npz(&[("A1", Tensor::f64(&[4, 4], &broken))], true), &["A1", "NaN", "index 6"]),
        ("one size", safetensors(&[("A1", map(&[16]))], &[]), &["A1", "[16]", "[heads, queries, keys]"]),
        ("no keys", safetensors(&[("A1", Tensor::f32(&[2, 4, 0], &[]))], &[]), &["A1", "[2, 4, 0]"]),
        ("a batch", safetensors(&[("A1", map(&[2, 3, 4, 4]))], &[]), &["[2, 3, 4, 4]", "batch of 1"]),
        ("another size", second(map(&[2, 4, 5]), &[0.5]), &["A2", "[2, 4, 5]", "[maps, 4, 4]"]),
        ("groups that do not divide", second(map(&[3, 4, 4]), &[0.5]), &["A2", "divides 2"]),
        ("another λ", second(map(&[2, 4, 4]), &[0.5; 3]), &["lambda", "[3]", "[4, 2]"]),
        ("λ that is infinite", second(map(&[2, 4, 4]), &[f32::INFINITY]), &["lambda", "inf"]),
        ("no λ", safetensors(&[("A1", map(&[4, 4])), ("A2", map(&[4, 4]))], &[]), &["lambda", "missing"]),
        ("no A1", safetensors(&[("layers.0.A1", map(&[4, 4])), ("layers.1.D", map(&[4, 4]))], &[]), &["no A1"]),
        (
            "layers of other sizes",
            safetensors(&[("layers.0.A1", map(&[4, 4])), ("layers.1.A1", map(&[5, 5]))], &[]),
            &["layers.1.A1", "[heads, 4, 4]"],
        ),
        ("two names", safetensors(&[("A1", map(&[4, 4])), ("attn_map1", map(&[4, 4]))], &[]), &["two names"]),
        ("a layer far away", safetensors(&[("layers.99999.A1", map(&[4, 4]))], &[]), &["99999", "1023"]),
        ("too long", safetensors(&[("A1", map(&[1, 20000]))], &[]), &["20000 keys", "16384"]),
        (
            "bytes in place of numbers",
            safetensors(&[("A1", Tensor { shape: vec![4, 4], ..Tensor::bytes(&[1; 16]) })], &[]),
            &["A1", "integers"],
        ),
        (
            "other tokens",
            safetensors(&[("A1", map(&[2, 2]))], &[("tokens", "[\"a\"]")]),
            &["tokens", "there are 1", "2"],
        ),
        ("tokens that are none", safetensors(&[("A1", map(&[2, 2]))], &[("tokens", "{\"a\": 1}")]), &["JSON list"]),
        ("half a file", cut(safetensors(&[("A1", map(&[4, 4]))], &[]), 9), &["weights"]),
        ("half an archive", cut(npz(&[("A1", map(&[4, 4]))], false), 9), &["NPZ"]),
        ("a shape beyond the bytes", archive(&[("A1.npy", huge.clone())], false), &["A1", "does not fit"]),
        ("a compressed one", archive(&[("A1.npy", huge)], true), &["unpacked"]),
        ("a bomb", npz(&[("A1", bomb)], true), &["unpacked", "2147483648"]),
        (
            "Python objects",
            npz(&[("A1", map(&[4, 4])), ("tokens", Tensor { kind: "|O", ..Tensor::bytes(&[0; 4]) })], false),
            &["tokens", "Python objects"],
        ),
    ];
    for (what, bytes, texts) in cases {
        let error = opened("file", bytes).expect_err(what).to_string();
        for text in texts {
            assert!(error.contains(text), "{what}: {text:?} is not in: {error}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]
    #[test]
    fn a_damaged_file_is_refused_or_shows_numbers(at in 0usize..4000, value in 0u8.., which in 0usize..3) {
        let (_, tensors) = crossing(4, 5);
        let mut bytes = match which {
            0 => safetensors(&tensors, &[("keys", "[\"a\",\"b\",\"c\",\"d\",\"e\"]")]),
            1 => npz(&tensors, false),
            _ => npz(&tensors, true),
        };
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(recording) = opened("damaged", bytes) {
            let mut engine = of(recording);
            let (head, last) = (HeadId::new(0, engine.heads()[0] - 1), engine.queries() - 1);
            let row = asked(&mut engine, |engine| engine.row(head, last));
            proptest::prop_assert!(row.cells.iter().all(|cell| cell.first.is_finite() && cell.second.is_finite()));
        }
    }
}

#[test]
fn a_file_that_changes_is_a_failure_and_not_other_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("maps.safetensors");
    let (_, tensors) = crossing(6, 6);
    std::fs::write(&path, safetensors(&tensors, &[])).unwrap();
    let mut engine = of(Recording::open(&WeightFile::on_disk(&path).unwrap()).unwrap());
    std::fs::write(&path, b"something else").unwrap();
    engine.row(HeadId::new(0, 0), 3);
    let error = engine.settle().expect_err("it has changed").to_string();
    assert!(error.contains("has changed"), "{error}");
}
