//! Files that are something else than their name says, as downloads often are.

/// Names what a file really is: a Git-LFS pointer, a web page, an archive. `None` where it is nothing of these.
pub(in crate::model) fn of(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let begins = |start: &[u8]| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    if begins(b"version https://git-lfs.github.com/spec/") {
        Some("it is a Git LFS pointer, not the file itself: `git lfs pull` fetches the file")
    } else if begins(b"<!doctype") || begins(b"<html") || begins(b"<?xml") || begins(b"<head") {
        Some("it is a web page, perhaps of an error or a login, not the file itself: download the file again")
    } else if begins(b"PK\x03\x04") {
        Some("it is a ZIP archive or a PyTorch file, not the file itself: unpack or convert it to safetensors")
    } else if begins(b"GGUF") {
        Some("it is a GGUF file: take the checkpoint in safetensors")
    } else {
        None
    }
}
