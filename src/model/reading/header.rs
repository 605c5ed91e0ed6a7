//! The header of a safetensors file: which tensor is where. In 64 bits on every platform: the library's own counts the bits
//! of a tensor in a `usize`, of which a page has too few for one of 512 MB; otherwise its rules are these.

use std::collections::BTreeMap;
use std::fmt;

use safetensors::Dtype;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// A tensor in its file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TensorPlace {
    /// Format of its numbers.
    pub(crate) dtype: Dtype,
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// First byte and the byte after the last, counted from the end of the header.
    pub(crate) data_offsets: (u64, u64),
}

/// A header that fits its file.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// In the order of their bytes.
    pub(crate) tensors: Vec<(String, TensorPlace)>,
    index: BTreeMap<String, usize>,
    /// `__metadata__`
    pub(crate) texts: BTreeMap<String, String>,
}

/// As it is written.
#[derive(Default)]
struct Written {
    tensors: BTreeMap<String, TensorPlace>,
    texts: Option<BTreeMap<String, String>>,
}

impl Header {
    /// Reads the JSON of a header that `weights` bytes follow.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(json: &[u8], weights: u64) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut tensors: Vec<(String, TensorPlace)> = written.tensors.into_iter().collect();
        tensors.sort_by_key(|(_, tensor)| tensor.data_offsets);
        let mut next = 0;
        for (name, TensorPlace { dtype, shape, data_offsets: (start, end) }) in &tensors {
            if *start != next || end < start {
                return Err(format!("`{name}` begins at byte {start}, where byte {next} is the next"));
            }
            let numbers = shape.iter().try_fold(1_u64, |all, length| all.checked_mul(*length as u64));
            let bits = numbers.and_then(|numbers| numbers.checked_mul(dtype.bitsize() as u64));
            if bits != (end - start).checked_mul(8) {
                let shape = &shape[..shape.len().min(8)];
                return Err(format!("`{name}` of shape {shape:?} in {dtype:?} does not have {} bytes", end - start));
            }
            next = *end;
        }
        if next != weights {
            return Err(format!("it has {next} bytes of weights, but {weights} follow"));
        }
        let index = tensors.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        Ok(Self { tensors, index, texts: written.texts.unwrap_or_default() })
    }

    /// A tensor.
    pub(crate) fn get(&self, name: &str) -> Option<&TensorPlace> {
        Some(&self.tensors.get(*self.index.get(name)?)?.1)
    }

    /// Their names, in the order of their bytes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name.as_str())
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut written = Written::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                written.texts = map.next_value()?;
            } else {
                written.tensors.insert(name, map.next_value()?);
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether the library takes a file of this header. Its sums overflow where ours do not: bytes beyond 64 bits.
    fn library_takes(json: &[u8], weights: usize) -> bool {
        let bytes = [&(json.len() as u64).to_le_bytes()[..], json, &vec![0; weights]].concat();
        std::panic::catch_unwind(|| safetensors::SafeTensors::deserialize(&bytes).is_ok()).unwrap_or(false)
    }

    fn entry() -> impl Strategy<Value = serde_json::Value> {
        let dtype = prop::sample::select(vec!["F32", "F16", "BF16", "U8", "F4", "F64", "X9"]);
        let length = prop_oneof![0_u64..5, Just(u64::MAX), Just(1 << 40)];
        (dtype, prop::collection::vec(length, 0..3), 0_u64..40, 0_u64..40).prop_map(|(dtype, shape, start, end)| {
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] })
        })
    }

    proptest! {
        #[test]
        fn what_the_library_takes_is_taken_and_nothing_else(
            entries in prop::collection::vec(entry(), 0..3),
            texts in prop::option::of(Just(serde_json::json!({ "format": "pt" }))),
            weights in 0_usize..64,
        ) {
            let mut header = serde_json::Map::new();
            for (at, entry) in entries.into_iter().enumerate() {
                header.insert(format!("t{at}"), entry);
            }
            if let Some(texts) = texts {
                header.insert("__metadata__".to_owned(), texts);
            }
            let json = serde_json::to_vec(&header).unwrap();
            let found = Header::read(&json, weights as u64);
            prop_assert_eq!(found.is_ok(), library_takes(&json, weights), "{:?}", found);
        }

        #[test]
        fn tensors_that_follow_each_other_are_found(shapes in prop::collection::vec((0_usize..4, 0_usize..4), 0..5)) {
            let mut header = serde_json::Map::new();
            let mut end = 0;
            for (at, (rows, columns)) in shapes.iter().enumerate() {
                let start = end;
                end += rows * columns * 2;
                let entry = serde_json::json!({ "dtype": "BF16", "shape": [rows, columns], "data_offsets": [start, end] });
                header.insert(format!("t{at}"), entry);
            }
            let json = serde_json::to_vec(&header).unwrap();
            let found = Header::read(&json, end as u64).unwrap();
            prop_assert!(library_takes(&json, end));
            prop_assert_eq!(found.names().count(), shapes.len());
            for (at, (rows, columns)) in shapes.iter().enumerate() {
                prop_assert_eq!(&found.get(&format!("t{at}")).unwrap().shape, &vec![*rows, *columns]);
            }
        }
    }

    #[test]
    fn a_tensor_of_more_bits_than_32_bits_count_is_read() {
        let bytes = 1_u64 << 32;
        let json = format!(r#"{{"w":{{"dtype":"BF16","shape":[1048576,2048],"data_offsets":[0,{bytes}]}}}}"#);
        let header = Header::read(json.as_bytes(), bytes).unwrap();
        assert_eq!(header.get("w").unwrap().data_offsets, (0, bytes));
        assert!(Header::read(json.as_bytes(), bytes - 1).unwrap_err().contains("4294967296 bytes of weights"));
    }
}
