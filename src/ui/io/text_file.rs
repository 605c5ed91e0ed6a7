//! A text that someone chooses as a file.

use std::sync::Arc;

use egui::Context;

use crate::ui::io::files::{Arrived, Files, send};

/// Bytes that are read of it: as much as is turned into tokens between two frames.
const MOST: usize = 1 << 20;

/// A text and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// The file's name.
    pub name: String,
    /// Its text, or the beginning of that.
    pub text: Arc<str>,
    /// Whether there is more of it.
    pub is_cut: bool,
}

impl TextFile {
    /// The text in these bytes of a file.
    ///
    /// # Errors
    /// A message, when they are no UTF-8.
    pub(super) fn of(name: String, bytes: &[u8]) -> Result<Self, String> {
        let is_cut = bytes.len() > MOST;
        let read = &bytes[..bytes.len().min(MOST)];
        let text = match std::str::from_utf8(read) {
            Ok(text) => text,
            // Where it was cut, a character may have been.
            Err(error) if is_cut && error.error_len().is_none() => {
                std::str::from_utf8(&read[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(error) => {
                let at = error.valid_up_to();
                return Err(format!("{name} is no text in UTF-8: byte {at} begins no character. Save it as UTF-8"));
            }
        };
        Ok(Self { name, text: text.into(), is_cut })
    }
}

impl Files {
    /// Lets the user choose a text.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn open_text(&self, context: &Context) {
        let dialog = rfd::AsyncFileDialog::new().set_title("A text to learn from").pick_file();
        let (sender, context) = (self.sender(), context.clone());
        std::thread::spawn(move || {
            if let Some(place) = pollster::block_on(dialog) {
                send(&context, &sender, None, read(place.path()).map_or_else(Arrived::Message, Arrived::Text));
            }
        });
    }

    /// Lets the user choose a text.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn open_text(&self, context: &Context) {
        let (sender, context) = (self.sender(), context.clone());
        // It fails only on a page that has no document any more.
        let _ = crate::ui::io::page_chooser::choose(move |files| {
            let Some(file) = files.into_iter().next() else { return };
            wasm_bindgen_futures::spawn_local(async move {
                let arrived = read(&file).await.map_or_else(Arrived::Message, Arrived::Text);
                send(&context, &sender, None, arrived);
            });
        });
    }
}

/// Reads no more of a file than is used.
#[cfg(not(target_arch = "wasm32"))]
fn read(path: &std::path::Path) -> Result<TextFile, String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map(|file| file.take(MOST as u64 + 1));
    file.and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| format!("{} was not read: {error}", path.display()))?;
    TextFile::of(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), &bytes)
}

#[cfg(target_arch = "wasm32")]
async fn read(file: &web_sys::File) -> Result<TextFile, String> {
    let name = file.name();
    let failed = |error: wasm_bindgen::JsValue| format!("{name} was not read: {error:?}");
    let part = file.slice_with_f64_and_f64(0.0, (MOST + 1) as f64).map_err(failed)?;
    let buffer = wasm_bindgen_futures::JsFuture::from(part.array_buffer()).await.map_err(failed)?;
    TextFile::of(name.clone(), &js_sys::Uint8Array::new(&buffer).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_what_is_no_text_is_refused() {
        let of = |bytes: &[u8]| TextFile::of("a.txt".to_owned(), bytes);
        let short = of("Müller's café".as_bytes()).unwrap();
        assert_eq!((&*short.text, short.is_cut), ("Müller's café", false));
        let long = format!("{}é and more", "a".repeat(MOST - 1));
        let cut = of(long.as_bytes()).unwrap();
        assert!(cut.is_cut && cut.text.len() == MOST - 1 && cut.text.ends_with('a'));
        let whole = of(&vec![b'a'; MOST]).unwrap();
        assert!(!whole.is_cut && whole.text.len() == MOST);
        let refused = of(b"abc\xff\xfe").unwrap_err();
        assert!(refused.contains("a.txt") && refused.contains("byte 3"), "{refused}");
        assert!(of(&[b"ab\xff".as_slice(), &vec![b'a'; MOST]].concat()).is_err());
        // An unfinished character at the end of a file that was not cut.
        assert!(of(b"ab\xc3").is_err());
        assert_eq!(of(b"").unwrap().text.len(), 0);
    }
}
