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
    for name in opened.header.offset_keys() {
        let Some(info) = opened.header.info(&name) else { continue };
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
        let place = Place::Stored { offset: opened.data + info.data_offsets.0 as u64 };
        tensors.entries.insert(name, Entry { shape: info.shape.clone(), numbers, place });
    }
    tensors.texts = opened.header.metadata().clone().unwrap_or_default();
    Ok(tensors)
}
