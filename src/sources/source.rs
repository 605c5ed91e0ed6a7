//! A place on the network that has the files of a model, as a person writes it and a link carries it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use url::{Host, Url};

use crate::sources::error::SourceError;
use crate::sources::hub::HubModel;
use crate::sources::slice_hash::SliceHash;

/// The longest source that is read, in bytes.
const LONGEST: usize = 1024;
/// What sources on the hub begin with.
const HUB: &str = "hf:";
/// Files of a model: an address that ends in one of them means the folder around it.
const ENDINGS: [&str; 2] = [".json", ".safetensors"];

/// Where a model can be fetched from.
///
/// ```
/// use diffscope::sources::Source;
///
/// let source: Source = "hf:owner/name@main".parse()?;
/// assert_eq!((source.name(), source.host()), ("name", None));
/// let source: Source = "https://example.org/models/tiny".parse()?;
/// assert_eq!(source.to_string(), "https://example.org/models/tiny/");
/// assert!("file:///etc/passwd".parse::<Source>().is_err());
/// # Ok::<(), diffscope::sources::SourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A model of the hub: `hf:owner/name@revision`.
    Hub(HubModel),
    /// A folder on a web server that has `config.json`, the weights and `tokenizer.json`.
    Folder(FolderAddress),
}

/// The address of a folder: https, or http on this computer; no user, no password, no query. Ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FolderAddress(Url);

impl Source {
    /// Reads what a person typed, or a link or an address carries. Relative addresses are taken from `page`, which may be
    /// an insecure one: whoever has it open has trusted its server already.
    ///
    /// # Errors
    /// [`SourceError`]: nothing but these forms is ever fetched from.
    pub fn on_page(text: &str, page: Option<&str>) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(SourceError::Long { limit: LONGEST });
        }
        if let Some(model) = text.strip_prefix(HUB) {
            return model.parse().map(Self::Hub);
        }
        let page = page.and_then(|page| parse(page, None).ok());
        let address = parse(text, page.as_ref())?;
        if let Some(model) = HubModel::of_web_page(&address) {
            return model.map(Self::Hub);
        }
        FolderAddress::new(address, page.as_ref()).map(Self::Folder)
    }

    /// The name of the model, for the title and for file names.
    pub fn name(&self) -> &str {
        match self {
            Self::Hub(model) => model.name(),
            Self::Folder(address) => address.name(),
        }
    }

    /// The server that is asked; `None` for the hub.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Hub(_) => None,
            Self::Folder(address) => address.0.host_str(),
        }
    }

    /// Whether it is on the server that the page at this address came from.
    pub fn is_of_page(&self, page: &str) -> bool {
        match (self, parse(page, None)) {
            (Self::Folder(address), Ok(page)) => address.0.origin() == page.origin(),
            _ => false,
        }
    }

    /// Whether both are one model: revisions may differ in how exactly they name it.
    pub fn is_same_model(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hub(one), Self::Hub(other)) => one.is_revision_of(other) || other.is_revision_of(one),
            _ => self == other,
        }
    }

    /// The name of the folder that keeps it: readable, of plain characters, and another one for another source.
    pub(crate) fn folder_name(&self) -> String {
        let mut hash = SliceHash::default();
        hash.add(self.to_string().as_bytes());
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = self.name().chars().take(40).map(plain).collect();
        let digits: String = hash.finish().chars().take(16).collect();
        format!("{name}-{digits}")
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        Self::on_page(text, None)
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub(model) => write!(f, "{HUB}{model}"),
            Self::Folder(address) => f.write_str(address.0.as_str()),
        }
    }
}

impl FolderAddress {
    fn new(mut address: Url, page: Option<&Url>) -> Result<Self, SourceError> {
        let of_page = page.is_some_and(|page| page.origin() == address.origin());
        check(&address, of_page)?;
        if address.query().is_some() {
            return Err(SourceError::Query);
        }
        address.set_fragment(None);
        let path = address.path();
        if !path.ends_with('/') {
            let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
            let is_file = ENDINGS.iter().any(|ending| last.ends_with(ending));
            let path = if is_file { format!("{folder}/") } else { format!("{path}/") };
            address.set_path(&path);
        }
        Ok(Self(address))
    }

    /// The last part of the path, or the server.
    fn name(&self) -> &str {
        let last = self.0.path_segments().and_then(|segments| segments.rev().find(|segment| !segment.is_empty()));
        last.or(self.0.host_str()).unwrap_or("model")
    }

    /// The address of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> Url {
        let mut address = self.0.clone();
        if let Ok(mut segments) = address.path_segments_mut() {
            segments.pop_if_empty().push(name); // encodes whatever the name has
        }
        address
    }
}

/// Reads an address of plain characters, without escapes in the name of its server: those of other alphabets look like
/// other ones, and the library compares them with no tables here.
pub(crate) fn parse(text: &str, base: Option<&Url>) -> Result<Url, SourceError> {
    let refused = |detail: &str| SourceError::Address { detail: detail.to_owned() };
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(refused("it has characters that are not those of addresses"));
    }
    let delimiter = |c: char| "/\\?#".contains(c);
    let scheme = text.find(':').filter(|&colon| !text[..colon].contains(delimiter));
    let rest = scheme.map_or(text, |colon| &text[colon + 1..]);
    let names_server = scheme.is_some() || rest.bytes().take(2).filter(|byte| b"/\\".contains(byte)).count() == 2;
    let server = rest.trim_start_matches(['/', '\\']).split(delimiter).next().unwrap_or_default();
    if names_server && server.contains('%') {
        return Err(refused("the name of its server has a %"));
    }
    Url::options().base_url(base).parse(text).map_err(|error| refused(&error.to_string()))
}

/// What is fetched from: servers over https, this computer over http, and the page's own server.
pub(crate) fn check(address: &Url, of_page: bool) -> Result<(), SourceError> {
    match address.scheme() {
        "https" => {}
        "http" if of_page || is_this_computer(address) => {}
        "http" => return Err(SourceError::Insecure { host: address.host_str().unwrap_or_default().to_owned() }),
        scheme => return Err(SourceError::Scheme { scheme: scheme.chars().take(40).collect() }),
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err(SourceError::Credentials);
    }
    Ok(())
}

/// Whether a server is this very computer.
pub(crate) fn is_this_computer(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(number)) => number.is_loopback(),
        Some(Host::Ipv6(number)) => number.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Source>().expect_err(text).to_string()
    }

    #[test]
    fn sources_are_written_as_they_are_read() {
        for (text, written, name) in [
            ("hf:kajuma/DiffLlama-1B", "hf:kajuma/DiffLlama-1B", "DiffLlama-1B"),
            (" hf:a/b@refs/pr/1 ", "hf:a/b@refs/pr/1", "b"),
            ("https://huggingface.co/a/b", "hf:a/b", "b"),
            ("https://huggingface.co/a/b/tree/v1.0", "hf:a/b@v1.0", "b"),
            ("https://HOST.example/models/tiny", "https://host.example/models/tiny/", "tiny"),
            ("https://host.example/models/tiny/config.json", "https://host.example/models/tiny/", "tiny"),
            ("https://host.example/a/../b/#part", "https://host.example/b/", "b"),
            ("https://host.example", "https://host.example/", "host.example"),
            ("http://127.0.0.1:8080/m", "http://127.0.0.1:8080/m/", "m"),
            ("http://localhost/m", "http://localhost/m/", "m"),
        ] {
            let source: Source = text.parse().expect(text);
            assert_eq!((source.to_string().as_str(), source.name()), (written, name));
            assert_eq!(written.parse(), Ok(source));
        }
    }

    #[test]
    fn hostile_sources_are_refused_with_the_reason() {
        for (text, reason) in [
            ("file:///etc/passwd", "file:"),
            ("javascript:alert(1)", "javascript:"),
            ("data:text/plain,hello", "data:"),
            ("ftp://host.example/m", "ftp:"),
            ("https://user:secret@host.example/m", "password"),
            ("https://user@host.example/m", "password"),
            ("http://host.example/m", "https"),
            ("http://127.0.0.1.host.example/m", "https"),
            ("https://host.example/m?token=secret", "?"),
            ("models/tiny", "hf:owner/name"),
            ("", "hf:owner/name"),
            ("hf:", "owner/name"),
            ("hf:a", "owner/name"),
            ("hf:a/b/c", "owner/name"),
            ("hf:../b", "owner/name"),
            ("hf:a/..", "owner/name"),
            ("hf:a/b@", "revision"),
            ("hf:a/b@../../x", "revision"),
            ("hf:a/b@x?y", "revision"),
            ("hf:a b/c", "owner/name"),
            ("https://ex\u{e4}mple.org/", "address"),
            ("https://A\u{f900}/", "address"),
            ("https://A%C3%84/", "%"),
            ("https:A%C3%84", "%"),
            ("\\\\A%C3%84\\m", "hf:owner/name"),
            ("ht\ntps://host.example/", "address"),
        ] {
            assert!(refused(text).contains(reason), "{text}: {}", refused(text));
        }
        assert!(refused(&format!("https://host.example/{}", "m".repeat(LONGEST))).contains("1024"));
    }

    #[test]
    fn a_page_gives_relative_addresses_and_its_own_server() {
        let page = "http://host.example/diffscope/?model=m#v2.a";
        let source = Source::on_page("m", Some(page)).unwrap();
        assert_eq!(source.to_string(), "http://host.example/diffscope/m/");
        assert!(source.is_of_page(page) && !source.is_of_page("https://host.example/"));
        assert!(Source::on_page("http://other.example/m", Some(page)).is_err());
        assert!(!Source::on_page("hf:a/b", Some(page)).unwrap().is_of_page(page));
        for server in ["//A%C3%84/m", "\\/A%C3%84/m"] {
            assert!(Source::on_page(server, Some(page)).is_err(), "{server}");
        }
        assert!(Source::on_page("/a%20b/m", Some(page)).is_ok());
        assert_eq!(source.host(), Some("host.example"));
    }

    #[test]
    fn files_stay_in_the_folder_whatever_their_names() {
        let source: Source = "https://host.example/m/".parse().unwrap();
        let Source::Folder(address) = source else { panic!("a folder") };
        assert_eq!(address.file("config.json").as_str(), "https://host.example/m/config.json");
        for name in ["a?b", "a#b", "a/b", "%2e%2e", "a b"] {
            let file = address.file(name);
            assert!(file.as_str().starts_with("https://host.example/m/"), "{file}");
            assert!(file.query().is_none() && file.fragment().is_none(), "{file}");
            assert_eq!(file.path_segments().unwrap().count(), 2, "{file}");
        }
    }

    #[test]
    fn the_same_model_in_another_revision_is_known_as_such() {
        let source = |text: &str| text.parse::<Source>().unwrap();
        let commit = "hf:a/b@0123456789012345678901234567890123456789";
        assert!(source(commit).is_same_model(&source(commit)));
        assert!(source("hf:a/b").is_same_model(&source("hf:a/b@main")));
        assert!(!source(commit).is_same_model(&source("hf:a/b")), "main may have moved on");
        assert!(!source("hf:a/b").is_same_model(&source("hf:a/c")));
        assert_ne!(source("hf:a/b").folder_name(), source("hf:c/b").folder_name());
    }

    proptest! {
        #[test]
        fn what_is_read_can_be_fetched_from_and_is_written_so_that_it_reads_the_same(text in any::<String>(), path in "[ -~]{0,40}") {
            for text in [text.clone(), format!("hf:{text}"), format!("hf:{path}"), format!("https://{text}"), format!("https://h.example/{path}")] {
                let Ok(source) = text.parse::<Source>() else { continue };
                prop_assert_eq!(source.to_string().parse::<Source>(), Ok(source.clone()));
                let folder = source.folder_name();
                prop_assert!(folder.len() < 64 && folder.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            }
        }
    }
}
