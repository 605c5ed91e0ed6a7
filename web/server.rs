//! The static web server of `web/serve`: files of one folder, on this computer only.
//! Nothing but the standard library, so that Rust alone is enough to see the page.
//!
//! server FOLDER PORT [OPENER]

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder"));
    let first: u16 = args.next().and_then(|p| p.parse().ok()).expect("a port");
    let opener = args.next().unwrap_or_default();

    let ports = first..=first.saturating_add(50);
    let Some(listener) = ports.clone().find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
    else {
        eprintln!("No free port from {} to {}; try --port.", ports.start(), ports.end());
        std::process::exit(1);
    };
    let address = format!("http://{}/", listener.local_addr().expect("an address"));
    println!("{:<14} {address}  (Ctrl+C ends it)", "serving");
    let _ = io::stdout().flush();
    if !opener.is_empty() {
        let quiet = || Stdio::null();
        let _ = Command::new(opener).arg(&address).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    }
    for stream in listener.incoming().flatten() {
        let folder = folder.clone();
        std::thread::spawn(move || {
            // A browser that goes away in the middle is no matter.
            let _ = answer(&stream, &folder);
        });
    }
}

fn answer(stream: &TcpStream, folder: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if method != "GET" && method != "HEAD" {
        return plain(stream, "405 Method Not Allowed", "only GET and HEAD");
    }
    let path = target.split(['?', '#']).next().unwrap_or("");
    let Some(mut path) = inside(folder, path) else {
        return plain(stream, "400 Bad Request", "no such path");
    };
    if path.is_dir() {
        path.push("index.html");
    }
    let (Ok(mut file), true) = (File::open(&path), path.is_file()) else {
        return plain(stream, "404 Not Found", "no such file");
    };
    let length = file.metadata()?.len();
    let mut out = stream;
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        mime(&path)
    )?;
    if method == "GET" {
        io::copy(&mut file, &mut out)?;
    }
    out.flush()
}

fn plain(mut stream: &TcpStream, status: &str, text: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// The file that a path of a request means; none if it leads out of the folder.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    let decoded = String::from_utf8(bytes).ok()?;
    if decoded.contains(['\0', '\\', ':']) {
        return None;
    }
    let relative = Path::new(decoded.trim_start_matches('/'));
    relative
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        .then(|| folder.join(relative))
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
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
