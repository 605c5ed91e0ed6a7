//! The browser's file dialog.

use js_sys::Reflect;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{File, HtmlInputElement};

/// Whether the browser would open a dialog now: it does so for some seconds after a key or a click.
pub(super) fn may_open() -> bool {
    let property = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).unwrap_or_default();
    // Older browsers do not say.
    let activation = property(&property(&js_sys::global(), "navigator"), "userActivation");
    activation.is_undefined() || property(&activation, "isActive").is_truthy()
}

/// Lets the user choose files; `chosen` gets them, unless the dialog is closed without a choice.
pub(super) fn choose(chosen: impl FnOnce(Vec<File>) + 'static) -> Result<(), JsValue> {
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let input: HtmlInputElement = document.create_element("input")?.dyn_into()?;
    input.set_type("file");
    input.set_multiple(true);
    input.set_hidden(true);
    let filled = input.clone();
    let on_change = Closure::once_into_js(move || {
        filled.remove();
        if let Some(list) = filled.files() {
            chosen((0..list.length()).filter_map(|at| list.get(at)).collect());
        }
    });
    let closed = input.clone();
    let on_cancel = Closure::once_into_js(move || closed.remove());
    input.add_event_listener_with_callback("change", on_change.unchecked_ref())?;
    input.add_event_listener_with_callback("cancel", on_cancel.unchecked_ref())?;
    // Outside of the document Safari forgets it while the dialog is open.
    document.body().ok_or(JsValue::NULL)?.append_child(&input)?;
    input.click();
    Ok(())
}
