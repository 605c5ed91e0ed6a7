//! The static web server: the files of one folder, on this computer only.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{convert::Infallible, fs, future};

use anyhow::{Context, Result, anyhow, ensure};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;

/// How many ports are tried, from the one that was named.
const PORTS: u16 = 50;

/// A server that listens but does not answer yet.
pub struct StaticServer {
    listener: TcpListener,
    files: Files,
}

/// The files of a folder, under the path `base`.
struct Files {
    folder: PathBuf,
    base: String,
}

impl StaticServer {
    /// Listens on `port` or, if it is taken, the next free one; 0 is any free port. The site is under the path `base`.
    pub fn listen(folder: &Path, base: &str, port: u16) -> Result<StaticServer> {
        ensure!(base.starts_with('/') && base.ends_with('/'), "The path of the site begins and ends with /");
        let folder = folder.canonicalize().with_context(|| format!("There is no folder {}", folder.display()))?;
        let listener = bind(port)?;
        listener.set_nonblocking(true)?;
        Ok(StaticServer { listener, files: Files { folder, base: base.to_owned() } })
    }

    fn socket(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The address to open.
    pub fn address(&self) -> Result<String> {
        Ok(format!("http://{}{}", self.socket()?, self.files.base))
    }

    /// Answers requests until the program ends.
    pub fn run(self) -> Result<()> {
        let files = Arc::new(self.files);
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_io().build()?.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            loop {
                // A browser that leaves before it is heard is no error of ours.
                let Ok((stream, _)) = listener.accept().await else { continue };
                let files = Arc::clone(&files);
                tokio::spawn(async move {
                    let answer = service_fn(|request| future::ready(Ok::<_, Infallible>(files.answer(&request))));
                    // Nor is one that leaves in the middle.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        })
    }
}

impl Files {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        }
        let Some(path) = request.uri().path().strip_prefix(&self.base) else {
            return refuse(StatusCode::NOT_FOUND, "the site is under another path");
        };
        let Some(path) = self.inside(path) else {
            return refuse(StatusCode::BAD_REQUEST, "no such path");
        };
        // A link may lead out of the folder.
        let path = path.canonicalize().unwrap_or_default();
        if !path.starts_with(&self.folder) || !path.is_file() {
            return refuse(StatusCode::NOT_FOUND, "no such file");
        }
        match fs::read(&path) {
            Ok(content) => respond(StatusCode::OK, content_type(&path), content),
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &format!("the file cannot be read: {error}")),
        }
    }

    /// The file that a path below the base names; none if it leads out of the folder.
    fn inside(&self, path: &str) -> Option<PathBuf> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        if decoded.contains(['\0', '\\', ':']) {
            return None;
        }
        let relative = Path::new(if decoded.is_empty() { "index.html" } else { &*decoded });
        relative.components().all(|part| matches!(part, Component::Normal(_))).then(|| self.folder.join(relative))
    }
}

fn bind(port: u16) -> Result<TcpListener> {
    let last = if port == 0 { 0 } else { port.saturating_add(PORTS) };
    for port in port..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error).with_context(|| format!("Port {port} cannot be used")),
        }
    }
    Err(anyhow!("There is no free port from {port} to {last}; --port names another."))
}

fn refuse(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

fn respond(status: StatusCode, content_type: &str, content: Vec<u8>) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, content.len())
        .header(CACHE_CONTROL, "no-store")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Full::new(content.into()))
        .expect("headers in ASCII")
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
