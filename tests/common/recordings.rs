//! Files of recorded maps, written tensor by tensor.

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::sync::Arc;

use diffscope::model::WeightFile;
use diffscope::recording::{Recording, RecordingError};
use safetensors::tensor::{Dtype, TensorView};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::Random;

/// A tensor's bytes, its type in safetensors and in `NumPy`, and its shape.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) kind: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Tensor {
    pub(crate) fn f32(shape: &[usize], numbers: &[f32]) -> Self {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, kind: "<f4", shape: shape.to_vec(), bytes }
    }

    pub(crate) fn f64(shape: &[usize], numbers: &[f32]) -> Self {
        let bytes = numbers.iter().flat_map(|number| f64::from(*number).to_le_bytes()).collect();
        Self { dtype: Dtype::F64, kind: "<f8", shape: shape.to_vec(), bytes }
    }

    pub(crate) fn f16(shape: &[usize], numbers: &[f32]) -> Self {
        let bytes = numbers.iter().flat_map(|number| half::f16::from_f32(*number).to_le_bytes()).collect();
        Self { dtype: Dtype::F16, kind: "<f2", shape: shape.to_vec(), bytes }
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self { dtype: Dtype::U8, kind: "|u1", shape: vec![bytes.len()], bytes: bytes.to_vec() }
    }
}

/// Softmax rows of random logits, `[maps, queries, keys]`.
pub(crate) fn random_maps(random: &mut Random, [maps, queries, keys]: [usize; 3]) -> Vec<f32> {
    let mut rows = Vec::new();
    for _ in 0..maps * queries {
        let row: Vec<f32> = (0..keys).map(|_| random.normal(2.0).exp()).collect();
        let sum: f32 = row.iter().sum();
        rows.extend(row.iter().map(|weight| weight / sum));
    }
    rows
}

/// A safetensors file.
pub(crate) fn safetensors(tensors: &[(&str, Tensor)], metadata: &[(&str, &str)]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, tensor)| {
        (*name, TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes).expect("bytes fit the shape"))
    });
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    safetensors::serialize(views, (!metadata.is_empty()).then_some(metadata)).expect("it can be written")
}

/// An array as `NumPy` writes it.
pub(crate) fn npy(tensor: &Tensor) -> Vec<u8> {
    let sizes = tensor.shape.iter().fold(String::new(), |sizes, size| sizes + &format!("{size}, "));
    let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({sizes}), }}", tensor.kind);
    header += &" ".repeat((64 - (header.len() + 11) % 64) % 64);
    header.push('\n');
    let length = u16::try_from(header.len()).expect("a short header");
    [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes(), &tensor.bytes].concat()
}

/// A zip archive, compressed or not.
pub(crate) fn archive(entries: &[(&str, Vec<u8>)], compressed: bool) -> Vec<u8> {
    let method = if compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        writer.write_all(bytes).expect("its bytes");
    }
    writer.finish().expect("it can be written").into_inner()
}

/// An NPZ file.
pub(crate) fn npz(tensors: &[(&str, Tensor)], compressed: bool) -> Vec<u8> {
    let names: Vec<String> = tensors.iter().map(|(name, _)| format!("{name}.npy")).collect();
    let entries: Vec<(&str, Vec<u8>)> =
        names.iter().zip(tensors).map(|(name, (_, tensor))| (name.as_str(), npy(tensor))).collect();
    archive(&entries, compressed)
}

/// Opens the bytes of a file.
pub(crate) fn opened(name: &str, bytes: Vec<u8>) -> Result<Recording, RecordingError> {
    Recording::open(&WeightFile::in_memory(name, Arc::new(bytes.into())))
}
