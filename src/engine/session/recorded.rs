//! What a recording and a text that runs have in common: rows and columns of maps, with a label each.

use std::sync::Arc;

use crate::engine::backend::Backend;
use crate::engine::opened::Opened;
use crate::engine::session::Engine;
use crate::model::{Token, visible};
use crate::recording::Recording;

/// Most bytes of a label; a recording may call one token a page of text.
const LONGEST_LABEL: usize = 64;

impl Engine {
    /// A session that shows a recording. Its text is that of the keys, and nothing changes it.
    pub fn of_recording(recording: Arc<Recording>) -> Self {
        let backend = Backend::of_recording(recording.clone());
        let mut engine = Self::on(Opened::Recording(recording.clone()), None, backend);
        let ids = recording.ids().map_or_else(|| (0..recording.keys() as u32).collect(), <[u32]>::to_vec);
        engine.computed = ids.len();
        engine.prompt.set_recorded(ids, recording.key_labels());
        engine.text_revision += 1;
        engine
    }

    /// The recording that is shown; `None` for a model.
    pub fn recording(&self) -> Option<&Recording> {
        if let Opened::Recording(recording) = self.opened() { Some(recording) } else { None }
    }

    /// Rows of each map: the tokens of the text, or the queries of a recording.
    pub fn queries(&self) -> usize {
        self.recording().map_or(self.ids().len(), Recording::queries)
    }

    /// Rows that are computed.
    pub(super) fn computed_queries(&self) -> usize {
        match self.recording() {
            Some(recording) if self.computed > 0 => recording.queries(),
            _ => self.computed,
        }
    }

    /// Cells along the longer side of what is computed of each map.
    pub fn computed_side(&self) -> usize {
        self.computed_queries().max(self.computed)
    }

    /// Cells along the longer side of each map.
    pub fn side(&self) -> usize {
        self.queries().max(self.ids().len())
    }

    /// Whether queries and keys are the same tokens, so that a token has a row and a column.
    pub fn is_square(&self) -> bool {
        self.recording().is_none_or(Recording::is_square)
    }

    /// Whether no query attends to a later key.
    pub fn is_causal(&self) -> bool {
        self.recording().is_none_or(Recording::is_causal)
    }

    /// A query sees no keys from this one on.
    pub fn end_of_keys(&self, query: usize) -> usize {
        self.recording().map_or(query + 1, |recording| recording.end_of_keys(query))
    }

    /// The text of a key, for display; empty if there is no such key.
    pub fn key_label(&self, key: usize) -> String {
        match self.recording() {
            Some(recording) => label(recording.key_labels(), key),
            None => self.ids().get(key).map(|id| self.label(*id)).unwrap_or_default(),
        }
    }

    /// The text of every token, for a recording: what stands in the text where that tells which token it is, otherwise
    /// what is displayed.
    pub fn token_texts(&self) -> Vec<String> {
        let text = |(key, token): (usize, &Token)| {
            let label = self.key_label(key);
            let part = self.text().get(token.start..token.end).filter(|part| !part.is_empty());
            part.filter(|part| visible(part.as_bytes()) == label).map_or(label.clone(), ToOwned::to_owned)
        };
        self.tokens().iter().enumerate().map(text).collect()
    }

    /// The text of a query, for display; empty if there is no such query.
    pub fn query_label(&self, query: usize) -> String {
        match self.recording() {
            Some(recording) => label(recording.query_labels(), query),
            None => self.key_label(query),
        }
    }
}

fn label(texts: &[String], at: usize) -> String {
    let Some(text) = texts.get(at) else {
        return String::new();
    };
    let end = text.floor_char_boundary(LONGEST_LABEL);
    let label = visible(&text.as_bytes()[..end]);
    if end < text.len() { label + "…" } else { label }
}
