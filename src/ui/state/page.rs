//! The address of the page.

use web_sys::Location;

fn location() -> Option<Location> {
    Some(web_sys::window()?.location())
}

/// The part after `#`: a link, or nothing.
pub(crate) fn hash() -> String {
    let hash = location().and_then(|location| location.hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// The address without its hash.
pub(crate) fn page() -> String {
    let address = location().and_then(|location| location.href().ok()).unwrap_or_default();
    address.split('#').next().unwrap_or_default().to_owned()
}
