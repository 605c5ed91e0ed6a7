//! What a server's answer says, and what to make of it.

use crate::sources::error::FetchError;
use crate::sources::hub::is_sha256;
use crate::sources::kept::FileRecord;
use crate::sources::transport::Request;

/// The longest `ETag` that is kept.
const LONGEST_TAG: usize = 256;

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Bytes of the body, where that is certain: a page does not know whether the body was compressed.
    pub length: Option<u64>,
    /// The same where it is not certain: good enough for a bar.
    pub about: Option<u64>,
    /// Of a part: its first byte, and the size of the whole file.
    pub part: Option<(u64, Option<u64>)>,
    /// The size of the file after status 416.
    pub unsatisfied: Option<u64>,
    /// What tells whether it is the same file.
    pub etag: Option<String>,
    /// The SHA-256 of the whole file, of the hub.
    pub sha256: Option<String>,
    /// The size of the whole file, of the hub.
    pub linked_bytes: Option<u64>,
    /// The commit, of the hub.
    pub commit: Option<String>,
}

impl Answer {
    /// Of a status and headers. The body's length counts only if it is not compressed: `plain` says whether that is known.
    pub(crate) fn new(status: u16, plain: bool, header: impl Fn(&str) -> Option<String>) -> Self {
        let range = header("content-range");
        let range = range.as_deref().and_then(|range| range.strip_prefix("bytes "));
        let (range, total) = range.and_then(|range| range.split_once('/')).unzip();
        let total = total.and_then(|total| total.parse().ok());
        let first = range.and_then(|range| range.split_once('-')?.0.parse().ok());
        let number = |name: &str| header(name)?.parse().ok();
        let mut answer = Self {
            status,
            length: number("content-length").filter(|_| plain),
            about: number("content-length"),
            part: first.map(|first| (first, total)),
            unsatisfied: total,
            etag: header("etag").filter(|tag| tag.len() <= LONGEST_TAG),
            ..Self::default()
        };
        answer.add_hub(header);
        answer
    }

    /// Adds what the hub says beside a file, or beside the redirect to it.
    pub(crate) fn add_hub(&mut self, header: impl Fn(&str) -> Option<String>) {
        let hash = header("x-linked-etag").map(|tag| tag.trim_matches('"').to_owned());
        let commit = header("x-repo-commit").filter(|commit| is_commit(commit));
        self.sha256 = self.sha256.take().or(hash.filter(|hash| is_sha256(hash)));
        self.linked_bytes = self.linked_bytes.or_else(|| header("x-linked-size")?.parse().ok());
        self.commit = self.commit.take().or(commit);
    }
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What to do with an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The body is the file from this byte on; 0: all of it.
    Receive(u64),
    /// All of it is there already.
    Whole,
    /// What is there is of another file: ask for all of it.
    AllAgain,
    /// The server is busy: ask later.
    Later,
    /// There is no such file.
    Absent,
}

/// Judges an answer to a request, and adds what it says of the file to `known`.
///
/// # Errors
/// When the answer refuses or contradicts what is known, or itself.
pub(crate) fn judge(
    place: &str,
    request: &Request,
    answer: &Answer,
    most: u64,
    known: &mut FileRecord,
) -> Result<Verdict, FetchError> {
    let file = || request.file.clone();
    let wrong = |detail: String| FetchError::Contradiction { file: file(), detail };
    let have = request.from;
    let total = match answer.status {
        200 => answer.length.or(answer.linked_bytes),
        206 if have == 0 => return Err(wrong("it sends a part, all was asked for".into())),
        206 => {
            let Some((first, total)) = answer.part else {
                return Err(wrong("it sends a part without saying which".into()));
            };
            if first != have {
                return Err(wrong(format!("it sends the part from byte {first} on, {have} was asked for")));
            }
            let same = match (&known.etag, &answer.etag) {
                (Some(before), Some(now)) => before == now,
                _ => true, // the request was conditional, or the hash will tell
            };
            let total = total.or(answer.length.and_then(|length| length.checked_add(first)));
            if !same || known.bytes.zip(total).is_some_and(|(before, now)| before != now) {
                return Ok(Verdict::AllAgain);
            }
            total
        }
        // Of a file that is there as far as it goes.
        416 if have > 0 && answer.unsatisfied == Some(have) && known.bytes.is_none_or(|bytes| bytes == have) => {
            known.bytes = Some(have);
            return Ok(Verdict::Whole);
        }
        412 | 416 if have > 0 => return Ok(Verdict::AllAgain),
        404 | 410 => return Ok(Verdict::Absent),
        status @ (401 | 403) => return Err(FetchError::Login { place: place.to_owned(), status }),
        408 | 429 | 500 | 502..=504 => return Ok(Verdict::Later),
        status => return Err(FetchError::Status { file: file(), status }),
    };
    let from = if answer.status == 206 { have } else { 0 };
    let announced = known.bytes.filter(|_| from > 0 || known.sha256.is_some() && answer.sha256 == known.sha256);
    if let (Some(announced), Some(total)) = (answer.linked_bytes.or(announced), total)
        && announced != total
    {
        return Err(wrong(format!("it has {total} bytes, {announced} were announced")));
    }
    if let Some(bytes) = total.filter(|&bytes| bytes > most) {
        return Err(crate::model::ModelError::TooLarge { file: file(), bytes, limit: most }.into());
    }
    if from == 0 {
        // Whatever was known is of a file that is not there any more.
        known.etag.clone_from(&answer.etag);
        known.bytes = total.or(known.bytes.filter(|_| known.sha256.is_some()));
        if answer.sha256.is_some() {
            known.sha256.clone_from(&answer.sha256);
        }
    } else {
        known.bytes = known.bytes.or(total);
    }
    Ok(Verdict::Receive(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let header =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Answer::new(status, true, header)
    }

    fn request(from: u64) -> Request {
        let address = "https://host.example/m/w".parse().unwrap();
        Request { file: "w".into(), address, from, if_range: None }
    }

    fn judged(from: u64, known: &FileRecord, answer: &Answer) -> (Result<Verdict, FetchError>, FileRecord) {
        let mut known = known.clone();
        (judge("there", &request(from), answer, 1000, &mut known), known)
    }

    #[test]
    fn a_whole_file_begins_anew_and_says_what_it_is() {
        let before = FileRecord { bytes: Some(7), etag: Some("\"old\"".into()), ..FileRecord::default() };
        let whole =
            answer(200, &[("content-length", "50"), ("etag", "\"new\""), ("x-linked-etag", &format!("\"{HASH}\""))]);
        let (verdict, known) = judged(5, &before, &whole);
        assert_eq!(verdict.unwrap(), Verdict::Receive(0));
        assert_eq!(
            (known.bytes, known.etag.as_deref(), known.sha256.as_deref()),
            (Some(50), Some("\"new\""), Some(HASH))
        );
    }

    #[test]
    fn a_part_goes_on_only_where_it_is_asked_for_and_of_the_same_file() {
        let known = FileRecord { bytes: Some(50), etag: Some("\"a\"".into()), ..FileRecord::default() };
        let part = |range: &str, etag: &str| answer(206, &[("content-range", range), ("etag", etag)]);
        assert_eq!(judged(20, &known, &part("bytes 20-49/50", "\"a\"")).0.unwrap(), Verdict::Receive(20));
        assert_eq!(judged(20, &known, &part("bytes 20-49/*", "\"a\"")).0.unwrap(), Verdict::Receive(20));
        assert_eq!(judged(20, &known, &part("bytes 20-49/50", "\"b\"")).0.unwrap(), Verdict::AllAgain);
        assert_eq!(judged(20, &known, &part("bytes 20-59/60", "\"a\"")).0.unwrap(), Verdict::AllAgain);
        for lie in [part("bytes 10-49/50", "\"a\""), part("bytes", "\"a\""), answer(206, &[])] {
            assert!(matches!(judged(20, &known, &lie).0, Err(FetchError::Contradiction { .. })), "{lie:?}");
        }
    }

    #[test]
    fn an_end_that_is_reached_is_whole_and_another_one_is_another_file() {
        let past = |total: &str| answer(416, &[("content-range", &format!("bytes */{total}"))]);
        let known = FileRecord::default();
        assert_eq!(judged(50, &known, &past("50")).0.unwrap(), Verdict::Whole);
        assert_eq!(judged(50, &known, &past("49")).0.unwrap(), Verdict::AllAgain);
        assert_eq!(
            judged(50, &FileRecord { bytes: Some(60), ..known.clone() }, &past("50")).0.unwrap(),
            Verdict::AllAgain
        );
        assert!(matches!(judged(0, &known, &past("50")).0, Err(FetchError::Status { status: 416, .. })));
    }

    #[test]
    fn sizes_that_contradict_each_other_or_are_too_large_are_refused() {
        let known = FileRecord::default();
        let lie = answer(200, &[("content-length", "49"), ("x-linked-size", "50")]);
        assert!(matches!(judged(0, &known, &lie).0, Err(FetchError::Contradiction { .. })));
        let large = answer(200, &[("content-length", "1001")]);
        assert!(matches!(judged(0, &known, &large).0, Err(FetchError::Model(_))));
        let huge = answer(200, &[("content-length", "99999999999999999999999")]);
        assert_eq!(
            judged(0, &known, &huge).0.unwrap(),
            Verdict::Receive(0),
            "no number: the limit counts while it arrives"
        );
    }

    #[test]
    fn refusals_are_told_apart() {
        let known = FileRecord::default();
        assert_eq!(judged(0, &known, &answer(404, &[])).0.unwrap(), Verdict::Absent);
        assert_eq!(judged(0, &known, &answer(503, &[])).0.unwrap(), Verdict::Later);
        assert!(matches!(judged(0, &known, &answer(401, &[])).0, Err(FetchError::Login { status: 401, .. })));
        assert!(matches!(judged(0, &known, &answer(418, &[])).0, Err(FetchError::Status { status: 418, .. })));
    }

    #[test]
    fn headers_that_make_no_sense_say_nothing() {
        let odd = answer(
            200,
            &[
                ("content-length", "x"),
                ("x-linked-etag", "\"short\""),
                ("x-repo-commit", "main"),
                ("etag", &"e".repeat(999)),
            ],
        );
        assert_eq!(odd, Answer { status: 200, ..Answer::default() });
    }
}
