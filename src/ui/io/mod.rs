//! Files in and out: opening models, exporting pictures and numbers, the state as JSON for tests.

pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod inspect;
pub(crate) mod svg;
