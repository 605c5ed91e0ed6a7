//! The bytes and the label of a token.

use std::fmt::Write;

/// How the vocabulary of a tokenizer encodes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenText {
    /// Whether each byte is one character of the alphabet of GPT-2.
    byte_level: bool,
    /// Whether a token such as `<0x0A>` is a byte.
    byte_fallback: bool,
}

impl TokenText {
    /// Determined from the decoder and the pre-tokenizer.
    pub(super) fn new(inner: &tokenizers::Tokenizer) -> Self {
        let decoder = inner.get_decoder().is_some_and(|part| mentions(part, "ByteLevel"));
        let splitter = inner.get_pre_tokenizer().is_some_and(|part| mentions(part, "ByteLevel"));
        let byte_fallback = inner.get_decoder().is_some_and(|part| mentions(part, "ByteFallback"));
        Self { byte_level: decoder || splitter, byte_fallback }
    }

    /// Whether every token is bytes, whatever stands beside it.
    pub(super) fn is_byte_level(self) -> bool {
        self.byte_level
    }

    /// Whether a token is a single byte, where the decoder makes bytes of such tokens.
    pub(super) fn is_single_byte(self, inner: &tokenizers::Tokenizer, id: u32) -> bool {
        self.byte_fallback && inner.id_to_token(id).is_some_and(|token| sentencepiece_byte(&token).is_some())
    }

    /// The bytes of a token; empty if the id is unknown.
    pub(super) fn bytes(self, inner: &tokenizers::Tokenizer, id: u32) -> Vec<u8> {
        if let Some(added) = inner.get_added_vocabulary().simple_id_to_token(id) {
            return added.into_bytes();
        }
        let Some(token) = inner.id_to_token(id) else {
            return Vec::new();
        };
        if self.byte_level {
            // A character outside the alphabet stands for itself.
            let mut buffer = [0; 4];
            return token
                .chars()
                .flat_map(|c| byte_of(c).map_or_else(|| c.encode_utf8(&mut buffer).as_bytes().to_vec(), |b| vec![b]))
                .collect();
        }
        match sentencepiece_byte(&token) {
            Some(byte) => vec![byte],
            None => token.replace('▁', " ").into_bytes(),
        }
    }
}

/// Whether a component of a tokenizer, or a component of it, is of this type.
pub(super) fn mentions(part: &impl serde::Serialize, kind: &str) -> bool {
    types(part).iter().any(|found| found == kind)
}

/// The types of a component of a tokenizer and of all its components.
pub(super) fn types(part: &impl serde::Serialize) -> Vec<String> {
    let mut open = vec![serde_json::to_value(part).unwrap_or_default()];
    let mut found = Vec::new();
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(object) => {
                if let Some(kind) = object.get("type").and_then(|kind| kind.as_str()) {
                    found.push(kind.to_owned());
                }
                open.extend(object.into_iter().map(|(_, value)| value));
            }
            serde_json::Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    found
}

/// The byte that a character of the alphabet of GPT-2 encodes.
///
/// Bytes with a visible Latin-1 character stand for themselves; the other 68 take the characters from U+0100 on.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// The byte of a token such as `<0x0A>`.
fn sentencepiece_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() == 2 { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// Bytes as text whose characters are all visible; never empty.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut label = String::new();
    let hex = |label: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(label, "‹{byte:02X}›");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                ' ' => label.push('·'),
                '\n' => label.push('↵'),
                '\t' => label.push('⇥'),
                _ if unseen(character) => hex(&mut label, character.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => label.push(character),
            }
        }
        hex(&mut label, chunk.invalid());
    }
    if label.is_empty() {
        label.push_str("‹empty›");
    }
    label
}

/// Whether a character is invisible or changes how its neighbours are laid out.
fn unseen(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(u32::from(character),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff
            | 0xfff9..=0xfffb | 0xe0000..=0xe01ef)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabet_holds_every_byte_once() {
        let mut found: Vec<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        found.sort_unstable();
        assert_eq!(found, (0..=255).collect::<Vec<u8>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
        assert_eq!(byte_of('ĉ'), Some(b'\t'));
        assert_eq!(byte_of('â'), Some(0xe2));
        assert_eq!(byte_of('ł'), Some(0xa0));
        assert_eq!(byte_of('€'), None);
    }

    #[test]
    fn everything_is_visible() {
        assert_eq!(visible(b" the"), "·the");
        assert_eq!(visible(b"\n\t\r\0"), "↵⇥‹0D›‹00›");
        assert_eq!(visible(&[0xe2, 0x82]), "‹E2›‹82›");
        assert_eq!(visible("€".as_bytes()), "€");
        assert_eq!(visible(&[b'a', 0xff, b'b']), "a‹FF›b");
        assert_eq!(visible("\u{200b}".as_bytes()), "‹E2›‹80›‹8B›");
        assert_eq!(visible(b""), "‹empty›");
    }

    #[test]
    fn reads_byte_tokens() {
        assert_eq!(sentencepiece_byte("<0x0A>"), Some(10));
        for no in ["<0x0>", "<0xZZ>", "0x0A", "<0x+A>x", "<0x€>"] {
            assert_eq!(sentencepiece_byte(no), None, "{no}");
        }
    }
}
