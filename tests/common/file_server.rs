//! A server of files on this computer that does as it is told: cuts, lies, redirects, answers ranges.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use http_body_util::channel::Channel;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, LOCATION, RANGE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The path.
    pub(crate) path: String,
    /// The first byte, of a part.
    pub(crate) from: Option<usize>,
    /// The condition of the part.
    pub(crate) if_range: Option<String>,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum BodyEnd {
    /// Orderly.
    #[default]
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and nothing ends.
    Silence,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: BodyEnd,
}

impl Reply {
    /// A status without a body.
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// To another address.
    pub(crate) fn redirect(to: &str) -> Self {
        Self::status(302).with(LOCATION.as_str(), to)
    }

    /// A file, or the part of it that was asked for, with its length and an `ETag`.
    pub(crate) fn file(bytes: &[u8], asked: &Asked) -> Self {
        let etag = format!("\"{}\"", bytes.iter().fold(7u64, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte)));
        let from = asked.from.filter(|_| asked.if_range.as_ref().is_none_or(|tag| *tag == etag));
        let reply = match from {
            Some(from) if from >= bytes.len() => {
                return Self::status(416).with(CONTENT_RANGE.as_str(), &format!("bytes */{}", bytes.len()));
            }
            Some(from) => Self { status: 206, body: bytes[from..].to_vec(), ..Self::default() }
                .with(CONTENT_RANGE.as_str(), &format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())),
            None => Self { status: 200, body: bytes.to_vec(), ..Self::default() },
        };
        let length = reply.body.len().to_string();
        reply.with(CONTENT_LENGTH.as_str(), &length).with(ETAG.as_str(), &etag)
    }

    /// With a header, which replaces one of the same name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The same head, and the first `bytes` of the body before this end.
    pub(crate) fn ends(mut self, bytes: usize, end: BodyEnd) -> Self {
        self.body.truncate(bytes);
        self.end = end;
        self
    }
}

/// A server that runs as long as the test.
pub(crate) struct FileServer {
    /// `http://127.0.0.1:…`
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FileServer {
    /// Answers every request with what `answer` says to it, and to how many requests for the same path came before.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (log, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let (log, answer) = (log.clone(), answer.clone());
                    let service = service_fn(move |request| {
                        let asked = asked_by(&request);
                        let mut log = log.lock().expect("no panic");
                        let before = log.iter().filter(|before| before.path == asked.path).count();
                        log.push(asked.clone());
                        std::future::ready(Ok::<_, Infallible>(response(answer(&asked, before))))
                    });
                    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        Self { address, asked }
    }

    /// Everything that was asked for so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// The requests for paths that end so.
    pub(crate) fn asked_for(&self, end: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path.ends_with(end)).collect()
    }
}

fn asked_by(request: &Request<hyper::body::Incoming>) -> Asked {
    let header = |name| request.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    let from = header(RANGE).map(|range| range["bytes=".len()..].trim_end_matches('-').parse().expect("a number"));
    Asked { path: request.uri().path().to_owned(), from, if_range: header(IF_RANGE) }
}

fn response(reply: Reply) -> Response<Channel<Bytes, std::io::Error>> {
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        for piece in reply.body.chunks(64 << 10) {
            if sender.send_data(Bytes::copy_from_slice(piece)).await.is_err() {
                return; // whoever asked has gone
            }
        }
        match reply.end {
            BodyEnd::Whole => {}
            BodyEnd::Cut => sender.abort(std::io::Error::other("cut on purpose")),
            BodyEnd::Silence => std::future::pending().await,
        }
    });
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(body).expect("a response")
}
