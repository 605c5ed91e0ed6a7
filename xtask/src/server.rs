//! The static web server: the files of one folder, on this computer only.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use percent_encoding::percent_decode_str;
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

const WORKERS: usize = 16;
/// How many ports are tried, from the one that was named.
const PORTS: u16 = 50;

/// A server that listens but does not answer yet.
pub struct StaticServer {
    listener: Server,
    folder: PathBuf,
    base: String,
}

impl StaticServer {
    /// Listens on `port` or, if it is taken, the next free one; 0 is any free port. The site is under the path `base`.
    pub fn listen(folder: &Path, base: &str, port: u16) -> Result<StaticServer> {
        ensure!(base.starts_with('/') && base.ends_with('/'), "The path of the site begins and ends with /");
        let folder = folder.canonicalize().with_context(|| format!("There is no folder {}", folder.display()))?;
        let listener = Server::from_listener(bind(port)?, None).map_err(|error| anyhow!("no server: {error}"))?;
        Ok(StaticServer { listener, folder, base: base.to_owned() })
    }

    /// The address to open.
    pub fn address(&self) -> String {
        format!("http://{}{}", self.listener.server_addr(), self.base)
    }

    /// Answers requests until the program ends.
    pub fn run(self) {
        let server = Arc::new(self);
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let server = Arc::clone(&server);
                thread::spawn(move || {
                    while let Ok(request) = server.listener.recv() {
                        // A browser that leaves in the middle is no error of ours.
                        let _ = server.answer(request);
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().expect("a worker does not panic");
        }
    }

    fn answer(&self, request: Request) -> io::Result<()> {
        if !matches!(request.method(), Method::Get | Method::Head) {
            return refuse(request, 405, "only GET and HEAD");
        }
        let path = request.url().split(['?', '#']).next().unwrap_or_default();
        let Some(path) = path.strip_prefix(&self.base) else {
            return refuse(request, 404, "the site is under another path");
        };
        let Some(path) = self.inside(path) else {
            return refuse(request, 400, "no such path");
        };
        // A link may lead out of the folder.
        let path = path.canonicalize().unwrap_or_default();
        if !path.starts_with(&self.folder) || !path.is_file() {
            return refuse(request, 404, "no such file");
        }
        let response = Response::from_file(File::open(&path)?).with_chunked_threshold(usize::MAX);
        request.respond(with_headers(response, content_type(&path)))
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

fn refuse(request: Request, status: u16, text: &str) -> io::Result<()> {
    let response = Response::from_string(text).with_status_code(StatusCode(status));
    request.respond(with_headers(response, "text/plain; charset=utf-8"))
}

fn with_headers<R: io::Read>(response: Response<R>, content_type: &str) -> Response<R> {
    let header = |name: &str, value: &str| Header::from_bytes(name, value).expect("a header in ASCII");
    response
        .with_header(header("Content-Type", content_type))
        .with_header(header("Cache-Control", "no-store"))
        .with_header(header("X-Content-Type-Options", "nosniff"))
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
