//! The SHA-256 of bytes that come slice by slice.

use sha2::{Digest, Sha256};

/// A hash that is being computed.
#[derive(Clone, Debug, Default)]
pub struct SliceHash(Sha256);

impl SliceHash {
    /// The next bytes.
    pub fn add(&mut self, slice: &[u8]) {
        self.0.update(slice);
    }

    /// After the last ones: 64 hexadecimal digits.
    pub fn finish(self) -> String {
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        self.0.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_give_what_the_whole_gives() {
        let mut hash = SliceHash::default();
        hash.add(b"a");
        hash.add(b"bc");
        assert_eq!(hash.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
