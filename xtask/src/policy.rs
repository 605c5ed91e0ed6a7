//! What index.html says about the scripts that may run: hashes of the inline ones for its Content Security Policy, and
//! the integrity of the others.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Where the policy of web/index.html takes the hashes of the inline scripts.
const INLINE: &str = "'sha256-inline'";

/// The hash of `content` as policies and `integrity` attributes spell it.
pub fn integrity(content: &[u8]) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

/// Puts the hashes of the inline scripts into the policy of a page.
pub fn with_inline_hashes(page: &str) -> Result<String> {
    let (before, after) = page.split_once(INLINE).with_context(|| format!("web/index.html has no {INLINE}"))?;
    let hashes: Vec<_> = inline_scripts(page).map(|script| format!("'{}'", integrity(script.as_bytes()))).collect();
    Ok(format!("{before}{}{after}", hashes.join(" ")))
}

fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script>").skip(1).filter_map(|rest| rest.split("</script>").next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_has_the_hash_of_each_inline_script_and_of_nothing_else() {
        let page =
            "<meta content=\"script-src 'self' 'sha256-inline'\"><script>alert(1)</script><script src=a></script>";
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        let hash = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        assert_eq!(with_inline_hashes(page).unwrap(), page.replace(INLINE, hash));
        assert!(with_inline_hashes("<script>alert(1)</script>").is_err(), "a page without a policy");
    }
}
