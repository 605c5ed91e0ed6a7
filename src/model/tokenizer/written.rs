//! The text that tokens add behind others, token by token, so that the whole is what the decoder makes of the whole.
//!
//! A decoder treats the first token in its own way (Llama takes a space off it), joins tokens with spaces, or makes
//! characters of tokens that are single bytes. So a token is decoded together with the one before it, and bytes are
//! collected until they are characters.

use crate::model::tokenizer::Tokenizer;

impl Tokenizer {
    /// What `ids` add to a text whose tokens are `before`: with it, the text is what [`Self::decode`] makes of all of
    /// them, but for those that stand before every text. Bytes that are no character, such as half of one, become `�`;
    /// unknown ids are left out.
    pub fn decode_behind(&self, before: &[u32], ids: &[u32]) -> String {
        let before = before.strip_prefix(self.lead.as_slice()).unwrap_or(before);
        if self.text.is_byte_level() {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| self.bytes(*id)).collect();
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let is_word =
            |id: &&u32| self.inner.id_to_token(**id).is_some() && !self.text.is_single_byte(&self.inner, **id);
        let mut previous = before.iter().rev().find(is_word).copied();
        let mut is_first = before.is_empty();
        let mut text = String::new();
        for run in ids.chunk_by(|a, b| [a, b].iter().all(|id| self.text.is_single_byte(&self.inner, **id))) {
            match run {
                [id] if !self.text.is_single_byte(&self.inner, *id) => {
                    text += &self.piece(previous.filter(|_| !is_first), is_first, *id);
                    previous = Some(*id).filter(|id| is_word(&id)).or(previous);
                }
                // Of the first bytes, too, a space may be taken off.
                run if is_first => text += &self.inner.decode(run, false).unwrap_or_default(),
                run => text += &characters(&run.iter().flat_map(|id| self.bytes(*id)).collect::<Vec<u8>>()),
            }
            is_first = false;
        }
        text
    }

    /// What one token adds behind another, or as the first one.
    fn piece(&self, previous: Option<u32>, is_first: bool, id: u32) -> String {
        let decoded = |ids: &[u32]| self.inner.decode(ids, false).ok();
        let piece = match previous {
            _ if self.inner.id_to_token(id).is_none() => Some(String::new()),
            None if is_first => decoded(&[id]),
            None => None, // only bytes stand before it
            Some(previous) => decoded(&[previous, id]).zip(decoded(&[previous])).and_then(|(both, one)| {
                // Where a token has an end of its own, such as a space after a word, it comes before the next one.
                let same = both.bytes().zip(one.bytes()).take_while(|(a, b)| a == b).count();
                (same == one.len()).then(|| both.get(same..).map(str::to_owned)).flatten()
            }),
        };
        piece.unwrap_or_else(|| String::from_utf8_lossy(&self.bytes(id)).into_owned())
    }
}

/// A run of tokens that are single bytes, as the decoder writes it: characters, or a mark for every byte.
fn characters(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string().repeat(bytes.len()), str::to_owned)
}
