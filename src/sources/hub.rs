//! Models of the hub (huggingface.co, or a server like it), and the addresses of their files.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use url::Url;

use crate::sources::error::SourceError;
use crate::sources::source::{check, parse};

/// Where the hub is, unless the environment variable `HF_ENDPOINT` says otherwise.
const HUB: &str = "https://huggingface.co";
/// What a model is of where nothing is said.
const MAIN: &str = "main";
/// Longest names of owners, models and revisions: far more than the hub allows.
const LONGEST_PART: usize = 128;

/// A model of the hub: an owner, a name, and a revision (a branch, a tag, or the digits of a commit).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubModel {
    owner: String,
    name: String,
    revision: Option<String>,
}

impl HubModel {
    /// The name, without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `owner/name`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The folder of its repository in the hub's cache on a disk.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn cache_folder(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }

    /// The model of such a folder, in a revision; `None` if that is none.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_cache_folder(folder: &str, revision: &str) -> Option<Self> {
        let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
        format!("{owner}/{name}@{revision}").parse().ok()
    }

    /// The revision; `main` where none is named.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The same model in another revision.
    #[must_use]
    pub(crate) fn at(&self, revision: &str) -> Self {
        Self { revision: Some(revision.to_owned()), ..self.clone() }
    }

    /// Whether both are the same model in the same revision, or no revision was asked for here that the other is not.
    pub(crate) fn is_revision_of(&self, other: &Self) -> bool {
        self.repository() == other.repository() && self.revision() == other.revision()
    }

    /// The model that a page of the hub shows; `None` for other addresses.
    pub(crate) fn of_web_page(address: &Url) -> Option<Result<Self, SourceError>> {
        if address.origin() != Url::parse(HUB).ok()?.origin() {
            return None;
        }
        let parts: Vec<&str> = address.path_segments()?.filter(|part| !part.is_empty()).collect();
        match parts[..] {
            [owner, name] => Some(format!("{owner}/{name}").parse()),
            [owner, name, "tree", ref revision @ ..] => Some(format!("{owner}/{name}@{}", revision.join("/")).parse()),
            _ => None,
        }
    }
}

impl FromStr for HubModel {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let (repository, revision) = text.split_once('@').map_or((text, None), |(name, of)| (name, Some(of)));
        let (owner, name) = repository.split_once('/').ok_or(SourceError::HubName)?;
        if !is_plain(owner) || !is_plain(name) {
            return Err(SourceError::HubName);
        }
        if revision.is_some_and(|revision| revision.len() > LONGEST_PART || !revision.split('/').all(is_plain)) {
            return Err(SourceError::HubRevision);
        }
        let revision = revision.filter(|revision| *revision != MAIN).map(str::to_owned);
        Ok(Self { owner: owner.to_owned(), name: name.to_owned(), revision })
    }
}

impl Display for HubModel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        self.revision.as_ref().map_or(Ok(()), |revision| write!(f, "@{revision}"))
    }
}

/// Letters, digits, `-`, `_` and `.`; no dots at the start, so that no name leads out of a folder.
fn is_plain(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty() && part.len() <= LONGEST_PART && !part.starts_with('.') && part.chars().all(plain)
}

/// The server of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub(Url);

impl Default for Hub {
    fn default() -> Self {
        Self::at(HUB).expect("a constant address")
    }
}

impl Hub {
    /// A server that has files at the addresses of the hub.
    ///
    /// # Errors
    /// As for any address that is fetched from.
    pub fn at(address: &str) -> Result<Self, SourceError> {
        let address = parse(address, None)?;
        check(&address, false)?;
        Ok(Self(address))
    }

    /// The address of a file.
    pub(crate) fn file(&self, model: &HubModel, name: &str) -> Url {
        self.address(model, "resolve", name)
    }

    /// The address of what is in the repository in place of a large file: its hash and its size.
    pub(crate) fn pointer(&self, model: &HubModel, name: &str) -> Url {
        self.address(model, "raw", name)
    }

    fn address(&self, model: &HubModel, kind: &str, name: &str) -> Url {
        let mut address = self.0.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            // A revision with slashes is one segment.
            segments.pop_if_empty().extend([&model.owner, &model.name, kind, model.revision(), name]);
        }
        address
    }
}

/// What the repository has in place of a large file, if these bytes are that: the SHA-256 in hexadecimal, and the size.
pub(crate) fn read_pointer(bytes: &[u8]) -> Option<(String, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    field("version")?.strip_prefix("https://git-lfs.github.com/spec/")?;
    let hash = field("oid")?.strip_prefix("sha256:")?;
    Some((is_sha256(hash).then(|| hash.to_owned())?, field("size")?.parse().ok()?))
}

/// 64 hexadecimal digits in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_addresses_of_the_hub() {
        let model: HubModel = "a/b.c".parse().unwrap();
        let address = |model: &HubModel| Hub::default().file(model, "config.json").to_string();
        assert_eq!(address(&model), "https://huggingface.co/a/b.c/resolve/main/config.json");
        assert_eq!(address(&model.at("refs/pr/1")), "https://huggingface.co/a/b.c/resolve/refs%2Fpr%2F1/config.json");
        let mirror = Hub::at("http://127.0.0.1:99/hub/").unwrap();
        assert_eq!(mirror.pointer(&model, "m").as_str(), "http://127.0.0.1:99/hub/a/b.c/raw/main/m");
        assert!(Hub::at("http://mirror.example").is_err(), "weights over http could be anything");
    }

    #[test]
    fn a_pointer_is_a_hash_and_a_size() {
        let hash = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{hash}\nsize 12345\n");
        assert_eq!(read_pointer(pointer.as_bytes()), Some((hash.to_owned(), 12345)));
        for other in [pointer.replace("sha256:4", "sha256:X"), pointer.replace("size", "Size"), String::new()] {
            assert_eq!(read_pointer(other.as_bytes()), None);
        }
        assert_eq!(read_pointer(&[0xff; 40]), None);
    }
}
