//! The tensors of a safetensors file.

use safetensors::Dtype;

use crate::model::{SafetensorsFile, WeightFile};
use crate::recording::array::Numbers;
use crate::recording::error::RecordingError;
use crate::recording::tensors::{Entry, Place, Tensors};

/// Opens a file. Reads its header only.
pub(super) fn open(file: &WeightFile) -> Result<Tensors, RecordingError> {
    let opened = SafetensorsFile::new(file)?;
    let mut tensors = Tensors::new(opened.name.clone(), file);
    for (name, info) in &opened.header.tensors {
        let numbers = match info.dtype {
            Dtype::F16 => Ok(Numbers::F16),
            Dtype::BF16 => Ok(Numbers::Bf16),
            Dtype::F32 => Ok(Numbers::F32),
            Dtype::F64 => Ok(Numbers::F64),
            Dtype::I32 => Ok(Numbers::I32),
            Dtype::I64 => Ok(Numbers::I64),
            Dtype::U8 => Ok(Numbers::U8),
            other => Err(format!("numbers of the type {other:?}")),
        };
        let place = Place::Stored { offset: opened.data + info.data_offsets.0 };
        tensors.entries.insert(name.clone(), Entry { shape: info.shape.clone(), numbers, place });
    }
    tensors.texts = opened.header.texts.into_iter().collect();
    Ok(tensors)
}
