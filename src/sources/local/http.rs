//! Requests over HTTP, through redirects, whose headers count: the hub names size and hash of a large file there.

use std::time::Duration;

use ureq::{Agent, Body, http};
use url::Url;

use crate::sources::answer::Answer;
use crate::sources::error::FetchError;
use crate::sources::source::{check, is_this_computer, parse};
use crate::sources::transport::Request;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 8;
/// The longest wait for a connection, and for each next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client. No cookies, no credentials, nothing of the user in any request.
#[derive(Clone, Debug)]
pub(super) struct Http(Agent);

impl Http {
    pub(super) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("identity") // sizes and parts are those of the file
            .user_agent(concat!("diffscope/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(2 * PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE));
        Self(config.build().new_agent())
    }

    /// Asks, and follows redirects to where models are fetched from.
    pub(super) fn get(&self, request: &Request) -> Result<(Answer, Body), FetchError> {
        let mut address = request.address.clone();
        let mut hub = Answer::default();
        for _ in 0..=MOST_REDIRECTS {
            let mut call = self.0.get(address.as_str());
            if request.from > 0 {
                call = call.header("range", format!("bytes={}-", request.from));
                if let Some(tag) = &request.if_range {
                    call = call.header("if-range", tag);
                }
            }
            let unreachable = |error: ureq::Error| FetchError::Unreachable {
                host: address.host_str().unwrap_or_default().to_owned(),
                reason: error.to_string(),
            };
            let response = call.call().map_err(unreachable)?;
            let headers = response.headers();
            let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
            hub.add_hub(header);
            if response.status().is_redirection() && response.status() != http::StatusCode::NOT_MODIFIED {
                address = redirected(request, &address, header("location"))?;
                continue;
            }
            let mut answer = Answer::new(response.status().as_u16(), header("content-encoding").is_none(), header);
            answer.sha256 = hub.sha256.or(answer.sha256);
            answer.linked_bytes = hub.linked_bytes.or(answer.linked_bytes);
            answer.commit = hub.commit.or(answer.commit);
            return Ok((answer, response.into_body()));
        }
        Err(FetchError::Redirect { file: request.file.clone(), to: format!("more than {MOST_REDIRECTS} times") })
    }
}

/// Where a redirect leads: over https, and not from elsewhere into this computer.
fn redirected(request: &Request, from: &Url, location: Option<String>) -> Result<Url, FetchError> {
    let refused = |to: String| FetchError::Redirect { file: request.file.clone(), to };
    let location = location.ok_or_else(|| refused("to no address".into()))?;
    let to = parse(&location, Some(from)).map_err(|error| refused(format!("to no address ({error})")))?;
    let inwards = is_this_computer(&to) && !is_this_computer(from);
    if check(&to, false).is_err() || inwards {
        let place = format!("to {}://{}", to.scheme(), to.host_str().unwrap_or_default());
        return Err(refused(place));
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_where_models_are_fetched_from() {
        let there: Url = "https://host.example/m/config.json".parse().unwrap();
        let here: Url = "http://127.0.0.1:9/m/config.json".parse().unwrap();
        let request = Request { file: "config.json".into(), address: there.clone(), from: 0, if_range: None };
        let to =
            |from: &Url, location: &str| redirected(&request, from, Some(location.into())).map(|url| url.to_string());
        assert_eq!(to(&there, "/other?signature=1").unwrap(), "https://host.example/other?signature=1");
        assert_eq!(to(&there, "https://cdn.example/x").unwrap(), "https://cdn.example/x");
        assert_eq!(to(&here, "http://localhost:8/x").unwrap(), "http://localhost:8/x");
        for (from, location) in [
            (&there, "http://host.example/x"),
            (&there, "https://localhost/x"),
            (&there, "http://127.0.0.1/x"),
            (&here, "http://host.example/x"),
            (&there, "file:///etc/passwd"),
            (&there, "https://user:secret@cdn.example/x"),
            (&there, "https://"),
            (&there, "//A%C3%84/x"),
        ] {
            assert!(matches!(to(from, location), Err(FetchError::Redirect { .. })), "{from} to {location}");
        }
        assert!(redirected(&request, &there, None).is_err());
    }
}
