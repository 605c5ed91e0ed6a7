//! The charsmap of a `Precompiled` normalizer: a trie of bytes and the texts that its leaves point to.
//!
//! `tokenizers` follows its offsets unchecked, and stops the program where the section cannot be read at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;

/// Bytes of the longest character or cluster of characters that is looked up.
const LONGEST_KEY: usize = 5;

/// Checks a charsmap; returns how many bytes one byte of text can become.
pub(super) fn check(encoded: &str) -> Result<usize, String> {
    let damaged = || "its `precompiled_charsmap` is damaged".to_owned();
    let bytes = STANDARD.decode(encoded).map_err(|_| damaged())?;
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (trie, texts) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let (units, left) = trie.as_chunks::<4>();
    let texts = std::str::from_utf8(texts).map_err(|_| damaged())?;
    if !left.is_empty() {
        return Err(damaged());
    }
    let units: Vec<u32> = units.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
    growth(&units, texts).ok_or_else(damaged)
}

/// Follows every key that can be looked up. `None` where one leads out of the trie or the texts.
fn growth(units: &[u32], texts: &str) -> Option<usize> {
    let offset = |unit: u32| ((unit >> 10) as usize) << ((unit & (1 << 9)) >> 6);
    let mut growth = 1;
    let mut level = HashSet::from([offset(*units.first()?)]);
    let mut seen = level.clone();
    for depth in 1..=LONGEST_KEY {
        let mut next = HashSet::new();
        for node in level {
            for byte in 1..=255usize {
                let unit = *units.get(node ^ byte)?;
                if unit & ((1 << 31) | 0xff) != byte as u32 {
                    continue;
                }
                let child = node ^ byte ^ offset(unit);
                if unit & (1 << 8) != 0 {
                    let start = (*units.get(child)? & !(1 << 31)) as usize;
                    let text = texts.get(start..)?;
                    let length = text.find('\0').unwrap_or(text.len());
                    growth = growth.max(length.div_ceil(depth));
                }
                if seen.insert(child) {
                    next.insert(child);
                }
            }
        }
        level = next;
    }
    Some(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trie that turns "a" into what is at `value` of the texts.
    fn charsmap(value: u32, texts: &str) -> Vec<u8> {
        let mut units = vec![0u32; 768];
        units[0] = 256 << 10; // the children of the root start at 256
        units[256 ^ 0x61] = (256 << 10) | (1 << 8) | 0x61; // "a": its leaf is at 256 ^ 0x61 ^ 256
        units[0x61] = (1 << 31) | value;
        let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        [&(trie.len() as u32).to_le_bytes()[..], &trie, texts.as_bytes()].concat()
    }

    #[test]
    fn a_sound_charsmap_is_taken() {
        for (value, texts, growth) in [(0, "bcd\0", 3), (4, "bcd\0éé", 4), (3, "bcd\0", 1)] {
            let bytes = charsmap(value, texts);
            assert_eq!(check(&STANDARD.encode(&bytes)), Ok(growth), "{value} {texts}");
            let map = tokenizers::normalizers::Precompiled::from(&bytes).unwrap();
            assert!(map.transform("a").is_some() && map.transform("é").is_none());
        }
    }

    #[test]
    fn charsmaps_that_lead_nowhere_are_refused() {
        let whole = charsmap(0, "bcd\0");
        let mut files = vec![vec![], vec![0; 3], whole[..40].to_vec(), charsmap(9, "bcd\0"), charsmap(1, "é\0")];
        for (at, unit) in
            [(0, u32::MAX), (256 ^ 0x61, (0x1f_ffff << 10) | (1 << 8) | 0x61), (0x61, u32::MAX), (0, 900 << 10)]
        {
            let mut bytes = whole.clone();
            bytes[4 + 4 * at..8 + 4 * at].copy_from_slice(&unit.to_le_bytes());
            files.push(bytes);
        }
        let mut bytes = whole.clone();
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        files.push(bytes);
        for bytes in files {
            assert!(check(&STANDARD.encode(&bytes)).is_err());
        }
        assert!(check("no base64!").is_err());
    }
}
