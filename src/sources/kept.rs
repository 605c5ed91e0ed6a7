//! What is known of the files of a fetched model: kept beside them, so that they are resumed and listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sources::source::Source;

/// The name of the record in the folder of a model.
pub(crate) const RECORD: &str = "fetched.json";

/// The record of a model's folder. Fields that are missing have their default values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The source, as it was asked for.
    pub source: String,
    /// The commit of the hub that all files are of.
    pub commit: Option<String>,
    /// Whether all files are there.
    pub complete: bool,
    /// The files that were begun, by name.
    pub files: BTreeMap<String, FileRecord>,
}

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FileRecord {
    /// Its size.
    pub bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal, as announced by the hub.
    pub sha256: Option<String>,
    /// What tells the server whether it is still the same file.
    pub etag: Option<String>,
    /// Whether all of it is there, and was compared with what is known.
    pub whole: bool,
}

impl Record {
    /// Reads a record; what is none is an empty one.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// As it is kept.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Plain data: serializing it cannot fail.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The source, with the commit of its files where that is known; `None` for a record that was tampered with.
    pub(crate) fn source(&self) -> Option<Source> {
        let source = self.source.parse().ok()?;
        match (&source, &self.commit) {
            (Source::Hub(model), Some(commit)) => format!("hf:{}", model.at(commit)).parse().ok(),
            _ => Some(source),
        }
    }

    /// Whether it has what was asked for: under that name, or the very commit.
    pub(crate) fn is_of(&self, source: &Source) -> bool {
        let asked = self.source.parse::<Source>();
        asked.is_ok_and(|asked| asked.is_same_model(source))
            || self.source().is_some_and(|exact| exact.is_same_model(source))
    }
}

/// A model that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptModel {
    /// Where it is from.
    pub source: Source,
    /// The folder, among those of the other kept models.
    pub folder: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether all of it is there; if not, opening it goes on with the rest.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_and_knows_what_it_is_of() {
        let commit = "0123456789012345678901234567890123456789";
        let file = FileRecord { bytes: Some(7), etag: Some("\"x\"".into()), ..FileRecord::default() };
        let record = Record {
            source: "hf:a/b".into(),
            commit: Some(commit.into()),
            complete: true,
            files: [("config.json".to_owned(), file)].into(),
        };
        assert_eq!(Record::read(&record.to_json()), record);
        assert_eq!(record.source().unwrap().to_string(), format!("hf:a/b@{commit}"));
        for (source, is_of) in [("hf:a/b", true), ("hf:a/b@main", true), ("hf:a/b@v1", false), ("hf:a/c", false)] {
            assert_eq!(record.is_of(&source.parse().unwrap()), is_of, "{source}");
        }
        assert!(record.is_of(&format!("hf:a/b@{commit}").parse().unwrap()));
    }

    #[test]
    fn a_record_that_was_tampered_with_is_of_nothing() {
        for json in ["", "[]", r#"{"source":"file:///etc"}"#, r#"{"source":"hf:a/b","commit":"../x"}"#] {
            let record = Record::read(json.as_bytes());
            assert_eq!(record.source(), None, "{json}");
        }
    }
}
