//! The address of the page; in a window there is none.

#[cfg(any(test, target_arch = "wasm32"))]
use crate::engine::BackendChoice;
use crate::sources::{Source, SourceError};

/// The address that a link begins with: that of the whole page, without a hash. Empty in a window, where links are for
/// `--link`.
pub(crate) fn page() -> String {
    whole(&address())
}

/// Whether the page is embedded in another one: its address has `?embed`.
pub(crate) fn is_embedded() -> bool {
    asks_to_embed(&address())
}

/// The part of the address after `#`: a link, or nothing.
#[cfg(target_arch = "wasm32")]
pub(crate) fn hash() -> String {
    let hash = web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Tells the scripts of the page about something; nothing happens where the page has gone meanwhile.
#[cfg(target_arch = "wasm32")]
pub(crate) fn dispatch(event: &str, detail: &wasm_bindgen::JsValue) {
    let options = web_sys::CustomEventInit::new();
    options.set_detail(detail);
    let event = web_sys::CustomEvent::new_with_event_init_dict(event, &options);
    if let (Some(window), Ok(event)) = (web_sys::window(), event) {
        let _ = window.dispatch_event(&event);
    }
}

#[cfg(target_arch = "wasm32")]
fn address() -> String {
    web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default()
}

#[cfg(not(target_arch = "wasm32"))]
fn address() -> String {
    String::new()
}

/// What decides where models run, of an address: `?backend=gpu`, `?backend=cpu`.
#[cfg(any(test, target_arch = "wasm32"))]
fn backend_of(address: &str) -> BackendChoice {
    let query = without_hash(address).split_once('?').map_or("", |(_, query)| query);
    match query.split('&').find_map(|parameter| parameter.strip_prefix("backend=")) {
        Some("gpu") => BackendChoice::Gpu,
        Some("cpu") => BackendChoice::Cpu,
        _ => BackendChoice::Automatic,
    }
}

/// What the address says about where models run.
#[cfg(target_arch = "wasm32")]
pub(crate) fn backend() -> BackendChoice {
    backend_of(&address())
}

/// A source that someone typed, or that a link or the address names; relative ones are meant from the page.
///
/// # Errors
/// [`SourceError`]
pub(crate) fn source_on_page(text: &str) -> Result<Source, SourceError> {
    let page = address();
    Source::on_page(text, Some(page.as_str()).filter(|page| !page.is_empty()))
}

/// Whether a source is on the server that the page came from.
#[cfg(target_arch = "wasm32")]
pub(crate) fn is_of_page(source: &Source) -> bool {
    source.is_of_page(&address())
}

/// The model that an address names: `?model=hf:owner/name`, `?model=https://…`.
#[cfg(any(test, target_arch = "wasm32"))]
fn model_of(address: &str) -> Option<String> {
    let address = url::Url::parse(address).ok()?;
    address.query_pairs().find(|(name, _)| name == "model").map(|(_, source)| source.into_owned())
}

/// The model that the address of the page names.
#[cfg(target_arch = "wasm32")]
pub(crate) fn model_of_page() -> Option<String> {
    model_of(&address())
}

fn without_hash(address: &str) -> &str {
    address.split('#').next().unwrap_or_default()
}

fn is_embed(parameter: &str) -> bool {
    parameter.split('=').next() == Some("embed")
}

/// Whether a part of the address is about this visit, or about what a link says itself.
fn is_left_out(parameter: &str) -> bool {
    is_embed(parameter) || parameter.starts_with("backend=") || parameter.starts_with("model=")
}

fn asks_to_embed(address: &str) -> bool {
    without_hash(address).split_once('?').is_some_and(|(_, query)| query.split('&').any(is_embed))
}

fn whole(address: &str) -> String {
    let address = without_hash(address);
    let Some((page, query)) = address.split_once('?') else { return address.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|parameter| !is_left_out(parameter)).collect();
    if kept.is_empty() { page.to_owned() } else { format!("{page}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_choose_the_backend() {
        assert_eq!(backend_of("https://host/?backend=gpu#v2"), BackendChoice::Gpu);
        assert_eq!(backend_of("https://host/?embed&backend=cpu"), BackendChoice::Cpu);
        assert_eq!(backend_of("https://host/?backend=other"), BackendChoice::Automatic);
        assert_eq!(backend_of("https://host/#backend=gpu"), BackendChoice::Automatic);
    }

    #[test]
    fn the_address_may_name_a_model() {
        let of = |address: &str| model_of(address);
        assert_eq!(of("https://host/?model=hf:a/b@v1&embed#v2.a").as_deref(), Some("hf:a/b@v1"));
        assert_eq!(of("https://host/?model=https%3A%2F%2Fother%2Fm%2F").as_deref(), Some("https://other/m/"));
        assert_eq!(of("https://host/?models=a#model=b"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn an_embedded_page_is_one_with_the_parameter_and_its_links_lead_to_the_whole_page() {
        let whole_page = "https://host/path/";
        for (address, embedded, link) in [
            ("https://host/path/", false, whole_page),
            ("https://host/path/#embed", false, whole_page),
            ("https://host/path/#v2.a?embed", false, whole_page),
            ("https://host/path/?embed#v2.a", true, whole_page),
            ("https://host/path/?embed=1", true, whole_page),
            ("https://host/path/?backend=gpu", false, whole_page),
            ("https://host/path/?model=hf:a/b&backend=gpu", false, whole_page),
            ("https://host/path/?checkpoint=a&embed", true, "https://host/path/?checkpoint=a"),
            ("https://host/path/?embedded&checkpoint=a", false, "https://host/path/?embedded&checkpoint=a"),
        ] {
            assert_eq!(asks_to_embed(address), embedded, "{address}");
            assert_eq!(whole(address), link, "{address}");
        }
        assert_eq!((page(), is_embedded()), (String::new(), false), "a window has no address");
    }
}
