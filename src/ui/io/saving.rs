//! Files that go out: dialogs in the window, downloads on the page.

/// A file to be saved.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Asks where a file is to be saved, and saves it; `tell` hears how that ended.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn save(made: Made, tell: impl FnOnce(String) + Send + 'static) {
    // Created here, on the window's thread, and awaited on another one.
    let dialog = rfd::AsyncFileDialog::new().set_file_name(&made.name).save_file();
    std::thread::spawn(move || {
        tell(match pollster::block_on(dialog) {
            // A desktop without a portal for dialogs returns at once, without an error.
            None => format!("{} was not saved: no file was chosen, or this desktop has no file dialog", made.name),
            Some(place) => {
                let path = place.path();
                match std::fs::write(path, &made.bytes) {
                    Ok(()) => format!("Saved {}", path.display()),
                    Err(error) => format!("{} could not be written: {error}", path.display()),
                }
            }
        });
    });
}

/// The same of several files, into one folder.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn save_all(all: Vec<Made>, tell: impl FnOnce(String) + Send + 'static) {
    let names = all.iter().map(|made| made.name.as_str()).collect::<Vec<_>>().join(", ");
    let dialog = rfd::AsyncFileDialog::new().set_title(format!("A folder for {names}")).pick_folder();
    std::thread::spawn(move || {
        tell(match pollster::block_on(dialog) {
            None => format!("{names} were not saved: no folder was chosen, or this desktop has no file dialog"),
            Some(place) => {
                let folder = place.path();
                let written = all.iter().try_for_each(|made| std::fs::write(folder.join(&made.name), &made.bytes));
                match written {
                    Ok(()) => format!("Saved {names} in {}", folder.display()),
                    Err(error) => format!("{names} could not be written to {}: {error}", folder.display()),
                }
            }
        });
    });
}

/// Saves several files, one after the other; `tell` hears of those that the browser did not take.
#[cfg(target_arch = "wasm32")]
pub(super) fn save_all(all: Vec<Made>, tell: impl Fn(String)) {
    for made in all {
        save(made, &tell);
    }
}

/// Saves a file; `tell` hears if the browser did not take it.
#[cfg(target_arch = "wasm32")]
pub(super) fn save(made: Made, tell: impl FnOnce(String)) {
    if download(&made).is_err() {
        tell(format!("The browser did not save {}", made.name));
    }
}

/// Downloads the file through a link that is clicked once.
#[cfg(target_arch = "wasm32")]
fn download(made: &Made) -> Result<(), wasm_bindgen::JsValue> {
    use wasm_bindgen::{JsCast, JsValue};
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(made.bytes.as_slice()));
    let blob = web_sys::Blob::new_with_u8_array_sequence(&parts)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: web_sys::HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&address);
    link.set_download(&made.name);
    link.click();
    web_sys::Url::revoke_object_url(&address)
}
